"""What each mode does to a call, and that a plan is played again exactly."""

from __future__ import annotations

import pytest

from chalicelib.domain.errors import StaleWrite, Unavailable
from tests.chaos.evidence import evidence_of
from tests.chaos.history import History
from tests.chaos.injector import LATE_BY_CALLS, THROTTLED_CALLS, Fault, Injector, Killed, Mode, drawn
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.simulation import play


class Counter:
    """Something whose calls are counted."""

    def __init__(self, *faults: Fault) -> None:
        self.history = History()
        self.done = 0
        self.meanwhile = 0
        self.injector = Injector(faults, self.history, meanwhile=self._meanwhile)

    def _meanwhile(self) -> None:
        self.meanwhile = self.done + 1

    def call(self) -> int:
        def do() -> int:
            self.done += 1
            return self.done

        return self.injector.through("counter.add", do)


@pytest.mark.parametrize(
    ("mode", "raised", "done"),
    [
        (Mode.REFUSED, Unavailable, 0),
        (Mode.THROTTLED, Unavailable, 0),
        (Mode.KILLED_BEFORE, Killed, 0),
        (Mode.ANSWER_LOST, Unavailable, 1),
        (Mode.KILLED_AFTER, Killed, 1),
    ],
)
def test_a_failing_mode_raises_before_or_after_the_call(mode: Mode, raised: type[BaseException], done: int) -> None:
    counter = Counter(Fault(1, mode))

    with pytest.raises(raised):
        counter.call()

    assert counter.done == done
    assert [fired.mode for fired in counter.history.fired] == [mode]


def test_twice_is_done_twice_and_the_first_answer_counts() -> None:
    counter = Counter(Fault(1, Mode.TWICE))

    assert counter.call() == 1
    assert counter.done == 2


def test_late_again_comes_after_others_got_on() -> None:
    counter = Counter(Fault(1, Mode.LATE_AGAIN))

    answers = [counter.call() for _ in range(LATE_BY_CALLS + 1)]

    assert answers == [*range(1, LATE_BY_CALLS + 1), LATE_BY_CALLS + 2]


def test_what_is_still_to_come_late_comes_at_the_end() -> None:
    counter = Counter(Fault(1, Mode.LATE_AGAIN))
    counter.call()

    counter.injector.finish()

    assert counter.done == 2


def test_paused_lets_the_others_get_on_first() -> None:
    counter = Counter(Fault(1, Mode.PAUSED))

    counter.call()

    assert (counter.meanwhile, counter.done) == (1, 1)


def test_throttling_lasts_and_ends() -> None:
    counter = Counter(Fault(1, Mode.THROTTLED))

    for _ in range(THROTTLED_CALLS):
        with pytest.raises(Unavailable):
            counter.call()

    assert counter.call() == 1


def test_what_a_second_application_is_told_reaches_nobody() -> None:
    counter = Counter(Fault(1, Mode.TWICE))
    answers = iter([1])

    def once() -> int:
        for answer in answers:
            return answer
        raise StaleWrite("Turn", "x")

    assert counter.injector.through("counter.once", once) == 1


def test_a_fault_says_itself_in_words_that_give_it_back() -> None:
    fault = Fault(17, Mode.ANSWER_LOST)

    assert Fault.parse(str(fault)) == fault


def test_a_seed_draws_the_same_faults_again() -> None:
    assert drawn(7, calls=500, count=3) == drawn(7, calls=500, count=3) != drawn(8, calls=500, count=3)


def test_the_same_plan_gives_the_same_history() -> None:
    plan = drawn(3, calls=400, count=3)
    first, second = (evidence_of(play(SCENARIOS["rolled-back-later"], plan)) for _ in range(2))

    assert first.history.fired
    assert first.history == second.history
    assert first.turn_operations == second.turn_operations
    assert first.running == second.running
