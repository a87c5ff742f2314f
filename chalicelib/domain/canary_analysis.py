"""Is the new version worse? The judge: pure, explained, and right about how often it cries wolf.

    evidence -> health -> what to compare with -> one finding per metric -> decision

`judge` speaks at the end of a bake. `find_harm` is for every look in between, as many as one likes: its tests hold at
any stopping time, so looking often costs no false alarms. docs/judge.md has the method, its sources and its limits.
"""

from __future__ import annotations

from chalicelib.domain.analysis.budget import budget
from chalicelib.domain.analysis.comparison import Comparison, compare
from chalicelib.domain.analysis.decision import decide, hold_for_data, promote_on_health, roll_back
from chalicelib.domain.analysis.declared import declared_finding
from chalicelib.domain.analysis.error_rate import assess_errors, assess_node_errors, error_finding, may_be_worse
from chalicelib.domain.analysis.evidence import DeclaredSeries, Direction, Evidence, Missing, NodeEvidence
from chalicelib.domain.analysis.health import find_outright_failure, find_unhealthy
from chalicelib.domain.analysis.latency import MEDIAN_BP, LatencyLimit, assess_latency, latency_finding, may_be_slower
from chalicelib.domain.analysis.levels import assess_cpu, assess_memory, assess_node_memory, level_finding
from chalicelib.domain.analysis.policy import AnalysisMode, AnalysisPolicy, DeclaredMetric
from chalicelib.domain.analysis.verdict import (
    ComparedWith,
    Conclusion,
    Decision,
    Finding,
    Reason,
    ReasonCode,
    Verdict,
)

__all__ = [
    "AnalysisMode",
    "AnalysisPolicy",
    "ComparedWith",
    "Conclusion",
    "Decision",
    "DeclaredMetric",
    "DeclaredSeries",
    "Direction",
    "Evidence",
    "Finding",
    "Missing",
    "NodeEvidence",
    "Reason",
    "ReasonCode",
    "Verdict",
    "find_harm",
    "judge",
]


def judge(evidence: Evidence, policy: AnalysisPolicy) -> Verdict:
    """The verdict at the end of a bake: promote, hold or rollback, with reasons and all findings.

    In mode `required`, `promote` needs enough requests on both sides (unless nothing ran here before) and no metric
    worse; what is missing makes it `hold`, and the reasons say how much more is needed.
    """
    unhealthy = find_unhealthy(evidence, policy)
    if unhealthy is not None:
        return unhealthy
    if not evidence.canary:
        return hold_for_data(compare(evidence, policy), policy)
    if policy.mode is AnalysisMode.HEALTH_ONLY:
        return promote_on_health(evidence)
    if evidence.first_install:
        return find_outright_failure(evidence, policy) or promote_on_health(evidence)
    comparison = compare(evidence, policy)
    if not comparison.baseline.requests:
        return find_outright_failure(evidence, policy) or hold_for_data(comparison, policy)
    findings = (*_built_in(evidence, comparison, policy), *_declared(evidence, policy))
    return decide(comparison, findings, policy)


def find_harm(evidence: Evidence, policy: AnalysisPolicy) -> Verdict | None:
    """`rollback` as soon as the evidence suffices for it, else None. For every look of a bake.

    User-declared metrics are left to `judge`: their rank test does not hold at every look.
    """
    unhealthy = find_unhealthy(evidence, policy)
    if unhealthy is not None or policy.mode is AnalysisMode.HEALTH_ONLY:
        return unhealthy
    comparison = compare(evidence, policy)
    if evidence.first_install or not comparison.baseline.requests:
        return find_outright_failure(evidence, policy)
    findings = _harm(evidence, comparison, policy)
    return roll_back(comparison.compared_with, findings) if findings else None


def _built_in(evidence: Evidence, comparison: Comparison, policy: AnalysisPolicy) -> tuple[Finding, ...]:
    share = budget(evidence, policy)
    latencies = [assess_latency(comparison, policy, share.latency, **limit) for limit in _latency_limits(policy)]
    return (
        error_finding(assess_errors(comparison, policy, share), policy),
        *(latency_finding(test, policy) for test in latencies),
        level_finding(assess_cpu(comparison, policy, share.level, explain=True), policy, share.level),
        level_finding(assess_memory(comparison, policy, share.level, explain=True), policy, share.level),
        *(error_finding(test, policy) for test in assess_node_errors(comparison, policy, share)),
        *(level_finding(test, policy, share.level) for test in assess_node_memory(comparison, policy, share.level)),
    )


def _harm(evidence: Evidence, comparison: Comparison, policy: AnalysisPolicy) -> tuple[Finding, ...]:
    """The findings that are harm. A look must be cheap, so what cannot be harm is not worked out."""
    share = budget(evidence, policy)
    errors = [assess_errors(comparison, policy, share)] if may_be_worse(comparison, policy) else []
    errors += assess_node_errors(comparison, policy, share)
    latencies = [
        assess_latency(comparison, policy, share.latency, **limit)
        for limit in _latency_limits(policy)
        if may_be_slower(comparison, **limit)
    ]
    levels = [assess(comparison, policy, share.level, explain=False) for assess in (assess_cpu, assess_memory)]
    levels += assess_node_memory(comparison, policy, share.level)
    return (
        *(error_finding(test, policy) for test in errors if test.is_harm),
        *(latency_finding(test, policy) for test in latencies if test.is_harm),
        *(level_finding(test, policy, share.level) for test in levels if test.is_harm),
    )


def _latency_limits(policy: AnalysisPolicy) -> tuple[LatencyLimit, LatencyLimit]:
    return (
        {"quantile_bp": MEDIAN_BP, "increase_pct": policy.median_latency_increase_pct},
        {"quantile_bp": policy.latency_quantile_bp, "increase_pct": policy.latency_increase_pct},
    )


def _declared(evidence: Evidence, policy: AnalysisPolicy) -> tuple[Finding, ...]:
    series = {each.name: each for each in evidence.declared}
    alpha = budget(evidence, policy).declared
    return tuple(declared_finding(metric, series.get(metric.name), alpha) for metric in policy.declared)
