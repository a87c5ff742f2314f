"""What people may say to a running deployment: cancel, pause, resume, promote; and roll back one that has ended."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Kind, Status
from chalicelib.domain.edition import edition
from chalicelib.domain.errors import Conflict, IllegalTransition
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.rollout import Phase, Rollout, end_bake, pause, resume
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.create_deployment import DeploymentRequest, answered_before, create_deployment
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Decided, Entry, change_deployment, get_deployment
from chalicelib.usecases.start_restore import restore_decision
from chalicelib.usecases.take_turn import hand_on


def cancel_deployment(deployment_id: str, *, reason: str, caller: Caller, ports: Ports) -> Deployment:
    """The deployment, Cancelled at once where no node was touched, else RollingBack to what ran before.

    Saying it twice changes nothing.

    Raises:
        IllegalTransition: it has ended, or is being taken back already.
    """

    def decide(deployment: Deployment) -> Decided | None:
        if deployment.status is Status.CANCELLED or deployment.cancel_requested_by:
            return None
        if deployment.has_ended or deployment.status is Status.ROLLING_BACK:
            raise IllegalTransition(deployment.status, "cancel")
        asked = replace(deployment, cancel_requested_by=caller.name)
        why = f"Cancelled by {caller.name}" + (f": {reason}" if reason else ".")
        entry = Entry(type=EventType.CANCEL_REQUESTED, detail={"by": caller.name, "reason": reason})
        failure = Failure(code="CANCELLED", message=why)
        rollout = deployment.current
        if rollout is None or not deployment.touched_nodes:
            return ended_before_nodes(asked, Status.CANCELLED, failure=failure, entries=(entry,), ports=ports)
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        return restore_decision(
            asked, Status.CANCELLED, why=why, failure=failure, entries=(entry,), policy=policy, ports=ports
        )

    deployment = change_deployment(deployment_id, decide, actor=caller.name, ports=ports)
    if deployment.has_ended:
        hand_on(deployment, ports=ports)
    return deployment


def pause_deployment(deployment_id: str, *, reason: str, caller: Caller, ports: Ports) -> Deployment:
    """The deployment, its bake stopped with what was left of it kept. Pausing a paused one changes nothing.

    Raises:
        IllegalTransition: it is not baking.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = _in_progress(deployment, "pause")
        if rollout.phase is Phase.PAUSED:
            return None
        now = ports.clock.policy_ms()
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        why = f"Paused by {caller.name}" + (f": {reason}" if reason else ".")
        paused = pause(rollout, why=why, until_ms=now + policy.pause_seconds * 1000, now_ms=now)
        return _signal(deployment, paused, EventType.PAUSED, caller, reason)

    return change_deployment(deployment_id, decide, actor=caller.name, ports=ports)


def resume_deployment(deployment_id: str, *, reason: str, caller: Caller, ports: Ports) -> Deployment:
    """The deployment, its bake going on with what was left. Resuming one that bakes changes nothing.

    Raises:
        IllegalTransition: it is not paused.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = _in_progress(deployment, "resume")
        if rollout.phase is Phase.BAKING:
            return None
        return _signal(deployment, resume(rollout, now_ms=ports.clock.policy_ms()), EventType.RESUMED, caller, reason)

    return change_deployment(deployment_id, decide, actor=caller.name, ports=ports)


def promote_deployment(deployment_id: str, *, reason: str, caller: Caller, ports: Ports) -> Deployment:
    """The deployment, its current bake ended now; the judge still speaks. A bake that is over stays as it is.

    Raises:
        IllegalTransition: it is not baking.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = _in_progress(deployment, "promote")
        now = ports.clock.policy_ms()
        if rollout.phase is Phase.BAKING and (rollout.bake_until_ms or 0) <= now:
            return None
        return _signal(deployment, end_bake(rollout, now_ms=now), EventType.PROMOTED, caller, reason)

    return change_deployment(deployment_id, decide, actor=caller.name, ports=ports)


def roll_back(
    deployment_id: str, *, reason: str, caller: Caller, idempotency_key: str = "", request_id: str = "", ports: Ports
) -> Deployment:
    """Undo a deployment that has ended by a new deployment of what its target ran before; no approval, front of the queue.

    Raises:
        IllegalTransition: it has not ended (cancel it instead), or changed nothing that could be undone.
        Conflict: the target runs something else by now, or nothing is known to go back to.
    """
    ended = get_deployment(deployment_id, ports=ports)
    if not ended.has_ended:
        raise IllegalTransition(ended.status, "rollback")
    rollout = ended.rollout(ended.target)
    if ended.status is not Status.COMPLETED or rollout.phase is not Phase.PROMOTED:
        raise IllegalTransition(ended.status, "rollback")
    before = _version_before(ended, rollout, ports=ports)
    request = DeploymentRequest(
        module=ended.module,
        version=before.version,
        target=ended.target,
        requester_email=ended.requester_email,
        description=reason or f"Rollback of {ended.id}",
        kind=Kind.ROLLBACK,
        undoes=ended.id,
        only_target=True,
        configuration=rollout.from_configuration,
    )
    earlier = answered_before(request, caller=caller, idempotency_key=idempotency_key, ports=ports)
    if earlier is not None:
        return earlier
    assignment = ports.store.get(Assignment, ended.target, ended.module)
    if assignment is None or assignment.stable != edition(ended.digest, rollout.configuration):
        raise Conflict(f"{ended.target} does not run {ended.version} any more; there is nothing of it to undo.")
    return create_deployment(
        request, caller=caller, idempotency_key=idempotency_key, request_id=request_id, ports=ports
    )


def _version_before(ended: Deployment, rollout: Rollout, *, ports: Ports) -> ModuleVersion:
    found = [v for v in ports.store.list(ModuleVersion, ended.module) if v.digest == rollout.from_digest]
    if not found:
        raise Conflict(f"Nothing ran in {ended.target} before {ended.version}; there is nothing to go back to.")
    return found[0]


def _in_progress(deployment: Deployment, wanted: str) -> Rollout:
    rollout = deployment.current
    if deployment.has_ended or rollout is None or rollout.phase not in (Phase.BAKING, Phase.PAUSED):
        raise IllegalTransition(deployment.status, wanted)
    return rollout


def _signal(deployment: Deployment, rollout: Rollout, kind: EventType, caller: Caller, reason: str) -> Decided:
    detail = {"by": caller.name, "reason": reason}
    entry = Entry(type=kind, environment=rollout.environment, wave=rollout.wave, detail=detail)
    return Decided(after=deployment.with_rollout(rollout), entries=(entry,))
