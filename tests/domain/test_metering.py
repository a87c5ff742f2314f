"""Sums in a node's row: every report once, steps handed out when they are over, bakes from their beginning."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.metering import Measured, Meters, metered
from chalicelib.domain.metrics import Window, merged_windows
from tests.builders import a_window

MODULE, DIGEST = "payment-processor", "sha256:" + "a" * 64


def second(number: int, **changes: Any) -> Window:
    return a_window(started_at_ms=number * 1_000, ended_at_ms=(number + 1) * 1_000, **changes)


def report(meters: Meters, *windows: Window, bake: str = "", step_ms: int = 10_000):
    measured = [Measured(module=MODULE, digest=DIGEST, window=window) for window in windows]
    return metered(meters, measured, bakes={MODULE: bake} if bake else {}, steps_ms={}, step_ms=step_ms)


def test_windows_of_one_step_are_added_up_and_handed_out_when_the_next_begins():
    meters, over = report(Meters(), second(1))
    meters, none = report(meters, second(2))
    assert (over, none) == ((), ())

    meters, over = report(meters, second(11))

    assert [step.window for step in over] == [merged_windows((second(1), second(2)))]
    assert [step.begins_ms for step in over] == [0]
    assert [step.window for step in meters.open] == [second(11)]


def test_a_bake_adds_up_what_came_since_it_began():
    meters, _ = report(Meters(), second(1))
    meters, _ = report(meters, second(2), bake="first")
    meters, _ = report(meters, second(3), bake="first")

    assert [each.window for each in meters.bakes] == [merged_windows((second(2), second(3)))]


def test_sums_of_a_bake_that_is_over_are_dropped():
    meters, _ = report(Meters(), second(1), bake="first")
    meters, _ = report(meters, second(2), bake="second")
    assert [(each.bake, each.window) for each in meters.bakes] == [("second", second(2))]

    meters, _ = report(meters, second(3))

    assert meters.bakes == ()


@given(st.lists(st.integers(0, 200), min_size=1, max_size=30), st.sampled_from([1_000, 5_000, 10_000]))
def test_nothing_is_lost_and_nothing_counted_twice_whatever_the_steps(gaps, step_ms):
    meters, kept, at = Meters(), [], 0
    sent = []
    for gap in gaps:
        at += gap + 1
        window = second(at)
        sent.append(window)
        meters, over = report(meters, window, step_ms=step_ms)
        kept += [step.window for step in over]

    kept += [step.window for step in meters.open]
    whole = merged_windows(kept)
    assert (whole.requests, whole.duration_ms) == (sum(w.requests for w in sent), sum(w.duration_ms for w in sent))
