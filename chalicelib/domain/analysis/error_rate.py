"""Errors of requests: of the whole canary, and of each node of it.

Two things must be refuted before it is harm: "errors come at most (1 + threshold) times as often as in the baseline",
by the side on which each error fell, and "the error rate lies above the baseline's by no more than the floor".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.analysis.budget import Budget
from chalicelib.domain.analysis.comparison import Comparison, Reading, Tally
from chalicelib.domain.analysis.dispersion import error_dispersion
from chalicelib.domain.analysis.numbers import change, per_cent, plain_p, relative_bp
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.spread import LogReading, NodeLogs, Widening, widen
from chalicelib.domain.analysis.verdict import Conclusion, Finding
from chalicelib.domain.metrics import Window
from chalicelib.domain.statistics.sequential import log_e_ratio, log_e_share, ratio_interval

TEST = "beta-binomial mixture e-value on the side of each error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTest:
    """One group of canary nodes against the baseline: what was counted, and the evidence for harm as ln e."""

    node_id: str | None
    canary: Tally
    baseline: Tally
    is_enough: bool
    dispersion: float
    tested_ratio: float
    alpha: float
    log_e: float
    node_name: str = ""

    @property
    def is_harm(self) -> bool:
        """Whether the evidence passes what the budget asks for, by Ville's inequality."""
        return self.log_e >= math.log(1 / self.alpha)


def assess_errors(comparison: Comparison, policy: AnalysisPolicy, share: Budget) -> ErrorTest:
    """The whole canary against the baseline."""
    nodes = [reading for _, reading in comparison.canary_nodes]
    return _test(comparison, policy, None, comparison.canary, nodes, share.errors, same_nodes=comparison.same_nodes)


def may_be_worse(comparison: Comparison, policy: AnalysisPolicy) -> bool:
    """Whether the canary's error rate is high enough for `assess_errors` to find harm at all; cheap, never wrong.

    The tested ratio is at least the practical one times how far the canary lay below the baseline before.
    """
    canary, baseline = comparison.canary.since, comparison.baseline
    ours = _log_rate_before([node for _, node in comparison.canary_nodes], 1.0)
    theirs = _log_baseline_before(comparison, 1.0)
    lower = min(0.0, ours.value - theirs.value) if ours and theirs else 0.0
    return canary.errors * baseline.requests > _limit(policy) * math.exp(lower) * baseline.errors * canary.requests


def assess_node_errors(comparison: Comparison, policy: AnalysisPolicy, share: Budget) -> tuple[ErrorTest, ...]:
    """Each canary node on its own against the baseline, those that are worse; the budget is split over the nodes."""
    nodes = comparison.canary_nodes
    if len(nodes) < 2:
        return ()
    limit = _limit(policy) * comparison.baseline.errors / max(1, comparison.baseline.requests)
    suspects = [(name, node) for name, node in nodes if node.since.errors > limit * node.since.requests]
    alpha = share.node_errors / len(nodes)
    tests = (_test(comparison, policy, name, node, [node], alpha, same_nodes=False) for name, node in suspects)
    return tuple(test for test in tests if test.is_harm)


def error_finding(test: ErrorTest, policy: AnalysisPolicy) -> Finding:
    """The test as it is stored and shown."""
    canary, baseline = test.canary, test.baseline
    if test.is_harm:
        conclusion = Conclusion.HARM
    elif test.is_enough:
        conclusion = Conclusion.PASS
    else:
        conclusion = Conclusion.THIN if canary.requests and baseline.requests else Conclusion.NO_DATA
    low_bp, high_bp = _interval(test)
    return Finding(
        metric="errorRate",
        node_id=test.node_id,
        unit="bp",
        canary_value=canary.error_rate_bp,
        baseline_value=baseline.error_rate_bp,
        canary_samples=canary.requests,
        baseline_samples=baseline.requests,
        sample_unit="requests",
        test=TEST,
        p_value=plain_p(test.log_e),
        alpha=f"{test.alpha:.2g}",
        effect_bp=relative_bp(_effect(test)),
        low_bp=low_bp,
        high_bp=high_bp,
        threshold_bp=policy.error_rate_increase_pct * 100,
        tested_bp=relative_bp(test.tested_ratio),
        floor=policy.error_rate_floor_bp,
        conclusion=conclusion,
        sentence=_sentence(test, policy, conclusion),
    )


def _test(
    comparison: Comparison,
    policy: AnalysisPolicy,
    node_id: str | None,
    reading: Reading,
    nodes: Sequence[Reading],
    alpha: float,
    *,
    same_nodes: bool,
) -> ErrorTest:
    dispersion = _dispersion(comparison)
    widening = widen(
        canary_before=_log_rate_before(nodes, dispersion),
        baseline_before=_log_baseline_before(comparison, dispersion),
        canary_weights=[float(node.since.requests) for node in nodes],
        nodes=[_logs(node, dispersion) for node in comparison.control_nodes],
        same_time=comparison.has_control,
        same_nodes=same_nodes,
    )
    canary, baseline = reading.since, comparison.baseline
    # Earlier waves add evidence of harm, but a promotion takes traffic in this bake.
    enough = comparison.canary.during.requests >= policy.min_requests
    enough &= comparison.baseline_bake.requests >= policy.min_baseline_requests
    tested = widening.tested_ratio(_limit(policy))
    by_ratio = log_e_ratio(
        canary.errors / dispersion,
        canary.requests / dispersion,
        baseline.errors / dispersion,
        baseline.requests / dispersion,
        tested,
    )
    by_floor = _log_e_floor(canary, baseline, dispersion, widening, policy)
    return ErrorTest(
        node_id=node_id,
        node_name=comparison.names[node_id] if node_id else "",
        canary=canary,
        baseline=baseline,
        is_enough=enough,
        dispersion=dispersion,
        tested_ratio=tested,
        alpha=alpha,
        log_e=min(by_ratio, by_floor),
    )


