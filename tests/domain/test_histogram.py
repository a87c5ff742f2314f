"""Histograms: the layout of the node protocol, and that merging loses nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.histogram import Histogram, InvalidHistogram, bucket_of, lower_bound_us, merged, mixed

latencies = st.lists(st.integers(0, 10**9), min_size=1, max_size=60)
histograms = st.dictionaries(st.integers(0, 511), st.integers(1, 10**6), max_size=8).map(Histogram.from_mapping)


def test_the_example_of_the_node_protocol_is_read():
    histogram = Histogram.from_mapping({"192": 80, "193": 40})

    assert (histogram.total, histogram.to_mapping()) == (120, {"192": 80, "193": 40})


@given(st.integers(0, 2**40))
def test_a_latency_lies_in_its_bucket(latency_us):
    bucket = bucket_of(latency_us)

    assert bucket == min(511, math.floor(16 * math.log2(max(latency_us, 1))))
    assert (
        bucket == 511 or lower_bound_us(bucket) <= max(latency_us, 1) * 1.000001 < lower_bound_us(bucket + 1) * 1.00001
    )


@given(latencies, st.integers(1, 9_999))
def test_a_quantile_is_at_most_a_bucket_off(values, quantile_bp):
    exact = sorted(values)[max(0, math.ceil(len(values) * quantile_bp / 10_000) - 1)]

    read = Histogram.from_latencies(values).quantile_us(quantile_bp)

    assert read is not None
    assert max(exact, 1) / 1.0443 - 1 <= read <= max(exact, 1) * 1.0443 + 1


@given(histograms, histograms, histograms)
def test_merging_is_adding_in_any_order(first, second, third):
    assert first.merge(second) == second.merge(first)
    assert first.merge(second).merge(third) == first.merge(second.merge(third)) == merged((first, second, third))
    assert first.merge(Histogram()) == first
    assert first.merge(second).total == first.total + second.total


@given(histograms, st.integers(1, 9_999), st.integers(1, 9_999))
def test_a_higher_quantile_is_never_smaller(histogram, one, other):
    low, high = histogram.quantile_us(min(one, other)), histogram.quantile_us(max(one, other))

    assert low is None or high is None or low <= high


@given(histograms, st.floats(1, 1e9), st.floats(1, 1e9))
def test_fewer_requests_lie_above_a_higher_latency(histogram, one, other):
    assert histogram.count_above(min(one, other)) >= histogram.count_above(max(one, other))
    assert 0 <= histogram.count_above(one) <= histogram.total


def test_a_quantile_and_the_count_above_it_agree():
    histogram = Histogram.from_mapping({100: 700, 160: 200, 200: 100})

    assert histogram.count_above(histogram.quantile_us(9_500)) == pytest.approx(50, abs=1)


def test_no_requests_have_no_quantile():
    assert Histogram().quantile_us(5_000) is None


def test_parts_are_mixed_by_their_shares_and_not_by_their_counts():
    slow, fast = Histogram.from_mapping({200: 10}), Histogram.from_mapping({100: 1_000})

    assert mixed(((0.5, slow), (0.5, fast))) == Histogram.from_mapping({100: 500_000, 200: 500_000})


@pytest.mark.parametrize(
    "counts",
    [
        {"512": 1},
        {"-1": 1},
        {"1.5": 1},
        {"a": 1},
        {"1": -1},
        {"1": 1.5},
        {"1": math.nan},
        {"1": True},
        {"1": 1, "01": 1},
    ],
)
def test_what_is_no_histogram_is_refused(counts):
    with pytest.raises(InvalidHistogram) as caught:
        Histogram.from_mapping(counts)

    assert isinstance(caught.value, InvalidInput)
