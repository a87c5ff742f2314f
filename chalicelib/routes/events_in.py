"""What the function `events` is told: requests from outside, our own events for webhooks, and results of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import AlreadyDecided, NotFound
from chalicelib.domain.hook import HookStatus
from chalicelib.domain.telemetry import correlation_id_of
from chalicelib.observability import log, telling
from chalicelib.usecases.answer_hook import answer_hook
from chalicelib.usecases.deliver_event import deliver_event, end_attempt
from chalicelib.usecases.ports import DeadLetters, Ports

OUR_EVENTS = "hotswap"
CALLS = "hotswap.calls"
"""No rule of the bus takes events of this source: only the function that makes calls may say what came of them."""


def handle(event: Mapping[str, Any], *, ports: Ports, dead_letters: DeadLetters) -> dict[str, Any]:
    """Do what an event asks for. Events may come twice and in any order.

    Raises:
        Unavailable, StaleWrite: something does not answer now; the event is delivered again.
    """
    source, detail = event.get("source"), event.get("detail")
    if source not in (CALLS, OUR_EVENTS):
        # Whoever asks by event has no other name for what follows than the event's.
        told = correlation_id_of(event.get("id"))
    else:
        told = detail.get("correlationId", "") if isinstance(detail, dict) else ""
    with telling(correlationId=told, source=source):
        return _handle(event, source, ports=ports, dead_letters=dead_letters)


def _handle(event: Mapping[str, Any], source: object, *, ports: Ports, dead_letters: DeadLetters) -> dict[str, Any]:
    if source == CALLS:
        return _result(event["detail"], dead_letters=dead_letters, ports=ports)
    if source == OUR_EVENTS:
        return {"deliveries": deliver_event(event["detail-type"], event["detail"], ports=ports)}
    from chalicelib.routes import requests_by_event  # most events are our own, and need no schemas

    return requests_by_event.handle(event, ports=ports, dead_letters=dead_letters)


def _result(result: Mapping[str, Any], *, dead_letters: DeadLetters, ports: Ports) -> dict[str, Any]:
    if result["kind"] == "delivery":
        end_attempt(result, dead_letters=dead_letters, ports=ports)
        return {"attempt": result["id"]}
    status = HookStatus(result["status"])
    if status is not HookStatus.PENDING:
        try:
            answer_hook(result["id"], status, result["message"], ports=ports)
        except (AlreadyDecided, NotFound) as late:
            # Called back, timed out, or cancelled before the answer came: what was decided first stays.
            log("hook_answer_came_late", callId=result["id"], reason=str(late))
    return {"hook": result["id"]}
