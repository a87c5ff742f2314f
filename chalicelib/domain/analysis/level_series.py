"""Levels as one series over time: how far the canary moved from its own before, less how far the control moved.

Each node is compared with itself, so what nodes differ by anyway drops out; the control nodes' mean over the same
cell is subtracted, so what the whole fleet does drops out (a difference in differences). The same series in the time
before the change shows how noisy it is when nothing was changed: a placebo (Abadie, Diamond and Hainmueller 2010).
"""

from __future__ import annotations

import math
from collections import Counter
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
    """Changes as logarithms, one per cell in time order, each with how many canary nodes it was measured on.

    `own_before`: each node was compared with itself; otherwise canary with control nodes as they are. `placebo`: the
    same changes before, when nothing was changed, in cells of `before_cell_ms`. `node_changes` and `node_placebos`
    are both for each canary node alone. `apart`: the variance of what nodes differ by, 0 with `own_before`.
    """

    changes: tuple[float, ...]
    weights: tuple[int, ...]
    placebo: tuple[float, ...]
    node_changes: tuple[tuple[float, ...], ...]
    node_placebos: tuple[tuple[float, ...], ...]
    own_before: bool
    apart: float
    before_cell_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What is known of the noise of a series.

    `deviation`: of one cell. `long_run_ms`: the long-run variance times milliseconds; over a time T a mean has the
    variance long_run_ms / T. `base_variance`: of what is subtracted.
    """

    deviation: float
    long_run_ms: float
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
    ours_before = [logs(node.cells_before, coarse_ms) for node in canary]
    theirs_before = [logs(node.cells_before, coarse_ms) for node in control]
    ours = [logs(node.cells_settled, grain_ms) for node in canary]
    theirs = [logs(node.cells_settled, grain_ms) for node in control]
    own = any(before and now for before, now in zip(ours_before, ours, strict=True))
    own = own and (not control or any(b and n for b, n in zip(theirs_before, theirs, strict=True)))
    apart = 0.0
    if own:
        moved, placebos = _from_own(ours, ours_before), _from_own(ours_before, ours_before)
        expected = _means(_from_own(theirs, theirs_before)) if control else None
        expected_before = _means(_from_own(theirs_before, theirs_before)) if control else None
    else:
        moved, placebos, expected, expected_before = ours, [], _means(theirs), None
        apart = _apart(theirs) * (1 / max(1, len(ours)) + 1 / max(1, len(theirs)))
    changes = _less(_means(moved), expected)
    counts = Counter(index for node in moved for index in node)
    return LevelSeries(
        changes=_in_order(changes),
        weights=tuple(counts[index] for index in sorted(changes)),
        placebo=_in_order(_less(_means(placebos), expected_before)),
        node_changes=tuple(_in_order(_less(node, expected)) for node in moved),
        node_placebos=tuple(_in_order(_less(node, expected_before)) for node in placebos),
        own_before=own,
        apart=apart,
        before_cell_ms=coarse_ms,
    )


def noise_of(placebo: Sequence[float], cell_ms: int) -> Noise:
    """How noisy a series is when nothing was changed: from the same series before, pulled to the priors."""
    variance, correlation = _moments(placebo, PRIOR_DEVIATION**2 * PRIOR_CELL_MS / max(cell_ms, PRIOR_CELL_MS))
    long_run_ms = variance * cell_ms * (1 + correlation) / (1 - correlation)
    before_ms = max(1, len(placebo)) * cell_ms
    return Noise(deviation=math.sqrt(variance), long_run_ms=long_run_ms, base_variance=long_run_ms / before_ms)


def _from_own(now: Sequence[Logs], before: Sequence[Logs]) -> list[Logs]:
    """Each node's logarithms less the mean of its own before; nodes without a before say nothing."""
    centres = [fmean(base.values()) if base else None for base in before]
    return [
        {} if centre is None else {index: value - centre for index, value in logs.items()}
        for logs, centre in zip(now, centres, strict=True)
    ]


def _less(ours: Logs, expected: Logs | None) -> Logs:
    """What is above the expectation, in each cell that has one; all of it where nothing is expected."""
    if expected is None:
        return ours
    return {index: value - expected[index] for index, value in ours.items() if index in expected}


def _in_order(logs: Logs) -> tuple[float, ...]:
    return tuple(logs[index] for index in sorted(logs))


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
