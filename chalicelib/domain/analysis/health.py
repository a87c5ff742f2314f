"""The first stage: nodes that failed, fell silent or keep crashing need no statistics."""

from __future__ import annotations

import math
from collections.abc import Iterable

from chalicelib.domain.analysis.evidence import Evidence
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.verdict import ComparedWith, Decision, Reason, ReasonCode, Verdict
from chalicelib.domain.metrics import Window
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
    windows = [window for node in evidence.canary for window in node.during]
    requests, errors = sum(window.requests for window in windows), sum(window.errors for window in windows)
    log_e = log_e_share(errors, requests, OUTRIGHT)
    if log_e < math.log(10_000 / policy.alpha_bp * max(1, evidence.waves)):
        return None
    text = f"The new version fails {errors} of {requests} requests, and nothing is there to compare with."
    return Verdict(
        decision=Decision.ROLLBACK,
        compared_with=ComparedWith.HEALTH_ONLY,
        reasons=(Reason(code=ReasonCode.OUTRIGHT_FAILURE, sentence=text),),
        sentence=text,
    )


def _lost_nodes(evidence: Evidence, policy: AnalysisPolicy) -> tuple[Reason, ...]:
    failed = sorted(node.name or node.node_id for node in evidence.canary if node.failed)
    silent = sorted(node.name or node.node_id for node in evidence.canary if node.silent and not node.failed)
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
    crashes, time_ms = _crashes_in(window for node in evidence.canary for window in node.during)
    if crashes <= policy.max_crashes:
        return ()
    old_windows = [node.before for node in evidence.canary]
    old_windows += [(*node.before, *node.earlier, *node.during) for node in evidence.control]
    old_crashes, old_time_ms = _crashes_in(window for windows in old_windows for window in windows)
    # Cross-multiplied, so that no time on either side needs no special case.
    if crashes * old_time_ms <= CRASH_RATIO * old_crashes * time_ms:
        return ()
    text = (
        f"The new version crashed {crashes} times in {time_ms / 60_000:.1f} node minutes, "
        f"the old one {old_crashes} times in {old_time_ms / 60_000:.1f} ({policy.max_crashes} tolerated)."
    )
    return (Reason(code=ReasonCode.CRASHES, sentence=text),)


def _crashes_in(windows: Iterable[Window]) -> tuple[int, int]:
    crashes = time_ms = 0
    for window in windows:
        crashes += window.crashes
        time_ms += window.duration_ms
    return crashes, time_ms


def _nodes(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{len(names)} node{'s' if len(names) > 1 else ''} ({shown})"
