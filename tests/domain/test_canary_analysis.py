"""What the judge decides, case by case."""

from __future__ import annotations

import dataclasses
import json

import pytest

from chalicelib.domain.canary_analysis import (
    AnalysisMode,
    AnalysisPolicy,
    ComparedWith,
    Conclusion,
    Decision,
    Evidence,
    NodeEvidence,
    ReasonCode,
    find_harm,
    judge,
)
from chalicelib.domain.errors import InvalidInput
from tests.domain.evidence_builders import CELL_MS, START_MS, a_fleet, a_node, a_window

POLICY = AnalysisPolicy()
HEALTH_ONLY = AnalysisPolicy(mode=AnalysisMode.HEALTH_ONLY)


def test_a_version_like_the_control_is_promoted():
    verdict = judge(a_fleet(a_node()), POLICY)

    assert (verdict.decision, verdict.compared_with) == (Decision.PROMOTE, ComparedWith.CONTROL)
    assert verdict.reasons[0].code is ReasonCode.NOT_WORSE


def test_without_control_the_same_nodes_before_are_compared_with():
    verdict = judge(Evidence(canary=(a_node("a"), a_node("b"))), POLICY)

    assert (verdict.decision, verdict.compared_with) == (Decision.PROMOTE, ComparedWith.BEFORE)


@pytest.mark.parametrize(
    ("metric", "worse"),
    [
        ("errorRate", {"errors": 10}),
        ("latencyP50", {"typical_us": 80_000}),
        ("latencyP99", {"typical_us": 130_000}),
        ("cpu", {"cpu_ms": 4_000}),
        ("memory", {"memory_bytes": 400_000_000}),
    ],
)
@pytest.mark.parametrize("controls", [0, 4])
def test_each_metric_alone_rolls_back(metric, worse, controls):
    verdict = judge(a_fleet(a_node(**worse), controls=controls), POLICY)

    assert verdict.decision is Decision.ROLLBACK
    assert metric in {finding.metric for finding in verdict.findings if finding.conclusion is Conclusion.HARM}


@pytest.mark.parametrize(
    "better",
    [{"errors": 0}, {"typical_us": 20_000}, {"cpu_ms": 500}, {"memory_bytes": 90_000_000}],
)
def test_better_numbers_are_no_reason_to_roll_back(better):
    assert judge(a_fleet(a_node(**better)), POLICY).decision is Decision.PROMOTE


def test_a_latency_rise_below_the_floor_is_no_harm():
    nodes = [a_node(f"n{i}", typical_us=2_000) for i in range(2)]
    before = tuple(a_window(START_MS - (k + 1) * CELL_MS, errors=1, typical_us=1_000) for k in range(30))
    slow = tuple(dataclasses.replace(node, before=before) for node in nodes)

    verdict = judge(Evidence(canary=slow), POLICY)

    assert verdict.decision is Decision.PROMOTE


def test_outright_errors_are_found_in_the_first_second():
    canary = tuple(a_node(f"n{i}", cells=1, requests=40, errors=8) for i in range(2))
    control = tuple(a_node(f"c{i}", cells=1, requests=40, errors=0) for i in range(18))

    verdict = find_harm(Evidence(canary=canary, control=control, waves=4), POLICY)

    assert verdict is not None
    assert verdict.decision is Decision.ROLLBACK


def test_nothing_is_found_where_nothing_is_wrong():
    assert find_harm(a_fleet(a_node()), POLICY) is None


@pytest.mark.parametrize("policy", [POLICY, HEALTH_ONLY])
@pytest.mark.parametrize(
    ("unwell", "code"),
    [
        ({"silent": True}, ReasonCode.NODES_SILENT),
        ({"failed": True}, ReasonCode.NODES_FAILED),
        ({"crashes": 3}, ReasonCode.CRASHES),
    ],
)
def test_lost_and_crashing_nodes_are_found_at_once_in_every_mode(unwell, code, policy):
    verdict = find_harm(a_fleet(a_node(cells=1, **unwell)), policy)

    assert verdict is not None
    assert [reason.code for reason in verdict.reasons] == [code]


