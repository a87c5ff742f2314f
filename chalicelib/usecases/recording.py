"""One change of a deployment: the record, its timeline, its audit chain and what the world is told, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound, StaleWrite, Unavailable
from chalicelib.domain.telemetry import measurements_of
from chalicelib.domain.timeline import AuditRecord, Event, EventType, OutboxMessage, audit_hash
from chalicelib.domain.waiting import Next, Wait, answer
from chalicelib.usecases.ports import Add, Change, Ports, Replace
from chalicelib.usecases.relay_outbox import forget, tell

MAX_TRIES = 12
"""A conditional write that loses is decided anew this often; each loss means that somebody else got on."""

ORDERS = frozenset({"call", "aliases"})
"""Topics of messages that come with a decision and are told as soon as it is kept."""

SYSTEM = "hotswap"
"""The actor of what no person asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened, before it has a number in the timeline."""

    type: EventType
    environment: Environment | None = None
    wave: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a use case decided: the deployment as it is to be, what happened, and what else changes with it."""

    after: Deployment
    entries: tuple[Entry, ...] = ()
    also: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A change ready to be committed, the messages to relay afterwards, and the events to show then."""

    after: Deployment
    changes: tuple[Change, ...]
    messages: tuple[OutboxMessage, ...]
    events: tuple[Event, ...] = ()


def record(
    decided: Decided, *, before: Deployment | None, actor: str, policy_ms: int, machine_ms: int, request_id: str = ""
) -> Recorded:
    """The transaction for a decision. Pure: numbers, hashes and ids follow from the deployment."""
    seq, previous = decided.after.event_seq, decided.after.audit_hash
    changes: list[Change] = []
    messages: list[OutboxMessage] = []
    events: list[Event] = []
    for entry in decided.entries:
        seq += 1
        event = Event(
            deployment_id=decided.after.id,
            seq=seq,
            type=entry.type,
            at_ms=policy_ms,
            status=decided.after.status,
            environment=entry.environment,
            wave=entry.wave,
            detail=entry.detail,
        )
        audit = AuditRecord(
            subject=decided.after.id,
            seq=seq,
            at_ms=machine_ms,
            actor=actor,
            action=entry.type,
            detail=entry.detail,
            request_id=request_id,
            previous_hash=previous,
        )
        audit = replace(audit, hash=audit_hash(audit))
        previous = audit.hash
        events.append(event)
        message = _message(event, decided.after, machine_ms)
        messages.append(message)
        changes += [Add(event), Add(audit), Add(message)]
    messages += [
        change.record
        for change in decided.also
        if isinstance(change, Add) and isinstance(change.record, OutboxMessage) and change.record.topic in ORDERS
    ]
    after = replace(
        decided.after,
        event_seq=seq,
        audit_hash=previous,
        updated_at_ms=policy_ms,
        revision=0 if before is None else before.revision + 1,
    )
    first: Change = Add(after) if before is None else Replace(after)
    return Recorded(
        after=after, changes=(first, *changes, *decided.also), messages=tuple(messages), events=tuple(events)
    )


def change_deployment(
    deployment_id: str,
    decide: Callable[[Deployment], Decided | None],
    *,
    actor: str = SYSTEM,
    request_id: str = "",
    known: Deployment | None = None,
    ports: Ports,
) -> Deployment:
    """Decide on the deployment as it is and write the decision; decided anew when somebody else wrote first.

    `decide` returns None when there is nothing (more) to do. Afterwards whoever waits for the outcome is woken. `known` is
    the deployment where the caller has just read it.

    Raises:
        NotFound: no such deployment.
        StaleWrite: somebody else won every time.
    """
    for attempt in range(MAX_TRIES):
        before = known if known is not None and attempt == 0 else get_deployment(deployment_id, ports=ports)
        decided = decide(before)
        if decided is None:
            wake(before, ports=ports)
            return before
        recorded = record(
            decided,
            before=before,
            actor=actor,
            request_id=request_id,
            policy_ms=ports.clock.policy_ms(),
            machine_ms=ports.clock.machine_ms(),
        )
        try:
            ports.store.commit(*recorded.changes)
        except StaleWrite:
            if attempt == MAX_TRIES - 1:
                raise
            continue
        show(recorded, ports=ports)
        _follow_up(recorded, ports=ports)
        return recorded.after
    raise AssertionError("unreachable")


def show(recorded: Recorded, *, ports: Ports) -> None:
    """A line for each event that was written, and the numbers that follow. Who dies before this has shown nothing."""
    deployment = recorded.after
    for event in recorded.events:
        ports.telemetry.happened(
            str(event.type),
            executionId=deployment.id,
            correlationId=deployment.correlation_id,
            seq=event.seq,
            status=event.status,
            moduleName=deployment.module,
            version=deployment.version,
            environment=None if event.environment is None else str(event.environment),
            wave=event.wave,
        )
    ports.telemetry.measured(*measurements_of(deployment, recorded.events))


def _follow_up(recorded: Recorded, *, ports: Ports) -> None:
    """Publish, then wake: whoever wakes publishes the next event, so those of one deployment go out in order.

    Where either fails the messages stay in the outbox, and the reconciler finds by them whom to wake.
    """
    try:
        tell(recorded.messages, ports=ports)
        send_answer(recorded.after, ports=ports)
    except Unavailable:
        return
    forget(recorded.messages, ports=ports)


def get_deployment(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment, read consistently.

    Raises:
        NotFound: no such deployment.
    """
    deployment = ports.store.get(Deployment, deployment_id)
    if deployment is None:
        raise NotFound("deployment", deployment_id)
    return deployment


