"""Approve or refuse: exactly one outcome per question, by somebody else than who asked, in time."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.approval import Approval, ApprovalStatus, Decision, decide, expire, roles_in_order, still_needed
from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.errors import AlreadyDecided, NotFound, WrongDigest
from chalicelib.domain.freeze import Verb
from chalicelib.domain.rollout import Phase
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.delegate_approvals import rights_of
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.keep_freezes import require_open
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.recording import SYSTEM, Decided, Entry, change_deployment


def decide_approval(
    deployment_id: str,
    *,
    approved: bool,
    reason: str,
    approval_id: str = "",
    plan_hash: str = "",
    on_behalf_of: str = "",
    caller: Caller,
    also: tuple[Change, ...] = (),
    ports: Ports,
) -> Approval:
    """The approval after this answer.

    `approval_id` and `plan_hash` guard against answering another question than the one read; `on_behalf_of` names who
    delegated the decision; `also` is written with it.

    Raises:
        NotFound: this deployment never asked.
        AlreadyDecided: there is an outcome, or time is up.
        NotAllowed: the caller asked for the deployment, answered before, or is no approver in this environment.
        InvalidInput: the policy asks for a reason.
        WrongDigest: another approval is asked for now.
        Frozen: the calendar forbids to approve now; to reject is always allowed.
    """
    outcome: Approval | None = None

    def choose(deployment: Deployment) -> Decided | None:
        nonlocal outcome
        approval = asked_approval(deployment, ports=ports)
        rights = rights_of(caller, on_behalf_of, approval.environment, ports=ports)
        require_question(approval, approval_id, plan_hash)
        rollout = deployment.current
        if approved and rollout is not None:
            require_open(deployment, rollout, Verb.APPROVE, ports=ports)
        answer = Decision(
            by=caller.name,
            approved=approved,
            reason=reason,
            at_ms=ports.clock.policy_ms(),
            roles=roles_in_order(rights.roles),
            on_behalf_of=on_behalf_of,
        )
        outcome = decide(approval, answer)
        decided = _decided(deployment, outcome, by=caller.name, reason=reason, ports=ports)
        return replace(decided, also=(*decided.also, *also))

    change_deployment(deployment_id, choose, actor=caller.name, request_id=caller.request_id, ports=ports)
    if outcome is None:
        raise NotFound("approval", deployment_id)
    return outcome


def expire_approval(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment, Expired if its approval's time is up and nobody decided."""

    def choose(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.AWAITING_APPROVAL:
            return None
        approval = asked_approval(deployment, ports=ports)
        expired = expire(approval, now_ms=ports.clock.policy_ms())
        if expired is approval:
            return None
        return _decided(deployment, expired, by=SYSTEM, reason="Nobody decided in time.", ports=ports)

    return change_deployment(deployment_id, choose, ports=ports)


def asked_approval(deployment: Deployment, *, ports: Ports) -> Approval:
    """The approval a deployment asks for, or asked for last.

    Raises:
        NotFound: it never asked.
    """
    current = deployment.current
    asked = [r for r in deployment.rollouts if r.approval_id]
    rollout = current if current is not None and current.approval_id else (asked[-1] if asked else None)
    approval = None if rollout is None else ports.store.get(Approval, deployment.id, rollout.approval_id)
    if approval is None:
        raise NotFound("approval", deployment.id)
    if approval.status is ApprovalStatus.PENDING and deployment.has_ended:
        raise AlreadyDecided("deployment", deployment.status)
    return approval


def require_question(approval: Approval, approval_id: str, plan_hash: str = "") -> None:
    """Nothing, if it is the question that was read; empty texts stand for any.

    Raises:
        WrongDigest: another one is asked now, or about another plan.
    """
    if approval_id and approval_id != approval.id:
        raise WrongDigest(f"The approval asked for is {approval.id}, not {approval_id}.")
    if plan_hash and plan_hash != approval.plan_hash:
        raise WrongDigest("The plan is another one than the one that was read.")


def _decided(deployment: Deployment, approval: Approval, *, by: str, reason: str, ports: Ports) -> Decided:
    rollout = deployment.current
    if rollout is None or rollout.phase is not Phase.AWAITING_APPROVAL:
        raise AlreadyDecided("deployment", deployment.status)
    answer = approval.decisions[-1] if approval.decisions else None
    entry = Entry(
        type=EventType.APPROVAL_DECIDED,
        environment=rollout.environment,
        detail={
            "approvalId": approval.id,
            "by": by,
            "approved": answer is not None and answer.approved and by != SYSTEM,
            "reason": reason,
            "outcome": str(approval.status),
            "stillNeeded": still_needed(approval).sentence,
            **({"onBehalfOf": answer.on_behalf_of} if answer is not None and answer.on_behalf_of else {}),
        },
    )
    also = (Replace(approval),)
    match approval.status:
        case ApprovalStatus.PENDING:
            return Decided(after=deployment, entries=(entry,), also=also)
        case ApprovalStatus.APPROVED:
            waiting = replace(rollout, phase=Phase.AWAITING_TURN)
            after = deployment.with_rollout(waiting).become(Status.RUNNING)
            return Decided(after=after, entries=(entry,), also=also)
        case _:
            rejected = approval.status is ApprovalStatus.REJECTED
            status = Status.REJECTED if rejected else Status.EXPIRED
            failure = Failure(code=status.upper(), message=f"{status} by {by}: {reason}" if rejected else reason)
            return ended_before_nodes(deployment, status, failure=failure, entries=(entry,), also=also, ports=ports)
