"""Take a wave back: one write says why, sets the status, and gives every touched node its old digest again."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.policy import Policy
from chalicelib.domain.quarantine import quarantine_for
from chalicelib.domain.rollout import Phase, Rollout, pause, restore, restore_position, wave_deployed
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.order_aliases import ordered_look
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Add, Change, Ports, Replace
from chalicelib.usecases.quarantines import quarantined
from chalicelib.usecases.recording import SYSTEM, Decided, Entry, change_deployment


def restore_decision(
    deployment: Deployment,
    goal: Status,
    *,
    why: str,
    entries: tuple[Entry, ...] = (),
    also: tuple[Change, ...] = (),
    failure: Failure | None = None,
    first_bad_report_ms: int | None = None,
    policy: Policy,
    ports: Ports,
) -> Decided:
    """The decision to restore the environment being changed; `goal` is the status to end in when that is done.

    An irreversible version is taken back only where a person cancels; whatever else asks for it, it pauses.
    """
    rollout = deployment.current
    if rollout is None or not deployment.touched_nodes:
        return ended_before_nodes(deployment, goal, failure=failure, entries=entries, also=also, ports=ports)
    if deployment.irreversible and not deployment.cancel_requested_by:
        return _paused_instead(deployment, rollout, why=why, entries=entries, also=also, policy=policy, ports=ports)
    machine = ports.clock.machine_ms()
    restoring = restore(
        rollout,
        goal=goal,
        why=why,
        deadline_ms=machine + policy.restore_seconds * 1000,
        now_ms=ports.clock.policy_ms(),
        first_bad_report_ms=first_bad_report_ms or machine,
    )
    assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
    changes = also
    if assignment is not None:
        back = replace(
            assignment,
            active_upto=0,
            staged_upto=0,
            position=restore_position(rollout.environment),
            revision=assignment.revision + 1,
        )
        changes = (*also, Replace(back))
        if rollout.by_weight:
            changes = (*changes, Add(ordered_look(deployment, rollout, back.position, ports=ports)))
    entry = Entry(
        type=EventType.RESTORE_STARTED,
        environment=rollout.environment,
        wave=rollout.wave,
        detail={"why": why, "goal": str(goal), "nodes": rollout.touched_nodes, "toDigest": rollout.from_digest},
    )
    after = replace(deployment.with_rollout(restoring), failure=failure or deployment.failure)
    told: tuple[Entry, ...] = (entry,)
    if goal is Status.ROLLED_BACK:
        kept_out = quarantine_for(deployment, rollout, reason=why, by=SYSTEM, now_ms=ports.clock.policy_ms())
        changed, said = quarantined(kept_out, ports=ports)
        changes, told = (*changes, *changed), (entry, *said)
    return Decided(after=after, entries=(*entries, *told), also=changes)


def _paused_instead(
    deployment: Deployment,
    rollout: Rollout,
    *,
    why: str,
    entries: tuple[Entry, ...],
    also: tuple[Change, ...],
    policy: Policy,
    ports: Ports,
) -> Decided:
    now = ports.clock.policy_ms()
    until = now + policy.pause_seconds * 1000
    sentence = f"{why} {deployment.version} is irreversible, so nothing is taken back: resume, promote or cancel."
    if rollout.phase is Phase.PAUSED:
        # Nobody came in the time the policy gives them; it goes on waiting.
        paused = replace(rollout, pause_until_ms=until)
    else:
        baking = wave_deployed(rollout, now_ms=now) if rollout.phase is Phase.DEPLOYING else rollout
        paused = pause(baking, why=sentence, until_ms=until, now_ms=now)
    told = Entry(type=EventType.PAUSED, environment=rollout.environment, wave=rollout.wave, detail={"why": sentence})
    return Decided(after=deployment.with_rollout(paused), entries=(*entries, told), also=also)


def restore_after_failure(deployment_id: str, *, cause: str, ports: Ports) -> Deployment:
    """The machine could not go on: restore what was touched, or fail at once where nothing was. Repeating is harmless."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if deployment.has_ended or (rollout is not None and rollout.goal):
            return None
        if rollout is None and any(r.has_ended for r in deployment.rollouts) and not cause:
            return None
        failure = Failure(code="STEP_FAILED", message=cause or "A step of the state machine failed.")
        if rollout is None:
            return ended_before_nodes(deployment, Status.FAILED, failure=failure, ports=ports)
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        return restore_decision(
            deployment, Status.FAILED, why=failure.message, failure=failure, policy=policy, ports=ports
        )

    return change_deployment(deployment_id, decide, ports=ports)
