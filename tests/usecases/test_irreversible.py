"""A version that cannot be taken back pauses, whatever would take another one back; only a person ends it."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment
from chalicelib.usecases.ports import Replace
from chalicelib.usecases.take_turn import supersede
from tests.builders import MODULE
from tests.usecases.scene import DANA, Scene, a_scene, runs_already


def on_its_way() -> tuple[Scene, Deployment]:
    """The irreversible 2.0.0 bakes on the first nodes."""
    scene = a_scene()
    scene.set_policy(pause_seconds=60)
    runs_already(scene)
    registered = scene.store.get(ModuleVersion, MODULE, "2.0.0")
    scene.store.commit(Replace(replace(registered, irreversible=True, revision=registered.revision + 1)))
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
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
