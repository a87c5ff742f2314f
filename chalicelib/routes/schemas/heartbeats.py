"""The heartbeat, in and out: instants are milliseconds here. Source: docs/contracts/node-protocol.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from chalicelib.domain.edition import configuration_of, digest_of
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metering import Measured
from chalicelib.domain.metrics import MOST_OWN, Window, own_metrics
from chalicelib.domain.node import Ack, ModuleReport
from chalicelib.routes.edge import Edge
from chalicelib.routes.fields import Edition, ModuleName
from chalicelib.routes.validation import Answered, Received, broken, broken_inside
from chalicelib.usecases.configurations import configuration_revision
from chalicelib.usecases.report_heartbeat import Heartbeat, HeartbeatAnswer, Wanted

Count = Annotated[int, Field(ge=0, le=2**53)]
Millis = Annotated[int, Field(ge=0, le=2**43)]


class AckBody(Received):
    """The result of the last order a node carried out."""

    fence: Count
    # A node that was told to run nothing has no digest to name.
    digest: Edition | None = None
    action: Literal["activate", "stage", "deactivate"]
    outcome: Literal["succeeded", "failed"]
    reason: Annotated[str, Field(max_length=100)] = ""
    detail: Annotated[str, Field(max_length=1_000)] = ""

    def ack(self) -> Ack:
        """The same for the use case."""
        return Ack(
            fence=self.fence,
            digest=self.digest or "",
            action=self.action,
            succeeded=self.outcome == "succeeded",
            reason=self.reason,
            detail=self.detail,
        )


class ModuleBody(Received):
    """What is, of one module."""

    module: ModuleName
    fence: Count
    active: Edition | None
    staged: Annotated[list[Edition], Field(max_length=16)] = Field(default_factory=list)
    healthy: bool
    ack: AckBody | None = None

    def report(self) -> ModuleReport:
        """The same for the use case."""
        return ModuleReport(
            module=self.module,
            fence=self.fence,
            active=self.active,
            staged=tuple(self.staged),
            healthy=self.healthy,
            ack=None if self.ack is None else self.ack.ack(),
        )


class WindowBody(Received):
    """What was measured of one version between two instants.

    `counts` and `levels` are what the module said of itself: how often things happened in the window, and its mean
    levels in millionths.
    """

    module: ModuleName
    digest: Edition
    started_at: Millis
    ended_at: Millis
    requests: Count
    errors: Count
    latency: Annotated[dict[str, int], Field(max_length=512)]
    cpu_ms: Count
    memory_bytes: Count
    crashes: Count
    counts: Annotated[dict[str, int], Field(max_length=MOST_OWN)] = Field(default_factory=dict)
    levels: Annotated[dict[str, int], Field(max_length=MOST_OWN)] = Field(default_factory=dict)

    @field_validator("ended_at")
    @classmethod
    def _ends_after_it_began(cls, ended_at: int, info: ValidationInfo) -> int:
        if ended_at < info.data.get("started_at", 0):
            raise broken("must not lie before startedAt")
        return ended_at

    @model_validator(mode="after")
    def _can_have_been_measured(self) -> Self:
        try:
            self.window()
        except InvalidInput as error:
            raise broken_inside(error) from error
        return self

    def window(self) -> Window:
        """The same for the use case."""
        return Window.measured(
            started_at_ms=self.started_at,
            ended_at_ms=self.ended_at,
            requests=self.requests,
            errors=self.errors,
            latency=Histogram.from_mapping(self.latency),
            cpu_ms=self.cpu_ms,
            memory_bytes=self.memory_bytes,
            crashes=self.crashes,
            own=own_metrics(self.counts, self.levels, covered_ms=self.ended_at - self.started_at),
        )


class HeartbeatBody(Received):
    """What a node reports; `sentAt` is the node's own clock and decides nothing."""

    interval: Annotated[int, Field(ge=1, le=2**53)]
    sent_at: Millis
    kernel_version: Annotated[str, Field(max_length=100)]
    modules: Annotated[list[ModuleBody], Field(max_length=64)]
    windows: Annotated[list[WindowBody], Field(max_length=256)] = Field(default_factory=list)

    def heartbeat(self) -> Heartbeat:
        """The same for the use case."""
        return Heartbeat(
            interval=self.interval,
            kernel_version=self.kernel_version,
            modules=tuple(module.report() for module in self.modules),
            windows=tuple(
                Measured(module=window.module, digest=window.digest, window=window.window()) for window in self.windows
            ),
        )


class ConfiguredBody(Answered):
    """What the version is to be started with; `values` where the node does not have it."""

    revision: int
    values: Annotated[dict[str, Any] | None, Field(exclude_if=lambda values: values is None)] = None


class ArtifactBody(Answered):
    """A version to run; `downloadUrl` where the node does not have it, `configuration` where there is one."""

    digest: str
    version: str
    size: int
    signature: str
    key_id: str
    download_url: Annotated[str | None, Field(exclude_if=lambda url: url is None)] = None
    configuration: Annotated[ConfiguredBody | None, Field(exclude_if=lambda each: each is None)] = None


class WantedBody(Answered):
    """All a node should run of one module; `correlationId` is that of the deployment that changed it last."""

    module: str
    fence: int
    active: ArtifactBody | None
    staged: list[ArtifactBody]
    correlation_id: Annotated[str, Field(exclude_if=lambda told: not told)] = ""


class HeartbeatAnswerBody(Answered):
    """All a node should run, when to report next, and whose signatures it must not take any more."""

    interval: int
    next_heartbeat_ms: int
    modules: list[WantedBody]
    revoked_keys: Annotated[list[str], Field(exclude_if=lambda keys: not keys)] = Field(default_factory=list)


def answer_body(answer: HeartbeatAnswer, reported: Heartbeat, edge: Edge) -> HeartbeatAnswerBody:
    """What the node is told, with links to what it did not report, and how to configure it."""
    held = {report.module: {report.active, *report.staged} for report in reported.modules}
    return HeartbeatAnswerBody(
        interval=answer.interval,
        next_heartbeat_ms=answer.next_heartbeat_ms,
        modules=[
            _wanted_body(wanted, held.get(wanted.module, set()), edge, answer.environment) for wanted in answer.wanted
        ],
        revoked_keys=list(edge.revoked_keys.ids(ports=edge.ports)),
    )


def _wanted_body(wanted: Wanted, held: set[str | None], edge: Edge, environment: Environment) -> WantedBody:
    active, staged = wanted.desired.active, wanted.desired.staged
    named = (*staged, active) if active is not None else staged
    known = edge.known_versions.find(wanted.module, map(digest_of, named), ports=edge.ports)

    def shown(edition: str) -> ArtifactBody:
        version, revision = known[digest_of(edition)], configuration_of(edition)
        missing = edition not in held
        found = None
        if revision and missing:
            found = configuration_revision(wanted.module, environment, revision, ports=edge.ports)
        return ArtifactBody(
            digest=version.digest,
            version=version.version,
            size=version.size,
            signature=version.signature,
            key_id=version.key_id,
            download_url=edge.ports.artifacts.download_link(version.digest) if missing else None,
            configuration=ConfiguredBody(revision=revision, values=found and found.values) if revision else None,
        )

    return WantedBody(
        module=wanted.module,
        fence=wanted.fence,
        active=None if active is None else shown(active),
        staged=[shown(edition) for edition in staged],
        correlation_id=wanted.correlation_id,
    )
