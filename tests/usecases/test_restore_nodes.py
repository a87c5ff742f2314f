"""A restore gives every touched node back what it ran, verifies it, and says where it could not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Member, Outcome
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.timeline import Event
from chalicelib.domain.turn import Turn
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.ports import Replace
from chalicelib.usecases.start_restore import restore_after_failure
from tests.builders import MODULE
from tests.usecases.scene import DANA, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT


def in_the_second_wave(*, installed: bool = True) -> tuple[Scene, Deployment]:
    """Two nodes run the new version; the third has been told to."""
    scene = a_scene()
    scene.set_policy()
    if installed:
        runs_already(scene)
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    scene.beat_for(30)
    scene.driver.time_out()
    scene.settle()
    assert rollout(scene, deployment).touched_upto == 3
    return scene, scene.now(deployment)


def rollout(scene: Scene, deployment: Deployment) -> Rollout:
    return scene.now(deployment).rollouts[0]


def ended_events(scene: Scene, deployment: Deployment) -> Event:
    found: Event = next(e for e in scene.store.list(Event, deployment.id) if e.type == "RestoreEnded")
    return found


def test_the_failing_wave_is_restored_with_all_its_good_nodes() -> None:
    scene, deployment = in_the_second_wave()
    scene.nodes[2].cannot_start = {scene.digests["2.0.0"]}

    ended = scene.run(deployment)

    assert ended.status is Status.ROLLED_BACK
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}
    assert (ended.rollouts[0].restored_nodes, ended.rollouts[0].restore_failed_nodes) == (3, 0)
    assert ended_events(scene, ended).detail["restored"] == ["node-00", "node-01", "node-02"]


def test_nodes_of_waves_that_never_began_are_left_alone() -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}

    ended = scene.run(scene.create())

    assert ended.rollouts[0].restored_nodes == 2
    assert scene.nodes[2].ran == [scene.digests["1.0.0"]]


def test_a_first_install_is_restored_to_nothing() -> None:
    scene, deployment = in_the_second_wave(installed=False)
    scene.nodes[2].cannot_start = {scene.digests["2.0.0"]}

    ended = scene.run(deployment)

    assert ended.status is Status.ROLLED_BACK
    assert {node.active for node in scene.nodes} == {None}


def test_a_node_that_cannot_be_verified_makes_the_rollback_fail_and_is_named() -> None:
    scene, deployment = in_the_second_wave()
    gone = scene.nodes.pop(0)
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    ended = scene.run(deployment)

    assert ended.failure is not None
    assert (ended.status, ended.failure.code) == (Status.ROLLBACK_FAILED, "ROLLBACK_FAILED")
    assert gone.name in ended.failure.message
    assert ended_events(scene, ended).detail["unverified"] == [gone.name]
    assert scene.driver.runs[deployment.id].state == "RollbackFailed"
    assert scene.store.get(Turn, DEV, MODULE).holder is None


def test_a_node_that_comes_back_after_a_failed_rollback_heals_itself() -> None:
    scene, deployment = in_the_second_wave()
    gone = scene.nodes.pop(0)
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.run(deployment)

    gone.beat()

    assert gone.active == scene.digests["1.0.0"]


def test_a_node_that_cannot_start_the_old_version_again_makes_the_rollback_fail() -> None:
    scene, deployment = in_the_second_wave()
    scene.nodes[0].cannot_start = {scene.digests["1.0.0"]}
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    ended = scene.run(deployment)

    member = scene.store.get(Member, deployment.id, DEV, scene.nodes[0].id)
    assert ended.status is Status.ROLLBACK_FAILED
    assert (member.restored, member.restore_reason) == (Outcome.FAILED, "START_FAILED")


def test_the_time_a_restore_took_counts_from_the_first_bad_report_to_the_last_node() -> None:
    scene, deployment = in_the_second_wave()
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.clock.advance(ms=1_500)
    for node in scene.nodes:
        node.beat()

    detail = ended_events(scene, deployment).detail

    assert detail["milliseconds"] == 1_500


def test_a_restore_that_is_not_over_goes_on() -> None:
    scene, deployment = in_the_second_wave()
    restoring = cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert finish_restore(deployment.id, ports=scene.ports) == restoring


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.PROMOTED])
def test_where_nothing_is_restored_there_is_nothing_to_finish(phase: Phase) -> None:
    scene, deployment = in_the_second_wave()
    before = scene.run(deployment, until=lambda d: d.rollouts[0].phase is phase)

    assert finish_restore(deployment.id, ports=scene.ports) == before


def test_a_step_that_failed_takes_back_what_was_touched_and_fails_the_deployment() -> None:
    scene, deployment = in_the_second_wave()

    restore_after_failure(deployment.id, cause="Boom: it broke", ports=scene.ports)
    ended = scene.run(deployment)

    assert ended.failure is not None
    assert (ended.status, ended.failure.code, ended.failure.message) == (Status.FAILED, "STEP_FAILED", "Boom: it broke")
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_a_step_that_failed_before_any_node_was_touched_fails_the_deployment_at_once() -> None:
    scene = a_scene()
    scene.set_policy()
    deployment = scene.create()

    failed = restore_after_failure(deployment.id, cause="", ports=scene.ports)

    assert failed.failure is not None
    assert (failed.status, failed.failure.message) == (Status.FAILED, "A step of the state machine failed.")


def test_a_failure_on_the_way_into_a_restore_does_not_change_where_it_leads() -> None:
    scene, deployment = in_the_second_wave()
    cancelling = cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert restore_after_failure(deployment.id, cause="Boom", ports=scene.ports) == cancelling


@pytest.mark.parametrize(("cause", "status"), [("", Status.RUNNING), ("Boom", Status.FAILED)])
def test_between_environments_only_a_failure_ends_the_deployment(cause: str, status: Status) -> None:
    scene, deployment = in_the_second_wave()
    promoted = replace(rollout(scene, deployment), phase=Phase.PROMOTED)
    after = replace(deployment.with_rollout(promoted), revision=deployment.revision + 1)
    scene.store.commit(Replace(after))

    assert restore_after_failure(deployment.id, cause=cause, ports=scene.ports).status is status