def test_a_tolerated_lost_node_stops_nothing():
    fleet = a_fleet(a_node("a"), a_node("b", silent=True))

    assert judge(fleet, AnalysisPolicy(max_failed_nodes=1)).decision is Decision.PROMOTE


def test_a_module_that_always_crashed_this_often_is_not_blamed_on_the_new_version():
    canary = a_node(crashes=3)
    before = tuple(dataclasses.replace(window, crashes=1) for window in canary.before)

    assert find_harm(Evidence(canary=(dataclasses.replace(canary, before=before),)), POLICY) is None


def test_one_bad_node_among_ten_is_named():
    nodes = [a_node(f"n{i}") for i in range(9)]

    verdict = judge(Evidence(canary=(*nodes, a_node("bad", errors=20))), POLICY)

    assert verdict.decision is Decision.ROLLBACK
    assert "bad" in {finding.node_id for finding in verdict.findings}


def test_people_read_the_name_of_a_node_and_programs_its_id():
    nodes = [dataclasses.replace(a_node(f"n{i}"), name=f"production-{i:02d}") for i in range(9)]
    bad = dataclasses.replace(a_node("p-01", errors=20), name="production-10")
    gone = dataclasses.replace(a_node("p-02", silent=True), name="production-11")

    worse = judge(Evidence(canary=(*nodes, bad)), POLICY)
    silent = find_harm(Evidence(canary=(*nodes, gone)), POLICY)

    assert [f.sentence[:18] for f in worse.findings if f.node_id == "p-01"] == ["Node production-10"]
    assert silent is not None
    assert "(production-11) fell silent" in silent.reasons[0].sentence


def test_a_node_that_always_was_worse_is_not_taken_for_a_bad_version():
    peculiar = a_node("p", errors=4, errors_before=4)

    assert judge(a_fleet(peculiar), POLICY).decision is Decision.PROMOTE


def test_a_rise_that_the_whole_fleet_shares_is_not_taken_for_a_bad_version():
    canary = a_node(errors=5, typical_us=80_000, cpu_ms=4_000)
    control = tuple(a_node(f"c{i}", errors=5, typical_us=80_000, cpu_ms=4_000) for i in range(4))

    assert judge(Evidence(canary=(canary,), control=control), POLICY).decision is Decision.PROMOTE


def test_thin_traffic_holds_and_says_how_much_is_missing():
    verdict = judge(a_fleet(a_node(requests=10, errors=0)), POLICY)

    assert verdict.decision is Decision.HOLD
    assert (verdict.reasons[0].code, verdict.reasons[0].missing) == (ReasonCode.TOO_FEW_REQUESTS, 200)


def test_a_bake_too_short_for_levels_holds():
    verdict = judge(a_fleet(a_node(cells=2, requests=2_000)), POLICY)

    assert verdict.decision is Decision.HOLD
    assert ReasonCode.TOO_FEW_WINDOWS in {reason.code for reason in verdict.reasons}


def test_levels_nobody_measures_do_not_stop_a_promotion():
    fleet = [a_node(name, cpu_ms=0, memory_bytes=0) for name in "abcde"]
    silent_before = tuple(dataclasses.replace(w, cpu_ms=0, memory_byte_ms=0) for w in fleet[0].before)
    nodes = tuple(dataclasses.replace(node, before=silent_before) for node in fleet)

    assert judge(Evidence(canary=nodes[:1], control=nodes[1:]), POLICY).decision is Decision.PROMOTE


@pytest.mark.parametrize("controls", [0, 4])
def test_no_traffic_at_all_holds(controls):
    verdict = judge(a_fleet(a_node(requests=0), controls=controls), POLICY)

    assert verdict.decision is Decision.HOLD


def test_no_evidence_at_all_holds():
    assert judge(Evidence(canary=(NodeEvidence(node_id="n"),)), POLICY).decision is Decision.HOLD


@pytest.mark.parametrize("evidence", [Evidence(canary=()), Evidence(canary=(), first_install=True)])
@pytest.mark.parametrize("policy", [POLICY, HEALTH_ONLY])
def test_no_nodes_at_all_hold(evidence, policy):
    assert judge(evidence, policy).decision is Decision.HOLD


