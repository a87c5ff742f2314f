"""How bursty errors are: requests fail together, so a hundred errors may be ten events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from chalicelib.domain.analysis.cells import Cell

# How many degrees of freedom the assumption "errors are independent" is worth.
PRIOR_FREEDOM = 10
LARGEST = 100.0


def error_dispersion(periods: Sequence[Sequence[Sequence[Cell]]], *, same_time: bool) -> float:
    """The variance of error counts over what independent requests would have: at least 1.

    Pearson's statistic over its degrees of freedom (McCullagh and Nelder 1989, quasi-likelihood), pulled towards 1.
    With `same_time`, bursts that hit all nodes at once do not count, since they hit canary and control alike;
    otherwise the fleet's total is what varies over time. `periods`: of each stretch of time, the cells of each
    baseline node.
    """
    statistic, freedom = 0.0, 0
    for nodes in periods:
        if same_time:
            more, free = _within_nodes(nodes)
        else:
            more, free = _over_time(cell for cells in nodes for cell in cells)
        statistic, freedom = statistic + more, freedom + free
    return min(LARGEST, max(1.0, (PRIOR_FREEDOM + statistic) / (PRIOR_FREEDOM + freedom)))


def _over_time(cells: Iterable[Cell]) -> tuple[float, int]:
    requests: dict[int, int] = defaultdict(int)
    errors: dict[int, int] = defaultdict(int)
    for cell in cells:
        requests[cell.index] += cell.requests
        errors[cell.index] += cell.errors
    total, failed = sum(requests.values()), sum(errors.values())
    if failed == 0:
        return 0.0, 0
    seen = [index for index, count in requests.items() if count]
    expected = {index: requests[index] * failed / total for index in seen}
    return sum((errors[index] - expected[index]) ** 2 / expected[index] for index in seen), len(seen) - 1


def _within_nodes(nodes: Sequence[Sequence[Cell]]) -> tuple[float, int]:
    rates = [_rate(cells) for cells in nodes]
    expected_at: dict[int, float] = defaultdict(float)
    errors_at: dict[int, int] = defaultdict(int)
    for cells, rate in zip(nodes, rates, strict=True):
        for cell in cells:
            expected_at[cell.index] += cell.requests * rate
            errors_at[cell.index] += cell.errors
    statistic, compared = 0.0, 0
    for cells, rate in zip(nodes, rates, strict=True):
        for cell in cells:
            at = expected_at[cell.index]
            expected = cell.requests * rate * errors_at[cell.index] / at if at else 0.0
            if expected > 0.0:
                statistic += (cell.errors - expected) ** 2 / expected
                compared += 1
    erring = sum(1 for rate in rates if rate > 0.0)
    moments = sum(1 for count in errors_at.values() if count)
    freedom = compared - erring - moments + 1
    return (statistic, freedom) if freedom > 0 else (0.0, 0)


def _rate(cells: Sequence[Cell]) -> float:
    requests = sum(cell.requests for cell in cells)
    return sum(cell.errors for cell in cells) / requests if requests else 0.0
