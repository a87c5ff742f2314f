"""Effect sizes: how much, where a p-value says how surely."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chalicelib.domain.statistics.ranks import mann_whitney


def common_language(first: Sequence[float], second: Sequence[float]) -> float:
    """The chance that a value of `first` is above one of `second`, ties one half: 0 to 1, 0.5 for no effect.

    Source: McGraw and Wong 1992; Vargha and Delaney's A.

    Raises:
        ValueError: an empty sample, or a value that is not a number.
    """
    return mann_whitney(first, second).u / (len(first) * len(second))


def cliffs_delta(first: Sequence[float], second: Sequence[float]) -> float:
    """P(first > second) - P(first < second): -1 to 1. Source: Cliff 1993.

    Raises:
        ValueError: an empty sample, or a value that is not a number.
    """
    return 2 * common_language(first, second) - 1


def mean_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Mean of `first` over mean of `second`; 1 where both are 0, infinite where only the second is.

    Raises:
        ValueError: an empty sample.
    """
    if not first or not second:
        raise ValueError("a ratio of means needs values on both sides")
    top, bottom = math.fsum(first) / len(first), math.fsum(second) / len(second)
    if bottom == 0.0:
        return 1.0 if top == 0.0 else math.copysign(math.inf, top)
    return top / bottom