def test_a_first_install_is_promoted_on_health_and_says_so():
    newcomer = NodeEvidence(node_id="n", during=a_node().during)

    verdict = judge(Evidence(canary=(newcomer,), first_install=True), POLICY)

    assert (verdict.decision, verdict.compared_with) == (Decision.PROMOTE, ComparedWith.HEALTH_ONLY)
    assert verdict.reasons[0].code is ReasonCode.FIRST_INSTALL


def test_a_first_install_that_fails_most_requests_is_rolled_back():
    newcomer = NodeEvidence(node_id="n", during=a_node(errors=90).during)

    verdict = judge(Evidence(canary=(newcomer,), first_install=True), POLICY)

    assert verdict.reasons[0].code is ReasonCode.OUTRIGHT_FAILURE


def test_health_only_is_promoted_without_numbers_and_says_so():
    verdict = judge(Evidence(canary=(NodeEvidence(node_id="n"),)), HEALTH_ONLY)

    assert verdict.decision is Decision.PROMOTE
    assert verdict.reasons[0].code is ReasonCode.HEALTH_ONLY


def test_a_leak_is_found_on_the_node_that_has_run_longest():
    old = a_node("old")
    leaking = tuple(a_window(START_MS + k * CELL_MS, memory_bytes=200_000_000 + 6_000_000 * k) for k in range(30))
    fresh = [a_node(f"f{i}") for i in range(5)]

    verdict = find_harm(a_fleet(dataclasses.replace(old, during=leaking), *fresh), POLICY)

    assert verdict is not None
    assert {(finding.metric, finding.node_id) for finding in verdict.findings} == {("memory", "old")}


def test_warm_up_is_not_held_against_a_version():
    slow_start = a_node()
    first = a_window(START_MS, typical_us=400_000, cpu_ms=9_000, errors=1)
    warm = dataclasses.replace(slow_start, during=(first, *slow_start.during[1:]))

    assert judge(a_fleet(warm), POLICY).decision is Decision.PROMOTE


def test_windows_of_earlier_bakes_add_to_the_evidence():
    worse = a_node(cells=4, requests=300, errors=5, errors_before=3)
    before_this = tuple(a_window(START_MS - (k + 1) * CELL_MS, requests=300, errors=5) for k in range(60))
    control_then = tuple(a_window(START_MS - (k + 1) * CELL_MS, requests=300, errors=3) for k in range(60))
    control = [a_node(f"c{i}", cells=4, requests=300, errors=3, errors_before=3) for i in range(9)]
    alone = Evidence(canary=(worse,), control=tuple(control))
    together = Evidence(
        canary=(dataclasses.replace(worse, earlier=before_this),),
        control=tuple(dataclasses.replace(node, earlier=control_then) for node in control),
    )

    def strength(evidence):
        return float(next(f for f in judge(evidence, POLICY).findings if f.metric == "errorRate").p_value)

    assert strength(together) <= strength(alone)


def test_every_verdict_can_be_stored_as_json():
    verdict = judge(a_fleet(a_node(errors=10, typical_us=90_000, cpu_ms=4_000)), POLICY)

    stored = json.loads(json.dumps(dataclasses.asdict(verdict), allow_nan=False))

    assert stored["decision"] == "rollback"
    assert not any(isinstance(value, float) for finding in stored["findings"] for value in finding.values())


def test_a_finding_says_what_was_compared_and_how():
    verdict = judge(a_fleet(a_node(errors=10)), POLICY)

    finding = next(f for f in verdict.findings if f.metric == "errorRate" and f.node_id is None)

    assert (finding.canary_value, finding.baseline_value) == (1_000, 100)
    assert (finding.canary_samples, finding.baseline_samples) == (3_000, 12_000)
    assert finding.low_bp is not None
    assert finding.high_bp is not None
    assert finding.low_bp < finding.effect_bp < finding.high_bp
    assert "10 % of 3000 requests" in finding.sentence


def test_a_policy_lists_all_its_impossible_numbers_together():
    with pytest.raises(InvalidInput) as caught:
        AnalysisPolicy(alpha_bp=0, min_requests=-1)

    assert {violation.field for violation in caught.value.violations} == {"alpha_bp", "min_requests"}
