"""Bodies of clusters and their metrics."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from chalicelib.routes.fields import Digest, Instant, ModuleName, QueryInstant, QuerySpan, iso, iso_or_none
from chalicelib.routes.schemas.nodes import NodeBody, node_body
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.read_clusters import Cluster, Health
from chalicelib.usecases.read_metrics import MEDIAN_BP, P95_BP, P99_BP, Measured, MetricsQuestion, Point

HOUR_MS = 3_600_000


class ReadMetrics(Received):
    """Which numbers; without `to` until now, without `from` the hour before, without `module` all modules together."""

    from_: Annotated[QueryInstant | None, Field(alias="from")] = None
    to: QueryInstant | None = None
    interval: Annotated[QuerySpan, Field(ge=10_000, le=86_400_000, json_schema_extra={"default": "1m"})] = 60_000
    module: ModuleName | None = None
    digest: Digest | None = None

    def question(self, environment: Environment, *, now_ms: int) -> MetricsQuestion:
        """The same for the use case."""
        to_ms = now_ms if self.to is None else self.to
        return MetricsQuestion(
            environment=environment,
            from_ms=to_ms - HOUR_MS if self.from_ is None else self.from_,
            to_ms=to_ms,
            interval_ms=self.interval,
            module=self.module,
            digest=self.digest,
        )


class AssignmentBody(Answered):
    """One module in an environment: what it runs, what it is changing to, and who runs something else."""

    module_name: str
    current_version: str | None
    current_digest: str | None
    current_configuration_revision: int
    runs_on: dict[str, str]
    changing_to_version: str | None
    changing_to_digest: str | None
    changing_to_configuration_revision: int | None
    execution_id: str | None
    retained_digest: str | None
    retained_until: Instant | None
    fence: int
    drifted_nodes: list[str]


class ClusterSummary(Answered):
    """An environment in a list. `health` is empty, healthy, degraded or unhealthy; `drift`: somebody runs else."""

    environment: Environment
    health: Health
    total_nodes: int
    healthy_nodes: int
    unhealthy_nodes: int
    silent_nodes: int
    drift: bool
    modules: list[AssignmentBody]


class ClusterBody(ClusterSummary):
    """An environment and all its nodes."""

    nodes: list[NodeBody]


class ClusterList(Answered):
    """The environments in promotion order."""

    clusters: list[ClusterSummary]


class PointBody(Answered):
    """A bucket of time: sums over all nodes and quantiles of all their requests; null where nothing was measured."""

    at: Instant
    nodes: int
    requests: int
    errors: int
    error_rate_bp: int | None
    latency_p50_us: Annotated[int | None, Field(alias="latencyP50Us")]
    latency_p95_us: Annotated[int | None, Field(alias="latencyP95Us")]
    latency_p99_us: Annotated[int | None, Field(alias="latencyP99Us")]
    cpu_bp: int | None
    memory_bytes: int | None
    crashes: int


class MetricsBody(Answered):
    """What was measured, oldest first, and how the environment is now."""

    environment: Environment
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    interval_ms: int
    health: Health
    points: list[PointBody]


def cluster_summary(cluster: Cluster) -> ClusterSummary:
    """An environment without its nodes."""
    return ClusterSummary(
        environment=cluster.environment,
        health=cluster.health,
        total_nodes=len(cluster.nodes),
        healthy_nodes=cluster.healthy,
        unhealthy_nodes=len(cluster.unhealthy),
        silent_nodes=len(cluster.silent),
        drift=any(module.drifted for module in cluster.modules),
        modules=[_assignment_body(module.assignment, module.drifted) for module in cluster.modules],
    )


def cluster_body(cluster: Cluster, *, now_ms: int) -> ClusterBody:
    """An environment with its nodes; `now_ms` is machine time."""
    nodes = [node_body(node, now_ms=now_ms) for node in cluster.nodes]
    return ClusterBody(**dict(cluster_summary(cluster)), nodes=nodes)


def metrics_body(question: MetricsQuestion, measured: Measured) -> MetricsBody:
    """What was asked and what was measured."""
    return MetricsBody(
        environment=question.environment,
        from_=iso(question.from_ms),
        to=iso(question.to_ms),
        interval_ms=question.interval_ms,
        health=measured.health,
        points=[_point_body(point) for point in measured.points],
    )


def _assignment_body(assignment: Assignment, drifted: tuple[str, ...]) -> AssignmentBody:
    return AssignmentBody(
        module_name=assignment.module,
        current_version=assignment.stable_version,
        current_digest=assignment.stable_digest,
        current_configuration_revision=assignment.stable_configuration,
        runs_on=assignment.stable_runs_on,
        changing_to_version=assignment.candidate_version,
        changing_to_digest=assignment.candidate_digest,
        changing_to_configuration_revision=assignment.candidate_configuration if assignment.is_changing else None,
        execution_id=assignment.deployment_id,
        retained_digest=assignment.retained_digest,
        retained_until=iso_or_none(assignment.retained_until_ms),
        fence=assignment.fence,
        drifted_nodes=list(drifted),
    )


def _point_body(point: Point) -> PointBody:
    window = point.window
    return PointBody(
        at=iso(point.at_ms),
        nodes=point.nodes,
        requests=window.requests,
        errors=window.errors,
        error_rate_bp=window.error_rate_bp,
        latency_p50_us=window.latency.quantile_us(MEDIAN_BP),
        latency_p95_us=window.latency.quantile_us(P95_BP),
        latency_p99_us=window.latency.quantile_us(P99_BP),
        cpu_bp=window.cpu_bp,
        memory_bytes=window.memory_bytes,
        crashes=window.crashes,
    )