def wake(deployment: Deployment, *, ports: Ports) -> bool:
    """The same as `send_answer`, but what cannot be sent now is left to the reconciler."""
    try:
        return send_answer(deployment, ports=ports)
    except Unavailable:
        return False


def send_answer(deployment: Deployment, *, ports: Ports) -> bool:
    """Send the waiting execution its answer, if there is one and its token has not had it; True when it was sent.

    Safe to call at any time, by anybody, as often as one likes: the answer follows from the table alone.

    Raises:
        Unavailable: the state machine does not answer; what was decided stays decided.
    """
    wait = ports.store.get(Wait, deployment.id)
    if wait is None or wait.is_answered or wait.run != deployment.run:
        return False
    output = answer(deployment, wait.state, now_ms=ports.clock.policy_ms())
    if output is None:
        return False
    if output["next"] == Next.END:
        sent = ports.executions.refuse(wait.token, error="DeploymentEnded", cause=str(deployment.status))
    elif output["next"] == Next.FROZEN:
        sent = ports.executions.refuse(wait.token, error="Frozen", cause=output["environment"])
    else:
        sent = ports.executions.answer(wait.token, output)
    try:
        answered = replace(wait, answered_hash=wait.token_hash, revision=wait.revision + 1)
        ports.store.commit(Replace(answered))
    except StaleWrite:
        return sent  # a newer token came meanwhile; whoever stored it looks for an answer itself
    return sent


def _message(event: Event, deployment: Deployment, machine_ms: int) -> OutboxMessage:
    detail = {
        "executionId": deployment.id,
        "correlationId": deployment.correlation_id,
        "seq": event.seq,
        "type": str(event.type),
        "at": event.at_ms,
        "status": event.status,
        "moduleName": deployment.module,
        "version": deployment.version,
        "targetEnvironment": str(deployment.target),
        "environment": None if event.environment is None else str(event.environment),
        "wave": event.wave,
        "detail": event.detail,
    }
    identity = f"{deployment.id}#{event.seq:08d}"
    payload = {"id": identity, "detailType": str(event.type), "detail": detail}
    return OutboxMessage(id=identity, topic="bus", created_at_ms=machine_ms, payload=payload)
