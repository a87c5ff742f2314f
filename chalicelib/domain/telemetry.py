"""What operators are shown as numbers: every measure there is in one table, and which of them an event gives.

The table is what the program writes, what the alarms and the dashboard of the stack read, and what each series costs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from chalicelib.domain.analysis.verdict import Decision
from chalicelib.domain.deployment import ENDS, Deployment, Status
from chalicelib.domain.node import Node
from chalicelib.domain.timeline import Event, EventType

NAMESPACE: Final = "HotSwap"
STAGE: Final = "Stage"
"""The dimension every measure has: several installations live in one account."""


_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
"""Goes into headers, logs and the inputs of executions as it is."""


def correlation_id_of(text: object) -> str:
    """The text, if it may be a correlation id, else nothing: it names what belongs together and proves nothing."""
    return text if isinstance(text, str) and _CORRELATION_ID.fullmatch(text) else ""


class Unit(StrEnum):
    """As CloudWatch calls them."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"


class Measure(StrEnum):
    """What is measured."""

    DEPLOYMENTS_ENDED = "DeploymentsEnded"
    DEPLOYMENT_DURATION = "DeploymentDuration"
    ROLLBACK_LATENCY = "RollbackLatency"
    VERDICTS = "Verdicts"
    APPROVALS_PENDING = "ApprovalsPending"
    OLDEST_APPROVAL_AGE = "OldestApprovalAge"
    QUEUE_LENGTH = "QueueLength"
    HEARTBEAT_LAG = "HeartbeatLag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a measure is written. `values` are all that its `dimension` may be: a series is paid for, so there are few."""

    unit: Unit
    meaning: str
    dimension: str = ""
    values: tuple[str, ...] = ()


_ENDS: Final = tuple(sorted(str(end) for end in ENDS))

MEASURES: Final[Mapping[Measure, Shape]] = MappingProxyType(
    {
        Measure.DEPLOYMENTS_ENDED: Shape(
            unit=Unit.COUNT, meaning="deployments that reached an end", dimension="Status", values=_ENDS
        ),
        Measure.DEPLOYMENT_DURATION: Shape(
            unit=Unit.SECONDS, meaning="from the request to the end, waits included", dimension="Status", values=_ENDS
        ),
        Measure.ROLLBACK_LATENCY: Shape(
            unit=Unit.MILLISECONDS, meaning="from the first bad report to the last restored node"
        ),
        Measure.VERDICTS: Shape(
            unit=Unit.COUNT, meaning="verdicts", dimension="Decision", values=tuple(sorted(map(str, Decision)))
        ),
        Measure.APPROVALS_PENDING: Shape(unit=Unit.COUNT, meaning="approvals that somebody is asked for, each minute"),
        Measure.OLDEST_APPROVAL_AGE: Shape(unit=Unit.SECONDS, meaning="how long the oldest of them has been asked for"),
        Measure.QUEUE_LENGTH: Shape(
            unit=Unit.COUNT, meaning="deployments that wait for their turn, for the line or for a freeze, each minute"
        ),
        Measure.HEARTBEAT_LAG: Shape(
            unit=Unit.MILLISECONDS,
            meaning="how much later than it was told to a node reported; only where that is more than a second",
        ),
    }
)
"""Every measure the program writes, and nothing else is written."""

LATE_MS: Final = 1_000
"""A report this late is worth a line; the others are on time, and cost none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value of a measure; `of` is the value of its dimension. `about` goes along and makes no series."""

    measure: Measure
    value: int
    of: str = ""
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.of not in (MEASURES[self.measure].values or ("",)):
            raise ValueError(f"{self.measure} has no series {self.of!r}")


def series() -> int:
    """How many series there are at most, in one installation."""
    return sum(len(shape.values) or 1 for shape in MEASURES.values())


def measurements_of(deployment: Deployment, events: Sequence[Event]) -> tuple[Measurement, ...]:
    """What the events that were just written say in numbers; the deployment is as they left it."""
    about = {"executionId": deployment.id, "correlationId": deployment.correlation_id}
    found: list[Measurement] = []
    for event in events:
        if event.type is EventType.DEPLOYMENT_ENDED:
            lasted_ms = max((deployment.ended_at_ms or event.at_ms) - deployment.created_at_ms, 0)
            end = str(deployment.status)
            found += [
                Measurement(measure=Measure.DEPLOYMENTS_ENDED, value=1, of=end, about=about),
                Measurement(measure=Measure.DEPLOYMENT_DURATION, value=lasted_ms // 1000, of=end, about=about),
            ]
        elif event.type is EventType.RESTORE_ENDED and deployment.status is Status.ROLLED_BACK:
            took_ms = int(event.detail["milliseconds"])
            found.append(Measurement(measure=Measure.ROLLBACK_LATENCY, value=took_ms, about=about))
        elif event.type is EventType.VERDICT_REACHED:
            decision = str(event.detail["decision"])
            found.append(Measurement(measure=Measure.VERDICTS, value=1, of=decision, about=about))
    return tuple(found)


def lag_of(node: Node, *, now_ms: int) -> tuple[Measurement, ...]:
    """How late a report of the node is that comes now, where that is worth telling; its first one is never late."""
    lag_ms = now_ms - node.last_heartbeat_ms - node.heartbeat_ms
    if not node.interval or lag_ms <= LATE_MS:
        return ()
    about = {"nodeId": node.id, "environment": str(node.environment)}
    return (Measurement(measure=Measure.HEARTBEAT_LAG, value=lag_ms, about=about),)


def waiting(*, approvals_asked_at_ms: Sequence[int], queued: int, now_ms: int) -> tuple[Measurement, ...]:
    """What the sweep finds waiting; nothing waiting is told by silence, so an idle installation writes nothing."""
    found = []
    if approvals_asked_at_ms:
        age_s = max(now_ms - min(approvals_asked_at_ms), 0) // 1000
        found += [
            Measurement(measure=Measure.APPROVALS_PENDING, value=len(approvals_asked_at_ms)),
            Measurement(measure=Measure.OLDEST_APPROVAL_AGE, value=age_s),
        ]
    if queued:
        found.append(Measurement(measure=Measure.QUEUE_LENGTH, value=queued))
    return tuple(found)
