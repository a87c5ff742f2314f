"""NextEnvironment: pass over environments that run this digest already, and ask for approval where the next one wants it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from chalicelib.domain.approval import Approval, still_needed
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Kind, Status
from chalicelib.domain.edition import edition
from chalicelib.domain.errors import DeploymentEnded, Quarantined
from chalicelib.domain.gate import gate_before
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.plan import plan_hash
from chalicelib.domain.policy import Policy
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.keep_freezes import calendar_of
from chalicelib.usecases.passed_over import passed_over, runs_already
from chalicelib.usecases.policies import terms_of
from chalicelib.usecases.ports import Add, Change, Ports
from chalicelib.usecases.quarantines import find_quarantine
from chalicelib.usecases.recording import Decided, Entry, change_deployment, get_deployment
from chalicelib.usecases.release_turn import release_turn


def choose_environment(deployment_id: str, *, ports: Ports) -> Rollout | None:
    """The rollout that is to go on now, None when every environment on the path has been dealt with.

    Raises:
        DeploymentEnded: it reached an end meanwhile.
    """

    def decide(deployment: Deployment) -> Decided | None:
        if deployment.has_ended or deployment.current is not None:
            return None
        return _choose(deployment, ports=ports)

    # The execution that promoted an environment may have been lost before it released the turn.
    if any(rollout.phase is Phase.PROMOTED for rollout in get_deployment(deployment_id, ports=ports).rollouts):
        release_turn(deployment_id, ports=ports)
    deployment = change_deployment(deployment_id, decide, ports=ports)
    if deployment.has_ended:
        raise DeploymentEnded(str(deployment.status))
    return deployment.current


def _choose(deployment: Deployment, *, ports: Ports) -> Decided | None:
    entries: list[Entry] = []
    after = deployment
    for rollout in deployment.rollouts:
        if rollout.has_ended:
            continue
        assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
        if runs_already(deployment, rollout, assignment, digest=deployment.digest, ports=ports):
            skipped, entry_of_it = passed_over(deployment, rollout)
            after = after.with_rollout(skipped)
            entries.append(entry_of_it)
            continue
        found = find_quarantine(
            deployment.module, rollout.environment, deployment.digest, rollout.configuration, ports=ports
        )
        if found is not None:
            failure = Failure(
                code="QUARANTINED", message=str(Quarantined(found.environment, found.version, found.reason))
            )
            return ended_before_nodes(after, Status.FAILED, failure=failure, entries=tuple(entries), ports=ports)
        begun, asked, entry = begin(after, rollout, assignment, ports=ports)
        return Decided(after=after.with_rollout(begun), entries=(*entries, *entry), also=asked)
    return Decided(after=after, entries=tuple(entries)) if entries else None


def begin(
    deployment: Deployment, rollout: Rollout, assignment: Assignment | None, *, ports: Ports
) -> tuple[Rollout, tuple[Change, ...], tuple[Entry, ...]]:
    """The rollout with its question to the approvers, or in line for its turn where nobody is asked."""
    wanted = edition(deployment.digest, rollout.configuration)
    policy, goes_back = terms_of(rollout, assignment, wanted, ports=ports)
    runs = None if assignment is None else assignment.stable
    expected = plan_hash(policy, digest=wanted or "", from_digest=runs)
    begun = replace(
        rollout,
        is_return=goes_back,
        from_digest=None if assignment is None else assignment.stable_digest,
        from_version=None if assignment is None else assignment.stable_version,
        from_configuration=0 if assignment is None else assignment.stable_configuration,
        plan_hash=expected,
        # One second more than the question has: what ends it is the table's instant, not the machine's timer.
        approval_seconds=policy.approval.expires_seconds + 1,
        queue_seconds=policy.queue_seconds + 1,
    )
    gate = gate_before(
        policy,
        target=deployment.target,
        requested=deployment.require_approval,
        jumps=bool(deployment.hotfix_reason),
        breaks_freezes=bool(deployment.break_glass_reason and calendar_of(rollout.environment, ports=ports)),
    )
    if deployment.kind is Kind.ROLLBACK or gate is None:
        return replace(begun, phase=Phase.AWAITING_TURN, approval_id=""), (), ()
    approval = _approval(deployment, begun, policy, ports=ports)
    entry = Entry(
        type=EventType.APPROVAL_REQUESTED,
        environment=rollout.environment,
        detail={
            "approvalId": approval.id,
            "expiresAt": approval.expires_at_ms,
            "approversNeeded": approval.approvers_needed,
            "planHash": approval.plan_hash,
            "stillNeeded": still_needed(approval).sentence,
        },
    )
    return replace(begun, phase=Phase.AWAITING_APPROVAL, approval_id=approval.id), (Add(approval),), (entry,)


def _approval(deployment: Deployment, rollout: Rollout, policy: Policy, *, ports: Ports) -> Approval:
    now = ports.clock.policy_ms()
    # Derived, so that asking the same question twice asks it once; a changed plan is another question.
    source = f"{deployment.id}#{rollout.environment}#{rollout.plan_hash}#{rollout.approval_id}"
    return Approval(
        id="apr-" + hashlib.sha256(source.encode()).hexdigest()[:24],
        deployment_id=deployment.id,
        environment=rollout.environment,
        module=deployment.module,
        version=deployment.version,
        digest=deployment.digest or "",
        from_digest=rollout.from_digest,
        from_version=rollout.from_version,
        plan_hash=rollout.plan_hash,
        policy_revision=policy.revision,
        requested_by=deployment.requested_by,
        requested_at_ms=now,
        expires_at_ms=now + policy.approval.expires_seconds * 1000,
        approvers_needed=policy.approval.approvers,
        roles_needed=policy.approval.roles,
        excluded=_excluded(deployment, policy, ports=ports),
        reason_required=policy.approval.reason_required,
        remind_every_ms=policy.approval.remind_seconds * 1000 or None,
    )


def _excluded(deployment: Deployment, policy: Policy, *, ports: Ports) -> tuple[str, ...]:
    """Who may not answer besides whoever asked. A rule is nobody: who made it and who fed it stand behind its request."""
    registered = ports.store.get(ModuleVersion, deployment.module, deployment.version)
    is_by_rule = bool(deployment.rule_made_by)
    people = {deployment.rule_made_by}
    if registered is not None and (is_by_rule or policy.approval.exclude_pusher):
        people.add(registered.registered_by)
    return tuple(sorted(people - {""}))
