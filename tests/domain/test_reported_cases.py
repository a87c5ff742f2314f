"""Cases that other judges' users reported as decided wrongly, and what ours says; and our predecessor's rule.

Kayenta's cases are from its public issues; the numbers are theirs.
"""

from __future__ import annotations

import math
import random

import pytest

from chalicelib.domain.analysis.declared import declared_finding, smallest_telling_p
from chalicelib.domain.canary_analysis import (
    AnalysisPolicy,
    Conclusion,
    Decision,
    DeclaredMetric,
    DeclaredSeries,
    Direction,
    Evidence,
    Missing,
    judge,
)
from chalicelib.domain.statistics.kayenta import Classification, KayentaSettings, Label, classify, score, shift_interval
from tests.domain.evidence_builders import a_node

SEVEN_HUNDREDS = [100.0] * 7 + [1.0] * 3  # spinnaker/spinnaker #6278, spinnaker/kayenta #780
TEN_ONES = [1.0] * 10
SPARSE = [0.0, 1.0, 2.0, 1.0, 0.0, 0.0]  # spinnaker/kayenta #426
MANY_NAN = [1.0, math.nan, math.nan, math.nan, 2.0] * 5  # spinnaker/kayenta #799


def a_declared(canary, baseline, *, critical=True, **declared):
    def micros(values):
        return tuple(None if math.isnan(value) else round(value * 1_000_000) for value in values)

    metric = DeclaredMetric(name="queueDepth", critical=critical, **declared)
    series = DeclaredSeries(name="queueDepth", canary=micros(canary), baseline=micros(baseline))
    nodes = [a_node(name) for name in "abcd"]
    evidence = Evidence(canary=(nodes[0],), control=tuple(nodes[1:]), declared=(series,))
    return judge(evidence, AnalysisPolicy(declared=(metric,)))


def test_kayenta_lets_seven_hundreds_against_ones_pass_as_its_users_saw():
    reported = KayentaSettings(tolerance=0.25, confidence=0.98, allowed_increase=1.05)

    found = classify(SEVEN_HUNDREDS, TEN_ONES, reported)
    estimate, low, high = shift_interval(SEVEN_HUNDREDS, TEN_ONES, 0.98)

    assert (found.label, found.ratio) == (Label.PASS, pytest.approx(70.3))
    assert (estimate, low, high) == (pytest.approx(99, abs=1e-3), pytest.approx(0, abs=1e-3), pytest.approx(99))


def test_kayenta_calls_it_high_from_the_eighth_hundred_on_as_its_users_saw():
    assert classify([100.0] * 8 + [1.0] * 2, TEN_ONES).label is Label.HIGH


def test_our_judge_rolls_seven_hundreds_against_ones_back():
    verdict = a_declared(SEVEN_HUNDREDS, TEN_ONES)

    assert verdict.decision is Decision.ROLLBACK
    assert "queueDepth is 70.3 on average" in verdict.sentence


def test_our_judge_only_reports_it_where_the_metric_is_advisory():
    verdict = a_declared(SEVEN_HUNDREDS, TEN_ONES, critical=False)

    assert verdict.decision is Decision.PROMOTE
    assert any("queueDepth" in reason.sentence for reason in verdict.reasons)


def test_kayenta_lets_sparse_errors_pass_and_our_judge_holds():
    assert classify(SPARSE, [0.0] * 6).label is Label.PASS
    assert a_declared(SPARSE, [0.0] * 6).decision is Decision.HOLD


def test_missing_samples_hold_unless_they_mean_zero():
    assert a_declared([math.nan] * 20, TEN_ONES).decision is Decision.HOLD
    assert a_declared([math.nan] * 20, [math.nan] * 20, missing=Missing.ZERO).decision is Decision.PROMOTE
    assert a_declared(MANY_NAN, [math.nan] * 25, missing=Missing.NO_DATA).decision is Decision.HOLD


