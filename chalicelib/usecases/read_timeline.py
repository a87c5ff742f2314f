"""The timeline of a deployment, now or as soon as there is something new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.timeline import Event
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import get_deployment

MOST_EVENTS = 200
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Events behind a number, oldest first. `ended`: there will never be more than these."""

    events: tuple[Event, ...]
    status: str
    ended: bool
    next_after: int


def read_timeline(
    deployment_id: str, *, after: int, wait_seconds: int, pause: Callable[[float], None], ports: Ports
) -> Timeline:
    """What happened behind event `after`; waits up to `wait_seconds` for something to happen.

    Raises:
        NotFound: no such deployment.
    """
    waited, step = 0.0, FIRST_PAUSE_S
    while True:
        # The deployment first: when it has ended by then, its last event is among those read afterwards.
        deployment = get_deployment(deployment_id, ports=ports)
        events = ports.store.list(Event, deployment_id, after=f"{after:08d}", limit=MOST_EVENTS)
        if events or deployment.has_ended or waited >= wait_seconds:
            return Timeline(
                events=events,
                status=str(deployment.status),
                ended=deployment.has_ended and len(events) < MOST_EVENTS,
                next_after=events[-1].seq if events else after,
            )
        pause(min(step, wait_seconds - waited))
        waited += step
        step = min(step * 1.5, LONGEST_PAUSE_S)
