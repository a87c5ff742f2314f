"""Quantiles of plain numbers, with the method named: nine are in use and they differ on small samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum


class QuantileMethod(StrEnum):
    """Names as in numpy, types as in Hyndman and Fan 1996, "Sample quantiles in statistical packages"."""

    INVERTED_CDF = "inverted_cdf"  # type 1
    WEIBULL = "weibull"  # type 6: PERCENTILE.EXC, Minitab
    LINEAR = "linear"  # type 7: numpy's and R's default
    MEDIAN_UNBIASED = "median_unbiased"  # type 8: their recommendation


def quantile(values: Sequence[float], probability: float, method: QuantileMethod) -> float:
    """The `probability` quantile of `values` by `method`.

    Raises:
        ValueError: no values, or a probability outside 0..1.
    """
    if not values or not 0.0 <= probability <= 1.0:
        raise ValueError("a quantile needs values and a probability from 0 to 1")
    ordered, size = sorted(values), len(values)
    match method:
        case QuantileMethod.INVERTED_CDF:
            return ordered[max(0, math.ceil(size * probability) - 1)]
        case QuantileMethod.WEIBULL:
            position = (size + 1) * probability
        case QuantileMethod.LINEAR:
            position = (size - 1) * probability + 1
        case QuantileMethod.MEDIAN_UNBIASED:
            position = (size + 1 / 3) * probability + 1 / 3
    position = min(max(position, 1.0), float(size))
    below = math.floor(position)
    above = min(below + 1, size)
    return ordered[below - 1] + (position - below) * (ordered[above - 1] - ordered[below - 1])
