"""RestoreNodes: the restore is over when every touched node answered, or the time the policy gives it is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.assignment import Assignment, given_back
from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.node import Member, Outcome, PendingNode, still_owing
from chalicelib.domain.rollout import Phase, Rollout, restore_ended, restore_position
from chalicelib.domain.timeline import EventType, named
from chalicelib.usecases.end_deployment import ended, given_up_turn
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment

MOST_IN_A_SENTENCE = 20


def finish_restore(deployment_id: str, *, ports: Ports) -> Deployment:
    """End the restore if it is over: verified node by node, the turn handed on, the deployment in its last status."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.RESTORING:
            return None
        rows = ports.store.list(PendingNode, deployment.id, restore_position(rollout.environment))
        members = ports.store.list(Member, deployment.id, rollout.environment)
        pending = still_owing(rows, members, upto=rollout.touched_upto)
        if pending and ports.clock.machine_ms() < (rollout.deadline_ms or 0):
            return None
        return _over(deployment, rollout, members, ports=ports)

    return change_deployment(deployment_id, decide, ports=ports)


def _over(deployment: Deployment, rollout: Rollout, members: Sequence[Member], *, ports: Ports) -> Decided:
    touched = [member for member in members if member.rank < rollout.touched_upto]
    unverified = sorted(member.name for member in touched if member.restored is not Outcome.SUCCEEDED)
    machine = ports.clock.machine_ms()
    over = restore_ended(rollout, failed=len(unverified), now_ms=ports.clock.policy_ms(), machine_ms=machine)
    restored_at = max((m.restored_at_ms for m in touched if m.restored_at_ms is not None), default=machine)
    over = replace(over, restored_at_ms=restored_at)
    entry = Entry(
        type=EventType.RESTORE_ENDED,
        environment=rollout.environment,
        detail={
            "outcome": str(over.phase),
            **named(restored=sorted(m.name for m in touched if m.restored is Outcome.SUCCEEDED), unverified=unverified),
            "milliseconds": restored_at - (rollout.first_bad_report_ms or restored_at),
        },
    )
    status = Status.ROLLBACK_FAILED if unverified else Status(rollout.goal)
    failure = deployment.failure or Failure(code=_CODES[Status(rollout.goal)], message=rollout.why)
    if unverified:
        message = f"Not verified after the rollback: {_some(unverified)}. {rollout.why}"
        failure = Failure(code="ROLLBACK_FAILED", message=message)
    also = (*_given_back(deployment, rollout, ports=ports), *given_up_turn(deployment, ports=ports))
    return ended(deployment.with_rollout(over), status, failure=failure, entries=(entry,), also=also, ports=ports)


def _some(names: Sequence[str]) -> str:
    """Names for a sentence."""
    more = len(names) - MOST_IN_A_SENTENCE
    return ", ".join(names[:MOST_IN_A_SENTENCE]) + (f" and {more} more" if more > 0 else "")


_CODES = {
    Status.CANCELLED: "CANCELLED",
    Status.ROLLED_BACK: "ROLLED_BACK",
    Status.FAILED: "STEP_FAILED",
    Status.SUPERSEDED: "SUPERSEDED",
}


def _given_back(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> tuple[Change, ...]:
    assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
    if assignment is None or assignment.deployment_id != deployment.id:
        return ()
    return (Replace(given_back(assignment)),)
