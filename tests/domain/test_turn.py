"""The turn: one holder, a fence that rises with every grant, and a fair, bounded queue."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.domain.errors import QueueFull
from chalicelib.domain.turn import Turn, ask, give_up
from tests.builders import a_turn

LIMIT = 3
NAMES = st.sampled_from([f"deployment-{number}" for number in range(8)])


def asked(*names: str, turn: Turn | None = None) -> Turn:
    """The turn after everybody asked in this order."""
    turn = turn or a_turn()
    for name in names:
        turn = ask(turn, name, limit=10)
    return turn


def test_a_free_turn_is_granted_at_once_with_a_new_fence() -> None:
    turn = ask(a_turn(fence=4), "one", limit=0)

    assert (turn.holder, turn.fence, turn.queue) == ("one", 5, ())


def test_who_finds_it_taken_waits_in_the_order_of_asking() -> None:
    turn = asked("one", "two", "three")

    assert [turn.position(name) for name in ("one", "two", "three", "stranger")] == [0, 1, 2, None]
    assert turn.fence == 1


def test_asking_again_changes_nothing() -> None:
    turn = asked("one", "two")

    assert ask(turn, "one", limit=0) is turn
    assert ask(turn, "two", limit=0, front=True) is turn


def test_giving_up_hands_the_turn_to_the_first_in_line_under_a_new_fence() -> None:
    turn = give_up(asked("one", "two", "three"), "one")

    assert (turn.holder, turn.queue, turn.fence) == ("two", ("three",), 2)


def test_the_last_one_leaves_the_turn_free_and_the_fence_as_it_is() -> None:
    turn = give_up(asked("one"), "one")

    assert (turn.holder, turn.fence) == (None, 1)


def test_leaving_the_queue_leaves_the_holder_alone() -> None:
    turn = give_up(asked("one", "two", "three"), "two")

    assert (turn.holder, turn.queue, turn.fence) == ("one", ("three",), 1)


def test_a_stranger_who_gives_up_changes_nothing() -> None:
    turn = asked("one")

    assert give_up(turn, "stranger") is turn


def test_a_full_queue_refuses_and_says_how_full_it_is() -> None:
    turn = asked("one", "two")

    with pytest.raises(QueueFull) as refused:
        ask(turn, "three", limit=1)

    assert (refused.value.limit, refused.value.module) == (1, turn.module)


def test_a_rollback_passes_everybody_but_the_holder_and_no_limit_holds_it_up() -> None:
    turn = ask(asked("one", "two"), "rollback", limit=0, front=True)

    assert turn.queue == ("rollback", "two")
    assert turn.holder == "one"


class TurnMachine(RuleBasedStateMachine):
    """Everybody asks and gives up in any order; a plain list says what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = a_turn()
        self.line: list[str] = []

    @rule(name=NAMES)
    def somebody_asks(self, name: str) -> None:
        waiting = len(self.line) - 1
        if name not in self.line and waiting >= LIMIT:
            with pytest.raises(QueueFull):
                ask(self.turn, name, limit=LIMIT)
            return
        self._become(ask(self.turn, name, limit=LIMIT))
        if name not in self.line:
            self.line.append(name)

    @rule(name=NAMES)
    def a_rollback_asks(self, name: str) -> None:
        self._become(ask(self.turn, name, limit=LIMIT, front=True))
        if name not in self.line:
            self.line.insert(min(len(self.line), 1), name)

    @rule(name=NAMES)
    def somebody_gives_up(self, name: str) -> None:
        self._become(give_up(self.turn, name))
        if name in self.line:
            self.line.remove(name)

    @precondition(lambda self: self.line)
    @rule()
    def the_holder_gives_up(self) -> None:
        self.somebody_gives_up(self.line[0])

    def _become(self, turn: Turn) -> None:
        if turn is not self.turn:
            assert turn.revision == self.turn.revision + 1
        granted = turn.holder is not None and turn.holder != self.turn.holder
        assert turn.fence == self.turn.fence + (1 if granted else 0)
        self.turn = turn

    @invariant()
    def the_holder_is_first_and_the_queue_is_the_rest(self) -> None:
        holder = () if self.turn.holder is None else (self.turn.holder,)
        assert (*holder, *self.turn.queue) == tuple(self.line)

    @invariant()
    def nobody_waits_for_a_free_turn(self) -> None:
        assert self.turn.holder is not None or not self.turn.queue


TurnMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestEverybodyAsksAndGivesUpInAnyOrder = TurnMachine.TestCase
