"""Bodies of the line. Source: docs/contracts/control.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from chalicelib.domain.line import Line
from chalicelib.routes.fields import Instant, Reason, iso_or_none
from chalicelib.routes.validation import Answered, Received

GivenReason = Annotated[str, Field(min_length=1, max_length=1_000)]


class StopLine(Received):
    """Why nothing may go on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Payments are failing, cause unknown"}]})

    reason: GivenReason


class ResumeLine(Received):
    """Why it may go on."""

    reason: Reason = ""


class LimitLine(Received):
    """How many deployments may change something at once; null is no limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mostRunning": 20, "reason": "Support is on holiday"}]})

    most_running: Annotated[int, Field(ge=1, le=1_000)] | None
    reason: Reason = ""


class LineBody(Answered):
    """Whether anything may go on. `running` is counted under a limit only; `waiting` is in order."""

    state: Literal["running", "stopped"]
    stopped_by: str | None
    stopped_because: str | None
    stopped_at: Instant | None
    most_running: int | None
    running: list[str]
    waiting: list[str]


def line_body(line: Line) -> LineBody:
    """The line."""
    return LineBody(
        state="stopped" if line.is_stopped else "running",
        stopped_by=line.stopped_by or None,
        stopped_because=line.stopped_because or None,
        stopped_at=iso_or_none(line.stopped_at_ms),
        most_running=line.most_running,
        running=[*line.running, *line.admitted],
        waiting=list(line.waiting),
    )
