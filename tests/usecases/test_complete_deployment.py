"""Validate and complete: what nodes report must agree with what was promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment, StageName, StageStatus, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import DeploymentEnded
from chalicelib.domain.node import Node, NodeStatus
from chalicelib.domain.rollout import Phase
from chalicelib.domain.turn import Turn
from chalicelib.usecases.advance_wave import advance_wave
from chalicelib.usecases.complete_deployment import validate
from chalicelib.usecases.ports import Replace
from chalicelib.usecases.release_turn import release_turn
from tests.builders import MODULE
from tests.usecases.scene import Scene, a_node_in, a_scene, runs_already

DEV = Environment.DEVELOPMENT


def promoted() -> tuple[Scene, Deployment]:
    """Every wave was promoted; nobody has validated yet."""
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    deployment = scene.run(
        scene.create(), until=lambda d: d.rollouts[0].wave == 1 and d.rollouts[0].bake_until_ms is not None
    )
    scene.beat_for(30)
    after = advance_wave(deployment.id, ports=scene.ports)
    assert after.current is None
    scene.driver.lost.add(deployment.id)
    return scene, after


def change_node(scene: Scene, number: int, **changes: object) -> None:
    node = scene.store.get(Node, DEV, scene.nodes[number].id)
    scene.store.commit(Replace(replace(node, revision=node.revision + 1, **changes)))


def message(deployment: Deployment) -> str:
    stage = deployment.stage(StageName.VALIDATION)
    assert stage is not None
    return stage.message


def test_when_every_node_reports_the_version_the_deployment_is_complete() -> None:
    scene, deployment = promoted()

    done = validate(deployment.id, ports=scene.ports)

    assert (done.status, message(done)) == (Status.COMPLETED, "Every node reports 2.0.0.")
    assert done.ended_at_ms == scene.clock.policy_ms()
    assert validate(deployment.id, ports=scene.ports) == done


def test_nodes_that_the_next_deployment_has_taken_further_fail_nothing() -> None:
    """The turn is given up before the deployment is validated, and the next one may be quick."""
    scene, deployment = promoted()
    release_turn(deployment.id, ports=scene.ports)
    following = scene.run(scene.create("3.0.0"), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    assert {node.active for node in scene.nodes} == {scene.digests["2.0.0"], scene.digests["3.0.0"]}

    done = validate(deployment.id, ports=scene.ports)

    assert (done.status, following.status) == (Status.COMPLETED, Status.RUNNING)


def test_a_node_that_took_part_and_runs_something_else_fails_the_deployment() -> None:
    scene, deployment = promoted()
    change_node(scene, 1, modules=())

    with pytest.raises(DeploymentEnded):
        validate(deployment.id, ports=scene.ports)

    failed = scene.now(deployment)
    assert failed.failure is not None
    assert (failed.status, failed.failure.code) == (Status.FAILED, "VALIDATION_FAILED")
    assert message(failed) == "Running something else than 2.0.0: node-01."
    assert failed.stages[-1].status is StageStatus.FAILED


def test_silent_nodes_and_joiners_are_only_named() -> None:
    scene, deployment = promoted()
    a_node_in(DEV, 9, ports=scene.ports)
    change_node(scene, 1, modules=(), last_heartbeat_ms=0)

    done = validate(deployment.id, ports=scene.ports)

    assert done.status is Status.COMPLETED
    assert message(done) == "Every node that took part runs 2.0.0; still to follow: node-01, node-09."


def test_a_removed_node_is_not_asked() -> None:
    scene, deployment = promoted()
    change_node(scene, 1, modules=(), status=NodeStatus.REMOVED)

    assert message(validate(deployment.id, ports=scene.ports)) == "Every node reports 2.0.0."


def test_an_environment_that_was_given_something_newer_meanwhile_is_not_held_against_it() -> None:
    scene, deployment = promoted()
    assignment = scene.assignment()
    assert assignment is not None
    newer = replace(assignment, stable_digest=scene.digests["3.0.0"], revision=assignment.revision + 1)
    scene.store.commit(Replace(newer))
    change_node(scene, 0, modules=())

    assert validate(deployment.id, ports=scene.ports).status is Status.COMPLETED


def test_what_is_not_done_cannot_be_completed() -> None:
    scene = a_scene()
    scene.set_policy()
    deployment = scene.create()
    scene.settle()
    before = scene.now(deployment)

    assert validate(deployment.id, ports=scene.ports) == before

    assert (before.status, before.stage(StageName.VALIDATION)) == (Status.RUNNING, None)


def test_releasing_gives_up_the_turn_once_and_lets_the_next_take_it() -> None:
    scene, deployment = promoted()
    following = scene.create("3.0.0")
    scene.settle()

    released = [release_turn(deployment.id, ports=scene.ports) for _ in range(2)]

    assert released[0].revision == released[1].revision
    turn = scene.store.get(Turn, DEV, MODULE)
    assert (turn.holder, turn.fence) == (following.id, 2)
    assert scene.now(following).rollouts[0].fence == 2
