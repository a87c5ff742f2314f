"""AwaitTurn: one deployment changes a module in an environment at a time, the others wait in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Kind, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.freeze import FreezeWindow, Once
from chalicelib.domain.policy import ApprovalPolicy, Concurrency
from chalicelib.domain.rollout import Phase
from chalicelib.domain.turn import Turn
from chalicelib.usecases.choose_environment import choose_environment
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.run_stage import build
from chalicelib.usecases.take_turn import hand_on, take_turn
from tests.builders import MODULE
from tests.fakes import FakeExecutions
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already, with_store
from tests.usecases.stores import LaggingStore

DEV = Environment.DEVELOPMENT


def quiet_scene(**policy: object) -> Scene:
    scene = a_scene(executions=FakeExecutions())
    scene.set_policy(**policy)
    return scene


def in_line(scene: Scene, **more: object) -> Deployment:
    """A deployment that is about to ask for its turn."""
    deployment = build(scene.create(**more).id, ports=scene.ports)  # type: ignore[arg-type]
    choose_environment(deployment.id, ports=scene.ports)
    return deployment


def turn(scene: Scene) -> Turn:
    found: Turn = scene.store.get(Turn, DEV, MODULE)
    return found


def fence(deployment: Deployment) -> int:
    return deployment.rollouts[0].fence


def test_a_free_turn_is_taken_with_its_fence() -> None:
    scene = quiet_scene()

    taken = take_turn(in_line(scene).id, ports=scene.ports)

    assert (taken.status, fence(taken), turn(scene).holder) == (Status.RUNNING, 1, taken.id)


def test_taking_it_again_changes_nothing() -> None:
    scene = quiet_scene()
    taken = take_turn(in_line(scene).id, ports=scene.ports)

    assert take_turn(taken.id, ports=scene.ports) == taken


def test_a_taken_turn_is_waited_for_and_the_place_in_line_is_told_once() -> None:
    scene = quiet_scene()
    holder, second = in_line(scene), in_line(scene)
    take_turn(holder.id, ports=scene.ports)

    for _ in range(2):
        queued = take_turn(second.id, ports=scene.ports)

    assert (queued.status, fence(queued)) == (Status.QUEUED, 0)
    assert scene.events(second).count("TurnQueued") == 1


def test_whoever_is_next_takes_what_was_handed_on() -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    first, second = scene.create(), scene.create("3.0.0")

    ended = [scene.run(first), scene.run(second)]

    assert [deployment.status for deployment in ended] == [Status.COMPLETED] * 2
    assert [fence(deployment) for deployment in ended] == [1, 2]
    assert {node.active for node in scene.nodes} == {scene.digests["3.0.0"]}


def test_a_full_queue_fails_the_deployment_and_says_who_holds_the_turn() -> None:
    scene = quiet_scene(queue_limit=1)
    everybody = [in_line(scene) for _ in range(3)]

    holder, _, third = (take_turn(each.id, ports=scene.ports) for each in everybody)

    assert third.failure is not None
    assert (third.status, third.failure.code) == (Status.FAILED, "TURN_TAKEN")
    assert holder.id in third.failure.message


def test_a_policy_that_rejects_lets_nobody_wait() -> None:
    scene = quiet_scene()
    holder = in_line(scene)
    scene.set_policy(concurrency=Concurrency.REJECT)
    second = in_line(scene)
    take_turn(holder.id, ports=scene.ports)

    assert take_turn(second.id, ports=scene.ports).status is Status.FAILED


def test_who_has_waited_as_long_as_the_policy_allows_expires_and_leaves_the_line() -> None:
    scene = quiet_scene()
    holder, second = in_line(scene), in_line(scene)
    take_turn(holder.id, ports=scene.ports)
    take_turn(second.id, ports=scene.ports)

    expired = take_turn(second.id, timed_out=True, ports=scene.ports)

    assert expired.failure is not None
    assert (expired.status, expired.failure.code) == (Status.EXPIRED, "QUEUE_TIMEOUT")
    assert (turn(scene).holder, turn(scene).queue) == (holder.id, ())


def test_a_time_out_that_comes_with_the_turn_is_no_time_out() -> None:
    scene = quiet_scene()

    taken = take_turn(in_line(scene).id, timed_out=True, ports=scene.ports)

    assert (taken.status, fence(taken)) == (Status.RUNNING, 1)


def test_a_rollback_passes_the_queue_also_when_it_is_full() -> None:
    scene = quiet_scene(queue_limit=1)
    holder, waiting = (take_turn(in_line(scene).id, ports=scene.ports) for _ in range(2))

    undoing = take_turn(in_line(scene, kind=Kind.ROLLBACK, only_target=True).id, ports=scene.ports)

    assert turn(scene).queue == (undoing.id, waiting.id)
    assert turn(scene).holder == holder.id


def test_a_newer_deployment_supersedes_those_in_front_where_the_policy_says_so() -> None:
    scene = a_scene()
    scene.set_policy(concurrency=Concurrency.SUPERSEDE)
    runs_already(scene)
    first = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    second = scene.create()
    third = scene.create("3.0.0")

    ended = [scene.run(deployment) for deployment in (first, second, third)]

    assert [deployment.status for deployment in ended] == [Status.SUPERSEDED, Status.SUPERSEDED, Status.COMPLETED]
    assert {node.active for node in scene.nodes} == {scene.digests["3.0.0"]}


def test_a_rollback_is_superseded_by_nobody() -> None:
    scene = quiet_scene(concurrency=Concurrency.SUPERSEDE)
    undoing = take_turn(in_line(scene, kind=Kind.ROLLBACK, only_target=True).id, ports=scene.ports)

    newer = take_turn(in_line(scene).id, ports=scene.ports)

    assert newer.status is Status.QUEUED
    assert scene.now(undoing).status is Status.RUNNING


def test_handing_on_what_nobody_wants_does_nothing() -> None:
    scene = quiet_scene()
    taken = take_turn(in_line(scene).id, ports=scene.ports)
    before = len(scene.store.commits)

    hand_on(taken, ports=scene.ports)

    assert len(scene.store.commits) == before


@pytest.mark.parametrize("many", [2, 8])
def test_of_many_who_ask_at_once_one_holds_the_turn_and_all_others_stand_in_line(many: int) -> None:
    scene = quiet_scene(queue_limit=100)
    deployments = [in_line(scene) for _ in range(many)]

    with ThreadPoolExecutor(many) as threads:
        asked = list(threads.map(lambda deployment: take_turn(deployment.id, ports=scene.ports), deployments))

    holding = [deployment for deployment in asked if fence(deployment)]
    assert [deployment.id for deployment in holding] == [turn(scene).holder]
    assert {*turn(scene).queue, turn(scene).holder} == {deployment.id for deployment in deployments}


def test_an_older_deployment_that_waits_for_approval_is_superseded_when_the_newer_one_has_its_turn() -> None:
    scene = a_scene()
    scene.set_policy(concurrency=Concurrency.SUPERSEDE, approval=ApprovalPolicy(required=True))
    runs_already(scene)
    older = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)
    newer = scene.run(scene.create("3.0.0"), until=lambda d: d.status is Status.PENDING_APPROVAL)
    later = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)
    assert scene.now(older).status is Status.PENDING_APPROVAL, "who only waits supersedes nobody"

    decide_approval(newer.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    ended = scene.run(newer)

    gone = scene.now(older)
    assert (ended.status, gone.status, gone.superseded_by) == (Status.COMPLETED, Status.SUPERSEDED, newer.id)
    assert scene.store.list(Approval, older.id)[0].status is ApprovalStatus.WITHDRAWN
    assert scene.now(later).status is Status.PENDING_APPROVAL, "what was asked for later is not older"


def test_a_long_queue_in_a_freeze_steps_aside_one_after_the_other() -> None:
    scene = quiet_scene(queue_limit=300)
    holder = take_turn(in_line(scene).id, ports=scene.ports)
    waiting = [take_turn(in_line(scene).id, ports=scene.ports) for _ in range(250)]
    now = datetime.fromtimestamp(scene.clock.policy_ms() // 1000, UTC)
    begins, ends = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (-1, 9))
    scene.set_policy(freezes=(FreezeWindow(name="year-end", once=Once(begins=begins, ends=ends)),))

    cancel_deployment(holder.id, reason="", caller=DANA, ports=scene.ports)

    assert {scene.now(each).rollouts[0].phase for each in waiting} == {Phase.FROZEN}
    assert (turn(scene).holder, turn(scene).queue) == (None, ())


def late(scene: Scene, version: str = "2.0.0") -> Deployment:
    """An older request that was still asked about when everything newer happened."""
    scene.set_policy(concurrency=Concurrency.SUPERSEDE, approval=ApprovalPolicy(required=True))
    runs_already(scene)
    older = scene.run(scene.create(version), until=lambda d: d.status is Status.PENDING_APPROVAL)
    scene.set_policy(concurrency=Concurrency.SUPERSEDE)
    scene.clock.advance(seconds=1)
    return older


def approved(scene: Scene, deployment: Deployment) -> Deployment:
    decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    return scene.run(deployment)


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.PROMOTED])
def test_an_older_one_that_comes_late_is_superseded_by_the_newer_one_and_never_the_other_way_round(
    phase: Phase,
) -> None:
    scene = a_scene()
    older = late(scene)
    with_store(scene, LaggingStore(scene.store))
    newer = scene.run(scene.create("3.0.0"), until=lambda d: d.rollouts[0].phase is phase)

    gone = approved(scene, older)

    assert (gone.status, gone.superseded_by) == (Status.SUPERSEDED, newer.id)
    assert gone.failure is not None
    assert gone.failure.message == f"Superseded by {newer.id}."
    assert scene.run(newer).status is Status.COMPLETED
    assert {node.active for node in scene.nodes} == {scene.digests["3.0.0"]}


def test_a_newer_one_that_was_taken_back_is_no_reason_to_end_an_older_one() -> None:
    scene = a_scene()
    older = late(scene)
    with_store(scene, LaggingStore(scene.store))
    newer = scene.run(scene.create("3.0.0"), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    cancel_deployment(newer.id, reason="", caller=DANA, ports=scene.ports)

    done = approved(scene, older)

    assert done.status is Status.COMPLETED
    assert {node.active for node in scene.nodes} == {scene.digests["2.0.0"]}


def test_where_the_policy_queues_an_older_one_that_comes_late_waits_its_turn() -> None:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True))
    runs_already(scene)
    older = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)
    scene.set_policy()
    scene.run(scene.create("3.0.0"), until=lambda d: d.rollouts[0].phase is Phase.BAKING)

    decide_approval(older.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    asked_again = scene.run(older, until=lambda d: d.status is not Status.QUEUED)

    assert asked_again.status is Status.PENDING_APPROVAL, "from another version than it was approved for"
