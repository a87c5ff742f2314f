"""What a node owes is settled once, by a report that shows the order carried out or failed under its fence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.analysis.policy import AnalysisMode, AnalysisPolicy
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Ack, Member, Node, Outcome, PendingNode
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.usecases.acknowledge import acknowledged
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.fail_silent_nodes import fail_overdue_nodes
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.ports import Replace
from tests.builders import a_pending_node
from tests.usecases.scene import DANA, ANode, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT
ALL_AT_ONCE = StrategySpec(kind=Strategy.DIRECT, bake_seconds=30)
BLUE_GREEN = StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=30)
ONE_MAY_FAIL = AnalysisPolicy(mode=AnalysisMode.HEALTH_ONLY, max_failed_nodes=1)


def a_wave_going_out(strategy: StrategySpec = ALL_AT_ONCE, **policy: object) -> tuple[Scene, Deployment]:
    """Every node has been told to run 2.0.0 and none has heard of it."""
    scene = a_scene()
    scene.set_policy(strategy=strategy, **policy)
    runs_already(scene)
    deployment = scene.create()
    scene.settle()
    assert current(scene, deployment).phase is Phase.DEPLOYING
    return scene, scene.now(deployment)


def current(scene: Scene, deployment: Deployment) -> Rollout:
    return scene.now(deployment).rollouts[0]


def member(scene: Scene, node: ANode, deployment: Deployment) -> Member:
    found: Member = scene.store.get(Member, deployment.id, DEV, node.id)
    return found


def owing(scene: Scene, deployment: Deployment, position: str) -> list[str]:
    return [row.node_id for row in scene.store.list(PendingNode, deployment.id, position)]


def says(scene: Scene, node: ANode, **report: object) -> None:
    """One report with exactly this in it; the answer is ignored."""
    for name, value in report.items():
        setattr(node, name, value)
    node.interval += 1
    node.report()


def assignment(scene: Scene) -> Assignment:
    found = scene.assignment()
    assert found is not None
    return found


def test_a_node_that_runs_the_candidate_under_the_fence_has_answered() -> None:
    scene, deployment = a_wave_going_out()
    node, fence = scene.nodes[0], assignment(scene).fence

    says(scene, node, active=scene.digests["2.0.0"], fence=fence)

    answered = member(scene, node, deployment)
    assert (answered.deployed, answered.deployed_at_ms) == (Outcome.SUCCEEDED, scene.clock.machine_ms())
    assert owing(scene, deployment, assignment(scene).position) == [n.id for n in scene.nodes[1:]]


@pytest.mark.parametrize("fence", [0, 1, 3])
def test_an_answer_under_another_fence_settles_nothing(fence: int) -> None:
    scene, deployment = a_wave_going_out()
    assert assignment(scene).fence not in (0, 3) or fence != assignment(scene).fence
    scene.store.commit(Replace(replace(assignment(scene), fence=2, revision=assignment(scene).revision + 1)))

    says(scene, scene.nodes[0], active=scene.digests["2.0.0"], fence=fence)

    assert member(scene, scene.nodes[0], deployment).deployed is Outcome.PENDING


def test_a_node_that_still_runs_the_old_version_has_not_answered() -> None:
    scene, deployment = a_wave_going_out()

    says(scene, scene.nodes[0], fence=assignment(scene).fence)

    assert member(scene, scene.nodes[0], deployment).deployed is Outcome.PENDING


def test_the_last_answer_ends_the_wave_and_begins_the_bake() -> None:
    scene, deployment = a_wave_going_out()

    for node in scene.nodes:
        assert current(scene, deployment).phase is Phase.DEPLOYING
        node.beat()

    assert current(scene, deployment).phase is Phase.BAKING
    assert scene.driver.runs[deployment.id].state == "WhatNext"


def test_a_report_that_says_the_same_again_changes_nothing() -> None:
    scene, deployment = a_wave_going_out()
    node = scene.nodes[0]
    node.beat()
    before = member(scene, node, deployment)

    node.report()
    node.beat()

    assert member(scene, node, deployment) == before


def test_a_failed_order_is_counted_and_one_too_many_takes_the_wave_back() -> None:
    scene, deployment = a_wave_going_out()
    node = scene.nodes[1]
    node.cannot_start = {scene.digests["2.0.0"]}

    node.beat()

    failed = member(scene, node, deployment)
    assert (failed.deployed, failed.deploy_reason) == (Outcome.FAILED, "START_FAILED")
    assert scene.now(deployment).status is Status.ROLLING_BACK
    failure = scene.now(deployment).failure
    assert failure is not None
    assert failure.code == "NODES_FAILED"
    assert current(scene, deployment).current.failed_nodes == 1


def test_a_tolerated_failure_leaves_the_wave_to_the_others() -> None:
    scene, deployment = a_wave_going_out(analysis=ONE_MAY_FAIL)
    scene.nodes[1].cannot_start = {scene.digests["2.0.0"]}

    for node in scene.nodes:
        node.beat()

    assert current(scene, deployment).phase is Phase.BAKING
    assert current(scene, deployment).current.failed_nodes == 1


def test_when_the_last_answer_is_a_tolerated_failure_the_bake_begins() -> None:
    scene, deployment = a_wave_going_out(analysis=ONE_MAY_FAIL)
    scene.nodes[2].cannot_start = {scene.digests["2.0.0"]}

    for node in scene.nodes:
        node.beat()

    assert current(scene, deployment).phase is Phase.BAKING


def test_a_node_that_fails_to_stage_and_then_to_switch_is_one_node_that_failed() -> None:
    scene, deployment = a_wave_going_out(BLUE_GREEN, analysis=ONE_MAY_FAIL)
    scene.nodes[1].cannot_start = {scene.digests["2.0.0"]}

    ended = scene.run(deployment)

    assert ended.status is Status.COMPLETED
    assert [wave.failed_nodes for wave in ended.rollouts[0].waves] == [1, 1]


@pytest.mark.parametrize("staged", [True, False], ids=["staged", "runs it already"])
def test_a_stage_is_answered_by_holding_the_candidate_beside_or_running_it(staged: bool) -> None:
    scene, deployment = a_wave_going_out(BLUE_GREEN)
    node, digest = scene.nodes[0], scene.digests["2.0.0"]
    held = {"staged": (digest,)} if staged else {"active": digest}

    says(scene, node, fence=assignment(scene).fence, **held)

    assert member(scene, node, deployment).deployed is Outcome.SUCCEEDED


def test_a_failure_of_another_digest_or_an_older_order_is_no_answer() -> None:
    scene, deployment = a_wave_going_out()
    fence, digest = assignment(scene).fence, scene.digests["2.0.0"]
    ack = Ack(fence=fence, digest=digest, action="activate", succeeded=False, reason="START_FAILED")

    for wrong in (
        replace(ack, digest=scene.digests["3.0.0"]),
        replace(ack, fence=fence - 1),
        replace(ack, succeeded=True),
    ):
        says(scene, scene.nodes[0], fence=fence, ack=wrong)

    assert member(scene, scene.nodes[0], deployment).deployed is Outcome.PENDING


def test_an_answer_that_comes_after_the_wave_was_taken_back_belongs_to_the_restore() -> None:
    scene, deployment = a_wave_going_out()
    late = scene.nodes.pop()
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    for node in scene.nodes:
        node.beat()

    says(scene, late, active=scene.digests["2.0.0"], fence=assignment(scene).fence)

    answered = member(scene, late, deployment)
    assert (answered.deployed, answered.restored) == (Outcome.PENDING, Outcome.PENDING)
    late.beat()
    assert member(scene, late, deployment).restored is Outcome.SUCCEEDED


def test_a_joiner_owes_nothing() -> None:
    scene, deployment = a_wave_going_out()

    nothing = acknowledged(assignment(scene), None, scene.store.get(Node, DEV, scene.nodes[0].id), ports=scene.ports)

    assert nothing is None
    assert scene.now(deployment).status is Status.RUNNING


def test_a_row_that_an_overtaken_task_wrote_again_fails_nobody_who_has_answered() -> None:
    scene, deployment = a_wave_going_out()
    position = assignment(scene).position
    rows = scene.store.list(PendingNode, deployment.id, position)
    for node in scene.nodes[:2]:
        node.beat()
    scene.store.add_many(rows)
    scene.nodes[2].beat()
    assert owing(scene, deployment, position)

    fail_overdue_nodes(deployment.id, ports=scene.ports)

    assert current(scene, deployment).phase is Phase.BAKING
    assert current(scene, deployment).current.failed_nodes == 0


def test_a_row_that_an_overtaken_task_wrote_again_does_not_hold_up_a_restore() -> None:
    scene, deployment = a_wave_going_out()
    scene.nodes[2].cannot_start = {scene.digests["2.0.0"]}
    rows = scene.store.list(PendingNode, deployment.id, f"{DEV}#restore")
    scene.nodes[2].beat()
    for node in scene.nodes[:2]:
        node.beat()
        scene.store.add_many(rows[:1])
    scene.clock.advance(seconds=2)
    scene.nodes[2].beat()

    finish_restore(deployment.id, ports=scene.ports)

    assert scene.now(deployment).status is Status.ROLLED_BACK


def test_a_row_of_a_wave_that_never_began_does_not_hold_up_a_restore() -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    owed = a_pending_node(deployment_id=deployment.id, position=f"{DEV}#restore", node_id=scene.nodes[2].id)
    scene.store.add_many([owed])
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    ended = scene.run(deployment, rounds=3)

    assert ended.status is Status.CANCELLED
