"""What people may say to a running deployment: cancel, pause, resume, promote; and roll back one that has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Kind, Status
from chalicelib.domain.edition import edition
from chalicelib.domain.errors import Conflict, IllegalTransition, LineStopped, WrongDigest
from chalicelib.domain.freeze import Verb
from chalicelib.domain.line import Line
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.rollout import CHANGING, Phase, Rollout, ask_pause, end_bake, pause, promote_all, resume
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.create_deployment import DeploymentRequest, answered_before, create_deployment
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.keep_freezes import require_open
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

    deployment = change_deployment(deployment_id, decide, actor=caller.name, request_id=caller.request_id, ports=ports)
    if deployment.has_ended:
        hand_on(deployment, ports=ports)
    return deployment


def pause_deployment(deployment_id: str, *, reason: str, caller: Caller, ports: Ports) -> Deployment:
    """The deployment, its bake stopped with what was left of it kept; while nodes change, as soon as they have answered.

    Pausing a paused one changes nothing.

    Raises:
        IllegalTransition: it changes nothing that could be paused.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = _in_progress(deployment, "pause")
        if rollout.phase is Phase.PAUSED or rollout.pause_asked:
            return None
        now = ports.clock.policy_ms()
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        why = f"Paused by {caller.name}" + (f": {reason}" if reason else ".")
        if rollout.phase is Phase.DEPLOYING:
            return _signal(deployment, ask_pause(rollout, why=why), EventType.PAUSE_REQUESTED, caller, reason)
        paused = pause(rollout, why=why, until_ms=now + policy.pause_seconds * 1000, now_ms=now)
        return _signal(deployment, paused, EventType.PAUSED, caller, reason)

    return change_deployment(deployment_id, decide, actor=caller.name, request_id=caller.request_id, ports=ports)


def resume_deployment(deployment_id: str, *, reason: str, caller: Caller, ports: Ports) -> Deployment:
    """The deployment, its bake going on with what was left, or without the pause it was to make.

    Resuming one that is not paused changes nothing.

    Raises:
        IllegalTransition: it changes nothing.
        LineStopped: it waits for the line.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = _in_progress(deployment, "resume")
        if rollout.phase is Phase.DEPLOYING and rollout.pause_asked:
            return _signal(deployment, replace(rollout, pause_asked=""), EventType.RESUMED, caller, reason)
        if rollout.phase is not Phase.PAUSED:
            return None
        _require_running_line(rollout, ports=ports)
        return _signal(deployment, resume(rollout, now_ms=ports.clock.policy_ms()), EventType.RESUMED, caller, reason)

    return change_deployment(deployment_id, decide, actor=caller.name, request_id=caller.request_id, ports=ports)


def resume_for_line(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment, going on if it was paused because the line was stopped and the line runs again."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        line = ports.store.get(Line)
        if rollout is None or not rollout.waits_for_line or (line is not None and line.is_stopped):
            return None
        going_on = resume(rollout, now_ms=ports.clock.policy_ms())
        detail = {"why": "The line runs again."}
        entry = Entry(type=EventType.RESUMED, environment=rollout.environment, wave=rollout.wave, detail=detail)
        return Decided(after=deployment.with_rollout(going_on), entries=(entry,))

    return change_deployment(deployment_id, decide, ports=ports)


def promote_deployment(
    deployment_id: str, *, reason: str, every: bool = False, wave: int | None = None, caller: Caller, ports: Ports
) -> Deployment:
    """The deployment, its current bake ended now, or with `every` all bakes of this environment; the judge still speaks.

    A paused one goes on and is judged. A bake that is over stays as it is. `wave` guards against ending another bake
    than the one that was looked at.

    Raises:
        IllegalTransition: it is not baking; with `every`, it changes nothing.
        WrongDigest: another wave is on than `wave`.
        LineStopped: it waits for the line.
        Frozen: the calendar forbids to go on to the next wave now.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = _in_progress(deployment, "promote")
        if wave is not None and wave != rollout.wave:
            raise WrongDigest(f"The wave that is on is {rollout.wave}, not {wave}.")
        if rollout.phase is Phase.DEPLOYING and not every:
            raise IllegalTransition(deployment.status, "promote")
        if not rollout.is_last_wave:
            require_open(deployment, rollout, Verb.PROMOTE, ports=ports)
        if rollout.phase is Phase.PAUSED:
            _require_running_line(rollout, ports=ports)
        now = ports.clock.policy_ms()
        baked = rollout.phase is Phase.BAKING and (rollout.bake_until_ms or 0) <= now
        if rollout.phase is not Phase.PAUSED and (rollout.promotes_all if every else baked):
            return None
        if every:
            return _signal(deployment, promote_all(rollout, now_ms=now), EventType.PROMOTED, caller, reason, every=True)
        going_on = resume(rollout, now_ms=now) if rollout.phase is Phase.PAUSED else rollout
        return _signal(deployment, end_bake(going_on, now_ms=now), EventType.PROMOTED, caller, reason)

    return change_deployment(deployment_id, decide, actor=caller.name, request_id=caller.request_id, ports=ports)


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
    if deployment.has_ended or rollout is None or rollout.phase not in CHANGING:
        raise IllegalTransition(deployment.status, wanted)
    return rollout


def _require_running_line(rollout: Rollout, *, ports: Ports) -> None:
    line = ports.store.get(Line) if rollout.waits_for_line else None
    if line is not None and line.is_stopped:
        raise LineStopped(line.why)


def _signal(
    deployment: Deployment, rollout: Rollout, kind: EventType, caller: Caller, reason: str, **more: Any
) -> Decided:
    detail = {"by": caller.name, "reason": reason, **more}
    entry = Entry(type=kind, environment=rollout.environment, wave=rollout.wave, detail=detail)
    return Decided(after=deployment.with_rollout(rollout), entries=(entry,))
