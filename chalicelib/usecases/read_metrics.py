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


def read_metrics(question: MetricsQuestion, *, ports: Ports) -> tuple[Point, ...]:
    """The buckets, oldest first.

    Raises:
        InvalidInput: the span is empty, or has more than MOST_POINTS buckets.
    """
    span = question.to_ms - question.from_ms
    if span <= 0:
        raise InvalidInput(Violation("to", "must lie behind from"))
    if span > MOST_POINTS * question.interval_ms:
        raise InvalidInput(Violation("interval", f"must cut the span into at most {MOST_POINTS} parts"))
    buckets: dict[int, list[tuple[str, Window]]] = {}
    nodes = ports.store.list(Node, question.environment)
    for module in _modules(question, ports=ports):
        rows = ports.metrics.series(
            environment=question.environment, module=module, from_ms=question.from_ms, to_ms=question.to_ms
        )
        still_open = open_rows(nodes, module=module, from_ms=question.from_ms, to_ms=question.to_ms)
        for node_id, digest, window in (*rows, *still_open):
            if question.digest in (None, digest):
                begin = window.started_at_ms // question.interval_ms * question.interval_ms
                buckets.setdefault(begin, []).append((node_id, window))
    return tuple(_point(at_ms, buckets[at_ms]) for at_ms in sorted(buckets))


def _modules(question: MetricsQuestion, *, ports: Ports) -> tuple[str, ...]:
    if question.module is not None:
        return (question.module,)
    return tuple(assignment.module for assignment in ports.store.list(Assignment, question.environment))


def _point(at_ms: int, measured: list[tuple[str, Window]]) -> Point:
    window = merged_windows(window for _, window in measured)
    return Point(at_ms=at_ms, nodes=len({node_id for node_id, _ in measured}), window=window)
