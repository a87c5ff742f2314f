"""Evidence for the judge's tests: fleets whose numbers are exact, so that a test states what it is about."""

from __future__ import annotations

from chalicelib.domain.canary_analysis import Evidence, NodeEvidence
from chalicelib.domain.histogram import Histogram, bucket_of
from chalicelib.domain.metrics import Window

START_MS = 1_700_000_000_000
CELL_MS = 10_000
SHAPE = ((0.5, 5), (0.8, 20), (1.0, 50), (1.4, 20), (3.0, 5))


def a_latency(requests: int, typical_us: int = 40_000) -> Histogram:
    """`requests` latencies around `typical_us`, always of the same shape."""
    counts: dict[int, int] = {}
    left = requests
    for factor, per_cent in SHAPE:
        count = requests * per_cent // 100
        bucket = bucket_of(round(typical_us * factor))
        counts[bucket] = counts.get(bucket, 0) + count
        left -= count
    middle = bucket_of(typical_us)
    counts[middle] = counts.get(middle, 0) + left
    return Histogram.from_mapping(counts)


def a_window(
    at_ms: int = START_MS,
    *,
    requests: int = 100,
    errors: int = 0,
    typical_us: int = 40_000,
    cpu_ms: int = 2_000,
    memory_bytes: int = 200_000_000,
    crashes: int = 0,
    length_ms: int = CELL_MS,
) -> Window:
    return Window.measured(
        started_at_ms=at_ms,
        ended_at_ms=at_ms + length_ms,
        requests=requests,
        errors=errors,
        latency=a_latency(requests, typical_us),
        cpu_ms=cpu_ms,
        memory_bytes=memory_bytes,
        crashes=crashes,
    )


def a_node(
    name: str = "n0",
    *,
    cells: int = 30,
    before_cells: int = 30,
    requests: int = 100,
    errors: int = 1,
    errors_before: int = 1,
    typical_us: int = 40_000,
    cpu_ms: int = 2_000,
    memory_bytes: int = 200_000_000,
    crashes: int = 0,
    silent: bool = False,
    failed: bool = False,
) -> NodeEvidence:
    """A node with steady windows of ten seconds, and a before of the usual kind."""
    before = tuple(
        a_window(START_MS - (k + 1) * CELL_MS, requests=requests, errors=min(errors_before, requests))
        for k in range(before_cells)
    )
    during = tuple(
        a_window(
            START_MS + k * CELL_MS,
            requests=requests,
            errors=min(errors, requests),
            typical_us=typical_us,
            cpu_ms=cpu_ms,
            memory_bytes=memory_bytes,
            crashes=crashes if k == 0 else 0,
        )
        for k in range(cells)
    )
    return NodeEvidence(node_id=name, before=before, during=during, silent=silent, failed=failed)


def a_fleet(canary: NodeEvidence, *more: NodeEvidence, controls: int = 4) -> Evidence:
    """The canary nodes beside `controls` usual control nodes that served as much."""
    requests = canary.during[0].requests if canary.during else 100
    cells = len(canary.during) or 30
    control = tuple(a_node(f"c{i}", requests=requests, cells=cells) for i in range(controls))
    return Evidence(canary=(canary, *more), control=control)
