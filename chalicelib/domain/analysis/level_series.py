"""Levels as one series over time: how far the canary moved from its own before, less how far the control moved.

Each node is compared with itself, so what nodes differ by anyway drops out; the control nodes' mean over the same
cell is subtracted, so what the whole fleet does drops out (a difference in differences). The same series in the time
before the change shows how noisy it is when nothing was changed: a placebo (Abadie, Diamond and Hainmueller 2010).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from chalicelib.domain.analysis.cells import Cell
from chalicelib.domain.analysis.comparison import Comparison
from chalicelib.domain.analysis.spread import NODE_SPREAD, PRIOR_NODES

LevelOf = Callable[[Cell], float | None]
Logs = dict[int, float]

# Priors for the noise of the series: of one ten-second cell, its correlation with the next, and what each is worth.
PRIOR_DEVIATION = 0.05
PRIOR_CELL_MS = 10_000
PRIOR_CORRELATION = 0.5
PRIOR_CELLS = 4
LARGEST_CORRELATION = 0.9
# A cell is read when at least this part of it was measured.
MEASURED_PART = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSeries:
    """Changes as logarithms, one per cell in time order, and the nodes' own logarithms to judge their noise by.

    `own_before`: each node was compared with itself; otherwise canary with control nodes as they are.
    """

    changes: tuple[float, ...]
    own_before: bool
    canary_before: tuple[Logs, ...]
    control_before: tuple[Logs, ...]
    control_now: tuple[Logs, ...]
    before_cell_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What is known of the noise of a series.

    `deviation`: of one cell. `long_run_ms`: the long-run variance times milliseconds; over a time T a mean has the
    variance long_run_ms / T. `before_ms`: how long before was measured. `base_variance`: of what is subtracted.
    """

    deviation: float
    long_run_ms: float
    before_ms: int
    base_variance: float


def level_series(comparison: Comparison, level: LevelOf, *, least: float, grain_ms: int) -> LevelSeries:
    """The series of one level for this comparison.

    `level` reads a cell, None where it has no value; values below `least` count as `least`, since the ratio of two
    idle levels means nothing.
    """

    def logs(cells: Sequence[Cell], cell_ms: int) -> Logs:
        values = ((cell.index, level(cell)) for cell in cells if cell.duration_ms >= MEASURED_PART * cell_ms)
        return {index: math.log(max(value, least)) for index, value in values if value is not None}

    canary, control = [reading for _, reading in comparison.canary_nodes], comparison.control_nodes
    coarse_ms = comparison.before_grain_ms
    canary_before = tuple(logs(node.cells_before, coarse_ms) for node in canary)
    control_before = tuple(logs(node.cells_before, coarse_ms) for node in control)
    canary_now = tuple(logs(node.cells_settled, grain_ms) for node in canary)
    control_now = tuple(logs(node.cells_settled, grain_ms) for node in control)
    own = any(before and now for before, now in zip(canary_before, canary_now, strict=True))
    own = own and (not control or any(b and n for b, n in zip(control_before, control_now, strict=True)))
    if own:
        moved = _difference(
            _from_own(canary_now, canary_before), _from_own(control_now, control_before), paired=bool(control)
        )
    else:
        moved = _difference(canary_now, control_now, paired=True)
    return LevelSeries(
        changes=tuple(moved[index] for index in sorted(moved)),
        own_before=own,
        canary_before=canary_before,
        control_before=control_before,
        control_now=control_now,
        before_cell_ms=coarse_ms,
    )


def noise_of(series: LevelSeries) -> Noise:
    """How noisy the series is when nothing was changed: from the same series before, pulled to the priors."""
    placebo: Logs = {}
    if series.own_before:
        placebo = _difference(
            _from_own(series.canary_before, series.canary_before),
            _from_own(series.control_before, series.control_before),
            paired=bool(series.control_before),
        )
    values, cell_ms = [placebo[index] for index in sorted(placebo)], series.before_cell_ms
    variance, correlation = _moments(values, PRIOR_DEVIATION**2 * PRIOR_CELL_MS / max(cell_ms, PRIOR_CELL_MS))
    long_run_ms = variance * cell_ms * (1 + correlation) / (1 - correlation)
    before_ms = max(1, len(values)) * cell_ms
    if series.own_before:
        base = long_run_ms / before_ms
    else:
        base = _apart(series.control_now) * (1 / len(series.canary_before) + 1 / max(1, len(series.control_now)))
    return Noise(deviation=math.sqrt(variance), long_run_ms=long_run_ms, before_ms=before_ms, base_variance=base)


def _from_own(now: Sequence[Logs], before: Sequence[Logs]) -> list[Logs]:
    """Each node's logarithms less the mean of its own before; nodes without a before say nothing."""
    return [
        {index: value - fmean(base.values()) for index, value in logs.items()}
        for logs, base in zip(now, before, strict=True)
        if base
    ]


def _difference(canary: Sequence[Logs], control: Sequence[Logs], *, paired: bool) -> Logs:
    """Mean of the canary nodes less mean of the control nodes, in each cell that both have."""
    ours, theirs = _means(canary), _means(control)
    if not paired:
        return ours
    return {index: value - theirs[index] for index, value in ours.items() if index in theirs}


def _means(nodes: Iterable[Logs]) -> Logs:
    values: dict[int, list[float]] = {}
    for node in nodes:
        for index, value in node.items():
            values.setdefault(index, []).append(value)
    return {index: math.fsum(several) / len(several) for index, several in values.items()}


def _apart(nodes: Sequence[Logs]) -> float:
    """The variance between nodes of their mean level, pulled to the prior."""
    means = [fmean(node.values()) for node in nodes if node]
    if len(means) < 2:
        return NODE_SPREAD**2
    centre = fmean(means)
    squares = math.fsum((mean - centre) ** 2 for mean in means)
    return (PRIOR_NODES * NODE_SPREAD**2 + squares) / (PRIOR_NODES + len(means) - 1)


def _moments(values: Sequence[float], prior: float) -> tuple[float, float]:
    """Variance and correlation with the next value, both pulled to their priors; the correlation from 0 to 0.9."""
    freedom = max(0, len(values) - 1)
    centre = fmean(values) if values else 0.0
    squares = math.fsum((value - centre) ** 2 for value in values)
    products = math.fsum((a - centre) * (b - centre) for a, b in pairwise(values))
    variance = (PRIOR_CELLS * prior + squares) / (PRIOR_CELLS + freedom)
    seen = products / squares if squares > 0 else 0.0
    correlation = (PRIOR_CELLS * PRIOR_CORRELATION + freedom * seen) / (PRIOR_CELLS + freedom)
    return variance, min(max(correlation, 0.0), LARGEST_CORRELATION)
