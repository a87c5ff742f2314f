"""Faults at the calls of the program: chosen beforehand, numbered, and recorded when they happen.

Every call that leaves a use case (table, state machine, bus, calls), every run of a step, every request of a person,
every report of a node and every delivery of an event passes `Injector.through`. Calls are counted from 1; a fault names
the number, so a plan is replayed by playing it again. Nothing here is known to the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from chalicelib.domain.errors import DomainError, Unavailable
from chalicelib.usecases.ports import Page
from tests.chaos.faults import BACK_MS, FORWARD_MS, LAGS, LASTS_S, SKEW_MS, Fault, Mode, Place, modes_of, port_of
from tests.chaos.history import Fired, History

T = TypeVar("T")
LATE_BY_CALLS = 25


class Killed(BaseException):
    """The process that ran this is gone. Not an Exception: no code may catch it and go on."""


class Clock(Protocol):
    """The clock of the program, which may be wrong."""

    def skewed(self, ms: int, proceed: Callable[[], Any]) -> Any: ...
    def jump(self, ms: int) -> None: ...


class Surroundings(Protocol):
    """What the injector needs of the simulated world."""

    clock: Clock

    def elapsed_s(self) -> int:
        """How long the run has lasted, by a clock nothing happens to."""
        ...

    def others_get_on(self) -> None:
        """While one stands still."""
        ...

    def poison(self) -> None:
        """An event comes that nobody can read."""
        ...


class Subject(Protocol):
    """Whoever a fault happens to: a node, an execution."""

    def meets(self, mode: Mode) -> None: ...


class Injector:
    """Lets calls through, or does to them what the plan says."""

    def __init__(self, faults: Sequence[Fault], history: History, surroundings: Surroundings) -> None:
        self._faults = {fault.ordinal: fault for fault in faults}
        self._waiting: list[Fault] = []
        self._history = history
        self._around = surroundings
        self._closed_until_s: dict[str, int] = {}
        self._late: list[tuple[int, int, Mode, Callable[[], Any]]] = []
        self._pages: dict[object, Page] = {}
        self._quiet = False
        self.calls: list[str] = []
        self.lagging: set[int] = set()

    def through(
        self, name: str, proceed: Callable[[], T], *, subject: Subject | None = None, asked: object = None
    ) -> Any:
        """Make the call `name`, or not, or twice. `asked` tells calls of one kind apart where an answer may be old."""
        if self._quiet:
            return proceed()
        self.calls.append(name)
        ordinal = len(self.calls)
        if ordinal in self._faults:
            self._waiting.append(self._faults.pop(ordinal))
        self._deliver_late(ordinal)
        self._require_open(name)
        fault = self._due(name)
        if fault is None:
            return self._remembered(ordinal, asked, proceed())
        if fault.mode is Mode.STALE:
            return self._older(name, fault, proceed, asked)
        self._fires(fault, name)
        return self._with(fault.mode, name, ordinal, proceed, subject)

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes on or is still to come, but what comes once more."""
        now = self._around.elapsed_s()
        return all(until <= now for until in self._closed_until_s.values()) and not any(
            mode is Mode.LATE for _, _, mode, _ in self._late
        )

    def finish(self) -> None:
        """Do what is still to come late; from now on every call goes through."""
        self._quiet = True
        late, self._late = self._late, []
        for *_, call in late:
            self._ignored(call)

    def places(self) -> list[Place]:
        """The calls there were, for plans."""
        return [
            Place(ordinal=number, call=name, lags=number in self.lagging) for number, name in enumerate(self.calls, 1)
        ]

    def _due(self, name: str) -> Fault | None:
        """The fault planned for this call; after another fault calls have moved, so it may wait for one it can happen to."""
        if not self._waiting:
            return None
        fits = modes_of(name, lags=name == LAGS)
        found = next((fault for fault in self._waiting if fault.mode in fits), None)
        if found is not None:
            self._waiting.remove(found)
        return found

    def _fires(self, fault: Fault, name: str) -> None:
        at_s = self._around.elapsed_s()
        over_s = at_s + LASTS_S.get(fault.mode, 0)
        fired = Fired(
            at=self._history.tick(), ordinal=fault.ordinal, call=name, mode=fault.mode, at_s=at_s, over_s=over_s
        )
        self._history.fired.append(fired)

    def _with(self, mode: Mode, name: str, ordinal: int, proceed: Callable[[], T], subject: Subject | None) -> Any:
        match mode:
            case Mode.REFUSED:
                raise Unavailable(f"{name} is refused.")
            case Mode.THROTTLED | Mode.OUTAGE:
                closed = name if mode is Mode.THROTTLED else port_of(name)
                self._closed_until_s[closed] = self._around.elapsed_s() + LASTS_S[mode]
                raise Unavailable(f"{closed} takes nothing.")
            case Mode.KILLED_BEFORE:
                raise Killed(name)
            case Mode.PAUSED:
                self._undisturbed(self._around.others_get_on)
                return proceed()
            case Mode.LATE:
                self._put_off(mode, ordinal, proceed)
                return None
            case Mode.POISON:
                self._around.poison()
                return proceed()
            case Mode.CLOCK_AHEAD | Mode.CLOCK_BEHIND:
                return self._around.clock.skewed(SKEW_MS if mode is Mode.CLOCK_AHEAD else -SKEW_MS, proceed)
            case Mode.JUMP_FORWARD | Mode.JUMP_BACK:
                self._around.clock.jump(FORWARD_MS if mode is Mode.JUMP_FORWARD else BACK_MS)
                return proceed()
            case Mode.NODE_DIES | Mode.NODE_SLOW | Mode.NODE_LIES | Mode.NODE_MUTE:
                assert subject is not None, f"{mode} happens to nodes, not at {name}"
                subject.meets(mode)
                if mode is Mode.NODE_DIES:
                    raise Unavailable("The node is dead.")
                return proceed()
            case _:
                return self._after(mode, name, ordinal, proceed, subject)

    def _after(self, mode: Mode, name: str, ordinal: int, proceed: Callable[[], T], subject: Subject | None) -> Any:
        answer = proceed()
        match mode:
            case Mode.ANSWER_LOST:
                raise Unavailable(f"The answer to {name} is lost.")
            case Mode.TIMED_OUT:
                self._undisturbed(self._around.others_get_on)
                raise Unavailable(f"{name} took too long.")
            case Mode.KILLED_AFTER:
                raise Killed(name)
            case Mode.TWICE:
                self._ignored(proceed)
            case Mode.LATE_AGAIN:
                self._put_off(mode, ordinal, proceed)
            case Mode.EXECUTION_LOST:
                assert subject is not None, f"{mode} happens to executions, not at {name}"
                subject.meets(mode)
            case _:
                raise AssertionError(f"{mode} is not known here")
        return answer

    def _put_off(self, mode: Mode, ordinal: int, proceed: Callable[[], Any]) -> None:
        due_s = self._around.elapsed_s() + LASTS_S[Mode.LATE]
        self._late.append((ordinal + LATE_BY_CALLS, due_s, mode, proceed))

    def _deliver_late(self, ordinal: int) -> None:
        now = self._around.elapsed_s()
        due = [each for each in self._late if each[0] <= ordinal or each[1] <= now]
        self._late = [each for each in self._late if each not in due]
        for *_, call in due:
            self._ignored(call)

    def _require_open(self, name: str) -> None:
        now = self._around.elapsed_s()
        for closed in (name, port_of(name)):
            if self._closed_until_s.get(closed, 0) > now:
                raise Unavailable(f"{closed} takes nothing.")

    def _remembered(self, ordinal: int, asked: object, answer: Any) -> Any:
        if isinstance(answer, Page):
            if answer.records:
                self.lagging.add(ordinal)
            self._pages[asked] = answer
        return answer

    def _older(self, name: str, fault: Fault, proceed: Callable[[], Any], asked: object) -> Page:
        """What the list said when it was asked before; a fault only where that is not the truth any more."""
        truth, old = proceed(), self._pages.get(asked, Page(records=()))
        if old.records == truth.records:
            old = Page(records=())
        if old.records == truth.records:
            self._waiting.append(fault)
        else:
            self._fires(fault, name)
        return old

    def _undisturbed(self, do: Callable[[], Any]) -> None:
        before, self._quiet = self._quiet, True
        try:
            do()
        finally:
            self._quiet = before

    def _ignored(self, call: Callable[[], Any]) -> None:
        """What a second application is told reaches nobody."""
        try:
            self._undisturbed(call)
        except DomainError:
            return


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

        def call(*given: Any, **named: Any) -> Any:
            asked = (given, tuple(named.items())) if method == "page" else None
            return self._injector.through(f"{self._name}.{method}", lambda: found(*given, **named), asked=asked)

        return call
