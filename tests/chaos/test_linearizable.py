"""The search for a linear order, on histories whose verdict is known beforehand."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from tests.chaos.linearizable import Operation, TooLongToTell, is_linearizable, turn_register


def op(name: str, at: tuple[int, int | None], *, argument: Any = None, answer: Any = None) -> Operation:
    return Operation(name=name, argument=argument, answer=answer, invoked=at[0], ended=at[1])


A1, B2, C2 = (0, "a", 1), (1, "b", 2), (1, "c", 2)

GOOD = {
    "one after the other": [
        op("write", (1, 2), argument=A1),
        op("read", (3, 4), answer=A1),
        op("write", (5, 6), argument=B2),
        op("read", (7, 8), answer=B2),
    ],
    "a read beside a write may see it or not": [
        op("write", (1, 2), argument=A1),
        op("write", (3, 8), argument=B2),
        op("read", (4, 5), answer=A1),
        op("read", (6, 7), answer=B2),
    ],
    "a write without an answer shows much later": [
        op("write", (1, 2), argument=A1),
        op("write", (3, None), argument=B2),
        op("read", (4, 5), answer=A1),
        op("read", (9, 10), answer=B2),
    ],
    "a write without an answer never shows": [
        op("write", (1, 2), argument=A1),
        op("write", (3, None), argument=B2),
        op("write", (4, 5), argument=C2),
        op("read", (9, 10), answer=C2),
    ],
}
BAD = {
    "a read goes back in time": [
        op("write", (1, 2), argument=A1),
        op("write", (3, 8), argument=B2),
        op("read", (4, 5), answer=B2),
        op("read", (6, 7), answer=A1),
    ],
    "an acknowledged write is lost": [
        op("write", (1, 2), argument=A1),
        op("write", (3, 4), argument=B2),
        op("read", (5, 6), answer=A1),
    ],
    "two are granted the same turn": [
        op("write", (1, 2), argument=A1),
        op("write", (3, 6), argument=B2),
        op("write", (4, 7), argument=C2),
    ],
    "a refused write shows": [
        op("write", (1, 2), argument=A1),
        op("write", (3, 4), argument=B2, answer="refused"),
        op("read", (5, 6), answer=B2),
    ],
    "what nobody wrote is read": [op("read", (1, 2), answer=A1)],
}


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_a_history_with_a_linear_order_is_accepted(history: list[Operation]) -> None:
    assert is_linearizable(history, turn_register, start=None)


@pytest.mark.parametrize("history", BAD.values(), ids=BAD)
def test_a_history_without_one_is_refused(history: list[Operation]) -> None:
    assert not is_linearizable(history, turn_register, start=None)


def by_trying_every_order(history: list[Operation]) -> bool:
    """The definition, word by word, for few operations."""
    unanswered = [each for each in history if each.ended is None]
    for dropped in itertools.chain.from_iterable(
        itertools.combinations(unanswered, count) for count in range(len(unanswered) + 1)
    ):
        kept = [each for each in history if each not in dropped]
        for order in itertools.permutations(kept):
            early = any(
                later.ended is not None and later.ended < earlier.invoked
                for earlier, later in itertools.combinations(order, 2)
            )
            if early:
                continue
            state: Any = None
            for each in order:
                right, state = turn_register(state, each)
                if not right:
                    break
            else:
                return True
    return False


def test_the_search_agrees_with_the_definition_on_small_random_histories() -> None:
    chance, verdicts = random.Random(9), {True: 0, False: 0}
    for _ in range(400):
        history = []
        for _ in range(5):
            begin = chance.randrange(12)
            end = None if chance.random() < 0.2 else begin + 1 + chance.randrange(6)
            value = (chance.randrange(2), chance.choice("ab"), 1)
            if chance.random() < 0.5:
                answer = chance.choice([None, None, "refused"])
                history.append(op("write", (begin, end), argument=value, answer=answer))
            elif end is not None:
                history.append(op("read", (begin, end), answer=chance.choice([None, value])))
        expected = by_trying_every_order(history)
        verdicts[expected] += 1
        assert is_linearizable(history, turn_register, start=None) is expected, history
    assert min(verdicts.values()) > 40, verdicts


def test_a_search_that_gives_up_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.linearizable.MOST_STEPS", 3)
    with pytest.raises(TooLongToTell):
        is_linearizable(GOOD["one after the other"] * 2, turn_register, start=None)
