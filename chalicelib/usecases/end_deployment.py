"""How a deployment ends: the last status, the turn handed on, the open approval withdrawn, the end told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.approval import Approval, withdraw
from chalicelib.domain.deployment import Deployment, Failure, Stage, StageStatus, Status
from chalicelib.domain.errors import IllegalTransition
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.timeline import EventType
from chalicelib.domain.turn import Turn, give_up
from chalicelib.usecases.leave_line import left_line
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.recording import Decided, Entry


def ended_before_nodes(
    deployment: Deployment,
    status: Status,
    *,
    failure: Failure | None = None,
    entries: tuple[Entry, ...] = (),
    also: tuple[Change, ...] = (),
    ports: Ports,
) -> Decided:
    """The end of a deployment that has touched no node of the environment it stands in.

    Raises:
        IllegalTransition: a node was touched; it must be restored first.
    """
    if deployment.touched_nodes:
        raise IllegalTransition(deployment.status, status)
    rollouts = tuple(_refused(rollout, ports.clock.policy_ms()) for rollout in deployment.rollouts)
    after = replace(deployment, rollouts=rollouts)
    changes = (*also, *given_up_turn(deployment, ports=ports), *withdrawn_approval(deployment, also, ports=ports))
    return ended(after, status, failure=failure, entries=entries, also=changes, ports=ports)


def ended(
    deployment: Deployment,
    status: Status,
    *,
    failure: Failure | None = None,
    entries: tuple[Entry, ...] = (),
    also: tuple[Change, ...] = (),
    ports: Ports,
) -> Decided:
    """The deployment in its last status, with the event that says so."""
    now = ports.clock.policy_ms()
    stages = tuple(_stopped(stage, status, now) for stage in deployment.stages)
    after = replace(deployment.become(status), stages=stages, ended_at_ms=now, failure=failure or deployment.failure)
    return Decided(after=after, entries=(*entries, _end_entry(after)), also=also)


def _stopped(stage: Stage, status: Status, now_ms: int) -> Stage:
    """A stage that still waited, for its hook, when the deployment ended did not succeed."""
    if stage.status is not StageStatus.RUNNING:
        return stage
    message = "; ".join(part for part in (stage.message, f"stopped: the deployment ended {status}") if part)
    return replace(stage, status=StageStatus.FAILED, ended_at_ms=now_ms, message=message)


def given_up_turn(deployment: Deployment, *, ports: Ports) -> tuple[Change, ...]:
    """The writes that hand on turn and place in the queue of every environment it stood in, and its place in the line."""
    changes: list[Change] = []
    for rollout in deployment.rollouts:
        if rollout.phase in (Phase.PENDING, Phase.SKIPPED):
            continue
        turn = ports.store.get(Turn, rollout.environment, deployment.module)
        if turn is not None and turn.position(deployment.id) is not None:
            changes.append(Replace(give_up(turn, deployment.id)))
    return (*changes, *left_line(deployment.id, ports=ports))


def withdrawn_approval(deployment: Deployment, also: tuple[Change, ...] = (), *, ports: Ports) -> tuple[Change, ...]:
    """The write that withdraws an approval that is still asked for; none where `also` decides it already."""
    current = deployment.current
    if current is None or not current.approval_id:
        return ()
    if any(isinstance(change.record, Approval) for change in also):
        return ()
    approval = ports.store.get(Approval, deployment.id, current.approval_id)
    if approval is None:
        return ()
    gone = withdraw(approval, now_ms=ports.clock.policy_ms())
    return () if gone is approval else (Replace(gone),)


def _refused(rollout: Rollout, now_ms: int) -> Rollout:
    if rollout.has_ended or rollout.phase is Phase.PENDING:
        return rollout
    return replace(rollout, phase=Phase.REFUSED, ended_at_ms=now_ms)


def _end_entry(deployment: Deployment) -> Entry:
    detail: dict[str, Any] = {
        "status": str(deployment.status),
        "environments": {str(r.environment): str(r.phase) for r in deployment.rollouts},
    }
    if deployment.failure is not None:
        detail["error"] = {"code": deployment.failure.code, "message": deployment.failure.message}
    return Entry(type=EventType.DEPLOYMENT_ENDED, detail=detail)
