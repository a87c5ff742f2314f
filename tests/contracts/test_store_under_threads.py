"""Of those who write at once exactly one wins, on the fake and on DynamoDB."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.node import PendingNode
from chalicelib.domain.timeline import Event
from chalicelib.domain.turn import Turn
from chalicelib.usecases.ports import Add, Remove, Replace, Store
from tests.builders import DEPLOYMENT_ID, a_pending_node, a_turn, an_event
from tests.fakes import FakeStore

THREADS = 8


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeStore()
    return DynamoStore(request.getfixturevalue("dynamodb"), "hotswap")


def at_once(work: Callable[[int], bool]) -> int:
    """How many of the threads were told that they won."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> bool:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(run, range(THREADS)))


def wins(write: Callable[[], None]) -> bool:
    try:
        write()
    except StaleWrite:
        return False
    return True


def test_one_of_many_adds_the_record(store: Store):
    assert at_once(lambda number: wins(lambda: store.commit(Add(a_turn(fence=number))))) == 1


def test_one_of_many_removes_the_record(store: Store):
    store.commit(Add(a_pending_node()))

    assert at_once(lambda _: wins(lambda: store.commit(Remove(a_pending_node())))) == 1
    assert store.get(PendingNode, *a_pending_node().key) is None


def test_no_conditional_replacement_is_lost(store: Store):
    store.commit(Add(a_turn()))

    def count_up(_: int) -> bool:
        for _ in range(10):
            while True:
                turn = store.get(Turn, *a_turn().key)
                assert turn is not None
                raised = replace(turn, fence=turn.fence + 1, revision=turn.revision + 1)
                if wins(lambda raised=raised: store.commit(Replace(raised))):
                    break
        return True

    at_once(count_up)

    assert store.get(Turn, *a_turn().key) == a_turn(fence=10 * THREADS, revision=10 * THREADS)


def test_a_transaction_that_loses_leaves_nothing_and_takes_nothing_with_it(store: Store):
    store.commit(Add(a_turn()))

    def event_with_turn(number: int) -> bool:
        store.commit(Add(an_event(deployment_id="others", seq=number)))
        changes = (Add(an_event(seq=number)), Replace(a_turn(fence=number, revision=1)))
        return wins(lambda: store.commit(*changes))

    assert at_once(event_with_turn) == 1
    turn = store.get(Turn, *a_turn().key)
    assert turn is not None
    assert [event.seq for event in store.list(Event, DEPLOYMENT_ID)] == [turn.fence]
    assert len(store.list(Event, "others")) == THREADS
