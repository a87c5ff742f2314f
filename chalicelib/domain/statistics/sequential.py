"""Tests that hold at every look: stop when you like, the false-alarm rate stays what it was set to.

An *e-value* is a bet against the null hypothesis that cannot be expected to grow while the null holds. By Ville's
inequality the chance that it *ever* passes 1/alpha is at most alpha, so 1/e is a p-value valid at every look.

Sources: Ville 1939; Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Howard,
Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences"; Lindon and Malek
2022, "Anytime-valid inference for multinomial count data"; Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021,
"Time-uniform central limit theory and asymptotic confidence sequences".
"""

from __future__ import annotations

import math
from collections.abc import Callable

from chalicelib.domain.statistics.beta import log_beta, log_upper_tail

# Two bets of equal stake: one on a large rise, one on a rise of about a third. In pseudo-successes of a beta prior
# whose mean is the null share; fewer of them spread the bet wider.
_BETS = (1.0, 12.0)
_BISECTIONS = 24


def log_e_share(successes: float, trials: float, null_share: float) -> float:
    """ln of the e-value against "the share of successes is at most `null_share`".

    A beta-binomial mixture over the shares above the null, relative to the likelihood at the null: the test of
    Lindon and Malek for two outcomes, made one-sided by cutting the prior at the null. The binomial's likelihood ratio
    is monotone, so a bet that is fair at `null_share` loses below it. Counts may be fractions (divided by a
    dispersion). No trials give 0.

    Args:
        successes: 0 to `trials`.
        null_share: 0 to 1; at 0 any success is infinite evidence, at 1 there is none.
    """
    if trials <= 0.0 or null_share >= 1.0:
        return 0.0
    if null_share <= 0.0:
        return math.inf if successes > 0.0 else 0.0
    failures = max(0.0, trials - successes)
    at_null = successes * math.log(null_share) + failures * math.log1p(-null_share)
    bets = [_log_bet(successes, failures, null_share, strength) - at_null for strength in _BETS]
    return _log_mean_exp(bets)


def log_e_ratio(hits: float, hits_of: float, base_hits: float, base_of: float, ratio: float) -> float:
    """ln of the e-value against "hits come at most `ratio` times as often as in the base".

    Given how many hits there were on both sides, each fell on the first side with a chance that depends on the ratio
    of the rates and on the traffic alone (Przyborowski and Wilenski 1940), so the unknown common rate drops out.
    Where hits are no rare events the true spread is below the binomial's and the test errs to the safe side.
    """
    if hits_of <= 0.0 or base_of <= 0.0:
        return 0.0
    weighted = ratio * hits_of
    return log_e_share(hits, hits + base_hits, weighted / (weighted + base_of))


def ratio_interval(
    hits: float, hits_of: float, base_hits: float, base_of: float, alpha: float
) -> tuple[float, float] | None:
    """The ratios of rates that `log_e_ratio` refutes from neither side, at every look with error `alpha`.

    The confidence sequence obtained by inverting the test. An end may be 0 or infinity; None without traffic.
    """
    if hits_of <= 0.0 or base_of <= 0.0 or hits + base_hits <= 0.0:
        return None
    wanted = math.log(2.0 / alpha)

    def refuted_from_above(ratio: float) -> bool:
        return log_e_ratio(hits, hits_of, base_hits, base_of, ratio) >= wanted

    def refuted_from_below(ratio: float) -> bool:
        return log_e_ratio(base_hits, base_of, hits, hits_of, 1.0 / ratio) >= wanted

    low = _last_true(refuted_from_above, -30.0, 30.0)
    high = _last_true(lambda ratio: not refuted_from_below(ratio), -30.0, 30.0)
    return (0.0 if low is None else math.exp(low), math.inf if high is None or high >= 29.0 else math.exp(high))


def mean_radius(deviation: float, observations: float, alpha: float, *, best_at: float) -> float:
    """How far a mean may lie above its expectation, at every number of observations at once: a one-sided bound.

    Robbins' normal mixture with the standard deviation of one observation plugged in, as Waudby-Smith et al. justify
    asymptotically; narrowest near `best_at` observations. Infinite without observations.
    """
    if observations <= 0.0:
        return math.inf
    needed = -2.0 * math.log(2.0 * alpha)
    tuning = (needed + math.log1p(needed)) / best_at
    grown = observations * tuning + 1.0
    bound = 2.0 * grown / (observations**2 * tuning) * math.log1p(math.sqrt(grown) / (2.0 * alpha))
    return deviation * math.sqrt(bound)


def _log_bet(successes: float, failures: float, null_share: float, strength: float) -> float:
    a, b = strength, strength * (1.0 - null_share) / null_share
    seen = log_beta(a + successes, b + failures) + log_upper_tail(null_share, a + successes, b + failures)
    return seen - log_beta(a, b) - log_upper_tail(null_share, a, b)


def _log_mean_exp(logs: list[float]) -> float:
    largest = max(logs)
    if not math.isfinite(largest):
        return largest
    return largest + math.log(math.fsum(math.exp(each - largest) for each in logs) / len(logs))


def _last_true(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """The largest logarithm of a ratio up to which `holds`; None when not even at `low`. `holds` turns false once."""
    if not holds(math.exp(low)):
        return None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if holds(math.exp(middle)) else (low, middle)
    return low
