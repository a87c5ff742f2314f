"""What is said about an approval beside the decision: comments, second thoughts, reminders."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.approval import Approval, Comment, comment, remind, still_needed, withdraw_decision
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import AlreadyDecided
from chalicelib.domain.rollout import Phase
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.decide_approval import asked_approval, require_question
from chalicelib.usecases.ports import Ports, Replace
from chalicelib.usecases.recording import SYSTEM, Decided, Entry, change_deployment, get_deployment


def comment_on_approval(
    deployment_id: str, *, text: str, approval_id: str = "", caller: Caller, ports: Ports
) -> Approval:
    """The approval with the caller's comment.

    Raises:
        NotFound: this deployment never asked.
        AlreadyDecided: there is an outcome, or time is up.
        Conflict: there are too many comments, or another approval is asked for now.
    """

    def say(approval: Approval) -> tuple[Approval, dict[str, Any]]:
        said = Comment(by=caller.name, text=text, at_ms=ports.clock.policy_ms())
        return comment(approval, said), {"by": caller.name, "text": text}

    return _change(deployment_id, approval_id, say, EventType.APPROVAL_COMMENTED, caller=caller, ports=ports)


def withdraw_from_approval(
    deployment_id: str, *, reason: str, approval_id: str = "", caller: Caller, ports: Ports
) -> Approval:
    """The approval without the caller's agreement; possible until enough have agreed.

    Raises:
        NotFound: this deployment never asked.
        AlreadyDecided: there is an outcome, or time is up.
        Conflict: they have not agreed, or another approval is asked for now.
    """

    def take_back(approval: Approval) -> tuple[Approval, dict[str, Any]]:
        left = withdraw_decision(approval, by=caller.name, now_ms=ports.clock.policy_ms())
        return left, {"by": caller.name, "reason": reason, "stillNeeded": still_needed(left).sentence}

    return _change(deployment_id, approval_id, take_back, EventType.DECISION_WITHDRAWN, caller=caller, ports=ports)


def remind_approvers(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment, its approvers reminded if that is due. Each reminder is told once, whoever sweeps."""

    def choose(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.AWAITING_APPROVAL:
            return None
        approval = asked_approval(deployment, ports=ports)
        now = ports.clock.policy_ms()
        reminded = remind(approval, now_ms=now)
        if reminded is approval:
            return None
        detail = {
            "number": reminded.reminders,
            "expiresAt": reminded.expires_at_ms,
            "stillNeeded": still_needed(reminded).sentence,
        }
        return _said(deployment, reminded, EventType.APPROVAL_REMINDER, detail)

    return change_deployment(deployment_id, choose, actor=SYSTEM, ports=ports)


def _change(
    deployment_id: str, approval_id: str, say: Any, event: EventType, *, caller: Caller, ports: Ports
) -> Approval:
    after: list[Approval] = []

    def choose(deployment: Deployment) -> Decided | None:
        approval = asked_approval(deployment, ports=ports)
        require_question(approval, approval_id)
        changed, detail = say(approval)
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.AWAITING_APPROVAL:
            raise AlreadyDecided("deployment", deployment.status)
        after[:] = [changed]
        return _said(deployment, changed, event, detail)

    get_deployment(deployment_id, ports=ports)
    change_deployment(deployment_id, choose, actor=caller.name, request_id=caller.request_id, ports=ports)
    return after[0]


def _said(deployment: Deployment, approval: Approval, event: EventType, detail: dict[str, Any]) -> Decided:
    entry = Entry(type=event, environment=approval.environment, detail={"approvalId": approval.id, **detail})
    return Decided(after=deployment, entries=(entry,), also=(Replace(approval),))