def test_errors_over_a_baseline_without_any_are_caught_when_missing_means_zero():
    steady = [1.0, 2.0, math.nan, 1.0, 2.0] * 6

    assert a_declared(steady, [math.nan] * 30, missing=Missing.ZERO).decision is Decision.ROLLBACK


def test_equal_constants_pass_when_there_are_enough_of_them_and_hold_otherwise():
    assert a_declared([5.0] * 30, [5.0] * 30).decision is Decision.PROMOTE
    assert a_declared([5.0] * 4, [5.0] * 4).decision is Decision.HOLD


def test_different_constants_are_judged_by_direction():
    assert a_declared([9.0] * 30, [5.0] * 30).decision is Decision.ROLLBACK
    assert a_declared([1.0] * 30, [5.0] * 30).decision is Decision.PROMOTE
    assert a_declared([1.0] * 30, [5.0] * 30, direction=Direction.DECREASE).decision is Decision.ROLLBACK
    assert a_declared([1.0] * 30, [5.0] * 30, direction=Direction.EITHER).decision is Decision.ROLLBACK


def test_a_certain_change_below_the_threshold_is_no_harm():
    assert a_declared([5.5] * 30, [5.0] * 30, change_pct=20).decision is Decision.PROMOTE


def test_a_declared_metric_nobody_delivers_holds():
    finding = declared_finding(DeclaredMetric(name="x", critical=True), None, 0.005)

    assert finding.conclusion is Conclusion.NO_DATA


def test_what_counts_as_enough_samples_grows_with_what_is_asked():
    assert smallest_telling_p(20, 20) < smallest_telling_p(10, 10) < smallest_telling_p(5, 5)


def test_kayentas_score_weighs_groups_and_ends_at_a_critical_failure():
    good = Classification(label=Label.PASS, is_critical=False, ratio=1.0)
    bad = Classification(label=Label.HIGH, is_critical=False, ratio=2.0)
    none = Classification(label=Label.NO_DATA, is_critical=False, ratio=1.0)
    fatal = Classification(label=Label.HIGH, is_critical=True, ratio=2.0)

    assert score({"latency": [good, bad], "errors": [good, none]}, {"latency": 60.0}) == pytest.approx(70)
    assert score({"latency": [good], "errors": [fatal]}, {}) == 0.0


def test_kayenta_looks_only_where_it_is_told_and_removes_or_replaces_nan():
    down = KayentaSettings(increase_matters=False, decrease_matters=True)

    assert classify(TEN_ONES, [100.0] * 10).label is Label.PASS
    assert classify(TEN_ONES, [100.0] * 10, down).label is Label.LOW
    assert classify([math.nan], TEN_ONES).label is Label.NO_DATA
    assert classify([math.nan] * 3, [0.0] * 3, KayentaSettings(replace_missing=True)).label is Label.PASS


def test_the_predecessors_rule_rolls_back_two_of_five_healthy_canaries_and_ours_none():
    """The predecessor's ranges: errors of the cluster 0.5 to 2.5 %, of a node 0 to 3 %, nothing wrong anywhere."""
    generator, runs = random.Random(5), 2_000

    def snapshot_is_worse() -> bool:
        base = generator.uniform(0.5, 2.5)
        return any(
            (sum(generator.uniform(0, 3) for _ in range(nodes)) / nodes - base) / max(base, 0.1) > 0.5
            for nodes in (2, 6, 10, 14, 18)
        )

    rolled_back = sum(snapshot_is_worse() for _ in range(runs)) / runs
    ours = [
        judge(
            Evidence(
                canary=(a_node("a", errors=generator.randint(0, 3)),),
                control=tuple(a_node(f"c{i}", errors=generator.randint(0, 3)) for i in range(9)),
            ),
            AnalysisPolicy(),
        ).decision
        for _ in range(10)
    ]

    assert 0.30 < rolled_back < 0.50
    assert Decision.ROLLBACK not in ours
