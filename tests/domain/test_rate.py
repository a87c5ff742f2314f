"""A burst, and then as many as drain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.rate import RateLimit, admit

LIMIT = RateLimit(name="read", most=60)


def taken(limit: RateLimit, instants_ms: list[int]) -> list[bool]:
    number, results = 0, []
    for now in instants_ms:
        number, allowance = admit(limit, number, now)
        results.append(allowance.wait_ms == 0)
    return results


def test_a_whole_minutes_worth_may_come_at_once_and_no_more() -> None:
    assert taken(LIMIT, [1_000] * 61) == [True] * 60 + [False]


def test_what_has_drained_may_be_used_again() -> None:
    assert taken(LIMIT, [0] * 60 + [999, 1_000, 1_000]) == [True] * 60 + [False, True, False]


def test_a_caller_is_told_what_is_left_and_when_to_come_back() -> None:
    number, first = admit(LIMIT, 0, 5_000)
    assert (first.remaining, first.reset_ms, first.wait_ms) == (59, 1_000, 0)
    for _ in range(59):
        number, last = admit(LIMIT, number, 5_000)
    assert (last.remaining, last.reset_ms) == (0, 60_000)
    unchanged, refused = admit(LIMIT, number, 5_000)
    assert (unchanged, refused.remaining, refused.wait_ms) == (number, 0, 1_000)


@given(st.integers(1, 50), st.lists(st.integers(0, 5_000), max_size=120))
def test_nobody_gets_more_than_a_burst_and_what_drains(most: int, gaps: list[int]) -> None:
    limit = RateLimit(name="x", most=most, window_ms=10_000)
    instants, now = [], 0
    for gap in gaps:
        now += gap
        instants.append(now)
    admitted = [at for at, is_in in zip(instants, taken(limit, instants), strict=True) if is_in]

    for index, first in enumerate(admitted):
        for count, last in enumerate(admitted[index:], start=1):
            assert count <= most + (last - first) * most / limit.window_ms + 1


@given(st.integers(1, 50), st.lists(st.integers(0, 5_000), max_size=60))
def test_whoever_waits_as_told_is_let_in(most: int, gaps: list[int]) -> None:
    limit, number, now = RateLimit(name="x", most=most, window_ms=10_000), 0, 0
    for gap in gaps:
        now += gap
        number, allowance = admit(limit, number, now)
        if allowance.wait_ms:
            now += allowance.wait_ms
            number, allowance = admit(limit, number, now)
            assert allowance.wait_ms == 0
