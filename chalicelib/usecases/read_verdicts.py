"""The verdicts of a deployment, with every number they were reached by."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.environment import Environment
from chalicelib.domain.timeline import Event, EventType
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import get_deployment

READ_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Events of the type VerdictReached, oldest first. `next_after`: there are more behind this number; None: no."""

    events: tuple[Event, ...]
    next_after: int | None


def read_verdicts(
    deployment_id: str, *, environment: Environment | None = None, after: int = 0, limit: int, ports: Ports
) -> Verdicts:
    """At most `limit` verdicts behind event `after`, those of looks that found harm included.

    Raises:
        NotFound: no such deployment.
    """
    get_deployment(deployment_id, ports=ports)
    found: list[Event] = []
    while True:
        events = ports.store.list(Event, deployment_id, after=f"{after:08d}", limit=READ_AT_ONCE)
        for event in events:
            after = event.seq
            if event.type is EventType.VERDICT_REACHED and environment in (None, event.environment):
                found.append(event)
                if len(found) > limit:
                    return Verdicts(events=tuple(found[:limit]), next_after=found[limit - 1].seq)
        if len(events) < READ_AT_ONCE:
            return Verdicts(events=tuple(found), next_after=None)
