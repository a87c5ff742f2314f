"""Kayenta's classification, for comparison: what Spinnaker's judge would have said, with its own settings.

Not used to decide anything. Re-stated from Kayenta's documentation and behaviour: a metric is High when the lower end
of the interval for the shift (Wilcoxon, normal law, as R's wilcox.test without `exact`) lies above `tolerance` times
the estimated shift, and the ratio of the means is at least `allowed_increase`. Kayenta adds random noise where values
are tied; here ties are corrected for, so the same input gives the same label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from chalicelib.domain.statistics.effects import mean_ratio
from chalicelib.domain.statistics.ranks import rank_sum_deviate

_BISECTIONS = 60


class Label(StrEnum):
    """What Kayenta calls a metric."""

    PASS = "Pass"  # noqa: S105  # a label, no password
    HIGH = "High"
    LOW = "Low"
    NO_DATA = "Nodata"


@dataclass(frozen=True, slots=True, kw_only=True)
class KayentaSettings:
    """Kayenta's settings under its defaults; `increase_matters` and `decrease_matters` are its direction."""

    tolerance: float = 0.25
    confidence: float = 0.98
    allowed_increase: float = 1.0
    allowed_decrease: float = 1.0
    critical_increase: float = 1.0
    critical_decrease: float = 1.0
    is_critical: bool = False
    increase_matters: bool = True
    decrease_matters: bool = False
    replace_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The label, whether it is a critical failure, and the ratio of the means."""

    label: Label
    is_critical: bool
    ratio: float


def classify(
    experiment: Sequence[float], control: Sequence[float], settings: KayentaSettings | None = None
) -> Classification:
    """Kayenta's label for one metric; NaN is removed, or replaced by 0 with `replace_missing`."""
    chosen = settings or KayentaSettings()
    ours, theirs = _clean(experiment, chosen.replace_missing), _clean(control, chosen.replace_missing)
    if not ours or not theirs:
        return Classification(label=Label.NO_DATA, is_critical=chosen.is_critical, ratio=1.0)
    ratio = mean_ratio(ours, theirs)
    if sorted(ours) == sorted(theirs):
        return Classification(label=Label.PASS, is_critical=False, ratio=ratio)
    estimate, low, high = shift_interval(ours, theirs, chosen.confidence)
    bound = chosen.tolerance * abs(estimate)
    if chosen.increase_matters and low > bound and ratio >= chosen.allowed_increase:
        critical = chosen.is_critical and ratio >= chosen.critical_increase
        return Classification(label=Label.HIGH, is_critical=critical, ratio=ratio)
    if chosen.decrease_matters and high < -bound and ratio <= chosen.allowed_decrease:
        critical = chosen.is_critical and ratio <= chosen.critical_decrease
        return Classification(label=Label.LOW, is_critical=critical, ratio=ratio)
    return Classification(label=Label.PASS, is_critical=False, ratio=ratio)


def shift_interval(first: Sequence[float], second: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """Estimate, lower and upper end of the shift between two samples, where the standardized rank sum crosses."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return _crossing(first, second, 0.0, 0.0), _crossing(first, second, z, 0.5), _crossing(first, second, -z, 0.5)


def score(labels: Mapping[str, Sequence[Classification]], weights: Mapping[str, float]) -> float:
    """Kayenta's score, 0 to 100: per group the share of Pass among the labelled, weighted; 0 on a critical failure.

    Groups without a weight share what is left of 100 evenly.
    """
    if any(each.is_critical for group in labels.values() for each in group):
        return 0.0
    unweighted = [name for name in labels if name not in weights]
    rest = (100 - sum(weights.values())) / len(unweighted) if unweighted else 0.0
    total = 0.0
    for name, group in labels.items():
        known = [each for each in group if each.label is not Label.NO_DATA]
        if known:
            passed = sum(1 for each in known if each.label is Label.PASS)
            total += passed / len(known) * weights.get(name, rest)
    return total


def _clean(values: Sequence[float], replace: bool) -> list[float]:
    if replace:
        return [0.0 if math.isnan(value) else value for value in values]
    return [value for value in values if not math.isnan(value)]


def _crossing(first: Sequence[float], second: Sequence[float], z: float, correction: float) -> float:
    low, high = min(first) - max(second), max(first) - min(second)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        moved = [value - middle for value in first]
        low, high = (middle, high) if rank_sum_deviate(moved, second, correction) > z else (low, middle)
    # The crossing is at one of the differences; what bisection leaves beside it must not decide a comparison.
    return round((low + high) / 2, 9)
