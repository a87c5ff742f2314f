"""User-declared metrics: samples of any kind, compared by ranks.

Harm: the samples surely tend the wrong way (Mann-Whitney, exact where small), and the typical shift (Hodges-Lehmann)
or the shift of the means is beyond threshold and floor. Both are asked because a rise in some samples moves the mean
and not the middle. Too little: had half of the canary's samples risen above all others, it would not have shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.domain.analysis.evidence import DeclaredSeries, Direction, Missing
from chalicelib.domain.analysis.numbers import relative_bp
from chalicelib.domain.analysis.policy import DeclaredMetric
from chalicelib.domain.analysis.spread import CAUTION, DRIFT_SPREAD, RESTART_SPREAD
from chalicelib.domain.analysis.verdict import Conclusion, Finding
from chalicelib.domain.statistics.ranks import RankTest, hodges_lehmann, mann_whitney

TEST = "Mann-Whitney rank test"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    """How far the canary's samples lie above the baseline's, in millionths: typical, with interval, and by the mean."""

    test: RankTest
    typical: float
    low: float
    high: float
    of_means: float
    base: float


def declared_finding(metric: DeclaredMetric, series: DeclaredSeries | None, alpha: float) -> Finding:
    """What one declared metric shows; a metric without series or with missing samples is `noData` unless zero-filled."""
    series = series or DeclaredSeries(name=metric.name)
    canary, baseline = _present(series.canary, metric.missing), _present(series.baseline, metric.missing)
    if series.why or not canary or not baseline:
        return _finding(metric, series, canary, baseline, None, Conclusion.NO_DATA, alpha)
    shift = _shift(canary, baseline, alpha)
    enough = min(len(canary), len(baseline)) >= metric.min_samples
    if enough and _is_harm(metric, shift, tested_ratio(metric, series), alpha):
        conclusion = Conclusion.HARM
    elif enough and smallest_telling_p(len(canary), len(baseline)) <= alpha:
        conclusion = Conclusion.PASS
    else:
        conclusion = Conclusion.THIN
    return _finding(metric, series, canary, baseline, shift, conclusion, alpha)


def tested_ratio(metric: DeclaredMetric, series: DeclaredSeries) -> float:
    """The tolerated change as a ratio, widened by what a restart and time alone do to so few nodes (spread.py)."""
    ratio = 1 + metric.change_pct / 100
    if not series.canary_nodes or not series.baseline_nodes:
        return ratio
    moved = (RESTART_SPREAD**2 + DRIFT_SPREAD**2) / series.canary_nodes + DRIFT_SPREAD**2 / series.baseline_nodes
    return ratio * math.exp(CAUTION * math.sqrt(moved))


@lru_cache(maxsize=512)
def smallest_telling_p(canary: int, baseline: int) -> float:
    """The one-sided p-value if half of the canary's samples rose above all others, and the rest stayed equal."""
    risen = math.ceil(canary / 2)
    return mann_whitney([1.0] * risen + [0.0] * (canary - risen), [0.0] * baseline).p_greater


def _present(samples: tuple[int | None, ...], missing: Missing) -> tuple[int, ...]:
    if missing is Missing.ZERO:
        return tuple(0 if sample is None else sample for sample in samples)
    return tuple(sample for sample in samples if sample is not None)


def _shift(canary: tuple[int, ...], baseline: tuple[int, ...], alpha: float) -> _Shift:
    typical, low, high = hodges_lehmann(canary, baseline, alpha)
    base = sum(baseline) / len(baseline)
    return _Shift(
        test=mann_whitney(canary, baseline),
        typical=typical,
        low=low,
        high=high,
        of_means=sum(canary) / len(canary) - base,
        base=base,
    )


def _is_harm(metric: DeclaredMetric, shift: _Shift, tested: float, alpha: float) -> bool:
    needed = max(abs(shift.base) * (tested - 1), float(metric.floor_micros))
    up = max(shift.typical, shift.of_means) > needed and shift.test.p_greater
    down = min(shift.typical, shift.of_means) < -needed and shift.test.p_less
    match metric.direction:
        case Direction.INCREASE:
            return up is not False and up <= alpha
        case Direction.DECREASE:
            return down is not False and down <= alpha
        case Direction.EITHER:
            return any(p is not False and 2 * p <= alpha for p in (up, down))


def _finding(
    metric: DeclaredMetric,
    series: DeclaredSeries,
    canary: tuple[int, ...],
    baseline: tuple[int, ...],
    shift: _Shift | None,
    conclusion: Conclusion,
    alpha: float,
) -> Finding:
    mean = sum(canary) // len(canary) if canary else None
    base = sum(baseline) // len(baseline) if baseline else None
    return Finding(
        metric=metric.name,
        unit="millionths",
        canary_value=mean,
        baseline_value=base,
        canary_samples=len(canary),
        baseline_samples=len(baseline),
        sample_unit="samples",
        test=f"{TEST}, {'exact' if shift is None or shift.test.exact else 'normal approximation'}",
        p_value=f"{_p(metric, shift.test):.2g}" if shift else None,
        alpha=f"{alpha:.2g}",
        effect_bp=_relative(shift, shift.of_means) if shift else None,
        low_bp=_relative(shift, shift.low) if shift else None,
        high_bp=_relative(shift, shift.high) if shift else None,
        threshold_bp=metric.change_pct * 100,
        tested_bp=relative_bp(tested_ratio(metric, series)),
        floor=metric.floor_micros,
        critical=metric.critical,
        source=metric.source,
        conclusion=conclusion,
        sentence=_sentence(metric, series.why, mean, base, len(canary), len(baseline), conclusion),
    )


def _p(metric: DeclaredMetric, test: RankTest) -> float:
    match metric.direction:
        case Direction.INCREASE:
            return test.p_greater
        case Direction.DECREASE:
            return test.p_less
        case Direction.EITHER:
            return test.p_two_sided


def _relative(shift: _Shift, distance: float) -> int | None:
    return relative_bp(1 + distance / abs(shift.base)) if shift.base else None


def _sentence(
    metric: DeclaredMetric,
    why: str,
    mean: int | None,
    base: int | None,
    canary: int,
    baseline: int,
    conclusion: Conclusion,
) -> str:
    if why:
        return f"{metric.name} has no samples: {why}"
    if mean is None or base is None:
        return f"{metric.name} has no samples {'of the canary' if mean is None else 'of the baseline'}."
    shown = (
        f"{metric.name} is {mean / _MILLION:g} on average in {canary} samples of the canary"
        f" and {base / _MILLION:g} in {baseline} of the baseline"
    )
    match conclusion:
        case Conclusion.HARM:
            return f"{shown}: surely worse, by more than the {metric.change_pct} % tolerated."
        case Conclusion.PASS:
            return f"{shown}: not worse than tolerated as far as can be told."
        case _:
            return f"{shown}: too few samples to tell."
