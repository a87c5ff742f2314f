"""The beta distribution's upper tail, which the sequential test of counts needs in logarithms."""

from __future__ import annotations

import math
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-13
_MAX_TERMS = 2_000
# Above this many pseudo-observations the continued fraction gets slow and the normal law is as good.
_NORMAL_ABOVE = 200_000.0


def log_beta(a: float, b: float) -> float:
    """ln B(a, b) for a, b > 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_upper_tail(x: float, a: float, b: float) -> float:
    """ln P(X > x) for X ~ Beta(a, b); minus infinity where it is below what a double can hold.

    Continued fraction by Lentz's method (Press et al., Numerical Recipes, 6.4); for very many observations the
    normal approximation to the transformed variable (Abramowitz and Stegun 26.5.22).
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return -math.inf
    if min(a, b) > 50.0 and a + b > _NORMAL_ABOVE:
        return _log(NormalDist().cdf(-_normal_deviate(x, a, b)))
    front = a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)
    if x < (a + 1.0) / (a + b + 2.0):
        return _log1m(math.exp(min(0.0, front + math.log(_fraction(x, a, b) / a))))
    return min(0.0, front + math.log(_fraction(1.0 - x, b, a) / b))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, for x below its mean."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        result *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return result


def _normal_deviate(x: float, a: float, b: float) -> float:
    first, second = math.cbrt(b * x), math.cbrt(a * (1.0 - x))
    spread = math.sqrt(first * first / b + second * second / a)
    return 3.0 * (first * (1 - 1 / (9 * b)) - second * (1 - 1 / (9 * a))) / spread


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf


def _log1m(value: float) -> float:
    return math.log1p(-value) if value < 1.0 else -math.inf
