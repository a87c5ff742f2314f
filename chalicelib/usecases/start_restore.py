"""Take a wave back: one write says why, sets the status, and gives every touched node its old digest again."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.policy import Policy
from chalicelib.domain.rollout import restore, restore_position
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment


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
    """The decision to restore the environment being changed; `goal` is the status to end in when that is done."""
    rollout = deployment.current
    if rollout is None or not deployment.touched_nodes:
        return ended_before_nodes(deployment, goal, failure=failure, entries=entries, also=also, ports=ports)
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
    entry = Entry(
        type=EventType.RESTORE_STARTED,
        environment=rollout.environment,
        wave=rollout.wave,
        detail={"why": why, "goal": str(goal), "nodes": rollout.touched_upto, "toDigest": rollout.from_digest},
    )
    after = replace(deployment.with_rollout(restoring), failure=failure or deployment.failure)
    return Decided(after=after, entries=(*entries, entry), also=changes)


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
