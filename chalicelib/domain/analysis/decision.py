"""The last stage: findings become one decision, its reasons and one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.analysis.comparison import Comparison
from chalicelib.domain.analysis.evidence import Evidence
from chalicelib.domain.analysis.latency import MEDIAN_BP, MEDIAN_METRIC, requests_needed
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.verdict import (
    ComparedWith,
    Conclusion,
    Decision,
    Finding,
    Reason,
    ReasonCode,
    Verdict,
)

_SIDE = {
    ComparedWith.CONTROL: "the nodes that kept the old version, over the same time",
    ComparedWith.BEFORE: "what the same nodes did before",
    ComparedWith.HEALTH_ONLY: "nothing",
}
# Levels nobody measures (a kind of node without CPU figures) do not stop a promotion; requests nobody counts do.
_OPTIONAL = frozenset({"cpu", "memory"})


def decide(comparison: Comparison, findings: tuple[Finding, ...], policy: AnalysisPolicy) -> Verdict:
    """Any critical harm rolls back; else anything critical that is thin or missing holds; else promote."""
    compared_with = comparison.compared_with
    critical = [finding for finding in findings if finding.critical]
    if any(finding.conclusion is Conclusion.HARM for finding in critical):
        return roll_back(compared_with, findings)
    open_questions = tuple(reason for finding in critical for reason in _missing(finding, comparison, policy))
    advice = _advice(findings)
    if open_questions:
        sentence = "Too little to decide: " + " ".join(reason.sentence for reason in open_questions)
        return _verdict(Decision.HOLD, compared_with, findings, (*open_questions, *advice), sentence)
    sentence = f"Nothing is worse than tolerated, compared with {_SIDE[compared_with]}."
    reason = Reason(code=ReasonCode.NOT_WORSE, sentence=sentence)
    return _verdict(Decision.PROMOTE, compared_with, findings, (reason, *advice), sentence)


def roll_back(compared_with: ComparedWith, findings: tuple[Finding, ...]) -> Verdict:
    """`rollback` for the critical findings that are harm."""
    harm = [finding for finding in findings if finding.critical and finding.conclusion is Conclusion.HARM]
    reasons = tuple(
        Reason(
            code=ReasonCode.METRIC_WORSE if finding.node_id is None else ReasonCode.NODE_WORSE,
            sentence=finding.sentence,
        )
        for finding in harm
    )
    sentence = f"Worse than {_SIDE[compared_with]}: {harm[0].sentence}"
    if len(harm) > 1:
        sentence += f" {len(harm) - 1} more of the metrics or nodes {'is' if len(harm) == 2 else 'are'} worse, too."
    return _verdict(Decision.ROLLBACK, compared_with, findings, (*reasons, *_advice(findings)), sentence)


def hold_for_data(comparison: Comparison, policy: AnalysisPolicy) -> Verdict:
    """`hold` where there is no baseline at all."""
    reasons = []
    canary = policy.min_requests - comparison.canary.during.requests
    if canary > 0:
        reasons.append(_short_of_requests(canary))
    text = f"There is no baseline to compare with; it needs {policy.min_baseline_requests} requests."
    reasons.append(
        Reason(code=ReasonCode.TOO_FEW_BASELINE_REQUESTS, sentence=text, missing=policy.min_baseline_requests)
    )
    sentence = "Too little to decide: " + " ".join(reason.sentence for reason in reasons)
    return _verdict(Decision.HOLD, comparison.compared_with, (), tuple(reasons), sentence)


def promote_on_health(evidence: Evidence) -> Verdict:
    """`promote` because every node came up, where numbers are not asked for or cannot exist."""
    if evidence.first_install:
        code, why = ReasonCode.FIRST_INSTALL, "Nothing ran here before, so there is nothing to compare with"
    else:
        code, why = ReasonCode.HEALTH_ONLY, "The policy asks for health only"
    count = sum(1 for node in evidence.canary if not (node.failed or node.silent))
    sentence = f"{why}: {count} of {len(evidence.canary)} nodes came up with the new version, and that decides."
    return _verdict(Decision.PROMOTE, ComparedWith.HEALTH_ONLY, (), (Reason(code=code, sentence=sentence),), sentence)


def _missing(finding: Finding, comparison: Comparison, policy: AnalysisPolicy) -> tuple[Reason, ...]:
    if finding.conclusion in (Conclusion.PASS, Conclusion.HARM):
        return ()
    if finding.conclusion is Conclusion.NO_DATA and finding.metric in _OPTIONAL:
        return ()
    match finding.sample_unit:
        case "requests":
            return _missing_requests(finding, comparison, policy)
        case "windows":
            count = policy.level_windows - finding.canary_samples
            text = f"{finding.metric}: {count} more windows of {policy.level_window_ms // 1000} s are needed."
            return (Reason(code=ReasonCode.TOO_FEW_WINDOWS, sentence=text, missing=max(1, count)),)
        case _:
            text = finding.sentence
            return (Reason(code=ReasonCode.METRIC_MISSING, sentence=text, missing=1),)


def _missing_requests(finding: Finding, comparison: Comparison, policy: AnalysisPolicy) -> tuple[Reason, ...]:
    if finding.metric == "errorRate":
        canary = policy.min_requests - comparison.canary.during.requests
        baseline = policy.min_baseline_requests - comparison.baseline_bake.requests
    else:
        quantile_bp = MEDIAN_BP if finding.metric == MEDIAN_METRIC else policy.latency_quantile_bp
        canary = requests_needed(quantile_bp, policy.min_requests) - finding.canary_samples
        baseline = requests_needed(quantile_bp, policy.min_baseline_requests) - finding.baseline_samples
    reasons = []
    if canary > 0:
        reasons.append(_short_of_requests(canary, finding.metric))
    if baseline > 0:
        text = f"{finding.metric}: the baseline needs {baseline} more requests."
        reasons.append(Reason(code=ReasonCode.TOO_FEW_BASELINE_REQUESTS, sentence=text, missing=baseline))
    return tuple(reasons)


def _short_of_requests(count: int, metric: str = "errorRate") -> Reason:
    text = f"{metric}: the canary needs {count} more requests."
    return Reason(code=ReasonCode.TOO_FEW_REQUESTS, sentence=text, missing=count)


def _advice(findings: Sequence[Finding]) -> tuple[Reason, ...]:
    return tuple(
        Reason(code=ReasonCode.ADVISORY, sentence=finding.sentence)
        for finding in findings
        if not finding.critical and finding.conclusion is Conclusion.HARM
    )


def _verdict(
    decision: Decision,
    compared_with: ComparedWith,
    findings: tuple[Finding, ...],
    reasons: tuple[Reason, ...],
    sentence: str,
) -> Verdict:
    return Verdict(
        decision=decision, compared_with=compared_with, findings=findings, reasons=reasons, sentence=sentence
    )
