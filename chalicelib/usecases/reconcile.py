"""The reconciler: whatever was decided and not delivered is delivered, whatever was lost is continued. Twice is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.domain.approval import Approval, remind
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import DomainError, Unavailable
from chalicelib.domain.rollout import Phase
from chalicelib.domain.telemetry import waiting
from chalicelib.domain.timeline import EventType, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.usecases.answer_hook import time_out_hooks
from chalicelib.usecases.control_deployment import resume_for_line
from chalicelib.usecases.decide_approval import expire_approval
from chalicelib.usecases.discuss_approval import remind_approvers
from chalicelib.usecases.fail_silent_nodes import fail_overdue_nodes
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.keep_freezes import thaw
from chalicelib.usecases.ports import Add, Ports, Record
from chalicelib.usecases.recording import Decided, Entry, change_deployment, get_deployment, send_answer, wake
from chalicelib.usecases.relay_outbox import execution_order, relay_outbox, tell
from chalicelib.usecases.take_turn import let_in, take_turn

MOST_PER_PASS = 1_000
GRACE_MS = 30_000
"""An execution is taken for lost only when its deployment has not changed for this long (machine time)."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one pass did."""

    relayed: int = 0
    woken: int = 0
    continued: int = 0
    expired: int = 0
    reminded: int = 0
    failed: int = 0


def reconcile(*, grace_ms: int = GRACE_MS, ports: Ports) -> Reconciled:
    """One pass over everything that is open. A trouble with one deployment does not keep the others waiting."""
    messages = list(_open(OutboxMessage, "OUTBOX", ports=ports))
    woken, unreached = _wake_for(messages, ports=ports)
    relayed = relay_outbox([each for each in messages if _about(each) not in unreached], ports=ports)
    with suppress(Unavailable):  # told now, kept all the same: by it the next sweep finds whom to wake
        tell([each for each in messages if _about(each) in unreached], ports=ports)
    _show_waiting(ports=ports)
    expired = sum(_attempt(approval.deployment_id, ports=ports) for approval in _due_approvals(ports=ports))
    reminded = _remind(ports=ports)
    let_in(ports=ports)
    continued = failed = 0
    for deployment in _open(Deployment, "DEPLOYMENTS", ports=ports):
        try:
            continued += continue_lost(deployment.id, grace_ms=grace_ms, ports=ports)
            woken += look_after(deployment.id, ports=ports)
        except DomainError:
            failed += 1
    return Reconciled(
        relayed=relayed, woken=woken, continued=continued, expired=expired, reminded=reminded, failed=failed
    )


def look_after(deployment_id: str, *, ports: Ports) -> bool:
    """Do for one deployment what a lost heartbeat, grant or wake-up would have done; true when it was woken."""
    deployment = time_out_hooks(deployment_id, ports=ports)
    rollout = deployment.current
    if rollout is not None and rollout.phase is Phase.AWAITING_TURN and not rollout.fence:
        turn = ports.store.get(Turn, rollout.environment, deployment.module)
        if turn is not None and turn.holder == deployment.id:
            take_turn(deployment.id, ports=ports)
    elif rollout is not None and rollout.phase is Phase.FROZEN:
        # Also where somebody lifted the freeze: its timer would let it wait for the end there was.
        thaw(deployment.id, ports=ports)
    elif rollout is not None and rollout.phase is Phase.DEPLOYING:
        fail_overdue_nodes(deployment.id, ports=ports)
    elif rollout is not None and rollout.waits_for_line:
        resume_for_line(deployment.id, ports=ports)
    elif rollout is not None and rollout.phase is Phase.RESTORING:
        finish_restore(deployment.id, ports=ports)
    return wake(get_deployment(deployment_id, ports=ports), ports=ports)


def continue_lost(deployment_id: str, *, grace_ms: int, ports: Ports) -> bool:
    """Start the next execution of a deployment whose execution is gone; true when one was started.

    The new one replays what is recorded and goes on from there; the old one, should it live after all, is refused.
    """
    lost = get_deployment(deployment_id, ports=ports)
    if lost.has_ended or ports.executions.is_running(lost.execution_name):
        return False
    if ports.clock.policy_ms() - lost.updated_at_ms < grace_ms:
        return False

    def decide(deployment: Deployment) -> Decided | None:
        if deployment.has_ended or deployment.run != lost.run:
            return None
        following = replace(deployment, run=deployment.run + 1)
        entry = Entry(type=EventType.EXECUTION_REPLACED, detail={"execution": following.execution_name})
        return Decided(after=following, entries=(entry,), also=(Add(_order(following, ports=ports)),))

    after = change_deployment(deployment_id, decide, ports=ports)
    if after.run == lost.run:
        return False
    relay_outbox((_order(after, ports=ports),), ports=ports)
    return True


def _order(deployment: Deployment, *, ports: Ports) -> OutboxMessage:
    return OutboxMessage(
        id=f"{deployment.id}#start-r{deployment.run}",
        topic="execution",
        created_at_ms=ports.clock.machine_ms(),
        payload=execution_order(deployment),
    )


def _wake_for(messages: Iterable[OutboxMessage], *, ports: Ports) -> tuple[int, frozenset[str]]:
    """Wake for what was never told: whoever wrote it got no further, and a deployment that has ended is in no open list.

    Returns how many were woken, and those the state machine did not answer for.
    """
    woken = 0
    unreached = set()
    for deployment_id in sorted({_about(message) for message in messages} - {""}):
        deployment = ports.store.get(Deployment, deployment_id)
        try:
            woken += deployment is not None and send_answer(deployment, ports=ports)
        except Unavailable:
            unreached.add(deployment_id)
    return woken, frozenset(unreached)


def _about(message: OutboxMessage) -> str:
    """The deployment an event is about; empty where it is about none."""
    detail = message.payload.get("detail", {}) if message.topic == "bus" else {}
    return str(detail.get("executionId", ""))


def _show_waiting(*, ports: Ports) -> None:
    """How much waits for people, for turns and for the calendar, as this pass finds it."""
    asked = [approval.requested_at_ms for approval in _open(Approval, "APPROVALS", ports=ports)]
    queued = sum(each.status is Status.QUEUED for each in _open(Deployment, "DEPLOYMENTS", ports=ports))
    found = waiting(approvals_asked_at_ms=asked, queued=queued, now_ms=ports.clock.policy_ms())
    ports.telemetry.measured(*found)


def _due_approvals(*, ports: Ports) -> Iterator[Approval]:
    now = ports.clock.policy_ms()
    return (approval for approval in _open(Approval, "APPROVALS", ports=ports) if approval.expires_at_ms <= now)


def _remind(*, ports: Ports) -> int:
    now = ports.clock.policy_ms()
    due = [each for each in _open(Approval, "APPROVALS", ports=ports) if remind(each, now_ms=now) is not each]
    for approval in due:
        with suppress(DomainError):  # the next sweep reminds them
            remind_approvers(approval.deployment_id, ports=ports)
    return len(due)


def _attempt(deployment_id: str, *, ports: Ports) -> int:
    try:
        expire_approval(deployment_id, ports=ports)
    except DomainError:
        return 0
    return 1


def _open(kind: type[R], partition: str, *, ports: Ports) -> Iterator[R]:
    cursor: str | None = None
    seen = 0
    while seen < MOST_PER_PASS:
        page = ports.store.page(kind, "open", partition, limit=100, cursor=cursor)
        yield from page.records
        seen += len(page.records)
        if page.cursor is None:
            return
        cursor = page.cursor
