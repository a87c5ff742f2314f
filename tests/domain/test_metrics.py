"""Windows: sums that add up, and nothing that cannot have been measured."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import InvalidWindow, Window, merged_windows
from tests.domain.evidence_builders import a_window

some_windows = st.builds(
    a_window,
    st.integers(0, 10**13),
    requests=st.integers(5, 500),
    errors=st.integers(0, 5),
    cpu_ms=st.integers(0, 10**5),
    memory_bytes=st.integers(0, 10**12),
    crashes=st.integers(0, 3),
)


@given(some_windows, some_windows, some_windows)
def test_merging_is_adding_in_any_order(first, second, third):
    assert first.merge(second) == second.merge(first)
    assert first.merge(second).merge(third) == merged_windows((third, first, second))


@given(some_windows)
def test_merging_with_nothing_at_the_same_instant_changes_nothing(window):
    assert window.merge(Window.empty(at_ms=window.started_at_ms)) == window


def test_levels_are_means_over_the_time_measured():
    busy = a_window(0, cpu_ms=6_000, memory_bytes=300, length_ms=10_000)
    idle = a_window(50_000, cpu_ms=0, memory_bytes=100, length_ms=30_000)

    both = busy.merge(idle)

    assert (both.cpu_bp, both.memory_bytes, both.duration_ms) == (1_500, 150, 40_000)


def test_nothing_measured_has_no_rates():
    nothing = merged_windows(())

    assert (nothing.cpu_bp, nothing.memory_bytes, nothing.error_rate_bp) == (None, None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("requests", math.nan),
        ("requests", 99),
        ("errors", -1),
        ("errors", 101),
        ("errors", 1.0),
        ("cpu_ms", math.inf),
        ("crashes", True),
        ("ended_at_ms", 0),
        ("latency", Histogram()),
    ],
)
def test_what_cannot_have_been_measured_is_refused(field, value):
    with pytest.raises(InvalidWindow):
        dataclasses.replace(a_window(), **{field: value})


@pytest.mark.parametrize("memory", [math.nan, 1.5, True])
def test_memory_that_is_no_number_of_bytes_is_refused(memory):
    with pytest.raises(InvalidWindow):
        a_window(memory_bytes=memory)
