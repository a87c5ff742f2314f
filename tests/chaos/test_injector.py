"""What each mode does to a call, and that a plan is played again exactly."""

from __future__ import annotations

import pytest

from chalicelib.domain.errors import StaleWrite, Unavailable
from chalicelib.usecases.ports import Page
from tests.chaos.actors import FaultyClock
from tests.chaos.evidence import evidence_of
from tests.chaos.faults import BACK_MS, FORWARD_MS, LASTS_S, SKEW_MS, Fault, Mode, drawn
from tests.chaos.history import History
from tests.chaos.injector import LATE_BY_CALLS, Injector, Killed
from tests.chaos.plans import places_of
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.simulation import play
from tests.fakes import FakeClock


class Counter:
    """Something whose calls are counted, and the surroundings it stands in."""

    def __init__(self, *faults: Fault, call: str = "counter.add") -> None:
        self.history = History()
        self.name = call
        self.done = 0
        self.meanwhile = 0
        self.poisoned = 0
        self.met: list[Mode] = []
        self.now_s = 0
        self.clock = FaultyClock(FakeClock(machine_ms=0))
        self.injector = Injector(faults, self.history, self)

    def elapsed_s(self) -> int:
        return self.now_s

    def others_get_on(self) -> None:
        self.meanwhile = self.done + 1

    def poison(self) -> None:
        self.poisoned += 1

    def meets(self, mode: Mode) -> None:
        self.met.append(mode)

    def call(self) -> int:
        def do() -> int:
            self.done += 1
            return self.done

        return self.injector.through(self.name, do, subject=self)


@pytest.mark.parametrize(
    ("mode", "raised", "done"),
    [
        (Mode.REFUSED, Unavailable, 0),
        (Mode.THROTTLED, Unavailable, 0),
        (Mode.KILLED_BEFORE, Killed, 0),
        (Mode.ANSWER_LOST, Unavailable, 1),
        (Mode.TIMED_OUT, Unavailable, 1),
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


def test_late_is_done_only_when_others_got_on() -> None:
    counter = Counter(Fault(1, Mode.LATE), call="bus.publish")

    assert counter.call() is None
    assert not counter.injector.is_calm
    assert counter.call() == 1
    counter.now_s += LASTS_S[Mode.LATE]
    counter.call()

    assert counter.done == 3
    assert counter.injector.is_calm


def test_whoever_times_out_has_waited_while_others_got_on() -> None:
    counter = Counter(Fault(1, Mode.TIMED_OUT))

    with pytest.raises(Unavailable):
        counter.call()

    assert (counter.done, counter.meanwhile) == (1, 2)


@pytest.mark.parametrize(("mode", "other_calls"), [(Mode.THROTTLED, 1), (Mode.OUTAGE, 0)])
def test_throttling_closes_one_kind_of_call_and_an_outage_the_service(mode: Mode, other_calls: int) -> None:
    counter = Counter(Fault(1, mode), call="table.get")

    for _ in range(3):
        with pytest.raises(Unavailable):
            counter.call()
    counter.name = "table.list"
    if mode is Mode.OUTAGE:
        with pytest.raises(Unavailable):
            counter.call()
    else:
        counter.call()
    assert counter.done == other_calls
    counter.name = "table.get"
    counter.now_s += LASTS_S[mode]

    assert counter.call() == other_calls + 1


def test_a_clock_is_wrong_for_one_caller_or_for_everybody_from_then_on() -> None:
    counter = Counter(*(Fault(n, mode) for n, mode in enumerate(CLOCKS, start=1)))
    seen = []
    for _ in range(len(CLOCKS) + 1):
        counter.injector.through("step.One", lambda: seen.append(counter.clock.machine_ms()))

    assert seen == [SKEW_MS, -SKEW_MS, FORWARD_MS, FORWARD_MS + BACK_MS, FORWARD_MS + BACK_MS]


CLOCKS = (Mode.CLOCK_AHEAD, Mode.CLOCK_BEHIND, Mode.JUMP_FORWARD, Mode.JUMP_BACK)


def test_a_list_answers_what_it_knew_earlier_and_that_counts_only_where_it_differs() -> None:
    counter = Counter(Fault(2, Mode.STALE))
    truths = iter([Page(records=("a",)), Page(records=("a",)), Page(records=("a", "b")), Page(records=("a", "b"))])

    def ask() -> Page:
        answer: Page = counter.injector.through("table.page", lambda: next(truths), asked="open")
        return answer

    first, second = ask().records, ask().records

    assert (first, second) == (("a",), ())
    assert len(counter.history.fired) == 1
    assert ask().records == ("a", "b")


@pytest.mark.parametrize("mode", [Mode.NODE_DIES, Mode.NODE_SLOW, Mode.NODE_LIES, Mode.NODE_MUTE])
def test_what_happens_to_a_node_happens_to_the_one_that_reports(mode: Mode) -> None:
    counter = Counter(Fault(1, mode), call="node.heartbeat")

    if mode is Mode.NODE_DIES:
        with pytest.raises(Unavailable):
            counter.call()
    else:
        counter.call()

    assert counter.met == [mode]


def test_poison_comes_beside_the_event() -> None:
    counter = Counter(Fault(1, Mode.POISON), call="deliver.event")

    assert counter.call() == 1
    assert counter.poisoned == 1


def test_a_fault_waits_for_a_call_it_can_happen_to() -> None:
    counter = Counter(Fault(1, Mode.NODE_MUTE))

    counter.call()
    assert not counter.history.fired
    counter.name = "node.heartbeat"
    counter.call()

    assert [fired.call for fired in counter.history.fired] == ["node.heartbeat"]


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
    places = places_of("direct")

    assert drawn(7, places=places, count=3) == drawn(7, places=places, count=3) != drawn(8, places=places, count=3)


def test_the_same_plan_gives_the_same_history() -> None:
    plan = drawn(3, places=places_of("rolled-back-later"), count=3)
    first, second = (evidence_of(play(SCENARIOS["rolled-back-later"], plan)) for _ in range(2))

    assert first.history.fired
    assert first.history == second.history
    assert first.turn_operations == second.turn_operations
    assert first.running == second.running
