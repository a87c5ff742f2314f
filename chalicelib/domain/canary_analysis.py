"""Is the new version worse? The judge: pure, explained, and right about how often it cries wolf.

    evidence -> health -> what to compare with -> findings, one per metric -> decision

`judge` speaks at the end of a bake. `find_harm` is for every look in between, as many as one likes: its tests hold at
any stopping time, so looking often costs no false alarms. docs/judge.md has the method, its sources and its limits.
"""

from __future__ import annotations

from chalicelib.domain.analysis.evidence import DeclaredSeries, Direction, Evidence, Missing, NodeEvidence
from chalicelib.domain.analysis.health import find_unhealthy
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
    """The verdict at the end of a bake: promote, hold or rollback, with reasons.

    Never `promote` in mode `required` without enough requests on both sides, unless it is a first install.
    """
    harm = find_harm(evidence, policy)
    if harm is not None:
        return harm
    if policy.mode is AnalysisMode.HEALTH_ONLY or evidence.first_install:
        return _promote_on_health(evidence)
    canary = sum(window.requests for node in evidence.canary for window in node.during)
    missing = policy.min_requests - canary
    if missing > 0:
        reason = Reason(
            code=ReasonCode.TOO_FEW_REQUESTS,
            missing=missing,
            sentence=f"The canary has served {canary} requests; {missing} more are needed.",
        )
        return Verdict(
            decision=Decision.HOLD, compared_with=ComparedWith.CONTROL, reasons=(reason,), sentence=reason.sentence
        )
    reason = Reason(code=ReasonCode.NOT_WORSE, sentence="Nothing is worse than before.")
    return Verdict(
        decision=Decision.PROMOTE, compared_with=ComparedWith.CONTROL, reasons=(reason,), sentence=reason.sentence
    )


def find_harm(evidence: Evidence, policy: AnalysisPolicy) -> Verdict | None:
    """`rollback` as soon as the evidence suffices for it, else None. Meant to be asked at every look of a bake."""
    return find_unhealthy(evidence, policy)


def _promote_on_health(evidence: Evidence) -> Verdict:
    if evidence.first_install:
        code, why = ReasonCode.FIRST_INSTALL, "Nothing ran here before, so there is nothing to compare with"
    else:
        code, why = ReasonCode.HEALTH_ONLY, "The policy asks for health checks only"
    reason = Reason(code=code, sentence=f"{why}: all {len(evidence.canary)} nodes are up, and that decides.")
    return Verdict(
        decision=Decision.PROMOTE, compared_with=ComparedWith.HEALTH_ONLY, reasons=(reason,), sentence=reason.sentence
    )
