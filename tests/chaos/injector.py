"""Faults at the calls of the program: chosen beforehand, numbered, and recorded when they happen.

Every call that leaves a use case (table, state machine, bus, calls), every run of a step, and every request of a person
or a node passes `Injector.through`. Calls are counted from 1; a fault names the number, so a plan is replayed by
playing it again. Nothing here is known to the program.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from chalicelib.domain.errors import DomainError, Unavailable
from tests.chaos.history import Fired, History

T = TypeVar("T")
THROTTLED_CALLS = 3
LATE_BY_CALLS = 25


class Mode(StrEnum):
    """What may happen to one call."""

    REFUSED = "refused"
    """An error, and nothing was done."""
    ANSWER_LOST = "answer-lost"
    """It was done, and an error came back (a 500, or a time-out of the caller's)."""
    THROTTLED = "throttled"
    """This and the next calls of the same kind are turned away."""
    TWICE = "twice"
    """It is done twice; the caller gets the first answer."""
    LATE_AGAIN = "late-again"
    """It is done, and done once more much later, when others have got on."""
    PAUSED = "paused"
    """The caller stands still before it; meanwhile time passes, nodes report and the sweep runs."""
    KILLED_BEFORE = "killed-before"
    """The process is gone before the call."""
    KILLED_AFTER = "killed-after"
    """The process is gone after the call, without a word to anybody."""


class Killed(BaseException):
    """The process that ran this is gone. Not an Exception: no code may catch it and go on."""


@dataclass(frozen=True, order=True)
class Fault:
    """`mode` happens to the call with this number."""

    ordinal: int
    mode: Mode

    def __str__(self) -> str:
        return f"{self.ordinal}:{self.mode}"

    @classmethod
    def parse(cls, text: str) -> Fault:
        """What `str` gave."""
        ordinal, _, mode = text.partition(":")
        return cls(int(ordinal), Mode(mode))


class Injector:
    """Lets calls through, or does to them what the plan says."""

    def __init__(self, faults: Sequence[Fault], history: History, *, meanwhile: Callable[[], None]) -> None:
        self._faults = {fault.ordinal: fault.mode for fault in faults}
        self._history = history
        self._meanwhile = meanwhile
        self._throttled: dict[str, int] = {}
        self._late: list[tuple[int, Callable[[], Any]]] = []
        self._quiet = False
        self.calls: list[str] = []

    def through(self, name: str, proceed: Callable[[], T]) -> T:
        """Make the call `name`, or not, or twice."""
        if self._quiet:
            return proceed()
        self.calls.append(name)
        ordinal = len(self.calls)
        self._deliver_late(ordinal)
        mode = self._faults.get(ordinal)
        if mode is None:
            if self._throttled.get(name, 0):
                self._throttled[name] -= 1
                raise Unavailable(f"{name} is throttled.")
            return proceed()
        self._history.fired.append(Fired(at=self._history.tick(), ordinal=ordinal, call=name, mode=mode))
        return self._with(mode, name, ordinal, proceed)

    def _with(self, mode: Mode, name: str, ordinal: int, proceed: Callable[[], T]) -> T:
        if mode is Mode.REFUSED:
            raise Unavailable(f"{name} is refused.")
        if mode is Mode.THROTTLED:
            self._throttled[name] = THROTTLED_CALLS - 1
            raise Unavailable(f"{name} is throttled.")
        if mode is Mode.KILLED_BEFORE:
            raise Killed(name)
        if mode is Mode.PAUSED:
            self._undisturbed(self._meanwhile)
            return proceed()
        answer = proceed()
        if mode is Mode.ANSWER_LOST:
            raise Unavailable(f"The answer to {name} is lost.")
        if mode is Mode.KILLED_AFTER:
            raise Killed(name)
        if mode is Mode.TWICE:
            self._undisturbed(lambda: self._ignored(proceed))
        else:
            self._late.append((ordinal + LATE_BY_CALLS, proceed))
        return answer

    def finish(self) -> None:
        """Do what is still to come late; from now on every call goes through."""
        self._quiet = True
        late, self._late = self._late, []
        for _, call in late:
            self._undisturbed(lambda call=call: self._ignored(call))

    def _deliver_late(self, ordinal: int) -> None:
        due = [each for each in self._late if each[0] <= ordinal]
        self._late = [each for each in self._late if each[0] > ordinal]
        for _, call in due:
            self._undisturbed(lambda call=call: self._ignored(call))

    def _undisturbed(self, do: Callable[[], None]) -> None:
        before, self._quiet = self._quiet, True
        try:
            do()
        finally:
            self._quiet = before

    @staticmethod
    def _ignored(call: Callable[[], Any]) -> None:
        """What a second application is told reaches nobody."""
        try:
            call()
        except DomainError:
            return


def drawn(seed: int, *, calls: int, count: int) -> tuple[Fault, ...]:
    """`count` different faults for a run of about `calls` calls; the same seed draws the same."""
    chance = random.Random(seed)
    ordinals = sorted(chance.sample(range(1, calls + 1), count))
    return tuple(Fault(ordinal, chance.choice(list(Mode))) for ordinal in ordinals)


class Through:
    """A port every call of which passes the injector under `name.method`."""

    def __init__(self, name: str, port: Any, injector: Injector, *, only: frozenset[str]) -> None:
        self._name = name
        self._port = port
        self._injector = injector
        self._only = only

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if method not in self._only:
            return found
        return lambda *given, **named: self._injector.through(f"{self._name}.{method}", lambda: found(*given, **named))
