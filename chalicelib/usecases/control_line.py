"""Stop the line, let it run again, limit it: what people say to the whole installation at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import DomainError
from chalicelib.domain.line import Line, limited, run_again, stop
from chalicelib.domain.timeline import EventType, OutboxMessage
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.control_deployment import resume_for_line
from chalicelib.usecases.ports import Add, Change, Ports, Replace
from chalicelib.usecases.relay_outbox import relay_outbox
from chalicelib.usecases.take_turn import let_in

SUBJECT = "line"
MOST_RESUMED = 1_000


def current_line(*, ports: Ports) -> Line:
    """The line as it is; one nobody ever touched runs without a limit."""
    return ports.store.get(Line) or Line()


def stop_line(*, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Line:
    """The line, stopped: no deployment begins and no wave is promoted until it runs again; rollbacks are not held up."""
    now = ports.clock.policy_ms()
    return _change(
        lambda line: stop(line, by=caller.name, because=reason, now_ms=now),
        EventType.LINE_STOPPED,
        {"by": caller.name, "reason": reason},
        caller=caller,
        request_id=request_id,
        ports=ports,
    )


def resume_line(*, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Line:
    """The line, running again; whoever waited for it goes on now, or with the next sweep where this call is cut off."""
    line = _change(
        run_again,
        EventType.LINE_RESUMED,
        {"by": caller.name, "reason": reason},
        caller=caller,
        request_id=request_id,
        ports=ports,
    )
    let_in(ports=ports)
    page = ports.store.page(Deployment, "open", "DEPLOYMENTS", limit=MOST_RESUMED)
    for deployment in page.records:
        with suppress(DomainError):  # the sweep does it
            resume_for_line(deployment.id, ports=ports)
    return line


def limit_line(most_running: int | None, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Line:
    """The line with another limit on how many deployments change something at once; None is no limit."""
    line = _change(
        lambda line: limited(line, most_running),
        EventType.LINE_LIMITED,
        {"by": caller.name, "reason": reason, "mostRunning": most_running},
        caller=caller,
        request_id=request_id,
        ports=ports,
    )
    let_in(ports=ports)
    return line


def _change(
    decide: Callable[[Line], Line],
    event: EventType,
    detail: dict[str, Any],
    *,
    caller: Caller,
    request_id: str,
    ports: Ports,
) -> Line:
    told: list[OutboxMessage] = []

    def change() -> tuple[Line, tuple[Change, ...]]:
        stored = ports.store.get(Line)
        before = stored or Line()
        after = decide(before)
        if after is before:
            return before, ()
        deed = Deed(subject=SUBJECT, actor=caller.name, action=str(event), detail=detail, request_id=request_id)
        message = _message(event, after, detail, ports=ports)
        told[:] = [message]
        write = Add(replace(after, revision=0)) if stored is None else Replace(after)
        return after, (write, audited(deed, ports=ports), Add(message))

    line = decide_and_commit(change, ports=ports)
    relay_outbox(told, ports=ports)
    return line


def _message(event: EventType, line: Line, detail: dict[str, Any], *, ports: Ports) -> OutboxMessage:
    identity = f"line#{line.revision:08d}"
    told = {"type": str(event), "at": ports.clock.policy_ms(), "stopped": line.is_stopped, **detail}
    payload = {"id": identity, "detailType": str(event), "detail": told}
    return OutboxMessage(id=identity, topic="bus", created_at_ms=ports.clock.machine_ms(), payload=payload)
