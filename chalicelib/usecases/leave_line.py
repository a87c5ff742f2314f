"""Leave the line: what a deployment changes no more makes room for the next one."""

from __future__ import annotations

from chalicelib.domain.line import Line, leave
from chalicelib.usecases.ports import Change, Ports, Replace


def left_line(deployment_id: str, *, ports: Ports) -> tuple[Change, ...]:
    """The write that takes a deployment out of the line; none where it does not stand in it."""
    line = ports.store.get(Line)
    if line is None:
        return ()
    after = leave(line, deployment_id)
    return () if after is line else (Replace(after),)
