"""Histograms and windows: what can be said from them, and that merging loses nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.metrics import MAX_WINDOWS, Meter, Meters, bucket_of, lower_bound_us, merge, quantile_us

LATENCIES = st.lists(st.integers(0, 300_000_000), min_size=1, max_size=200)
WIDTH = 2 ** (1 / 16)


def counted(latencies: list[int]) -> dict[int, int]:
    meter = Meter("payment-processor", "sha256:00", 0)
    for latency in latencies:
        meter.answered(latency_us=latency, failed=False)
    return dict(meter.close(1).latency)


@pytest.mark.parametrize(
    ("latency_us", "bucket"), [(0, 0), (1, 0), (2, 16), (3, 25), (1024, 160), (1023, 159), (2**32, 511), (2**60, 511)]
)
def test_a_latency_is_counted_in_the_bucket_of_the_contract(latency_us: int, bucket: int) -> None:
    assert bucket_of(latency_us) == bucket


@given(latency_us=st.integers(1, 2**31))
def test_a_bucket_holds_what_lies_between_its_bounds(latency_us: int) -> None:
    bucket = bucket_of(latency_us)

    assert 0 <= bucket <= 511
    assert lower_bound_us(bucket) <= latency_us * (1 + 1e-12)
    assert latency_us < lower_bound_us(bucket + 1) * (1 + 1e-12)


@given(one=st.integers(0, 2**40), other=st.integers(0, 2**40))
def test_a_longer_latency_never_lies_in_a_lower_bucket(one: int, other: int) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


@given(parts=st.lists(LATENCIES, min_size=1, max_size=5))
def test_merging_windows_is_counting_everything_at_once(parts: list[list[int]]) -> None:
    merged: dict[int, int] = {}
    for part in parts:
        merged = merge(merged, counted(part))

    assert merged == counted([latency for part in parts for latency in part])


@given(one=LATENCIES, other=LATENCIES)
def test_the_order_of_merging_does_not_matter(one: list[int], other: list[int]) -> None:
    assert merge(counted(one), counted(other)) == merge(counted(other), counted(one))


@given(latencies=LATENCIES, quantile=st.floats(0, 1))
def test_a_quantile_is_at_most_one_bucket_width_below_the_true_one(latencies: list[int], quantile: float) -> None:
    true = max(sorted(latencies)[max(1, math.ceil(quantile * len(latencies))) - 1], 1)

    found = quantile_us(counted(latencies), quantile)

    assert true / WIDTH * (1 - 1e-9) <= found <= true * (1 + 1e-9)


def test_no_requests_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="needs requests"):
        quantile_us({}, 0.5)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), max_size=100), st.integers(0, 5))
def test_a_window_adds_up_and_the_next_one_begins_empty_where_it_ends(
    requests: list[tuple[int, bool]], crashes: int
) -> None:
    meter = Meter("payment-processor", "sha256:00", 1000)
    for latency, failed in requests:
        meter.answered(latency_us=latency, failed=failed)
    for _ in range(crashes):
        meter.crashed()
    meter.used(cpu_s=0.25, memory_bytes=100)
    meter.used(cpu_s=-1.0, memory_bytes=300)

    window, after = meter.close(2000), meter.close(3000)

    assert sum(window.latency.values()) == window.requests == len(requests)
    assert (window.errors, window.crashes) == (sum(failed for _, failed in requests), crashes)
    assert (window.cpu_ms, window.memory_bytes) == (250, 200)
    assert (window.started_at_ms, window.ended_at_ms, after.started_at_ms) == (1000, 2000, 2000)
    assert (after.requests, after.errors, after.crashes, after.cpu_ms) == (0, 0, 0, 0)


def test_a_version_that_no_longer_runs_has_one_last_window() -> None:
    meters = Meters()
    meters.of("payment-processor", "old", 0).crashed()
    meters.of("payment-processor", "new", 0)

    first = meters.close(1, running={("payment-processor", "new")})
    second = meters.close(2, running={("payment-processor", "new")})

    assert [window.digest for window in first] == ["old", "new"]
    assert [window.digest for window in second] == ["new"]


def test_what_does_not_fit_into_one_report_comes_in_the_next() -> None:
    meters = Meters()
    keys = {("payment-processor", f"sha256:{number}") for number in range(MAX_WINDOWS + 10)}
    for module, digest in keys:
        meters.of(module, digest, 0).answered(latency_us=5, failed=True)

    reports = [meters.close(at, running=keys) for at in (1, 2)]

    assert len(reports[0]) == MAX_WINDOWS
    assert sum(window.requests for report in reports for window in report) == len(keys)
