"""What people say to a deployment, in every state it can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Kind, Stage, StageName, StageStatus, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Conflict, IllegalTransition, WrongDigest
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.turn import Turn
from chalicelib.usecases.control_deployment import (
    cancel_deployment,
    pause_deployment,
    promote_deployment,
    resume_deployment,
    roll_back,
)
from chalicelib.usecases.ports import Replace
from chalicelib.usecases.quarantines import release_quarantine
from chalicelib.usecases.retry_deployment import retry_deployment
from chalicelib.usecases.run_stage import build
from chalicelib.usecases.take_turn import supersede
from tests.builders import MODULE
from tests.usecases.scene import DANA, ERIN, a_scene
from tests.usecases.states import (
    Reached,
    Start,
    a_ready_scene,
    asked,
    baking,
    cancelled,
    cancelling,
    completed,
    deploying,
    expired,
    paused,
    pending,
    rejected,
    rollback_failed,
)

DEV = Environment.DEVELOPMENT


def after_build() -> Reached:
    scene, deployment = pending()
    return scene, build(deployment.id, ports=scene.ports)


def queued() -> Reached:
    scene = a_ready_scene()
    scene.create("3.0.0")
    scene.settle()
    return scene, scene.run(scene.create(), until=lambda d: d.status is Status.QUEUED)


def restoring() -> Reached:
    scene, deployment = pending()
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    scene.settle()
    scene.nodes[0].beat()
    return scene, scene.now(deployment)


def rolled_back() -> Reached:
    """Taken back, and released from quarantine, so that it may be tried again."""
    scene, deployment = restoring()
    ended = scene.run(deployment)
    release_quarantine(MODULE, DEV, "2.0.0", reason="disk is fixed", caller=ERIN, ports=scene.ports)
    return scene, ended


def pausing() -> Reached:
    scene, deployment = deploying()
    return scene, pause_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


def failed() -> Reached:
    scene, deployment = pending()
    scene.ports.artifacts.contents.clear()
    return scene, scene.run(deployment)


def superseded() -> Reached:
    scene, deployment = queued()
    return scene, supersede(deployment.id, by="the newer one", ports=scene.ports)


REACHED: dict[str, Start] = {
    reach.__name__: reach
    for reach in (
        *(pending, after_build, asked, queued, deploying, pausing, baking, paused, restoring, cancelling),
        *(completed, rolled_back, rollback_failed, failed, rejected, expired, cancelled, superseded),
    )
}
SIGNALS: dict[str, Callable[..., Deployment]] = {
    "cancel": cancel_deployment,
    "pause": pause_deployment,
    "resume": resume_deployment,
    "promote": promote_deployment,
    "promote all": partial(promote_deployment, every=True),
    "rollback": roll_back,
    "retry": retry_deployment,
}
AGAIN = "unchanged"
BECOMES: dict[tuple[str, str], Status | str] = {
    **{(state, "cancel"): Status.CANCELLED for state in ("pending", "after_build", "asked", "queued")},
    **{(state, "cancel"): Status.ROLLING_BACK for state in ("deploying", "pausing", "baking", "paused")},
    **{(state, "cancel"): AGAIN for state in ("cancelling", "cancelled", "rollback_failed")},
    ("deploying", "pause"): Status.RUNNING,
    ("deploying", "resume"): AGAIN,
    ("deploying", "promote all"): Status.RUNNING,
    ("pausing", "pause"): AGAIN,
    ("pausing", "resume"): Status.RUNNING,
    ("pausing", "promote all"): Status.RUNNING,
    ("baking", "pause"): Status.PAUSED,
    ("paused", "pause"): AGAIN,
    ("baking", "resume"): AGAIN,
    ("paused", "resume"): Status.RUNNING,
    **{(state, signal): Status.RUNNING for state in ("baking", "paused") for signal in ("promote", "promote all")},
    ("completed", "rollback"): Status.PENDING,
    **{
        (state, "retry"): Status.PENDING
        for state in ("rolled_back", "rollback_failed", "failed", "rejected", "expired", "cancelled", "superseded")
    },
}
"""Every other signal in every other state is refused with the state it is in, and changes nothing."""


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("state", REACHED)
def test_each_signal_in_each_state_does_what_the_table_says(state: str, signal: str) -> None:
    scene, before = REACHED[state]()
    expected = BECOMES.get((state, signal))
    say = SIGNALS[signal]

    if expected is None:
        with pytest.raises(IllegalTransition):
            say(before.id, reason="because", caller=DANA, ports=scene.ports)
        assert scene.now(before) == before
    elif expected == AGAIN:
        assert say(before.id, reason="because", caller=DANA, ports=scene.ports) == before
    else:
        assert say(before.id, reason="because", caller=DANA, ports=scene.ports).status is expected


def test_the_table_reaches_every_status_there_is() -> None:
    statuses = {reach()[1].status for reach in REACHED.values()}

    assert statuses == set(Status)


def test_a_pause_while_nodes_change_begins_when_they_have_answered_and_keeps_the_whole_bake() -> None:
    scene, deployment = pausing()
    assert scene.now(deployment).status is Status.RUNNING

    held = scene.run(deployment, until=lambda d: d.status is Status.PAUSED)

    rollout = held.rollouts[0]
    assert (rollout.wave, rollout.bake_left_ms) == (0, rollout.current.bake_seconds * 1000)
    assert scene.events(deployment)[-3:] == ["PauseRequested", "WaveDeployed", "Paused"]
    resume_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    assert scene.run(deployment).status is Status.COMPLETED


def test_a_pause_that_was_called_off_in_time_never_begins() -> None:
    scene, deployment = pausing()

    resume_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert scene.run(deployment).status is Status.COMPLETED
    assert "Paused" not in scene.events(deployment)


def test_promoting_all_ends_every_bake_of_the_environment_and_judges_every_wave() -> None:
    scene, deployment = baking()
    began = scene.clock.policy_ms()

    promote_deployment(deployment.id, reason="", every=True, caller=DANA, ports=scene.ports)
    done = scene.run(deployment)

    bakes = sum(wave.bake_seconds for wave in done.rollouts[0].waves)
    assert done.status is Status.COMPLETED
    assert scene.clock.policy_ms() - began < bakes * 1000
    assert scene.events(deployment).count("VerdictReached") == len(done.rollouts[0].waves)


def test_promote_names_the_wave_it_means() -> None:
    scene, deployment = baking()

    with pytest.raises(WrongDigest, match="0, not 1"):
        promote_deployment(deployment.id, reason="", wave=1, caller=DANA, ports=scene.ports)

    assert scene.now(deployment) == deployment


def test_a_retry_is_a_new_deployment_that_skips_what_was_reached() -> None:
    scene, first = rolled_back()
    scene.nodes[0].cannot_start = set()

    again = retry_deployment(first.id, reason="disk is fixed", caller=ERIN, ports=scene.ports)

    assert (again.version, again.requested_by, again.retries) == (first.version, "erin", first.id)
    assert scene.run(again).status is Status.COMPLETED


def test_a_retry_does_not_run_tests_again_that_passed_but_checks_bytes_and_signature() -> None:
    scene, deployment = cancelled()
    passed = Stage(
        name=StageName.TEST, status=StageStatus.SUCCEEDED, started_at_ms=1, ended_at_ms=2, message="12 of 12"
    )
    before = replace(deployment.with_stage(passed), revision=deployment.revision + 1)
    scene.store.commit(Replace(before))

    again = scene.run(retry_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports))

    test = again.stage(StageName.TEST)
    assert test is not None
    assert (test.status, test.message) == (StageStatus.SUCCEEDED, f"Passed in {deployment.id}: 12 of 12")
    assert {stage.name for stage in again.stages} == set(StageName)


def test_the_same_key_gives_the_same_retry() -> None:
    scene, deployment = cancelled()
    said = {"reason": "", "caller": DANA, "idempotency_key": "k", "ports": scene.ports}

    assert retry_deployment(deployment.id, **said) == retry_deployment(deployment.id, **said)


def test_a_canary_that_does_harm_is_taken_back_also_while_it_is_paused() -> None:
    scene = a_ready_scene(
        analysis=AnalysisPolicy(), strategy=StrategySpec(kind=Strategy.ROLLING, batch=1, bake_seconds=600)
    )
    scene.nodes[0].errors = {scene.digests["2.0.0"]: 100}
    for node in scene.nodes:
        node.requests = 200
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    pause_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert scene.run(deployment).status is Status.ROLLED_BACK


def test_saying_promote_twice_ends_the_bake_once() -> None:
    scene, deployment = baking()
    once = promote_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    twice = promote_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert twice == once
    assert scene.events(deployment).count("Promoted") == 1


def test_a_promoted_bake_is_judged_at_once_and_the_next_wave_begins() -> None:
    scene, deployment = baking()

    promote_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.settle()

    rollout = scene.now(deployment).rollouts[0]
    assert (rollout.phase, rollout.wave) == (Phase.DEPLOYING, 1)


def test_a_paused_deployment_stays_where_it_is_until_it_is_resumed() -> None:
    scene, deployment = paused()
    scene.settle()
    for _ in range(40):
        scene.pass_time(5)
    assert scene.now(deployment).status is Status.PAUSED

    resume_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    assert scene.run(deployment).status is Status.COMPLETED


def test_a_pause_nobody_ends_is_cancelled_and_restored_when_the_policy_says_so() -> None:
    scene = a_ready_scene(pause_seconds=60)
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    pause_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    ended = scene.run(deployment)

    assert ended.status is Status.CANCELLED
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


@pytest.mark.parametrize(("reason", "why"), [("", "Cancelled by dana."), ("wrong one", "Cancelled by dana: wrong one")])
def test_a_cancelled_deployment_says_who_and_why(reason: str, why: str) -> None:
    scene, deployment = baking()

    cancel_deployment(deployment.id, reason=reason, caller=DANA, ports=scene.ports)
    ended = scene.run(deployment)

    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.message) == ("CANCELLED", why)
    assert ended.cancel_requested_by == "dana"
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_cancelling_withdraws_the_question_to_the_approvers() -> None:
    scene, deployment = asked()

    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.settle()

    assert [a.status for a in scene.store.list(Approval, deployment.id)] == [ApprovalStatus.WITHDRAWN]
    assert scene.driver.runs[deployment.id].state == "Cancelled"


def test_cancelling_the_holder_hands_the_turn_on() -> None:
    scene, deployment = baking()
    following = scene.create("3.0.0")
    scene.settle()

    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.run(deployment)

    assert scene.run(following).status is Status.COMPLETED
    assert scene.store.get(Turn, DEV, MODULE).holder is None


def test_cancelling_one_in_the_queue_leaves_the_others_their_places() -> None:
    scene, deployment = queued()
    holder = scene.store.get(Turn, DEV, MODULE).holder

    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    turn = scene.store.get(Turn, DEV, MODULE)
    assert (turn.holder, turn.queue) == (holder, ())


def test_a_rollback_is_a_new_deployment_of_what_ran_before_without_approval() -> None:
    scene, deployment = completed()
    scene.set_policy(approval=ApprovalPolicy(required=True))

    undoing = roll_back(deployment.id, reason="", caller=ERIN, ports=scene.ports)

    assert (undoing.kind, undoing.version, undoing.undoes) == (Kind.ROLLBACK, "1.0.0", deployment.id)
    assert [rollout.environment for rollout in undoing.rollouts] == [DEV]
    assert scene.run(undoing).status is Status.COMPLETED
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_a_rollback_goes_to_the_front_of_the_queue() -> None:
    scene, first = completed()
    scene.create("3.0.0")
    scene.settle()
    waiting = scene.create("3.0.0")
    scene.settle()

    undoing = roll_back(first.id, reason="", caller=ERIN, ports=scene.ports)
    scene.settle()

    assert scene.store.get(Turn, DEV, MODULE).queue == (undoing.id, waiting.id)


def test_nothing_is_undone_where_something_else_runs_by_now() -> None:
    scene, first = completed()
    scene.run(scene.create("3.0.0"))

    with pytest.raises(Conflict, match="any more"):
        roll_back(first.id, reason="", caller=ERIN, ports=scene.ports)


def test_a_first_install_has_nothing_to_go_back_to() -> None:
    scene = a_scene()
    scene.set_policy()
    first = scene.run(scene.create())

    with pytest.raises(Conflict, match="nothing to go back to"):
        roll_back(first.id, reason="", caller=ERIN, ports=scene.ports)


def test_a_deployment_that_found_its_version_there_already_has_nothing_to_undo() -> None:
    scene, _ = completed()
    skipped = scene.run(scene.create())

    with pytest.raises(IllegalTransition):
        roll_back(skipped.id, reason="", caller=ERIN, ports=scene.ports)


def test_the_same_key_gives_the_same_rollback_also_after_it_was_carried_out() -> None:
    scene, deployment = completed()
    said = {"reason": "worse", "caller": ERIN, "idempotency_key": "k", "ports": scene.ports}
    undoing = roll_back(deployment.id, **said)
    done = scene.run(undoing)

    again = roll_back(deployment.id, **said)

    assert again == done
