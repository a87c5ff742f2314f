"""A version that cannot be taken back pauses, whatever would take another one back; only a person ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment, resume_deployment
from chalicelib.usecases.ports import Replace
from chalicelib.usecases.reconcile import GRACE_MS, reconcile
from chalicelib.usecases.take_turn import supersede
from tests.builders import MODULE
from tests.usecases.scene import DANA, Scene, a_scene, runs_already


def on_its_way(until: Phase = Phase.BAKING) -> tuple[Scene, Deployment]:
    """The irreversible 2.0.0 is on its way to the first nodes, or bakes there."""
    scene = a_scene()
    scene.set_policy(pause_seconds=60)
    runs_already(scene)
    registered = scene.store.get(ModuleVersion, MODULE, "2.0.0")
    scene.store.commit(Replace(replace(registered, irreversible=True, revision=registered.revision + 1)))
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is until)
    assert deployment.irreversible
    return scene, deployment


def running_new(scene: Scene) -> int:
    return sum(node.active == scene.digests["2.0.0"] for node in scene.nodes)


def test_superseded_it_pauses_and_keeps_its_nodes() -> None:
    scene, deployment = on_its_way()
    before = running_new(scene)

    superseded = supersede(deployment.id, by="01J0NEWER", ports=scene.ports)
    for _ in range(5):
        scene.pass_time(5)

    assert (superseded.status, scene.now(deployment).status) == (Status.PAUSED, Status.PAUSED)
    assert running_new(scene) == before > 0


def test_a_pause_that_nobody_ends_takes_nothing_back() -> None:
    scene, deployment = on_its_way()
    pause_deployment(deployment.id, reason="look", caller=DANA, ports=scene.ports)
    before = running_new(scene)

    for _ in range(40):
        scene.pass_time(5)

    after = scene.now(deployment)
    assert (after.status, running_new(scene)) == (Status.PAUSED, before)


def test_a_person_who_cancels_takes_it_back() -> None:
    scene, deployment = on_its_way()
    supersede(deployment.id, by="01J0NEWER", ports=scene.ports)

    cancel_deployment(deployment.id, reason="restored the backup", caller=DANA, ports=scene.ports)

    assert scene.run(deployment).status is Status.CANCELLED
    assert running_new(scene) == 0


def broken(scene: Scene, deployment: Deployment) -> Deployment:
    """The step that carries it fails with what no step of ours raises."""
    token = scene.driver.runs[deployment.id].token
    assert token is not None
    scene.driver.refuse(token, error="Lambda.Unknown", cause="the process was killed")
    scene.settle()
    return scene.now(deployment)


def another_execution_starts(scene: Scene) -> None:
    """As soon as the reconciler believes that the first one is gone."""
    scene.beat_for(GRACE_MS // 1000)
    reconcile(ports=scene.ports)
    scene.settle()


def test_a_broken_execution_pauses_it_and_another_one_waits_for_people() -> None:
    scene, deployment = on_its_way()
    before = running_new(scene)

    paused = broken(scene, deployment)

    assert (paused.status, running_new(scene)) == (Status.PAUSED, before)
    assert "is irreversible, so nothing is taken back" in paused.rollouts[0].why
    assert not scene.driver.is_running(deployment.id)
    another_execution_starts(scene)
    assert scene.driver.runs[f"{deployment.id}-r1"].state == "AwaitResume"


@pytest.mark.parametrize("first", ["people", "another execution"])
def test_after_a_broken_execution_people_let_it_go_on_to_the_end(first: str) -> None:
    scene, deployment = on_its_way()
    broken(scene, deployment)
    if first == "another execution":
        another_execution_starts(scene)

    resume_deployment(deployment.id, reason="only the function died", caller=DANA, ports=scene.ports)
    another_execution_starts(scene)

    assert scene.run(deployment).status is Status.COMPLETED
    assert running_new(scene) == len(scene.nodes)


@pytest.mark.parametrize("first", ["people", "another execution"])
def test_after_a_broken_execution_a_person_takes_it_back(first: str) -> None:
    scene, deployment = on_its_way()
    broken(scene, deployment)
    if first == "another execution":
        another_execution_starts(scene)

    cancel_deployment(deployment.id, reason="restored the backup", caller=DANA, ports=scene.ports)
    another_execution_starts(scene)

    assert scene.run(deployment).status is Status.CANCELLED
    assert running_new(scene) == 0


def test_a_node_that_cannot_start_it_is_not_forgotten_when_the_execution_breaks_before_it_says_so() -> None:
    scene, deployment = on_its_way(until=Phase.DEPLOYING)
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    assert broken(scene, deployment).status is Status.PAUSED
    another_execution_starts(scene)

    resume_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    after = scene.run(deployment, until=lambda d: d.has_ended or d.status is Status.PAUSED)

    assert after.status is Status.PAUSED
    assert after.rollouts[0].wave == 0
