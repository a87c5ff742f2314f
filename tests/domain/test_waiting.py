"""What a wait of the machine returns: nothing while what it waits for is open, something as soon as it is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.deployment import Deployment, Stage, StageName, StageStatus, Status, smoke_position
from chalicelib.domain.environment import Environment
from chalicelib.domain.hook import HookCall, HookPoint, HookTarget
from chalicelib.domain.rollout import ENDS, Phase, Rollout, Wave
from chalicelib.domain.strategies import WaveKind
from chalicelib.domain.waiting import WaitState, answer
from tests.builders import NOW_MS, a_deployment, a_wait

WAVE = Wave(number=0, kind=WaveKind.DEPLOY, first=0, upto=1, bake_seconds=60)


def in_phase(phase: Phase, status: Status = Status.RUNNING, **changes: Any) -> Deployment:
    """A deployment whose only rollout stands in this phase, everything timed still running."""
    given: dict[str, Any] = {
        "environment": Environment.DEVELOPMENT,
        "phase": phase,
        "waves": (WAVE,),
        "bake_until_ms": NOW_MS + 60_000,
        "pause_until_ms": NOW_MS + 60_000,
    }
    return a_deployment(status=status, rollouts=(Rollout(**(given | changes)),))


OPEN = {
    (WaitState.AWAIT_APPROVAL, Phase.AWAITING_APPROVAL),
    (WaitState.AWAIT_APPROVAL, Phase.FROZEN),
    (WaitState.AWAIT_TURN, Phase.AWAITING_TURN),
    (WaitState.ADVANCE_WAVE, Phase.DEPLOYING),
    (WaitState.BAKE_WAVE, Phase.BAKING),
    (WaitState.AWAIT_RESUME, Phase.PAUSED),
    (WaitState.RESTORE_NODES, Phase.RESTORING),
}
"""What each wait waits for."""

STAGES = frozenset({WaitState.BUILD, WaitState.TEST, WaitState.VALIDATE})
"""These wait for their stage, whatever stands in the rollouts."""

OUT_OF_REACH = {(WaitState.RESTORE_NODES, phase) for phase in Phase if phase not in ENDS | {Phase.PENDING}}
"""RestoreNodes is entered with a restore decided or nothing to restore; otherwise it waits to be decided on."""


@pytest.mark.parametrize("state", sorted(set(WaitState) - STAGES))
@pytest.mark.parametrize("phase", Phase)
def test_there_is_an_answer_exactly_when_what_is_waited_for_is_over(state: WaitState, phase: Phase) -> None:
    said = answer(in_phase(phase), state, now_ms=NOW_MS)

    assert (said is None) == ((state, phase) in OPEN | OUT_OF_REACH)


@pytest.mark.parametrize("state", sorted(set(WaitState) - STAGES - {WaitState.RESTORE_NODES}))
def test_a_restoring_rollout_ends_every_wait_but_the_one_for_the_restore(state: WaitState) -> None:
    said = answer(in_phase(Phase.RESTORING), state, now_ms=NOW_MS)

    assert said is not None
    assert said["next"] == "restore"


@pytest.mark.parametrize("state", WaitState)
@pytest.mark.parametrize("phase", sorted(ENDS - {Phase.PROMOTED}))
def test_a_rollout_that_has_ended_sends_the_machine_to_its_end(state: WaitState, phase: Phase) -> None:
    said = answer(in_phase(phase, status=Status.FAILED), state, now_ms=NOW_MS)

    assert said is not None
    assert said["next"] == "end"


@pytest.mark.parametrize(("status", "following"), [(Status.RUNNING, "release"), (Status.CANCELLED, "end")])
def test_a_promoted_rollout_is_released_unless_the_deployment_ended_meanwhile(status: Status, following: str) -> None:
    deployment = replace(in_phase(Phase.PROMOTED, status=status), correlation_id="c0ffee00")

    said = answer(deployment, WaitState.ADVANCE_WAVE, now_ms=NOW_MS)

    ids = {"deploymentId": deployment.id, "correlationId": "c0ffee00"}
    assert said == ids | {"environment": "Development", "next": following, "seconds": 1}


def test_before_any_environment_has_begun_there_is_none_to_name() -> None:
    said = answer(in_phase(Phase.PENDING, status=Status.CANCELLED), WaitState.AWAIT_TURN, now_ms=NOW_MS)

    assert said is not None
    assert (said["environment"], said["next"]) == ("", "end")


def test_the_turn_is_over_once_there_is_a_fence() -> None:
    deployment = in_phase(Phase.AWAITING_TURN, fence=1, approval_seconds=77)

    said = answer(deployment, WaitState.AWAIT_TURN, now_ms=NOW_MS)

    assert said is not None
    assert (said["next"], said["seconds"]) == ("plan", 77)


def test_an_answered_approval_says_how_long_the_queue_may_take() -> None:
    said = answer(in_phase(Phase.AWAITING_TURN, queue_seconds=99), WaitState.AWAIT_APPROVAL, now_ms=NOW_MS)

    assert said is not None
    assert (said["next"], said["seconds"]) == ("turn", 99)


@pytest.mark.parametrize(
    ("left_ms", "following", "seconds"),
    [(60_000, "bake", 60), (59_001, "bake", 60), (1, "bake", 1), (0, "advance", 1), (-5, "advance", 1)],
)
def test_a_deployed_wave_bakes_for_what_is_left_in_whole_seconds_never_less(
    left_ms: int, following: str, seconds: int
) -> None:
    deployment = in_phase(Phase.BAKING, bake_until_ms=NOW_MS + left_ms)

    said = answer(deployment, WaitState.ADVANCE_WAVE, now_ms=NOW_MS)

    assert said is not None
    assert (said["next"], said["seconds"]) == (following, seconds)


@pytest.mark.parametrize(("left_ms", "seconds"), [(90_000, 90), (1, 1), (-1, 1)])
def test_a_paused_wave_waits_for_what_is_left_of_the_pause_and_at_least_a_second(left_ms: int, seconds: int) -> None:
    deployment = in_phase(Phase.PAUSED, pause_until_ms=NOW_MS + left_ms)

    said = answer(deployment, WaitState.ADVANCE_WAVE, now_ms=NOW_MS)

    assert said is not None
    assert (said["next"], said["seconds"]) == ("awaitResume", seconds)


@pytest.mark.parametrize("now_ms", [NOW_MS + 60_000, NOW_MS + 60_001])
def test_a_bake_is_over_at_its_very_end(now_ms: int) -> None:
    said = answer(in_phase(Phase.BAKING), WaitState.BAKE_WAVE, now_ms=now_ms)

    assert said is not None
    assert said["next"] == "advance"


def test_every_answer_is_ids_and_small_numbers_only() -> None:
    said = [answer(in_phase(phase), state, now_ms=NOW_MS) for state in WaitState for phase in Phase]

    for each in filter(None, said):
        assert set(each) == {"deploymentId", "correlationId", "environment", "next", "seconds"}
        assert isinstance(each["seconds"], int)
        assert each["seconds"] >= 1


def test_a_wait_is_answered_when_the_stored_token_was() -> None:
    assert not a_wait().is_answered
    assert not a_wait(answered_hash="e" * 64).is_answered
    assert a_wait(answered_hash="d" * 64).is_answered


@pytest.mark.parametrize("state", sorted(STAGES))
@pytest.mark.parametrize(
    ("status", "following"), [(None, None), (StageStatus.RUNNING, None), (StageStatus.SKIPPED, "advance")]
)
def test_a_stage_is_waited_for_until_it_is_over(
    state: WaitState, status: StageStatus | None, following: str | None
) -> None:
    name = StageName.VALIDATION if state is WaitState.VALIDATE else StageName(state)
    stages = () if status is None else (Stage(name=name, status=status, started_at_ms=NOW_MS),)

    said = answer(a_deployment(status=Status.RUNNING, stages=stages), state, now_ms=NOW_MS)

    assert (said or {}).get("next") == following


@pytest.mark.parametrize(
    ("state", "status", "following"),
    [
        (WaitState.TEST, Status.FAILED, "end"),
        (WaitState.VALIDATE, Status.FAILED, "end"),
        (WaitState.VALIDATE, Status.COMPLETED, "advance"),
    ],
)
def test_a_stage_of_a_deployment_that_has_ended_sends_the_machine_to_the_right_end(
    state: WaitState, status: Status, following: str
) -> None:
    said = answer(a_deployment(status=status), state, now_ms=NOW_MS)

    assert said is not None
    assert said["next"] == following


def test_a_wave_that_has_baked_waits_for_its_smoke_hook_and_for_no_other_environments() -> None:
    def smoking(environment: Environment) -> Deployment:
        call = HookCall(
            position=smoke_position(environment),
            point=HookPoint.SMOKE,
            target=HookTarget(url="https://hooks.example.com/"),
            asked_at_ms=NOW_MS,
            deadline_ms=NOW_MS + 1,
        )
        return in_phase(Phase.BAKING, bake_until_ms=NOW_MS).with_hook(call)

    assert answer(smoking(Environment.DEVELOPMENT), WaitState.ADVANCE_WAVE, now_ms=NOW_MS) is None
    assert answer(smoking(Environment.QA), WaitState.ADVANCE_WAVE, now_ms=NOW_MS) is not None
