"""The reconciler delivers what was decided and continues what was lost; a second pass finds nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase, Wave
from chalicelib.domain.strategies import WaveKind
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.usecases.advance_wave import advance_wave
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.reconcile import GRACE_MS, Reconciled, continue_lost, look_after, reconcile
from tests.builders import MODULE, a_deployment, a_message
from tests.fakes import FakeBus, FakeExecutions, FakeTelemetry
from tests.usecases.scene import DANA, Scene, a_scene, runs_already


def a_scene_with_two_waves() -> Scene:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    return scene


A_WAVE = Wave(number=0, kind=WaveKind.DEPLOY, first=0, upto=1, bake_seconds=1)


def in_phase(phase: Phase, wave: int = 0) -> Callable[[Deployment], bool]:
    def holds(deployment: Deployment) -> bool:
        current = deployment.current
        return current is not None and (current.phase, current.wave) == (phase, wave)

    return holds


def stop_after_promotion(scene: Scene, deployment: Deployment) -> None:
    """The last bake is over and judged; then the execution is gone, before it released the turn."""
    scene.beat_for(30)
    advance_wave(deployment.id, ports=scene.ports)
    scene.driver.lost.add(deployment.id)
    assert scene.now(deployment).current is None


def test_with_nothing_open_there_is_nothing_to_do() -> None:
    assert reconcile(ports=a_scene().ports) == Reconciled()


def test_messages_that_were_never_told_are_told_and_forgotten() -> None:
    bus = FakeBus(unavailable=True)
    scene = a_scene(bus=bus)
    scene.create()
    bus.unavailable = False

    first, second = reconcile(ports=scene.ports), reconcile(ports=scene.ports)

    assert [message["detailType"] for message in bus.published] == ["DeploymentCreated"]
    assert first.relayed
    assert second == Reconciled()


def test_an_execution_that_could_not_be_started_is_started() -> None:
    executions = FakeExecutions(unavailable=True)
    scene = a_scene(executions=executions)
    deployment = scene.create()
    executions.unavailable = False

    reconcile(ports=scene.ports)

    assert executions.started == {deployment.id: deployment.id}


@pytest.mark.parametrize(
    ("phase", "wave"), [(Phase.BAKING, 0), (Phase.DEPLOYING, 1), (Phase.BAKING, 1)], ids=lambda value: str(value)
)
def test_a_lost_execution_is_continued_by_the_next_which_replays_to_where_it_was(phase: Phase, wave: int) -> None:
    scene = a_scene_with_two_waves()
    late = [scene.nodes.pop()] if phase is Phase.DEPLOYING else []
    deployment = scene.run(scene.create(), until=in_phase(phase, wave))
    events = scene.events(deployment)
    scene.driver.lost.add(deployment.id)
    scene.beat_for(GRACE_MS // 1000)
    scene.nodes += late

    done = reconcile(ports=scene.ports)
    scene.settle()

    assert done.continued == 1
    assert scene.now(deployment).run == 1
    assert f"{deployment.id}-r1" in scene.driver.runs
    ended = scene.run(deployment)
    assert ended.status is Status.COMPLETED
    assert [event for event in scene.events(ended) if event == "ExecutionReplaced"] == ["ExecutionReplaced"]
    assert scene.events(ended)[: len(events)] == events
    assert [node.ran for node in scene.nodes] == [[scene.digests["1.0.0"], scene.digests["2.0.0"]]] * 3


def test_an_execution_that_was_taken_for_lost_and_lives_is_refused_and_ends() -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.run(scene.create(), until=in_phase(Phase.BAKING))
    scene.driver.lost.add(deployment.id)
    scene.beat_for(GRACE_MS // 1000)
    reconcile(ports=scene.ports)
    scene.driver.lost.clear()

    scene.run(deployment)
    scene.clock.advance(seconds=300)
    scene.driver.time_out()
    scene.settle()

    assert scene.driver.runs[deployment.id].state == "ExecutionReplaced"
    assert scene.driver.runs[f"{deployment.id}-r1"].state == "Completed"


def test_an_execution_lost_between_promotion_and_release_gives_the_turn_up_all_the_same() -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.run(scene.create(), until=in_phase(Phase.BAKING, 1))
    stop_after_promotion(scene, deployment)
    scene.beat_for(GRACE_MS // 1000)

    reconcile(ports=scene.ports)
    ended = scene.run(deployment)

    assert ended.status is Status.COMPLETED
    turn = scene.store.get(Turn, Environment.DEVELOPMENT, MODULE)
    assert turn.holder is None


def test_whoever_waits_behind_a_lost_execution_gets_the_turn_in_the_end() -> None:
    scene = a_scene_with_two_waves()
    first = scene.run(scene.create(), until=in_phase(Phase.BAKING, 1))
    second = scene.create("3.0.0")
    scene.settle()
    stop_after_promotion(scene, first)
    scene.beat_for(GRACE_MS // 1000)
    reconcile(ports=scene.ports)

    scene.run(first)

    assert scene.run(second).status is Status.COMPLETED


@pytest.mark.parametrize("late_ms", [-1, 0])
def test_an_execution_is_taken_for_lost_only_after_the_grace(late_ms: int) -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.run(scene.create(), until=in_phase(Phase.BAKING))
    scene.driver.lost.add(deployment.id)
    scene.clock.advance(ms=GRACE_MS + late_ms)

    assert continue_lost(deployment.id, grace_ms=GRACE_MS, ports=scene.ports) is (late_ms == 0)


def test_one_that_runs_is_left_alone_however_long_it_is_quiet() -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.run(scene.create(), until=in_phase(Phase.BAKING))
    scene.clock.advance(seconds=86_400)

    assert not continue_lost(deployment.id, grace_ms=GRACE_MS, ports=scene.ports)


def test_one_that_has_ended_is_not_continued() -> None:
    scene = a_scene_with_two_waves()
    ended = scene.run(scene.create())
    scene.clock.advance(seconds=86_400)

    assert not continue_lost(ended.id, grace_ms=0, ports=scene.ports)


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.DEPLOYING])
def test_a_second_pass_changes_nothing(phase: Phase) -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.run(scene.create(), until=in_phase(phase) if phase is Phase.BAKING else in_phase(phase, 0))
    scene.driver.lost.add(deployment.id)
    scene.beat_for(GRACE_MS // 1000)
    reconcile(ports=scene.ports)
    scene.settle()
    commits = len(scene.store.commits)

    second = reconcile(ports=scene.ports)

    assert second == Reconciled()
    assert len(scene.store.commits) == commits


class Away:
    """A state machine that answers nothing."""

    def __getattr__(self, _: str) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            raise Unavailable("The state machine does not answer.")

        return call


def test_whom_the_state_machine_does_not_answer_for_is_woken_by_the_next_sweep() -> None:
    """A deployment that has ended is in no open list: its message is all there is to find it by."""
    scene = a_scene_with_two_waves()
    deployment = scene.run(scene.create(), until=in_phase(Phase.DEPLOYING))
    machine = scene.ports.executions
    scene.ports = replace(scene.ports, executions=Away())
    cancelled = cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    while not cancelled.has_ended:
        for node in scene.nodes:
            node.ports = scene.ports
        scene.beat_for(5)
        cancelled = scene.now(deployment)

    first = reconcile(ports=scene.ports)
    scene.ports = replace(scene.ports, executions=machine)
    second = reconcile(ports=scene.ports)
    scene.settle()

    assert (first.woken, first.relayed, second.woken) == (0, 0, 1)
    assert not machine.is_running(deployment.id)
    assert reconcile(ports=scene.ports) == Reconciled()


def test_an_approval_whose_time_is_up_expires_although_nobody_wakes() -> None:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True, expires_seconds=60))
    deployment = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)
    scene.clock.advance(seconds=60)

    done = reconcile(ports=scene.ports)

    assert done.expired == 1
    assert scene.now(deployment).status is Status.EXPIRED
    assert [a.status for a in scene.store.list(Approval, deployment.id)] == [ApprovalStatus.EXPIRED]


def test_a_turn_that_was_handed_on_while_nobody_looked_is_taken() -> None:
    scene = a_scene_with_two_waves()
    first = scene.run(scene.create(), until=in_phase(Phase.BAKING))
    second = scene.create("3.0.0")
    scene.settle()
    turn = scene.store.get(Turn, Environment.DEVELOPMENT, MODULE)
    handed = replace(turn, holder=second.id, queue=(), fence=turn.fence + 1, revision=turn.revision + 1)
    scene.store.commit(Replace(handed))

    look_after(second.id, ports=scene.ports)

    current = scene.now(second).current
    assert current is not None
    assert current.fence == turn.fence + 1
    assert scene.now(first).status is Status.RUNNING


def test_a_wave_whose_nodes_all_fell_silent_is_looked_after() -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.create()
    scene.settle()
    scene.clock.advance(seconds=181)

    look_after(deployment.id, ports=scene.ports)

    assert scene.now(deployment).status is Status.ROLLING_BACK


def test_a_restore_whose_time_is_up_is_ended() -> None:
    scene = a_scene_with_two_waves()
    deployment = scene.create()
    scene.settle()
    scene.clock.advance(seconds=181)
    look_after(deployment.id, ports=scene.ports)
    scene.clock.advance(seconds=300)

    reconcile(ports=scene.ports)

    assert scene.now(deployment).status is Status.ROLLBACK_FAILED


def test_a_trouble_with_one_deployment_does_not_keep_the_others_waiting() -> None:
    bus = FakeBus(unavailable=True)
    scene = a_scene(bus=bus)
    rollout = replace(a_deployment().rollouts[0], phase=Phase.DEPLOYING, policy_revision=77)
    broken = a_deployment(id="01J0", updated_at_ms=0, status=Status.RUNNING, rollouts=(rollout,))
    scene.store.commit(Add(replace(broken, rollouts=(replace(rollout, waves=(A_WAVE,)),))))
    scene.store.commit(Add(a_message(id="told to nobody", created_at_ms=0)))
    lost = scene.create()
    scene.driver.runs.clear()
    scene.clock.advance(ms=GRACE_MS)

    done = reconcile(ports=scene.ports)

    assert (done.relayed, done.failed) == (0, 1)
    assert scene.driver.is_running(lost.execution_name)
    assert scene.store.page(OutboxMessage, "open", "OUTBOX", limit=9).records


def test_a_pass_shows_how_much_waits_and_for_how_long_and_nothing_where_nothing_does() -> None:
    scene = a_scene_with_two_waves()
    telemetry: FakeTelemetry = scene.ports.telemetry  # type: ignore[assignment]
    reconcile(ports=scene.ports)
    assert telemetry.measurements == []
    scene.set_policy(approval=ApprovalPolicy(required=True))
    first = scene.create()
    scene.settle()
    assert scene.now(first).status is Status.PENDING_APPROVAL

    scene.clock.advance(seconds=90)
    reconcile(ports=scene.ports)

    shown = [(str(each.measure), each.value) for each in telemetry.measurements]
    assert shown == [("ApprovalsPending", 1), ("OldestApprovalAge", 90)]
