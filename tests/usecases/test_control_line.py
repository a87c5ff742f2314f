"""The line: stopped, nothing begins and no wave is promoted; under a limit, the others wait their turn."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import LineFull, LineStopped, QueueFull
from chalicelib.domain.line import MOST_WAITING, Line, run_again
from chalicelib.domain.rollout import Phase
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.control_deployment import (
    cancel_deployment,
    promote_deployment,
    resume_deployment,
    roll_back,
)
from chalicelib.usecases.control_line import current_line, limit_line, resume_line, stop_line
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.reconcile import reconcile
from tests.usecases.scene import DANA, Scene, a_scene, register, runs_already

ADA = Caller(name="ada", roles=frozenset({Role.ADMIN}))


def a_ready_scene(**policy: Any) -> Scene:
    scene = a_scene()
    scene.set_policy(**policy)
    runs_already(scene)
    return scene


def stop(scene: Scene) -> Line:
    return stop_line(reason="payments fail", caller=ADA, ports=scene.ports)


def resume(scene: Scene) -> Line:
    return resume_line(reason="found it", caller=ADA, ports=scene.ports)


def baking(scene: Scene) -> Deployment:
    return scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def test_nothing_begins_while_the_line_is_stopped_and_goes_on_when_it_runs_again() -> None:
    scene = a_ready_scene()
    stop(scene)
    deployment = scene.create()

    for _ in range(10):
        scene.pass_time(30)
    waiting = scene.now(deployment)
    assert waiting.status is Status.QUEUED
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}
    assert current_line(ports=scene.ports).waiting == (deployment.id,)

    resume(scene)

    assert scene.run(deployment).status is Status.COMPLETED
    assert "TurnQueued" in scene.events(deployment)


def test_no_wave_is_promoted_while_the_line_is_stopped_and_it_is_judged_again_afterwards() -> None:
    scene = a_ready_scene()
    deployment = baking(scene)
    stop(scene)

    held = scene.run(deployment, until=lambda d: d.status is Status.PAUSED)
    assert (held.rollouts[0].wave, held.rollouts[0].waits_for_line) == (0, True)
    assert "stopped by ada: payments fail" in held.rollouts[0].why
    for say in (resume_deployment, promote_deployment):
        with pytest.raises(LineStopped):
            say(deployment.id, reason="", caller=DANA, ports=scene.ports)
    resume(scene)

    assert scene.run(deployment).status is Status.COMPLETED


def test_a_wave_that_waits_for_the_line_can_be_cancelled() -> None:
    scene = a_ready_scene()
    deployment = baking(scene)
    stop(scene)
    scene.run(deployment, until=lambda d: d.status is Status.PAUSED)

    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert scene.run(deployment).status is Status.CANCELLED


def test_a_rollback_runs_although_the_line_is_stopped() -> None:
    scene = a_ready_scene()
    done = scene.run(scene.create())
    stop(scene)

    undoing = roll_back(done.id, reason="", caller=DANA, ports=scene.ports)

    assert scene.run(undoing).status is Status.COMPLETED
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_who_was_not_told_that_the_line_runs_again_is_told_by_the_sweep() -> None:
    scene = a_ready_scene()
    deployment = baking(scene)
    stop(scene)
    scene.run(deployment, until=lambda d: d.status is Status.PAUSED)
    scene.store.commit(Replace(run_again(current_line(ports=scene.ports))))

    reconcile(ports=scene.ports)

    assert scene.run(deployment).status is Status.COMPLETED


def test_stopping_and_resuming_are_audited_and_told_once_however_often_they_are_said() -> None:
    scene = a_ready_scene()

    for say in (stop, stop, resume, resume):
        say(scene)

    audited = scene.store.list(AuditRecord, "line")
    assert [(record.actor, record.action) for record in audited] == [("ada", "LineStopped"), ("ada", "LineResumed")]
    told = [each["detailType"] for each in scene.ports.bus.published if each["detailType"].startswith("Line")]
    assert told == ["LineStopped", "LineResumed"]


def test_under_a_limit_of_one_the_second_waits_until_the_first_is_done() -> None:
    scene = a_ready_scene()
    limit_line(1, reason="holidays", caller=ADA, ports=scene.ports)
    first = baking(scene)
    register("1.0.0", module="ledger", ports=scene.ports)
    request = DeploymentRequest(module="ledger", version="1.0.0", target=Environment.DEVELOPMENT)
    second = create_deployment(request, caller=DANA, idempotency_key="", ports=scene.ports)
    scene.settle()

    line = current_line(ports=scene.ports)
    assert (line.running, line.waiting) == ((first.id,), (second.id,))
    assert scene.now(second).status is Status.QUEUED
    scene.run(first)
    scene.settle()

    assert second.id not in current_line(ports=scene.ports).waiting
    scene.run(second)
    line = current_line(ports=scene.ports)
    assert (line.running, line.admitted, line.waiting) == ((), (), ())


def test_whoever_is_cancelled_while_waiting_leaves_the_line() -> None:
    scene = a_ready_scene()
    stop(scene)
    deployment = scene.create()
    scene.settle()

    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert current_line(ports=scene.ports).waiting == ()


def test_a_full_line_is_refused_at_once() -> None:
    scene = a_ready_scene()
    waiting = tuple(f"deployment-{number}" for number in range(MOST_WAITING))
    scene.store.commit(Add(Line(stopped_at_ms=1, waiting=waiting)))

    with pytest.raises(LineFull):
        scene.create()


def test_a_full_queue_is_refused_at_once_and_names_the_holder() -> None:
    scene = a_ready_scene(queue_limit=1)
    holder = baking(scene)
    scene.create("3.0.0")
    scene.settle()

    with pytest.raises(QueueFull) as refused:
        scene.create("3.0.0")

    assert (refused.value.holder, refused.value.limit) == (holder.id, 1)


def test_a_full_queue_also_refuses_what_runs_now_and_is_about_to_be_replaced() -> None:
    scene = a_ready_scene(queue_limit=0)
    holder = baking(scene)

    with pytest.raises(QueueFull) as refused:
        scene.create("1.0.0")

    assert refused.value.holder == holder.id


def test_a_queue_without_places_keeps_nobody_from_an_environment_that_needs_no_change() -> None:
    scene = a_ready_scene(queue_limit=0)

    assert scene.run(scene.create("1.0.0")).status is Status.COMPLETED
