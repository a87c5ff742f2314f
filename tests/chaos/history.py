"""What was asked, what was answered, and what became known of it: the only thing the checker believes.

Moments are numbers that rise by one with everything recorded, so that of two things it is always known which came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib.domain.errors import DomainError, Unavailable


class Outcome(StrEnum):
    """How a call ended. Unknown: no answer came, so it may have taken effect, or may still."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(kw_only=True)
class Call:
    """One call of one client, from `invoked` to `ended` (None: it never ended)."""

    client: str
    op: str
    key: str
    invoked: int
    argument: Any = None
    ended: int | None = None
    outcome: Outcome = Outcome.UNKNOWN
    result: Any = None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A node really began to run `digest` (None: nothing), obeying an order with this fence."""

    at: int
    node: str
    fence: int
    digest: str | None


@dataclass(frozen=True, kw_only=True)
class Commit:
    """Changes that the table took together."""

    at: int
    changes: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Fired:
    """A fault that happened, the call it happened to, and from when to when it lasted (seconds of the run)."""

    at: int
    ordinal: int
    call: str
    mode: str
    at_s: int = 0
    over_s: int = 0


@dataclass
class History:
    """Everything recorded of one run, in order."""

    calls: list[Call] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    now: int = 0

    def tick(self) -> int:
        """The next moment."""
        self.now += 1
        return self.now

    def ask(self, client: str, op: str, key: str, do: Callable[[], Any], *, argument: Any = None) -> Call:
        """Make a call and record it: an answer is OK, a refusal is REFUSED, and no answer is UNKNOWN."""
        call = Call(client=client, op=op, key=key, invoked=self.tick(), argument=argument)
        self.calls.append(call)
        try:
            call.result = do()
        except Unavailable as lost:
            call.result = type(lost).__name__
            return call
        except DomainError as refusal:
            call.outcome, call.result = Outcome.REFUSED, type(refusal).__name__
        else:
            call.outcome = Outcome.OK
        call.ended = self.tick()
        return call

    def asked(self, op: str, *outcomes: Outcome) -> Iterator[Call]:
        """The calls of one kind with one of these outcomes (none named: all)."""
        return (call for call in self.calls if call.op == op and (not outcomes or call.outcome in outcomes))
