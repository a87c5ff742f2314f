"""What modules report of themselves: sums that add up, and samples that nodes which differ anyway do not spoil."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.analysis.evidence import Evidence, Missing, NodeEvidence
from chalicelib.domain.analysis.own_samples import MOST_SAMPLES, own_samples
from chalicelib.domain.analysis.policy import AnalysisPolicy, DeclaredMetric
from chalicelib.domain.canary_analysis import Decision, judge
from chalicelib.domain.metrics import MOST_OWN, InvalidWindow, Window, merged_windows, own_metrics
from tests.domain.evidence_builders import CELL_MS, a_node

MILLION = 1_000_000
DEPTH = DeclaredMetric(name="depth", critical=True)


def reporting(node: NodeEvidence, *, before: int | None, during: int | None) -> NodeEvidence:
    """The node with a depth (millionths) in each of its windows; None where the module says nothing."""

    def said(windows: tuple[Window, ...], depth: int | None) -> tuple[Window, ...]:
        own = () if depth is None else own_metrics({}, {"depth": depth}, covered_ms=CELL_MS)
        return tuple(replace(window, own=own) for window in windows)

    return replace(node, before=said(node.before, before), during=said(node.during, during))


def fleet(canary: tuple[int | None, int | None], *controls: tuple[int | None, int | None]) -> Evidence:
    nodes = [reporting(a_node(f"n{i}"), before=b, during=d) for i, (b, d) in enumerate((canary, *controls))]
    return Evidence(canary=(nodes[0],), control=tuple(nodes[1:]))


def decided(evidence: Evidence, metric: DeclaredMetric = DEPTH) -> Decision:
    policy = AnalysisPolicy(declared=(metric,))
    series = own_samples(metric, evidence, policy)
    return judge(replace(evidence, declared=(series,)), policy).decision


def test_a_node_that_always_was_higher_is_not_worse():
    always = fleet((8 * MILLION, 8 * MILLION), (5 * MILLION, 5 * MILLION), (4 * MILLION, 4 * MILLION))

    assert decided(always) is Decision.PROMOTE


def test_a_node_that_was_lower_and_rose_is_worse():
    rose = fleet((2 * MILLION, 5 * MILLION), (5 * MILLION, 5 * MILLION), (5 * MILLION, 5 * MILLION))

    assert decided(rose) is Decision.ROLLBACK


def test_what_rises_on_all_nodes_is_not_the_versions_doing():
    assert decided(fleet((5 * MILLION, 9 * MILLION), *[(5 * MILLION, 9 * MILLION)] * 3)) is Decision.PROMOTE


def test_without_a_before_nodes_are_the_samples_and_one_is_too_few():
    assert decided(fleet((None, 9 * MILLION), *[(None, 5 * MILLION)] * 3)) is Decision.HOLD


def test_compared_with_before_the_same_nodes_are_their_own_baseline():
    alone = Evidence(canary=(reporting(a_node("n0"), before=5 * MILLION, during=9 * MILLION),))

    assert decided(alone) is Decision.ROLLBACK
    assert (
        decided(Evidence(canary=(reporting(a_node("n0"), before=5 * MILLION, during=5 * MILLION),))) is Decision.PROMOTE
    )


def test_a_metric_that_only_the_new_version_knows_is_zero_before_where_missing_means_zero():
    new = fleet((None, 3 * MILLION), *[(None, None)] * 3)

    assert decided(new, replace(DEPTH, missing=Missing.ZERO)) is Decision.ROLLBACK
    assert decided(new) is Decision.HOLD


@pytest.mark.parametrize("nodes", [1, 40, 400])
def test_however_many_nodes_the_samples_stay_few(nodes):
    quick = [reporting(a_node(f"c{i}", cells=30, before_cells=2), before=1, during=1) for i in range(nodes)]
    evidence = Evidence(canary=(reporting(a_node("n0"), before=1, during=1),), control=tuple(quick))

    series = own_samples(DEPTH, evidence, AnalysisPolicy())

    assert 0 < len(series.baseline) <= MOST_SAMPLES
    assert series.baseline_nodes == nodes


def test_a_count_is_its_rate_per_second_and_a_level_its_mean():
    parts = [
        Window(
            started_at_ms=at,
            ended_at_ms=at + 1_000,
            duration_ms=1_000,
            own=own_metrics(counts, levels, covered_ms=1_000),
        )
        for at, counts, levels in ((0, {"done": 3}, {"depth": 4}), (1_000, {"done": 5}, {}), (2_000, {}, {"depth": 8}))
    ]

    whole = {metric.name: metric.micros_ms / metric.covered_ms for metric in merged_windows(parts).own}

    assert whole == {"done": 4 * MILLION, "depth": 6}


@given(st.permutations(range(6)), st.integers(1, 5))
def test_merging_in_any_order_and_grouping_keeps_the_same_names_and_sums(order, cut):
    parts = [
        Window(
            started_at_ms=0,
            ended_at_ms=1_000,
            duration_ms=1_000,
            own=own_metrics({f"c{(at * 7 + k) % 31}": k for k in range(MOST_OWN)}, {}, covered_ms=1_000),
        )
        for at in order
    ]

    grouped = merged_windows((merged_windows(parts[:cut]), merged_windows(parts[cut:])))

    assert grouped.own == merged_windows(sorted(parts, key=repr)).own
    assert len(grouped.own) == MOST_OWN


@pytest.mark.parametrize(
    ("counts", "levels"),
    [
        ({"a b": 1}, {}),
        ({"": 1}, {}),
        ({"a": -1}, {}),
        ({"a": 10**12 + 1}, {}),
        ({"a": True}, {}),
        ({"a": 1}, {"a": 1}),
        ({}, {"a": 10**15 + 1}),
        ({}, {"a": 0.5}),
        ({f"c{at}": 1 for at in range(MOST_OWN)}, {"one.more": 1}),
    ],
)
def test_what_a_module_cannot_have_meant_is_refused(counts, levels):
    with pytest.raises(InvalidWindow):
        own_metrics(counts, levels, covered_ms=1_000)
