"""Levels: CPU and memory. Harm needs `level_windows` cells in a row above the threshold, and to be no chance.

CPU is read over the whole bake, memory over its last cells, since a leak is what comes later. CPU must have risen
both as a share of a core and per request: more requests alone cost more CPU, and fewer make each look dearer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, fmean

from chalicelib.domain.analysis.cells import Cell
from chalicelib.domain.analysis.comparison import Comparison
from chalicelib.domain.analysis.level_series import LevelSeries, Noise, level_series, noise_of
from chalicelib.domain.analysis.numbers import change, megabytes, per_cent, relative_bp
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.spread import CAUTION, CAUTION_WITHOUT_BEFORE, DRIFT_SPREAD, RESTART_SPREAD, TIME_SPREAD
from chalicelib.domain.analysis.verdict import Conclusion, Finding
from chalicelib.domain.statistics.sequential import mean_radius

TEST = "each node against its own before, less the control's change: confidence sequence and cells in a row"
# The number of cells at which the confidence sequence is narrowest: five minutes.
BEST_AT = 30


class Level(StrEnum):
    """What is read."""

    CPU = "cpu"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTest:
    """One level: the change as a logarithm with its interval, and whether it stayed above the threshold in a row."""

    level: Level
    node_id: str | None
    canary_value: int | None
    expected_value: int | None
    canary_cells: int
    baseline_cells: int
    effect: float | None
    radius: float
    in_a_row: bool
    above_floor: bool
    increase_pct: int
    node_name: str = ""

    @property
    def is_harm(self) -> bool:
        """Whether the rise is surely above the threshold, above the floor, and has lasted."""
        if self.effect is None or not (self.in_a_row and self.above_floor):
            return False
        return self.effect - self.radius > math.log1p(self.increase_pct / 100)


def assess_cpu(comparison: Comparison, policy: AnalysisPolicy, alpha: float, *, explain: bool) -> LevelTest:
    """CPU as a share of one core, in ten-thousandths; and per request where there are enough requests.

    Without `explain`, the interval is worked out only where the rise has lasted.
    """
    share = _series(comparison, policy, _cpu_bp, max(1.0, policy.cpu_floor_bp / 4))
    test = _assess(Level.CPU, comparison, policy, share, alpha, policy.cpu_floor_bp, explain=explain)
    if not test.is_harm:
        return test
    per_request = _series(comparison, policy, _cpu_us_per_request, 1.0)
    if len(per_request.changes) < policy.level_windows:
        return test
    other = _assess(Level.CPU, comparison, policy, per_request, alpha, 0, explain=explain)
    return test if other.is_harm else other


def assess_memory(comparison: Comparison, policy: AnalysisPolicy, alpha: float, *, explain: bool) -> LevelTest:
    """Resident memory in bytes. Without `explain`, the interval is worked out only where the rise has lasted."""
    series = _series(comparison, policy, _memory_bytes, max(1.0, policy.memory_floor_bytes / 4))
    return _assess(Level.MEMORY, comparison, policy, series, alpha, policy.memory_floor_bytes, explain=explain)


def assess_node_memory(comparison: Comparison, policy: AnalysisPolicy, alpha: float) -> tuple[LevelTest, ...]:
    """Each canary node's memory on its own, those that are worse: a leak shows first where it has run longest.

    Spends as much as the test of the whole canary, split over the nodes.
    """
    series = _series(comparison, policy, _memory_bytes, max(1.0, policy.memory_floor_bytes / 4))
    if len(series.node_changes) < 2:
        return ()
    each = alpha / len(series.node_changes)
    tests = (
        _assess_node(comparison, policy, series, each, at)
        for at, changes in enumerate(series.node_changes)
        if _stays_above(changes, policy, policy.memory_increase_pct)
    )
    return tuple(test for test in tests if test.is_harm)


def level_finding(test: LevelTest, policy: AnalysisPolicy, alpha: float) -> Finding:
    """The test as it is stored and shown; `baseline_value` is what was to be expected of these nodes."""
    conclusion = _conclusion(test, policy)
    effect = test.effect
    is_cpu = test.level is Level.CPU
    return Finding(
        metric=test.level.value,
        node_id=test.node_id,
        unit="bp" if is_cpu else "bytes",
        canary_value=test.canary_value,
        baseline_value=test.expected_value,
        canary_samples=test.canary_cells,
        baseline_samples=test.baseline_cells,
        sample_unit="windows",
        test=TEST,
        alpha=f"{alpha:.2g}",
        effect_bp=relative_bp(_ratio(effect)),
        low_bp=relative_bp(_ratio(None if effect is None else effect - test.radius)),
        high_bp=relative_bp(_ratio(None if effect is None else effect + test.radius)),
        threshold_bp=test.increase_pct * 100,
        tested_bp=relative_bp(_ratio(math.log1p(test.increase_pct / 100) + test.radius)),
        floor=policy.cpu_floor_bp if is_cpu else policy.memory_floor_bytes,
        conclusion=conclusion,
        sentence=_sentence(test, policy, conclusion),
    )


def _assess(
    level: Level,
    comparison: Comparison,
    policy: AnalysisPolicy,
    series: LevelSeries,
    alpha: float,
    floor: float,
    *,
    explain: bool,
) -> LevelTest:
    settled = comparison.canary.settled
    value = settled.cpu_bp if level is Level.CPU else _latest_memory(comparison, policy)
    increase_pct = policy.cpu_increase_pct if level is Level.CPU else policy.memory_increase_pct
    in_a_row = _stays_above(series.changes, policy, increase_pct)
    effect = _weighted_mean(series.changes, series.weights) if level is Level.CPU else _latest(series.changes, policy)
    expected = None if value is None or effect is None else value * math.exp(-effect)
    radius = math.inf
    if effect is not None and (explain or in_a_row):
        nodes = max(1, sum(1 for changes in series.node_changes if changes))
        noise = noise_of(series.placebo, series.before_cell_ms)
        moved = _moved_by_itself(comparison, nodes) + (noise.base_variance if series.own_before else series.apart)
        cells = sum(series.weights) / nodes
        caution = CAUTION if series.own_before else CAUTION_WITHOUT_BEFORE
        radius = math.hypot(_chance(level, noise, cells, policy, alpha), caution * math.sqrt(moved))
    return LevelTest(
        level=level,
        node_id=None,
        canary_value=value,
        expected_value=None if expected is None else round(expected),
        canary_cells=len(series.changes),
        baseline_cells=len(series.placebo),
        effect=effect,
        radius=radius,
        in_a_row=in_a_row,
        above_floor=value is not None and expected is not None and value - expected > floor,
        increase_pct=increase_pct,
    )


def _assess_node(
    comparison: Comparison, policy: AnalysisPolicy, series: LevelSeries, alpha: float, at: int
) -> LevelTest:
    """Memory of the canary node at position `at`, whose latest cells stayed above the threshold."""
    node_id, node = comparison.canary_nodes[at]
    changes, placebo = series.node_changes[at], series.node_placebos[at] if series.node_placebos else ()
    effect = fmean(changes[-policy.level_windows :])
    noise = noise_of(placebo, series.before_cell_ms)
    moved = _moved_by_itself(comparison, 1) + (noise.base_variance if series.own_before else 2 * series.apart)
    caution = CAUTION if series.own_before else CAUTION_WITHOUT_BEFORE
    value = _mean_memory(node.cells_settled[-policy.level_windows :]) or 0
    expected = value * math.exp(-effect)
    return LevelTest(
        level=Level.MEMORY,
        node_id=node_id,
        node_name=comparison.names[node_id],
        canary_value=value,
        expected_value=round(expected),
        canary_cells=len(changes),
        baseline_cells=len(placebo),
        effect=effect,
        radius=math.hypot(_chance(Level.MEMORY, noise, float(len(changes)), policy, alpha), caution * math.sqrt(moved)),
        in_a_row=True,
        above_floor=value - expected > policy.memory_floor_bytes,
        increase_pct=policy.memory_increase_pct,
    )


def _stays_above(changes: Sequence[float], policy: AnalysisPolicy, increase_pct: int) -> bool:
    last = changes[-policy.level_windows :]
    return len(last) == policy.level_windows and min(last) > math.log1p(increase_pct / 100)


def _chance(level: Level, noise: Noise, cells: float, policy: AnalysisPolicy, alpha: float) -> float:
    """How far chance alone may carry the effect, at every look."""
    if level is Level.CPU:
        deviation = math.sqrt(noise.long_run_ms / policy.level_window_ms)
        return mean_radius(deviation, cells, alpha, best_at=BEST_AT)
    # Memory wanders slowly, so neither its last cells nor its mean before average much out: both count in full.
    # The last cells are looked at anew with every cell: the n-th look spends 1/(n(n+1)) of the share.
    spent = alpha / (cells * (cells + 1))
    return math.sqrt(2) * noise.deviation * NormalDist().inv_cdf(1 - min(0.5, spent))


def _moved_by_itself(comparison: Comparison, nodes: int) -> float:
    """The variance of what a restart does to this many nodes, and of the drift between them and the control."""
    if comparison.has_control:
        control = max(1, len(comparison.control_nodes))
        return RESTART_SPREAD**2 / nodes + DRIFT_SPREAD**2 * (1 / nodes + 1 / control)
    return RESTART_SPREAD**2 / nodes + TIME_SPREAD**2


def _weighted_mean(changes: Sequence[float], weights: Sequence[int]) -> float | None:
    """The mean over node time: a cell measured on more nodes says more."""
    total = sum(weights)
    return math.fsum(c * w for c, w in zip(changes, weights, strict=True)) / total if total else None


def _latest(changes: Sequence[float], policy: AnalysisPolicy) -> float | None:
    return fmean(changes[-policy.level_windows :]) if changes else None


def _series(
    comparison: Comparison, policy: AnalysisPolicy, level: Callable[[Cell], float | None], least: float
) -> LevelSeries:
    return level_series(comparison, level, least=least, grain_ms=policy.level_window_ms)


def _latest_memory(comparison: Comparison, policy: AnalysisPolicy) -> int | None:
    last = max((n.cells_settled[-1].index for _, n in comparison.canary_nodes if n.cells_settled), default=None)
    if last is None:
        return None
    cells = [cell for _, node in comparison.canary_nodes for cell in node.cells_settled[-policy.level_windows :]]
    return _mean_memory([cell for cell in cells if cell.index > last - policy.level_windows])


def _mean_memory(cells: Sequence[Cell]) -> int | None:
    duration = sum(cell.duration_ms for cell in cells)
    return sum(cell.memory_byte_ms for cell in cells) // duration if duration else None


def _cpu_bp(cell: Cell) -> float | None:
    return cell.cpu_ms * 10_000 / cell.duration_ms if _is_measured(cell) else None


def _cpu_us_per_request(cell: Cell) -> float | None:
    return cell.cpu_ms * 1_000 / cell.requests if cell.requests and _is_measured(cell) else None


def _memory_bytes(cell: Cell) -> float | None:
    return cell.memory_byte_ms / cell.duration_ms if _is_measured(cell) else None


def _is_measured(cell: Cell) -> bool:
    """What runs takes some memory: where none is told (a function), levels were not measured."""
    return cell.duration_ms > 0 and cell.memory_byte_ms > 0


def _ratio(effect: float | None) -> float | None:
    return None if effect is None else math.exp(min(effect, 100.0))


def _conclusion(test: LevelTest, policy: AnalysisPolicy) -> Conclusion:
    if test.is_harm:
        return Conclusion.HARM
    if not test.canary_value and not test.expected_value:
        return Conclusion.NO_DATA
    return Conclusion.PASS if test.canary_cells >= policy.level_windows else Conclusion.THIN


def _sentence(test: LevelTest, policy: AnalysisPolicy, conclusion: Conclusion) -> str:
    name = "CPU" if test.level is Level.CPU else "Memory"
    name += f" of node {test.node_name}" if test.node_id else ""
    if conclusion is Conclusion.NO_DATA or test.canary_value is None or test.expected_value is None:
        return f"{name} was not measured."
    shown = f"{name} is {_show(test, test.canary_value)} where {_show(test, test.expected_value)} was to be expected"
    if test.effect is not None:
        shown += f" ({change(math.exp(min(test.effect, 100.0)))})"
    match conclusion:
        case Conclusion.HARM:
            return f"{shown}, surely more than the +{test.increase_pct} % tolerated and lasting."
        case Conclusion.PASS:
            return f"{shown}: not worse than tolerated as far as can be told."
        case _:
            return f"{shown}: {test.canary_cells} of {policy.level_windows} windows measured."


def _show(test: LevelTest, value: int) -> str:
    return f"{per_cent(value / 10_000)} of a core" if test.level is Level.CPU else megabytes(value)
