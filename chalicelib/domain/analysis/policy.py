"""What counts as worse, and how sure the judge has to be: the numbers of a policy revision."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.analysis.evidence import Direction, Missing, Source
from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.metrics import OWN_NAME


class AnalysisMode(StrEnum):
    """`required`: no promotion without comparable numbers. `healthOnly`: acks, health and crashes decide."""

    REQUIRED = "required"
    HEALTH_ONLY = "healthOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredMetric:
    """A metric the user declared: a change of more than `change_pct` and `floor_micros` the wrong way is harm.

    Harm in a `critical` one rolls back; in an advisory one it is reported and the wave goes on.
    `source` heartbeat: modules report it by this name. Prometheus: `query` gives one number a step for each side; it
    has to tell the sides apart by `$version` or `$nodes` (a pattern of node names), and may use `$module` and
    `$environment`. `modules`: whom it is read of; none named means all.

    Raises:
        InvalidInput: a source and a query that do not fit each other.
    """

    name: str
    direction: Direction = Direction.INCREASE
    change_pct: int = 20
    floor_micros: int = 0
    critical: bool = False
    missing: Missing = Missing.NO_DATA
    min_samples: int = 5
    source: Source = Source.HEARTBEAT
    query: str = ""
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.source is Source.HEARTBEAT:
            if self.query:
                raise InvalidInput(Violation("query", "must be left out where the source is heartbeat"))
            if not OWN_NAME.fullmatch(self.name):
                raise InvalidInput(Violation("name", f"must match ^{OWN_NAME.pattern}$ where the source is heartbeat"))
        elif not re.search(r"\$(version|nodes)\b", self.query):
            raise InvalidInput(Violation("query", "must tell canary and baseline apart by $version or $nodes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPolicy:
    """The judge's numbers. Harm is a change above the percentage *and* above the floor; docs/judge.md explains each.

    Errors: `error_rate_increase_pct` over the baseline's error rate, and at least `error_rate_floor_bp` more.
    Latency: `latency_increase_pct` at `latency_quantile_bp` (the tail) and `median_latency_increase_pct` at the
    median, and at least `latency_floor_us` more.
    CPU and memory: over what the node used before, by more than the floor, in `level_windows` windows of
    `level_window_ms` in a row. Latency and levels are not read in a node's first `warm_up_ms` after the change.
    `min_requests`: what all canary nodes together must have served before a wave may be promoted;
    `min_baseline_requests`: the same for the side compared with.
    `alpha_bp`: the chance, per deployment, that a version which is not worse is rolled back by the numbers.
    `max_failed_nodes`: failed or silent canary nodes that are still tolerated; `max_crashes`: the same for crashes.

    Raises:
        InvalidInput: numbers out of range, all of them listed.
    """

    mode: AnalysisMode = AnalysisMode.REQUIRED
    error_rate_increase_pct: int = 50
    error_rate_floor_bp: int = 10
    latency_quantile_bp: int = 9_900
    latency_increase_pct: int = 100
    median_latency_increase_pct: int = 10
    latency_floor_us: int = 5_000
    cpu_increase_pct: int = 30
    cpu_floor_bp: int = 200
    memory_increase_pct: int = 30
    memory_floor_bytes: int = 16 * 1024 * 1024
    level_window_ms: int = 10_000
    level_windows: int = 3
    warm_up_ms: int = 10_000
    min_requests: int = 500
    min_baseline_requests: int = 500
    alpha_bp: int = 100
    max_failed_nodes: int = 0
    max_crashes: int = 2
    declared: tuple[DeclaredMetric, ...] = ()

    def __post_init__(self) -> None:
        violations = [
            Violation(name, f"must be {low} to {high}")
            for name, (low, high) in _RANGES.items()
            if not _is_int(getattr(self, name)) or not low <= getattr(self, name) <= high
        ]
        names = [metric.name for metric in self.declared]
        if len(set(names)) != len(names):
            violations.append(Violation("declared", "each metric may be declared once"))
        if sum(metric.source is Source.PROMETHEUS for metric in self.declared) > MOST_QUERIES:
            violations.append(Violation("declared", f"at most {MOST_QUERIES} metrics may come from Prometheus"))
        if violations:
            raise InvalidInput(*violations)

    def of_module(self, module: str) -> AnalysisPolicy:
        """The policy with only those declared metrics that are read of `module`."""
        own = tuple(metric for metric in self.declared if not metric.modules or module in metric.modules)
        return replace(self, declared=own)


MOST_QUERIES = 5
"""Each is asked for two sides while a wave waits for its verdict."""

_MANY = 10**9
_RANGES = {
    "error_rate_increase_pct": (1, 100_000),
    "error_rate_floor_bp": (0, 10_000),
    "latency_quantile_bp": (5_001, 9_999),
    "latency_increase_pct": (1, 100_000),
    "median_latency_increase_pct": (1, 100_000),
    "latency_floor_us": (0, _MANY),
    "cpu_increase_pct": (1, 100_000),
    "cpu_floor_bp": (0, _MANY),
    "memory_increase_pct": (1, 100_000),
    "memory_floor_bytes": (0, 10**15),
    "level_window_ms": (1_000, 3_600_000),
    "level_windows": (1, 1_000),
    "warm_up_ms": (0, 3_600_000),
    "min_requests": (1, _MANY),
    "min_baseline_requests": (1, _MANY),
    "alpha_bp": (1, 2_000),
    "max_failed_nodes": (0, 100_000),
    "max_crashes": (0, 100_000),
}


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
