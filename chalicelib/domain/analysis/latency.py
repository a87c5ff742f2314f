"""Latency: is the canary's quantile above what the baseline's, raised by the threshold, allows?

A quantile above a limit means that more than its share of requests took longer than the limit. So the question about
a distribution becomes one about a count, read off the merged histograms, and the sequential test for shares answers
it at every look. Inverted, that test is the confidence sequence for a quantile of Howard and Ramdas 2022
("Sequential estimation of quantiles with applications to A/B testing and best-arm identification"), by the beta-
binomial mixture instead of their stitched boundary. No shape of the distribution is assumed.

The limit is the baseline's quantile times the tolerated ratio, widened by how nodes differ and by the sampling error
of the baseline's own quantile, and at least the floor above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from chalicelib.domain.analysis.comparison import Comparison, Reading
from chalicelib.domain.analysis.numbers import change, milliseconds, plain_p, relative_bp
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.spread import LogReading, NodeLogs, Widening, widen
from chalicelib.domain.analysis.verdict import Conclusion, Finding
from chalicelib.domain.histogram import Histogram, mixed
from chalicelib.domain.statistics.sequential import log_e_share

TEST = "quantile test: beta-binomial mixture e-value on the share of requests above the limit"
MEDIAN_BP = 5_000
MEDIAN_METRIC = "latencyP50"
# A quantile needs so many requests beyond it on each side before it may be called fine.
BEYOND = 5
_BISECTIONS = 20


class LatencyLimit(TypedDict):
    """A quantile and how much it may rise."""

    quantile_bp: int
    increase_pct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyTest:
    """One quantile of the canary against the baseline's, in microseconds, and the evidence for harm as ln e."""

    quantile_bp: int
    increase_pct: int
    canary: Histogram
    baseline: Histogram
    canary_us: int | None
    baseline_us: int | None
    limit_us: float
    widening: Widening
    alpha: float
    log_e: float

    @property
    def is_harm(self) -> bool:
        """Whether the evidence passes what the budget asks for, by Ville's inequality."""
        return self.log_e >= math.log(1 / self.alpha)


def assess_latency(
    comparison: Comparison, policy: AnalysisPolicy, alpha: float, *, quantile_bp: int, increase_pct: int
) -> LatencyTest:
    """The whole canary, after warm-up, against the baseline at one quantile; a thin baseline gives no evidence."""
    canary, baseline = comparison.canary.settled.latency, comparison.baseline_settled.latency
    base_us = baseline.quantile_us(quantile_bp)
    widening = _widening(comparison, quantile_bp)
    limit_us, log_e = math.inf, 0.0
    reading = _log_quantile(baseline, quantile_bp)
    if base_us is not None and reading is not None:
        ratio = (1 + increase_pct / 100) * math.exp(widening.offset)
        ratio *= math.exp(widening.caution * math.sqrt(widening.deviation**2 + reading.variance))
        limit_us = max(base_us * ratio, base_us * math.exp(widening.offset) + policy.latency_floor_us)
        if baseline.total >= policy.min_baseline_requests:
            log_e = log_e_share(canary.count_above(limit_us), canary.total, 1 - quantile_bp / 10_000)
    return LatencyTest(
        quantile_bp=quantile_bp,
        increase_pct=increase_pct,
        canary=canary,
        baseline=baseline,
        canary_us=canary.quantile_us(quantile_bp),
        baseline_us=base_us,
        limit_us=limit_us,
        widening=widening,
        alpha=alpha,
        log_e=log_e,
    )


def may_be_slower(comparison: Comparison, *, quantile_bp: int, increase_pct: int) -> bool:
    """Whether the canary's quantile is high enough for `assess_latency` to find harm at all; cheap, never wrong.

    The limit is at least the baseline's quantile, raised by the threshold and lowered by how far the canary lay below
    before; and a share of requests above the limit that is no larger than the quantile leaves is no evidence.
    """
    canary_us = comparison.canary.settled.latency.quantile_us(quantile_bp)
    base_us = comparison.baseline_settled.latency.quantile_us(quantile_bp)
    if canary_us is None or base_us is None:
        return False
    # One microsecond of slack for the rounding of quantiles.
    if canary_us + 1 > base_us * (1 + increase_pct / 100):
        return True
    ours = _log_quantile_before([node for _, node in comparison.canary_nodes], quantile_bp)
    theirs = _log_baseline_before(comparison, quantile_bp)
    lower = math.exp(min(0.0, ours.value - theirs.value)) if ours and theirs else 1.0
    return canary_us + 1 > base_us * (1 + increase_pct / 100) * lower * 0.999


def requests_needed(quantile_bp: int, minimum: int) -> int:
    """How many requests a side needs before this quantile may be called fine."""
    return max(minimum, math.ceil(BEYOND * 10_000 / (10_000 - quantile_bp)))


def latency_finding(test: LatencyTest, policy: AnalysisPolicy) -> Finding:
    """The test as it is stored and shown."""
    conclusion = _conclusion(test, policy)
    low, high = _interval(test)
    return Finding(
        metric=f"latencyP{test.quantile_bp / 100:g}",
        unit="us",
        canary_value=test.canary_us,
        baseline_value=test.baseline_us,
        canary_samples=test.canary.total,
        baseline_samples=test.baseline.total,
        sample_unit="requests",
        test=TEST,
        p_value=plain_p(test.log_e),
        alpha=f"{test.alpha:.2g}",
        effect_bp=relative_bp(_effect(test)),
        low_bp=low,
        high_bp=high,
        threshold_bp=test.increase_pct * 100,
        tested_bp=relative_bp(test.limit_us / test.baseline_us) if test.baseline_us else None,
        floor=policy.latency_floor_us,
        conclusion=conclusion,
        sentence=_sentence(test, conclusion),
    )


