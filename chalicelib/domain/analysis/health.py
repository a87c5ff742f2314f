"""The first stage: nodes that failed, fell silent or keep crashing need no statistics."""

from __future__ import annotations

import math

from chalicelib.domain.analysis.evidence import Evidence, NodeEvidence
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.verdict import ComparedWith, Decision, Reason, ReasonCode, Verdict
from chalicelib.domain.metrics import Window, merged_windows
from chalicelib.domain.statistics.sequential import log_e_share

# A version that crashes three times as often as the old one is worse; the old one may crash now and then, too.
CRASH_RATIO = 3
# Without anything to compare with, more than this share of errors is a failure by any standard.
OUTRIGHT = 0.5


def find_unhealthy(evidence: Evidence, policy: AnalysisPolicy) -> Verdict | None:
    """`rollback` when more canary nodes than tolerated failed or fell silent, or the version keeps crashing."""
    reasons = (*_lost_nodes(evidence, policy), *_crashes(evidence, policy))
    if not reasons:
        return None
    return Verdict(
        decision=Decision.ROLLBACK,
        compared_with=ComparedWith.HEALTH_ONLY,
        reasons=reasons,
        sentence=" ".join(reason.sentence for reason in reasons),
    )


def find_outright_failure(evidence: Evidence, policy: AnalysisPolicy) -> Verdict | None:
    """`rollback` when, without any baseline, surely most requests fail: no old version can have been worse."""
    canary = _all(evidence.canary, during=True)
    log_e = log_e_share(canary.errors, canary.requests, OUTRIGHT)
    if log_e < math.log(10_000 / policy.alpha_bp * max(1, evidence.waves)):
        return None
    text = f"The new version fails {canary.errors} of {canary.requests} requests, and nothing is there to compare with."
    return Verdict(
        decision=Decision.ROLLBACK,
        compared_with=ComparedWith.HEALTH_ONLY,
        reasons=(Reason(code=ReasonCode.OUTRIGHT_FAILURE, sentence=text),),
        sentence=text,
    )


def _lost_nodes(evidence: Evidence, policy: AnalysisPolicy) -> tuple[Reason, ...]:
    failed = sorted(node.node_id for node in evidence.canary if node.failed)
    silent = sorted(node.node_id for node in evidence.canary if node.silent and not node.failed)
    if len(failed) + len(silent) <= policy.max_failed_nodes:
        return ()
    tolerated = f"{policy.max_failed_nodes} tolerated"
    reasons = []
    if failed:
        text = f"{_nodes(failed)} could not bring the new version up ({tolerated})."
        reasons.append(Reason(code=ReasonCode.NODES_FAILED, sentence=text))
    if silent:
        text = f"{_nodes(silent)} fell silent with the new version ({tolerated})."
        reasons.append(Reason(code=ReasonCode.NODES_SILENT, sentence=text))
    return tuple(reasons)


def _crashes(evidence: Evidence, policy: AnalysisPolicy) -> tuple[Reason, ...]:
    canary = _all(evidence.canary, during=True)
    old = merged_windows(
        (_all(evidence.control, during=True), _all(evidence.control, during=False), _all(evidence.canary, during=False))
    )
    if canary.crashes <= policy.max_crashes:
        return ()
    # Cross-multiplied, so that no time on either side needs no special case.
    if canary.crashes * old.duration_ms <= CRASH_RATIO * old.crashes * canary.duration_ms:
        return ()
    text = (
        f"The new version crashed {canary.crashes} times in {canary.duration_ms / 60_000:.1f} node minutes, "
        f"the old one {old.crashes} times in {old.duration_ms / 60_000:.1f} ({policy.max_crashes} tolerated)."
    )
    return (Reason(code=ReasonCode.CRASHES, sentence=text),)


def _nodes(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{len(names)} node{'s' if len(names) > 1 else ''} ({shown})"


def _all(nodes: tuple[NodeEvidence, ...], *, during: bool) -> Window:
    return merged_windows(window for node in nodes for window in (node.during if during else node.before))
