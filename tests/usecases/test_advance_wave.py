"""Waves: started, baked, judged, held, paused, promoted; each once, whatever runs twice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.verdict import (
    ComparedWith,
    Conclusion,
    Decision,
    Finding,
    Reason,
    ReasonCode,
    Verdict,
)
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import PendingNode
from chalicelib.domain.policy import HoldPolicy, HoldThen
from chalicelib.domain.rollout import Phase, Rollout, WaveStatus
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.domain.timeline import Event
from chalicelib.usecases.advance_wave import advance_wave
from chalicelib.usecases.control_deployment import resume_deployment
from chalicelib.usecases.tell_verdict import verdict_entry
from tests.usecases.scene import DANA, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT
BLUE_GREEN = StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=30)
CANARY = StrategySpec(kind=Strategy.CANARY, bake_seconds=30, steps=(Step(percent=34, bake_seconds=30),))
THIN = AnalysisPolicy(min_requests=500)


def started(**policy: Any) -> tuple[Scene, Deployment]:
    """The first wave has just been started; no node has heard of it."""
    scene = a_scene()
    scene.set_policy(**policy)
    runs_already(scene)
    deployment = scene.create()
    scene.settle()
    return scene, scene.now(deployment)


def baking(**policy: Any) -> tuple[Scene, Deployment]:
    scene, deployment = started(**policy)
    return scene, scene.run(deployment, until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def rollout(scene: Scene, deployment: Deployment) -> Rollout:
    return scene.now(deployment).rollouts[0]


def verdict_details(scene: Scene, deployment: Deployment) -> list[dict[str, Any]]:
    return [event.detail for event in scene.store.list(Event, deployment.id) if event.type == "VerdictReached"]


def verdicts(scene: Scene, deployment: Deployment) -> list[str]:
    return [detail["decision"] for detail in verdict_details(scene, deployment)]


def test_a_wave_is_held_no_longer_than_the_requests_the_policy_allows() -> None:
    hold = HoldPolicy(step_seconds=10, max_holds=20, max_requests=2_000)
    scene = a_scene()
    scene.set_policy(strategy=CANARY, analysis=AnalysisPolicy(min_requests=10**6), hold=hold)
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 100
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.PAUSED)

    assert 0 < deployment.rollouts[0].waves[0].holds < 20
    assert "requests seen" in deployment.rollouts[0].why


def test_a_verdict_over_very_many_bad_nodes_stays_small() -> None:
    whole = Finding(
        metric="errorRate",
        unit="bp",
        canary_value=1,
        baseline_value=1,
        canary_samples=1,
        baseline_samples=1,
        sample_unit="requests",
        test="t",
        conclusion=Conclusion.HARM,
        sentence="worse",
    )
    nodes = tuple(replace(whole, node_id=f"p-{at}") for at in range(1_000))
    reasons = tuple(Reason(code=ReasonCode.NODE_WORSE, sentence="worse") for _ in range(1_001))
    verdict = Verdict(
        decision=Decision.ROLLBACK,
        compared_with=ComparedWith.CONTROL,
        findings=(*nodes, whole),
        reasons=reasons,
        sentence="Worse",
    )

    detail = verdict_entry(baking()[1].rollouts[0], verdict, final=True).detail

    assert len(detail["findings"]) == 21
    assert detail["findings"][0]["nodeId"] is None
    assert len(json.dumps(detail)) < 40_000


def test_a_started_wave_moves_the_cut_off_and_writes_down_who_owes_an_answer() -> None:
    scene, deployment = started()
    assignment = scene.assignment()
    assert assignment is not None

    assert (assignment.active_upto, assignment.wave_first, assignment.touched_upto) == (2, 0, 2)
    assert assignment.deployment_id == deployment.id
    assert assignment.position == f"{DEV}#000#deploy#1"
    for position in (assignment.position, f"{DEV}#restore"):
        owing = scene.store.list(PendingNode, deployment.id, position)
        assert [row.node_id for row in owing] == [node.id for node in scene.nodes[:2]]


def test_advancing_a_wave_that_deploys_or_bakes_changes_nothing() -> None:
    scene, deployment = started()
    assert advance_wave(deployment.id, ports=scene.ports) == deployment

    scene, deployment = baking()
    assert advance_wave(deployment.id, ports=scene.ports) == deployment


def test_a_wave_that_baked_well_is_promoted_and_the_next_begins() -> None:
    scene, deployment = baking()
    scene.beat_for(30)

    advance_wave(deployment.id, ports=scene.ports)

    after = rollout(scene, deployment)
    assert (after.phase, after.wave) == (Phase.DEPLOYING, 1)
    assert [wave.status for wave in after.waves] == [WaveStatus.PROMOTED, WaveStatus.DEPLOYING]
    assert verdicts(scene, deployment) == ["promote"]
    assert advance_wave(deployment.id, ports=scene.ports).revision == scene.now(deployment).revision


def test_after_the_last_wave_the_candidate_is_stable_and_its_predecessor_parked() -> None:
    scene, deployment = baking(retention_seconds=600)

    scene.run(deployment)

    assignment = scene.assignment()
    assert assignment is not None
    assert (assignment.stable_digest, assignment.stable_version) == (scene.digests["2.0.0"], "2.0.0")
    assert assignment.retained_digest == scene.digests["1.0.0"]
    assert not assignment.is_changing


def test_without_retention_nothing_is_parked() -> None:
    scene, deployment = baking(retention_seconds=0)

    scene.run(deployment)

    assignment = scene.assignment()
    assert assignment is not None
    assert assignment.retained_digest is None


def test_blue_green_stages_on_every_node_before_any_switches() -> None:
    scene, deployment = started(strategy=BLUE_GREEN)
    for node in scene.nodes:
        node.beat()
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}
    assert {node.staged for node in scene.nodes} == {(scene.digests["2.0.0"],)}

    ended = scene.run(deployment)

    assert ended.status is Status.COMPLETED
    assert {node.active for node in scene.nodes} == {scene.digests["2.0.0"]}


def test_a_required_analysis_holds_without_traffic_and_pauses_when_held_often_enough() -> None:
    hold = HoldPolicy(step_seconds=10, max_holds=2, then=HoldThen.PAUSE)
    scene, deployment = baking(analysis=THIN, hold=hold, strategy=CANARY)

    paused = scene.run(deployment, until=lambda d: d.status is Status.PAUSED)

    assert verdicts(scene, deployment) == ["hold"] * 3
    assert paused.rollouts[0].current.holds == 2
    assert "(2 times)" in paused.rollouts[0].why
    assert scene.assignment().active_upto == 1  # type: ignore[union-attr]


def test_a_wave_is_held_until_its_nodes_have_served_the_requests_its_bake_asks_for() -> None:
    strategy = StrategySpec(kind=Strategy.DIRECT, bake_seconds=30, bake_requests=100)
    scene, deployment = baking(strategy=strategy, hold=HoldPolicy(step_seconds=10, max_holds=20))

    scene.run(deployment, until=lambda d: d.rollouts[0].current.holds > 0)

    wave = rollout(scene, deployment).current
    assert (wave.decision, wave.sentence) == (
        "hold",
        "The bake asks for 100 requests; the new version has served 0.",
    )
    for node in scene.nodes:
        node.requests = 10
    done = scene.run(deployment)

    assert done.status is Status.COMPLETED
    assert "hold" in verdicts(scene, deployment)
    assert verdicts(scene, deployment)[-1] == "promote"


def test_a_paused_wave_that_is_resumed_bakes_one_step_and_is_judged_again() -> None:
    hold = HoldPolicy(step_seconds=10, max_holds=0, then=HoldThen.PAUSE)
    scene, deployment = baking(analysis=THIN, hold=hold, strategy=CANARY)
    scene.run(deployment, until=lambda d: d.status is Status.PAUSED)

    resume_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.run(deployment, until=lambda d: d.status is Status.PAUSED)

    assert verdicts(scene, deployment) == ["hold", "hold"]


def test_a_policy_may_roll_back_what_cannot_be_judged() -> None:
    hold = HoldPolicy(step_seconds=10, max_holds=1, then=HoldThen.ROLLBACK)
    scene, deployment = baking(analysis=THIN, hold=hold, strategy=CANARY)

    ended = scene.run(deployment)

    assert ended.status is Status.ROLLED_BACK
    assert verdicts(scene, deployment) == ["hold", "hold"]
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_enough_good_traffic_on_both_sides_promotes_a_canary() -> None:
    scene = a_scene()
    scene.set_policy(analysis=AnalysisPolicy(warm_up_ms=0), strategy=CANARY)
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
    scene.beat_for(120)

    ended = scene.run(scene.create())

    assert ended.status is Status.COMPLETED
    assert [wave.compared_with for wave in ended.rollouts[0].waves] == ["control", "before"]


def test_a_deployment_that_ended_advances_nothing() -> None:
    scene, deployment = baking()
    ended = scene.run(deployment)

    assert advance_wave(deployment.id, ports=scene.ports) == ended


def test_what_a_verdict_says_is_kept_as_json_and_nothing_else() -> None:
    scene, deployment = baking(strategy=CANARY, analysis=AnalysisPolicy())
    for node in scene.nodes:
        node.requests = 1_000
    scene.beat_for(30)
    advance_wave(deployment.id, ports=scene.ports)

    detail = verdict_details(scene, deployment)[0]

    assert json.loads(json.dumps(detail)) == detail
    assert type(detail["findings"][0]["conclusion"]) is str
    assert all(name[0].islower() and "_" not in name for found in detail["findings"] for name in found)