def _conclusion(test: LatencyTest, policy: AnalysisPolicy) -> Conclusion:
    if test.is_harm:
        return Conclusion.HARM
    if not test.canary.total or not test.baseline.total:
        return Conclusion.NO_DATA
    enough = test.canary.total >= requests_needed(test.quantile_bp, policy.min_requests)
    enough &= test.baseline.total >= requests_needed(test.quantile_bp, policy.min_baseline_requests)
    return Conclusion.PASS if enough else Conclusion.THIN


def _widening(comparison: Comparison, quantile_bp: int) -> Widening:
    def logs(node: Reading) -> NodeLogs:
        return NodeLogs(
            before=_log_quantile(node.before.latency, quantile_bp),
            during=_log_quantile(node.settled.latency, quantile_bp),
            weight=float(node.settled.requests),
        )

    return widen(
        canary_before=_log_quantile_before([node for _, node in comparison.canary_nodes], quantile_bp),
        baseline_before=_log_baseline_before(comparison, quantile_bp),
        canary_weights=[float(node.settled.requests) for _, node in comparison.canary_nodes],
        nodes=[logs(node) for node in comparison.control_nodes],
        same_time=comparison.has_control,
        same_nodes=comparison.same_nodes,
    )


def _log_baseline_before(comparison: Comparison, quantile_bp: int) -> LogReading | None:
    if comparison.has_control:
        return _log_quantile_before(comparison.control_nodes, quantile_bp)
    return _log_quantile(comparison.baseline_settled.latency, quantile_bp)


def _log_quantile_before(nodes: Sequence[Reading], quantile_bp: int) -> LogReading | None:
    """ln of the quantile before that these nodes would have had together in the traffic they have had since.

    None where a node that has had traffic since has none before.
    """
    total = sum(node.settled.requests for node in nodes)
    seen = [node for node in nodes if node.settled.requests]
    if not seen or not all(node.before.requests for node in seen):
        return None
    shares = [(node.settled.requests / total, node.before.latency) for node in seen]
    effective = 1 / sum(share**2 / histogram.total for share, histogram in shares)
    return _log_quantile(mixed(shares) if len(shares) > 1 else shares[0][1], quantile_bp, requests=effective)


def _log_quantile(histogram: Histogram, quantile_bp: int, requests: float | None = None) -> LogReading | None:
    """ln of a quantile, with half the width of its binomial interval at one standard error as deviation.

    Reading the interval off the distribution itself needs no estimate of a density (Woodruff 1952). `requests`: how
    many the histogram stands for, if not its total. None where fewer than `BEYOND` lie beyond the quantile.
    """
    total, share = requests or histogram.total, quantile_bp / 10_000
    if total * (1 - share) < BEYOND:
        return None
    step_bp = max(1, round(10_000 * math.sqrt(share * (1 - share) / total)))
    low = histogram.quantile_us(max(1, quantile_bp - step_bp))
    middle = histogram.quantile_us(quantile_bp)
    high = histogram.quantile_us(min(9_999, quantile_bp + step_bp))
    if not low or not middle or not high:
        return None
    deviation = max(math.log(high / low) / 2, 1e-3)
    return LogReading(value=math.log(middle), variance=deviation**2)


def _effect(test: LatencyTest) -> float | None:
    return test.canary_us / test.baseline_us if test.canary_us and test.baseline_us else None


def _interval(test: LatencyTest) -> tuple[int | None, int | None]:
    """The confidence sequence of the canary's quantile, relative to the baseline's, in ten-thousandths."""
    if not test.canary_us or not test.baseline_us:
        return None, None
    total, share, wanted = test.canary.total, 1 - test.quantile_bp / 10_000, math.log(2 / test.alpha)

    def surely_above(log_us: float) -> bool:
        return log_e_share(test.canary.count_above(math.exp(log_us)), total, share) >= wanted

    def surely_below(log_us: float) -> bool:
        return log_e_share(total - test.canary.count_above(math.exp(log_us)), total, 1 - share) >= wanted

    low = _edge(surely_above)
    high = _edge(lambda log_us: not surely_below(log_us))
    return relative_bp(math.exp(low) / test.baseline_us), relative_bp(math.exp(high) / test.baseline_us)


def _edge(holds: Callable[[float], bool]) -> float:
    """The logarithm of the latency at which `holds` turns from true to false."""
    low, high = 0.0, math.log(2) * 32
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _sentence(test: LatencyTest, conclusion: Conclusion) -> str:
    name = f"{test.quantile_bp / 100:g} % of requests"
    if not test.canary_us or not test.baseline_us:
        return f"There are no latencies on {'either side' if not test.canary_us else 'the baseline'} to compare."
    shown = (
        f"{name} take up to {milliseconds(test.canary_us)} with the canary and {milliseconds(test.baseline_us)} with"
        f" the baseline ({change(test.canary_us / test.baseline_us)})"
    )
    match conclusion:
        case Conclusion.HARM:
            return f"{shown}, surely more than the +{test.increase_pct} % tolerated."
        case Conclusion.PASS:
            return f"{shown}: not worse than tolerated as far as can be told."
        case _:
            return f"{shown}: too few requests to tell."