def _log_e_floor(
    canary: Tally, baseline: Tally, dispersion: float, widening: Widening, policy: AnalysisPolicy
) -> float:
    if not baseline.requests or not canary.requests:
        return 0.0
    # Without a floor a single error over a baseline without any would be infinite evidence; the ratio test is enough.
    if policy.error_rate_floor_bp == 0:
        return math.inf
    expected = baseline.errors / baseline.requests * math.exp(widening.offset)
    limit = expected + policy.error_rate_floor_bp / 10_000
    return log_e_share(canary.errors / dispersion, canary.requests / dispersion, limit)


def _dispersion(comparison: Comparison) -> float:
    if comparison.has_control:
        nodes = comparison.control_nodes
        periods = [[node.cells_before for node in nodes], [node.cells_settled for node in nodes]]
    else:
        periods = [[node.cells_before for _, node in comparison.canary_nodes]]
    return error_dispersion(periods, same_time=comparison.has_control)


def _limit(policy: AnalysisPolicy) -> float:
    return 1 + policy.error_rate_increase_pct / 100


def _logs(node: Reading, dispersion: float) -> NodeLogs:
    return NodeLogs(
        before=_log_rate(node.before, dispersion),
        during=_log_rate(node.since, dispersion),
        weight=float(node.since.requests),
    )


def _log_rate(window: Window | Tally, dispersion: float) -> LogReading | None:
    """ln of the error rate; half an error is added so that none is no infinity (Haldane 1955, Anscombe 1956)."""
    if not window.requests:
        return None
    errors = window.errors + 0.5
    return LogReading(value=math.log(errors / (window.requests + 1.0)), variance=dispersion / errors)


def _log_baseline_before(comparison: Comparison, dispersion: float) -> LogReading | None:
    if comparison.has_control:
        return _log_rate_before(comparison.control_nodes, dispersion)
    return _log_rate(comparison.baseline, dispersion)


def _log_rate_before(nodes: Sequence[Reading], dispersion: float) -> LogReading | None:
    """ln of the error rate before that these nodes would have had together in the traffic they have had since.

    Nodes that changed earlier weigh more in what came since, so they must weigh more in what it is compared with.
    None where a node that has had traffic since has none before.
    """
    total = sum(node.since.requests for node in nodes)
    parts = [(node.since.requests / total, node.before) for node in nodes if node.since.requests] if total else []
    if not parts or not all(before.requests for _, before in parts):
        return None
    # Half an error is added in all, as in _log_rate.
    rate = sum(part * (before.errors + 0.5 * part) / before.requests for part, before in parts)
    variance = sum(part**2 * (before.errors + 0.5 * part) / before.requests**2 for part, before in parts)
    return LogReading(value=math.log(rate), variance=dispersion * variance / rate**2)


def _interval(test: ErrorTest) -> tuple[int | None, int | None]:
    canary, baseline, scale = test.canary, test.baseline, test.dispersion
    ends = ratio_interval(
        canary.errors / scale, canary.requests / scale, baseline.errors / scale, baseline.requests / scale, test.alpha
    )
    return (relative_bp(ends[0]), relative_bp(ends[1])) if ends else (None, None)


def _effect(test: ErrorTest) -> float | None:
    if not test.canary.requests or not test.baseline.requests:
        return None
    base = test.baseline.errors / test.baseline.requests
    rate = test.canary.errors / test.canary.requests
    if base == 0.0:
        return 1.0 if rate == 0.0 else math.inf
    return rate / base


def _sentence(test: ErrorTest, policy: AnalysisPolicy, conclusion: Conclusion) -> str:
    who = f"Node {test.node_name}" if test.node_id else "The canary"
    if not test.canary.requests:
        return f"{who} has served no requests."
    rate = per_cent(test.canary.errors / test.canary.requests)
    shown = f"{who} fails {rate} of {test.canary.requests} requests"
    effect = _effect(test)
    if effect is None:
        return f"{shown}; there is no baseline to compare with."
    base = per_cent(test.baseline.errors / test.baseline.requests)
    against = f"{shown}, the baseline {base} of {test.baseline.requests}"
    match conclusion:
        case Conclusion.HARM:
            limit = f"+{policy.error_rate_increase_pct} %"
            return f"{against}: {change(effect)}, surely more than the {limit} tolerated."
        case Conclusion.PASS:
            return f"{against}: not worse than tolerated as far as can be told."
        case _:
            return f"{against}: too few to tell."
