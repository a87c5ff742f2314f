"""Nodes that do not answer have failed: silent for three intervals, or past the wave's deadline."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.analysis.policy import AnalysisMode, AnalysisPolicy
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Member, Outcome
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.timeline import Event
from chalicelib.usecases.fail_silent_nodes import MOST_AT_ONCE, fail_overdue_nodes
from tests.usecases.scene import Scene, a_scene, runs_already

ALL_AT_ONCE = StrategySpec(kind=Strategy.DIRECT, bake_seconds=30)


def going_out(*, nodes: int = 3, tolerated: int = 0, **policy: Any) -> tuple[Scene, Deployment]:
    """One wave over every node, none of which has answered."""
    scene = a_scene(nodes=nodes)
    analysis = AnalysisPolicy(mode=AnalysisMode.HEALTH_ONLY, max_failed_nodes=tolerated)
    scene.set_policy(**({"strategy": ALL_AT_ONCE, "analysis": analysis} | policy))
    runs_already(scene)
    deployment = scene.create()
    scene.settle()
    return scene, scene.now(deployment)


def keep_quiet(scene: Scene, number: int, seconds: int) -> None:
    """The node says nothing while all others report; nobody carries out anything new."""
    quiet = scene.nodes[number]
    for _ in range(0, seconds, 5):
        scene.clock.advance(seconds=5)
        for node in scene.nodes:
            if node is not quiet:
                node.interval += 1
                node.report()


def failed(scene: Scene, deployment: Deployment) -> dict[str, str]:
    found = scene.store.list(Member, deployment.id, Environment.DEVELOPMENT)
    return {member.name: member.deploy_reason for member in found if member.deployed is Outcome.FAILED}


def test_nobody_has_failed_while_everybody_is_heard_of_and_in_time() -> None:
    scene, deployment = going_out()

    assert fail_overdue_nodes(deployment.id, ports=scene.ports) == deployment


def test_a_silent_node_fails_the_wave_although_its_deadline_is_far() -> None:
    scene, deployment = going_out(deploy_seconds=100_000)
    scene.nodes[0].beat()
    scene.nodes[1].beat()
    scene.clock.advance(seconds=181)

    after = fail_overdue_nodes(deployment.id, ports=scene.ports)

    assert failed(scene, deployment) == {"node-02": "SILENT"}
    assert after.status is Status.ROLLING_BACK


def test_at_the_deadline_whoever_has_not_answered_has_failed() -> None:
    scene, deployment = going_out(deploy_seconds=60)
    for node in scene.nodes[:2]:
        node.beat()
    keep_quiet(scene, 2, 60)

    after = fail_overdue_nodes(deployment.id, ports=scene.ports)

    assert failed(scene, deployment) == {"node-02": "NO_ANSWER"}
    assert after.status is Status.ROLLING_BACK


def test_tolerated_silence_lets_the_wave_bake() -> None:
    scene, deployment = going_out(tolerated=1)
    scene.nodes[0].beat()
    scene.nodes[1].beat()
    scene.clock.advance(seconds=181)

    after = fail_overdue_nodes(deployment.id, ports=scene.ports)

    assert after.rollouts[0].phase is Phase.BAKING
    assert after.rollouts[0].current.failed_nodes == 1


def test_tolerated_silence_of_one_still_waits_for_the_others() -> None:
    scene, deployment = going_out(tolerated=1)
    scene.clock.advance(seconds=172)
    for node in scene.nodes[:2]:
        node.interval += 1
        node.report()
    scene.clock.advance(seconds=9)

    after = fail_overdue_nodes(deployment.id, ports=scene.ports)

    assert (after.rollouts[0].phase, after.rollouts[0].current.failed_nodes) == (Phase.DEPLOYING, 1)


def test_many_silent_nodes_are_failed_some_at_a_time_and_told_in_the_timeline() -> None:
    scene, deployment = going_out(nodes=MOST_AT_ONCE + 5, tolerated=100)
    scene.clock.advance(seconds=181)

    first = fail_overdue_nodes(deployment.id, ports=scene.ports)
    second = fail_overdue_nodes(deployment.id, ports=scene.ports)

    assert (first.rollouts[0].phase, second.rollouts[0].phase) == (Phase.DEPLOYING, Phase.BAKING)
    events = [event for event in scene.store.list(Event, deployment.id) if event.type == "NodeFailed"]
    assert [len(event.detail["nodes"]) for event in events] == [MOST_AT_ONCE, 5]


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.PROMOTED])
def test_outside_a_wave_that_deploys_nobody_is_overdue(phase: Phase) -> None:
    scene, deployment = going_out()
    after = scene.run(deployment, until=lambda d: d.rollouts[0].phase is phase)
    scene.clock.advance(seconds=3_600)

    assert fail_overdue_nodes(deployment.id, ports=scene.ports) == after


def test_a_late_node_takes_part_in_the_restore_and_heals() -> None:
    scene, deployment = going_out()
    late = scene.nodes.pop()
    for node in scene.nodes:
        node.beat()
    scene.clock.advance(seconds=181)
    fail_overdue_nodes(deployment.id, ports=scene.ports)

    scene.nodes.append(late)
    ended = scene.run(deployment)

    assert ended.status is Status.ROLLED_BACK
    assert late.active == scene.digests["1.0.0"]
