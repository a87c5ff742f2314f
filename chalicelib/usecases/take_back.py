"""Take a wave back at once, for a reason that needs no statistics: an alarm, or a change from outside."""

from __future__ import annotations

from chalicelib.domain.analysis.verdict import ComparedWith, Decision, Reason, ReasonCode, Verdict
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.rollout import CHANGING
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Decided, change_deployment
from chalicelib.usecases.start_restore import restore_decision
from chalicelib.usecases.tell_verdict import verdict_entry


def take_back(assignment: Assignment, code: ReasonCode, sentence: str, *, ports: Ports) -> Deployment:
    """The deployment after its wave was taken back; one that changes nothing any more, or another turn, is left as it is."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase not in CHANGING or rollout.environment is not assignment.environment:
            return None
        if rollout.fence != assignment.fence:
            return None
        verdict = Verdict(
            decision=Decision.ROLLBACK,
            compared_with=ComparedWith.HEALTH_ONLY,
            reasons=(Reason(code=code, sentence=sentence),),
            sentence=sentence,
        )
        entry = verdict_entry(rollout, verdict, final=False)
        policy = policy_of(rollout, ports=ports)
        return restore_decision(
            deployment, Status.ROLLED_BACK, why=sentence, entries=(entry,), policy=policy, ports=ports
        )

    return change_deployment(assignment.deployment_id or "", decide, ports=ports)
