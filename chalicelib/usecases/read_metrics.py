"""What an environment's nodes measured, added up in buckets of time."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.metrics import Window, merged_windows
from chalicelib.domain.node import Node
from chalicelib.usecases.gather_evidence import open_rows
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.read_clusters import Health, cluster_of, in_service

MOST_POINTS = 1_000
MEDIAN_BP, P95_BP, P99_BP = 5_000, 9_500, 9_900


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsQuestion:
    """Which numbers: of a module (None: all of them together), of one version of it (None: all), in which buckets."""

    environment: Environment
    from_ms: int
    to_ms: int
    interval_ms: int
    module: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Everything measured in one bucket; `at_ms` is where it begins. Buckets nothing was measured in are left out."""

    at_ms: int
    nodes: int
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The buckets, oldest first, and how the environment is now."""

    points: tuple[Point, ...]
    health: Health


def read_metrics(question: MetricsQuestion, *, ports: Ports) -> Measured:
    """What was measured.

    Raises:
        InvalidInput: the span is empty, or has more than MOST_POINTS buckets.
    """
    length_ms = question.to_ms - question.from_ms
    if length_ms <= 0:
        raise InvalidInput(Violation("to", "must lie behind from"))
    if length_ms > MOST_POINTS * question.interval_ms:
        raise InvalidInput(Violation("interval", f"must cut the span into at most {MOST_POINTS} parts"))
    buckets: dict[int, list[tuple[str, Window]]] = {}
    nodes = ports.store.list(Node, question.environment)
    span = {"from_ms": question.from_ms, "to_ms": question.to_ms}
    measuring = frozenset(node.id for node in nodes)
    for module in _modules(question, ports=ports):
        rows = ports.metrics.series(environment=question.environment, module=module, nodes=measuring, **span)
        still_open = open_rows(nodes, module=module, **span)
        for node_id, digest, window in (*rows, *still_open):
            if question.digest in (None, digest):
                begin = window.started_at_ms // question.interval_ms * question.interval_ms
                buckets.setdefault(begin, []).append((node_id, window))
    now = cluster_of(question.environment, in_service(nodes), now_ms=ports.clock.machine_ms())
    return Measured(points=tuple(_point(at_ms, buckets[at_ms]) for at_ms in sorted(buckets)), health=now.health)


def _modules(question: MetricsQuestion, *, ports: Ports) -> tuple[str, ...]:
    if question.module is not None:
        return (question.module,)
    return tuple(assignment.module for assignment in ports.store.list(Assignment, question.environment))


def _point(at_ms: int, measured: list[tuple[str, Window]]) -> Point:
    window = merged_windows(window for _, window in measured)
    return Point(at_ms=at_ms, nodes=len({node_id for node_id, _ in measured}), window=window)
