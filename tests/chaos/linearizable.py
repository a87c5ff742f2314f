"""Whether a history of calls could have been made one after the other.

The search of J. Wing and C. Gong (Testing and Verifying Concurrent Objects, 1993) with G. Lowe's memory of what was
tried (Testing for Linearizability, 2016). A call without an answer may have taken effect at any later moment or never.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

MOST_STEPS = 200_000


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call: what was asked and answered, and between which moments. `ended` None: no answer came."""

    name: str
    argument: Any = None
    answer: Any = None
    invoked: int
    ended: int | None = None


Step = Callable[[Hashable, Operation], tuple[bool, Hashable]]
"""(state, operation) -> (whether its answer is right in that state, the state after it)."""


class TooLongToTell(AssertionError):
    """The search gave up. That is a failure of the check, never a pass."""


def is_linearizable(operations: Sequence[Operation], step: Step, *, start: Hashable) -> bool:
    """Whether some order of the operations, which no two that did not overlap change places in, explains every answer.

    Raises:
        TooLongToTell: after `MOST_STEPS` steps it is not known.
    """
    answered = frozenset(number for number, each in enumerate(operations) if each.ended is not None)
    seen: set[tuple[frozenset[int], Hashable]] = set()
    todo: list[tuple[frozenset[int], Hashable]] = [(frozenset(), start)]
    steps = 0
    while todo:
        done, state = todo.pop()
        if answered <= done:
            return True
        open_ends = [end for n in answered - done if (end := operations[n].ended) is not None]
        first_end = min(open_ends)
        for number, operation in enumerate(operations):
            # Nothing may be put before a call that had ended when it began.
            if number in done or operation.invoked > first_end:
                continue
            steps += 1
            if steps > MOST_STEPS:
                raise TooLongToTell(f"not known after {MOST_STEPS} steps, {len(operations)} operations")
            right, after = step(state, operation)
            following = (done | {number}, after)
            if right and following not in seen:
                seen.add(following)
                todo.append(following)
    return False


def turn_register(state: Hashable, operation: Operation) -> tuple[bool, Hashable]:
    """A turn as a register: `read` answers what stands there, `write` needs the revision before its own.

    A state is None or (revision, holder, fence). A write refused changes nothing; one without an answer may be either.
    """
    if operation.name == "read":
        return operation.answer == state, state
    revision = operation.argument[0]
    fits = revision == (0 if state is None else state[0] + 1)  # type: ignore[index]
    if operation.ended is None or operation.answer == "refused":
        # Refused may have another record's fault as its reason, so it says nothing about this one.
        return True, operation.argument if operation.ended is None and fits else state
    return fits, operation.argument
