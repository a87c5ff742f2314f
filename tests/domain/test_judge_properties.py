"""What holds for every evidence, found by trying many."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.canary_analysis import AnalysisPolicy, Decision, Evidence, NodeEvidence, find_harm, judge
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import Window
from tests.domain.evidence_builders import CELL_MS, START_MS, a_node, a_window

POLICY = AnalysisPolicy(level_windows=2)
BADNESS = {Decision.PROMOTE: 0, Decision.HOLD: 1, Decision.ROLLBACK: 2}
HUGE = 10**15

few = settings(max_examples=25, deadline=None)


@st.composite
def windows(draw: st.DrawFn, start_ms: int, cells: int) -> tuple[Window, ...]:
    """Up to `cells` windows with any traffic, most of it ordinary."""
    chosen = draw(st.lists(st.integers(0, cells - 1), unique=True, max_size=cells))
    made = []
    for cell in chosen:
        requests = draw(st.sampled_from([0, 1, 20, 100, 400]))
        made.append(
            a_window(
                start_ms + cell * CELL_MS,
                requests=requests,
                errors=draw(st.integers(0, min(requests, 30))),
                typical_us=draw(st.sampled_from([1, 40_000, 50_000, 90_000, 10**9])),
                cpu_ms=draw(st.sampled_from([0, 2_000, 2_500, 9_000])),
                memory_bytes=draw(st.sampled_from([0, 200_000_000, 300_000_000])),
                crashes=draw(st.sampled_from([0, 0, 0, 1])),
            )
        )
    return tuple(made)


@st.composite
def nodes(draw: st.DrawFn, name: str) -> NodeEvidence:
    return NodeEvidence(
        node_id=name,
        before=draw(windows(START_MS - 6 * CELL_MS, 6)),
        during=draw(windows(START_MS, 6)),
        silent=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    canary = tuple(draw(nodes(f"n{i}")) for i in range(draw(st.integers(1, 3))))
    control = tuple(draw(nodes(f"c{i}")) for i in range(draw(st.integers(0, 3))))
    return Evidence(canary=canary, control=control, wave=0, waves=draw(st.integers(1, 4)))


@few
@given(evidences())
def test_a_canary_with_too_few_requests_is_never_promoted(evidence):
    served = sum(window.requests for node in evidence.canary for window in node.during)

    verdict = judge(evidence, POLICY)

    assert served >= POLICY.min_requests or verdict.decision is not Decision.PROMOTE


@few
@given(evidences())
def test_a_promotion_has_seen_enough_on_the_other_side_too(evidence):
    verdict = judge(evidence, POLICY)

    if verdict.decision is Decision.PROMOTE:
        assert verdict.findings[0].baseline_samples >= POLICY.min_baseline_requests


@few
@given(evidences())
def test_what_a_look_finds_the_verdict_finds_too(evidence):
    if find_harm(evidence, POLICY) is not None:
        assert judge(evidence, POLICY).decision is Decision.ROLLBACK


@few
@given(evidences())
def test_what_the_verdict_rolls_back_a_look_would_have_found(evidence):
    if judge(evidence, POLICY).decision is Decision.ROLLBACK:
        assert find_harm(evidence, POLICY) is not None


@few
@given(evidences(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_and_windows_changes_nothing(evidence, shuffle):
    def mixed(several: tuple[NodeEvidence, ...]) -> tuple[NodeEvidence, ...]:
        one_by_one = [
            dataclasses.replace(node, before=_shuffled(node.before, shuffle), during=_shuffled(node.during, shuffle))
            for node in several
        ]
        return _shuffled(tuple(one_by_one), shuffle)

    other = dataclasses.replace(evidence, canary=mixed(evidence.canary), control=mixed(evidence.control))

    assert judge(other, POLICY).decision is judge(evidence, POLICY).decision


@few
@given(evidences())
def test_cutting_windows_in_halves_changes_nothing(evidence):
    def cut(several: tuple[NodeEvidence, ...]) -> tuple[NodeEvidence, ...]:
        return tuple(
            dataclasses.replace(node, during=tuple(half for window in node.during for half in _halves(window)))
            for node in several
        )

    other = dataclasses.replace(evidence, canary=cut(evidence.canary), control=cut(evidence.control))

    assert judge(other, POLICY) == judge(evidence, POLICY)


@few
@given(evidences(), st.data())
def test_more_errors_of_the_canary_never_make_it_look_better(evidence, data):
    canary = list(evidence.canary)
    at = data.draw(st.integers(0, len(canary) - 1))
    worse = tuple(
        dataclasses.replace(window, errors=window.requests) if data.draw(st.booleans()) else window
        for window in canary[at].during
    )
    canary[at] = dataclasses.replace(canary[at], during=worse)

    before, after = judge(evidence, POLICY), judge(dataclasses.replace(evidence, canary=tuple(canary)), POLICY)

    assert BADNESS[after.decision] >= BADNESS[before.decision]


@few
@given(evidences(), st.integers(1, 64))
def test_slower_requests_of_the_canary_never_make_it_look_better(evidence, buckets):
    canary = tuple(
        dataclasses.replace(node, during=tuple(_slower(window, buckets) for window in node.during))
        for node in evidence.canary
    )

    before, after = judge(evidence, POLICY), judge(dataclasses.replace(evidence, canary=canary), POLICY)

    assert BADNESS[after.decision] >= BADNESS[before.decision]


@few
@given(st.integers(0, 100), st.sampled_from([1, 10**6, HUGE]))
def test_numbers_of_any_size_are_judged_without_overflow(errors, scale):
    node = a_node("n", cells=6, before_cells=6)
    windows_ = tuple(_scaled(window, errors, scale) for window in node.during)
    before = tuple(_scaled(window, 1, scale) for window in node.before)
    big = dataclasses.replace(node, during=windows_, before=before)

    verdict = judge(Evidence(canary=(big,)), AnalysisPolicy())

    assert verdict.decision in (Decision.PROMOTE, Decision.HOLD, Decision.ROLLBACK)


@few
@given(evidences())
def test_the_same_evidence_gives_the_same_verdict(evidence):
    assert judge(evidence, POLICY) == judge(evidence, POLICY)


def _shuffled(several: tuple, shuffle: random.Random) -> tuple:
    mixed = list(several)
    shuffle.shuffle(mixed)
    return tuple(mixed)


def _halves(window: Window) -> tuple[Window, Window]:
    """The window cut in the middle of its time, its requests dealt to both halves."""
    counts = {bucket: count // 2 for bucket, count in window.latency.counts}
    first_latency = Histogram.from_mapping(counts)
    rest = {bucket: count - counts[bucket] for bucket, count in window.latency.counts}
    middle_ms = (window.started_at_ms + window.ended_at_ms) // 2
    first = Window(
        started_at_ms=window.started_at_ms,
        ended_at_ms=middle_ms,
        duration_ms=window.duration_ms // 2,
        requests=first_latency.total,
        errors=min(window.errors // 2, first_latency.total),
        latency=first_latency,
        cpu_ms=window.cpu_ms // 3,
        memory_byte_ms=window.memory_byte_ms // 2,
    )
    second = Window(
        started_at_ms=middle_ms,
        ended_at_ms=window.ended_at_ms,
        duration_ms=window.duration_ms - first.duration_ms,
        requests=window.requests - first.requests,
        errors=window.errors - first.errors,
        latency=Histogram.from_mapping(rest),
        cpu_ms=window.cpu_ms - first.cpu_ms,
        memory_byte_ms=window.memory_byte_ms - first.memory_byte_ms,
        crashes=window.crashes,
    )
    assert first.merge(second) == window
    return first, second


def _slower(window: Window, buckets: int) -> Window:
    moved: dict[int, int] = {}
    for bucket, count in window.latency.counts:
        later = min(511, bucket + buckets)
        moved[later] = moved.get(later, 0) + count
    return dataclasses.replace(window, latency=type(window.latency).from_mapping(moved))


def _scaled(window: Window, errors: int, scale: int) -> Window:
    counts = {bucket: count * scale for bucket, count in window.latency.counts}
    return dataclasses.replace(
        window,
        requests=window.requests * scale,
        errors=min(errors, window.requests) * scale,
        latency=type(window.latency).from_mapping(counts),
        cpu_ms=window.cpu_ms * scale,
        memory_byte_ms=window.memory_byte_ms * scale,
    )
