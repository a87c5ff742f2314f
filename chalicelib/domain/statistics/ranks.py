"""Rank tests for two samples of plain numbers: Mann-Whitney and the Hodges-Lehmann shift.

Sources: Mann and Whitney 1947; Hollander, Wolfe and Chicken 2014, "Nonparametric Statistical Methods", chapter 4.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

# Exact up to this many values: their ways to be dealt out fit 64 bits, and above the normal law is good enough.
_EXACT_UP_TO = 60
_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """`u`: pairs in which the first sample is larger, ties one half. `p_greater`, `p_less`, `p_two_sided`: p-values."""

    u: float
    p_greater: float
    p_less: float
    p_two_sided: float
    exact: bool


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> RankTest:
    """Whether one sample tends to larger values than the other.

    Exact by counting all ways to deal the pooled values out, ties included, up to 60 values in all; above, normal
    with the variance corrected for ties and a continuity correction of one half.

    Raises:
        ValueError: an empty sample, or a value that is not a number.
    """
    _require_numbers(first, second)
    u = _u(first, second)
    if len(first) + len(second) <= _EXACT_UP_TO:
        greater, less = _exact_tails(first, second)
        exact = True
    else:
        greater, less = _normal_tails(u, first, second)
        exact = False
    return RankTest(u=u, p_greater=greater, p_less=less, p_two_sided=min(1.0, 2 * min(greater, less)), exact=exact)


def rank_sum_deviate(first: Sequence[float], second: Sequence[float], correction: float) -> float:
    """U less its expectation, drawn in by `correction`, in standard deviations; 0 where all values are tied.

    Raises:
        ValueError: an empty sample, or a value that is not a number.
    """
    _require_numbers(first, second)
    distance = _u(first, second) - len(first) * len(second) / 2
    spread = math.sqrt(_u_variance(first, second))
    return (distance - math.copysign(min(correction, abs(distance)), distance)) / spread if spread else 0.0


def hodges_lehmann(first: Sequence[float], second: Sequence[float], alpha: float) -> tuple[float, float, float]:
    """How far the first sample lies above the second: the median of all differences, and its 1 - `alpha` interval.

    The interval is Moses' (the k-th differences from either end, k from the normal law of U corrected for ties, as R's
    wilcox.test does without `exact`); where the samples are too small for `alpha` it is the whole range of
    differences.

    Raises:
        ValueError: an empty sample, or a value that is not a number.
    """
    _require_numbers(first, second)
    differences = sorted(a - b for a in first for b in second)
    pairs = len(differences)
    half = pairs // 2
    middle = differences[half] if pairs % 2 else (differences[half - 1] + differences[half]) / 2
    spread = math.sqrt(_u_variance(first, second))
    cut = math.floor(pairs / 2 - NormalDist().inv_cdf(1 - alpha / 2) * spread - 0.5)
    cut = min(max(cut, 0), (pairs - 1) // 2)
    return middle, differences[cut], differences[pairs - 1 - cut]


def _require_numbers(*samples: Sequence[float]) -> None:
    for sample in samples:
        if not sample:
            raise ValueError("a rank test needs values on both sides")
        if any(math.isnan(value) for value in sample):
            raise ValueError("a rank test needs numbers, not NaN")


def _u(first: Sequence[float], second: Sequence[float]) -> float:
    ranks = _mid_ranks(first, second)
    return sum(ranks[value] for value in first) - len(first) * (len(first) + 1) / 2


def _mid_ranks(first: Sequence[float], second: Sequence[float]) -> dict[float, float]:
    counts = sorted(Counter((*first, *second)).items())
    ends = accumulate(count for _, count in counts)
    return {value: end - (count - 1) / 2 for (value, count), end in zip(counts, ends, strict=True)}


def _exact_tails(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """P(rank sum >= seen) and P(rank sum <= seen) over all ways to deal the pooled values out.

    ways[k] counts, by twice the sum of mid-ranks, how many sets of k values have it: a polynomial, kept in one
    integer with 64 bits to a coefficient, so that adding a value is one shift and one addition.
    """
    counts = Counter((*first, *second))
    ranks = {value: round(2 * rank) for value, rank in _mid_ranks(first, second).items()}
    ways = [1] + [0] * len(first)
    for value, count in counts.items():
        for _ in range(count):
            for dealt in range(len(first), 0, -1):
                ways[dealt] += ways[dealt - 1] << (_BITS * ranks[value])
    seen = sum(ranks[value] for value in first)
    everything = math.comb(len(first) + len(second), len(first))
    numbers = _coefficients(ways[-1])
    return sum(numbers[seen:]) / everything, sum(numbers[: seen + 1]) / everything


def _coefficients(polynomial: int) -> list[int]:
    width = _BITS // 8
    packed = polynomial.to_bytes((polynomial.bit_length() // _BITS + 1) * width, "little")
    return [int.from_bytes(packed[at : at + width], "little") for at in range(0, len(packed), width)]


def _normal_tails(u: float, first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    spread = math.sqrt(_u_variance(first, second))
    if spread == 0.0:
        return 1.0, 1.0
    middle = len(first) * len(second) / 2
    normal = NormalDist()
    return normal.cdf(-(u - middle - 0.5) / spread), normal.cdf((u - middle + 0.5) / spread)


def _u_variance(first: Sequence[float], second: Sequence[float]) -> float:
    m, n = len(first), len(second)
    ties = sum(count**3 - count for count in Counter((*first, *second)).values())
    size = m + n
    return max(0.0, m * n / 12 * (size + 1 - ties / (size * (size - 1)))) if size > 1 else 0.0
