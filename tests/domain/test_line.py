"""The line: at most so many at once, first come first served, nobody while it is stopped, and rollbacks always."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chalicelib.domain.errors import LineFull
from chalicelib.domain.line import MOST_WAITING, Line, enter, is_in, leave, limited, run_again, stop

NAMES = st.sampled_from([f"deployment-{number}" for number in range(6)])


def entered(*names: str, line: Line) -> Line:
    for name in names:
        line = enter(line, name)
    return line


def stopped(line: Line | None = None) -> Line:
    return stop(line or Line(), by="ada", because="payments fail", now_ms=1)


def test_a_line_nobody_limits_or_stops_is_never_written() -> None:
    line = Line()

    assert enter(line, "one") is line
    assert is_in(line, "one")
    assert leave(line, "one") is line


def test_under_a_limit_the_next_in_order_is_let_in_when_somebody_leaves() -> None:
    line = entered("one", "two", "three", "four", line=limited(Line(), 2))
    assert (line.running, line.waiting) == (("one", "two"), ("three", "four"))

    line = leave(line, "one")

    assert (line.running, line.admitted, line.waiting) == (("two",), ("three",), ("four",))
    assert enter(line, "three").running == ("two", "three")


def test_nobody_gets_in_while_it_is_stopped_and_everybody_when_it_runs_again() -> None:
    line = entered("one", "two", line=stopped())
    assert not is_in(line, "one")
    assert line.why == "The line is stopped by ada: payments fail"

    line = run_again(line)

    assert (line.admitted, line.waiting) == (("one", "two"), ())
    assert enter(line, "one").admitted == ("two",)


def test_a_rollback_waits_neither_for_room_nor_for_a_stopped_line() -> None:
    full = stopped(entered("one", line=limited(Line(), 1)))

    assert is_in(enter(full, "undo", free=True), "undo")


def test_stopping_twice_keeps_who_stopped_it_first() -> None:
    line = stopped()

    assert stop(line, by="bo", because="me too", now_ms=2) is line


def test_taking_the_limit_away_lets_everybody_in() -> None:
    line = limited(entered("one", "two", "three", line=limited(Line(), 1)), None)

    assert (line.running, line.admitted, line.waiting) == ((), ("two", "three"), ())


def test_a_line_that_is_too_long_is_refused() -> None:
    line = entered(*(f"deployment-{number}" for number in range(MOST_WAITING)), line=stopped())

    with pytest.raises(LineFull):
        enter(line, "one too many")


class AnyLine(RuleBasedStateMachine):
    """Whatever is said in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.order: list[str] = []

    def _becomes(self, after: Line) -> None:
        assert after is self.line or after.revision == self.line.revision + 1, "one write, one revision"
        assert after is self.line or after != self.line
        self.line = after

    @rule(name=NAMES)
    def enter(self, name: str) -> None:
        had_begun = name in self.line.running
        room = self.line.most_running is None or len(self.line.running) < self.line.most_running
        self._becomes(enter(self.line, name))
        if self.line.is_stopped and not had_begun and name not in self.line.running:
            assert not is_in(self.line, name) or room

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        self._becomes(leave(self.line, name))
        assert all(name not in names for names in (self.line.running, self.line.admitted, self.line.waiting))

    @rule()
    def stop(self) -> None:
        self._becomes(stop(self.line, by="ada", because="", now_ms=1))

    @rule()
    def run_again(self) -> None:
        self._becomes(run_again(self.line))

    @rule(most=st.none() | st.integers(1, 4))
    def limit(self, most: int | None) -> None:
        self._becomes(limited(self.line, most))

    @invariant()
    def nobody_stands_twice(self) -> None:
        everybody = (*self.line.running, *self.line.admitted, *self.line.waiting)
        assert len(set(everybody)) == len(everybody)

    @invariant()
    def whoever_waits_has_a_reason(self) -> None:
        most = self.line.most_running
        full = most is not None and len(self.line.running) + len(self.line.admitted) >= most
        assert not self.line.waiting or self.line.is_stopped or full


TestAnyLine = AnyLine.TestCase
