"""The turn: the right to change one module in one environment, with a fence and a queue behind it.

A turn ends with its holder, never with time. Every grant raises the fence, every effect carries it, and a node
refuses a smaller one, so whoever was paused past the end of their turn can change nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import QueueFull


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Who may change `module` in `environment` now, and who is next, in order."""

    environment: Environment
    module: str
    fence: int = 0
    holder: str | None = None
    queue: tuple[str, ...] = ()
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.module)

    def position(self, deployment_id: str) -> int | None:
        """0 for the holder, 1 for the first in the queue, None for a stranger."""
        if self.holder == deployment_id:
            return 0
        return self.queue.index(deployment_id) + 1 if deployment_id in self.queue else None


def held_by_another(turn: Turn | None, deployment_id: str) -> bool:
    """Whether somebody else may change the module here now."""
    return turn is not None and turn.holder not in (None, deployment_id)


def ask(turn: Turn, deployment_id: str, *, limit: int, front: bool = False) -> Turn:
    """The turn after `deployment_id` asked for it: granted when free, else queued. Asking again changes nothing.

    Args:
        limit: how many may wait. `front` (a rollback) is not held up by it and passes everybody but the holder.

    Raises:
        QueueFull: the queue is at its limit.
    """
    if turn.position(deployment_id) is not None:
        return turn
    if turn.holder is None and not turn.queue:
        return _grant(turn, deployment_id, ())
    if front:
        return replace(turn, queue=(deployment_id, *turn.queue), revision=turn.revision + 1)
    if len(turn.queue) >= limit:
        raise QueueFull(turn.environment, turn.module, limit, holder=turn.holder or "")
    return replace(turn, queue=(*turn.queue, deployment_id), revision=turn.revision + 1)


def give_up(turn: Turn, deployment_id: str) -> Turn:
    """The turn after `deployment_id` ended, was cancelled or released it: the first in the queue holds it next."""
    if turn.holder == deployment_id:
        if turn.queue:
            return _grant(turn, turn.queue[0], turn.queue[1:])
        return replace(turn, holder=None, revision=turn.revision + 1)
    if deployment_id in turn.queue:
        rest = tuple(waiting for waiting in turn.queue if waiting != deployment_id)
        return replace(turn, queue=rest, revision=turn.revision + 1)
    return turn


def _grant(turn: Turn, deployment_id: str, queue: tuple[str, ...]) -> Turn:
    return replace(turn, holder=deployment_id, queue=queue, fence=turn.fence + 1, revision=turn.revision + 1)
