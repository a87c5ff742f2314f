"""The line: whether anything may change in this installation now, and how many deployments may change something at once.

One record for the whole installation. While nobody stops the line and no limit is set it is never written; with a
limit every environment of a deployment writes it twice, when it begins to change and when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.errors import LineFull

MOST_WAITING = 1_000
"""Deployments that may wait for the line; the record stays far below the 400 KB an item may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Who changes something now (counted only under a limit), who was let in and has not begun, and who waits, in order.

    `most_running` None is no limit. `stopped_at_ms` is policy time; None while the line runs.
    """

    most_running: int | None = None
    running: tuple[str, ...] = ()
    admitted: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    stopped_by: str = ""
    stopped_because: str = ""
    stopped_at_ms: int | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return ()

    @property
    def is_stopped(self) -> bool:
        return self.stopped_at_ms is not None

    @property
    def why(self) -> str:
        """In one sentence, why whoever waits is waiting."""
        if self.is_stopped:
            return f"The line is stopped by {self.stopped_by}: {self.stopped_because}"
        return f"{self.most_running} deployments are running, as many as may at once."


def enter(line: Line, deployment_id: str, *, free: bool = False) -> Line:
    """The line after `deployment_id` asked to change something: in it, or behind those who wait. Asking again is harmless.

    `free` (a rollback) neither waits for a stopped line nor for room.

    Raises:
        LineFull: too many wait already.
    """
    if deployment_id in line.running:
        return line
    if free or deployment_id in line.admitted:
        return _begun(line, deployment_id)
    asked = line
    if deployment_id not in line.waiting:
        if len(line.waiting) >= MOST_WAITING:
            raise LineFull(MOST_WAITING)
        asked = replace(line, waiting=(*line.waiting, deployment_id))
    let_in = _admit(asked)
    if deployment_id in let_in.admitted:
        begun = _begun(let_in, deployment_id)
        return line if replace(begun, revision=line.revision) == line else begun
    return asked if asked is line else replace(asked, revision=line.revision + 1)


def would_wait(line: Line, deployment_id: str) -> str:
    """Why a deployment that asked now would have to wait, in one sentence; empty where it would not.

    Raises:
        LineFull: it could not even wait.
    """
    asked = enter(line, deployment_id)
    return "" if is_in(asked, deployment_id) else line.why


def is_in(line: Line, deployment_id: str) -> bool:
    """Whether a deployment that has entered may change something, rather than wait."""
    return deployment_id not in line.waiting


def leave(line: Line, deployment_id: str) -> Line:
    """The line after `deployment_id` is done, or has ended waiting: whoever is next is let in."""
    if not any(deployment_id in names for names in (line.running, line.admitted, line.waiting)):
        return line
    return _admit(replace(_without(line, deployment_id), revision=line.revision + 1))


def stop(line: Line, *, by: str, because: str, now_ms: int) -> Line:
    """The line, stopped; one that is stopped already keeps who stopped it first."""
    if line.is_stopped:
        return line
    return replace(line, stopped_by=by, stopped_because=because, stopped_at_ms=now_ms, revision=line.revision + 1)


def run_again(line: Line) -> Line:
    """The line, running, with everybody let in for whom there is room."""
    if not line.is_stopped:
        return line
    running = replace(line, stopped_by="", stopped_because="", stopped_at_ms=None, revision=line.revision + 1)
    return _admit(running)


def limited(line: Line, most_running: int | None) -> Line:
    """The line under another limit. Those who began without one are not counted; nobody is sent out again."""
    if most_running == line.most_running:
        return line
    changed = replace(line, most_running=most_running, revision=line.revision + 1)
    return _admit(replace(changed, running=() if most_running is None else line.running))


def _begun(line: Line, deployment_id: str) -> Line:
    rest = _without(line, deployment_id)
    begun = rest if line.most_running is None else replace(rest, running=(*rest.running, deployment_id))
    return line if begun == line else replace(begun, revision=line.revision + 1)


def _admit(line: Line) -> Line:
    if line.is_stopped or not line.waiting:
        return line
    room = len(line.waiting)
    if line.most_running is not None:
        room = max(line.most_running - len(line.running) - len(line.admitted), 0)
    return replace(line, admitted=(*line.admitted, *line.waiting[:room]), waiting=line.waiting[room:])


def _without(line: Line, deployment_id: str) -> Line:
    running, admitted, waiting = (
        tuple(name for name in names if name != deployment_id) for names in (line.running, line.admitted, line.waiting)
    )
    return replace(line, running=running, admitted=admitted, waiting=waiting)
