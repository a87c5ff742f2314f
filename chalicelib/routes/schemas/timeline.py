"""Bodies of a deployment's timeline. Source: docs/contracts/events.md."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chalicelib.domain.environment import Environment
from chalicelib.domain.timeline import Event
from chalicelib.routes.fields import Instant, QueryInt, iso
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.read_timeline import Timeline

INSTANTS = frozenset({"bakeUntil", "expiresAt", "until"})
"""What is an instant in the details of docs/contracts/events.md."""


class ReadEvents(Received):
    """Which events, and how long to wait for one."""

    after: Annotated[QueryInt, Field(ge=0, le=99_999_999)] = 0
    wait_seconds: Annotated[QueryInt, Field(ge=0, le=20)] = 0


class EventBody(Answered):
    """One entry of a timeline."""

    seq: int
    type: str
    at: Instant
    status: str
    environment: Environment | None
    wave: int | None
    detail: dict[str, Any]


class EventPage(Answered):
    """Events, oldest first; ask again with `after` = `nextAfter`."""

    events: list[EventBody]
    status: str
    ended: bool
    next_after: int


def event_page(timeline: Timeline) -> EventPage:
    """Part of a timeline."""
    return EventPage(
        events=[_event_body(event) for event in timeline.events],
        status=timeline.status,
        ended=timeline.ended,
        next_after=timeline.next_after,
    )


def _event_body(event: Event) -> EventBody:
    return EventBody(
        seq=event.seq,
        type=event.type,
        at=iso(event.at_ms),
        status=event.status,
        environment=event.environment,
        wave=event.wave,
        detail=_shown(event.detail),
    )


def _shown(detail: dict[str, Any]) -> dict[str, Any]:
    """A detail with its instants as the public API writes them; on the bus and in the table they are milliseconds."""
    return {
        name: iso(value) if name in INSTANTS and isinstance(value, int) else value for name, value in detail.items()
    }
