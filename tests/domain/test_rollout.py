"""A rollout goes through its phases in legal orders only, and loses nothing on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import IllegalTransition
from chalicelib.domain.rollout import (
    CHANGING,
    Phase,
    Rollout,
    Wave,
    WaveStatus,
    deploy_position,
    end_bake,
    hold_wave,
    pause,
    planned,
    promote_wave,
    restore,
    restore_ended,
    restore_position,
    resume,
    start_wave,
    wave_deployed,
    with_failures,
)
from chalicelib.domain.strategies import Strategy, StrategySpec, WaveKind, fleet_of, plan_waves
from tests.builders import NOW_MS

LATER_MS = NOW_MS + 5_000
WAVES = plan_waves(StrategySpec(kind=Strategy.ROLLING, batch=2, bake_seconds=60), fleet_of(5))


def a_rollout(phase: Phase = Phase.AWAITING_TURN, **changes: object) -> Rollout:
    """Three waves of two, two and one node; in the phase named, at its first wave."""
    waves = tuple(
        Wave(number=w.number, kind=w.kind, first=w.first, upto=w.upto, bake_seconds=w.bake_seconds) for w in WAVES
    )
    given = {"environment": Environment.QA, "phase": phase, "waves": waves, "fence": 3, "fleet": 5}
    return Rollout(**(given | changes))  # type: ignore[arg-type]


def begin(rollout: Rollout, number: int = 0) -> Rollout:
    return start_wave(rollout, number, deadline_ms=LATER_MS, now_ms=NOW_MS, machine_ms=NOW_MS)


def promote(rollout: Rollout) -> Rollout:
    return promote_wave(rollout, compared_with="control", sentence="Not worse.", now_ms=LATER_MS)


def hold(rollout: Rollout) -> Rollout:
    return hold_wave(rollout, seconds=60, compared_with="control", sentence="Thin.", now_ms=LATER_MS)


def take_back(rollout: Rollout) -> Rollout:
    return restore(rollout, goal="RolledBack", why="Worse.", deadline_ms=LATER_MS, now_ms=NOW_MS)


STEPS: dict[str, tuple[set[Phase], Callable[[Rollout], Rollout]]] = {
    "planned": (
        {Phase.AWAITING_TURN},
        lambda rollout: planned(rollout, WAVES, fleet=5, fence=3, plan_hash="p", now_ms=NOW_MS),
    ),
    "start_wave": ({Phase.AWAITING_TURN, Phase.BAKING}, begin),
    "wave_deployed": ({Phase.DEPLOYING}, lambda rollout: wave_deployed(rollout, now_ms=NOW_MS)),
    "promote_wave": ({Phase.BAKING}, promote),
    "hold_wave": ({Phase.BAKING}, hold),
    "end_bake": ({Phase.BAKING}, lambda rollout: end_bake(rollout, now_ms=NOW_MS)),
    "pause": ({Phase.BAKING}, lambda rollout: pause(rollout, why="Look.", until_ms=LATER_MS, now_ms=NOW_MS)),
    "resume": ({Phase.PAUSED}, lambda rollout: resume(rollout, now_ms=NOW_MS)),
    "restore": (set(CHANGING), take_back),
    "restore_ended": (
        {Phase.RESTORING},
        lambda rollout: restore_ended(rollout, failed=0, now_ms=LATER_MS, machine_ms=LATER_MS),
    ),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("phase", Phase)
def test_each_step_is_legal_in_its_own_phases_and_raises_in_all_others(phase: Phase, step: str) -> None:
    legal, take = STEPS[step]

    if phase in legal:
        take(a_rollout(phase))
    else:
        with pytest.raises(IllegalTransition):
            take(a_rollout(phase))


def test_no_wave_starts_before_there_is_a_plan() -> None:
    with pytest.raises(IllegalTransition):
        begin(Rollout(environment=Environment.QA, phase=Phase.AWAITING_TURN))


def test_a_plan_freezes_waves_fleet_and_fence() -> None:
    rollout = planned(
        Rollout(environment=Environment.QA, phase=Phase.AWAITING_TURN),
        WAVES,
        fleet=5,
        fence=7,
        plan_hash="p",
        now_ms=NOW_MS,
    )

    assert [(wave.first, wave.upto, wave.status) for wave in rollout.waves] == [
        (0, 2, WaveStatus.PENDING),
        (2, 4, WaveStatus.PENDING),
        (4, 5, WaveStatus.PENDING),
    ]
    assert (rollout.fleet, rollout.fence, rollout.plan_hash, rollout.started_at_ms) == (5, 7, "p", NOW_MS)


def test_every_wave_deploys_bakes_and_is_promoted_and_the_last_promotes_the_environment() -> None:
    rollout = a_rollout()

    for number in range(3):
        rollout = begin(rollout, number)
        assert rollout.current.status is WaveStatus.DEPLOYING
        rollout = wave_deployed(rollout, now_ms=NOW_MS)
        assert rollout.bake_until_ms == NOW_MS + 60_000
        rollout = promote(rollout)
        assert rollout.phase is (Phase.PROMOTED if number == 2 else Phase.BAKING)

    assert [wave.status for wave in rollout.waves] == [WaveStatus.PROMOTED] * 3
    assert (rollout.touched_upto, rollout.ended_at_ms, rollout.has_ended) == (5, LATER_MS, True)


def test_machine_time_of_the_first_wave_is_kept_through_all_others() -> None:
    rollout = wave_deployed(begin(a_rollout()), now_ms=NOW_MS)

    second = start_wave(rollout, 1, deadline_ms=LATER_MS, now_ms=LATER_MS, machine_ms=LATER_MS)

    assert second.machine_started_ms == NOW_MS


def test_a_paused_bake_goes_on_with_what_was_left_of_it() -> None:
    baking = wave_deployed(begin(a_rollout()), now_ms=NOW_MS)

    paused = pause(baking, why="Look.", until_ms=NOW_MS + 900_000, now_ms=NOW_MS + 20_000)
    resumed = resume(paused, now_ms=NOW_MS + 500_000)

    assert (paused.phase, paused.bake_left_ms, paused.why) == (Phase.PAUSED, 40_000, "Look.")
    assert (resumed.phase, resumed.bake_until_ms, resumed.why) == (Phase.BAKING, NOW_MS + 540_000, "")


@given(bake=st.integers(0, 900), waits=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10_000)), max_size=5))
def test_pauses_of_any_length_and_number_never_shorten_a_bake(bake: int, waits: list[tuple[int, int]]) -> None:
    wave = Wave(number=0, kind=WaveKind.DEPLOY, first=0, upto=1, bake_seconds=bake)
    rollout = wave_deployed(a_rollout(Phase.DEPLOYING, waves=(wave,)), now_ms=0)
    now, baked = 0, 0

    for baking, pausing in waits:
        now, baked = now + baking, baked + baking
        rollout = pause(rollout, why="", until_ms=now + 1, now_ms=now)
        now += pausing
        rollout = resume(rollout, now_ms=now)

    assert (rollout.bake_until_ms or 0) - now == max(bake * 1000 - baked, 0)


def test_a_bake_that_was_over_when_paused_has_nothing_left() -> None:
    baking = wave_deployed(begin(a_rollout()), now_ms=NOW_MS)

    paused = pause(baking, why="", until_ms=LATER_MS, now_ms=NOW_MS + 61_000)

    assert paused.bake_left_ms == 0


def test_holds_are_counted_and_lengthen_the_bake_from_now() -> None:
    rollout = hold(hold(wave_deployed(begin(a_rollout()), now_ms=NOW_MS)))

    assert (rollout.current.holds, rollout.current.decision) == (2, "hold")
    assert rollout.bake_until_ms == LATER_MS + 60_000


def test_a_bake_that_a_person_ends_is_over_now() -> None:
    baking = wave_deployed(begin(a_rollout()), now_ms=NOW_MS)

    assert end_bake(baking, now_ms=LATER_MS).bake_until_ms == LATER_MS


def test_failed_nodes_are_counted_in_their_wave_and_over_all_waves() -> None:
    first = wave_deployed(with_failures(begin(a_rollout()), 1), now_ms=NOW_MS)

    second = with_failures(begin(promote(first), 1), 2)

    assert [wave.failed_nodes for wave in second.waves] == [1, 2, 0]


def test_a_restore_names_its_goal_and_keeps_the_failing_wave_among_the_touched() -> None:
    deploying = begin(promote(wave_deployed(begin(a_rollout()), now_ms=NOW_MS)), 1)

    restoring = restore(
        deploying, goal="RolledBack", why="Worse.", deadline_ms=LATER_MS, now_ms=NOW_MS, first_bad_report_ms=NOW_MS
    )

    assert restoring.touched_upto == 4
    assert (restoring.goal, restoring.why, restoring.first_bad_report_ms) == ("RolledBack", "Worse.", NOW_MS)
    assert [wave.status for wave in restoring.waves] == [
        WaveStatus.PROMOTED,
        WaveStatus.ROLLED_BACK,
        WaveStatus.PENDING,
    ]


@pytest.mark.parametrize(("failed", "phase"), [(0, Phase.RESTORED), (1, Phase.RESTORE_FAILED)])
def test_a_restore_ends_well_only_when_every_touched_node_was_verified(failed: int, phase: Phase) -> None:
    restoring = take_back(begin(a_rollout()))

    over = restore_ended(restoring, failed=failed, now_ms=LATER_MS, machine_ms=LATER_MS)

    assert (over.phase, over.restored_nodes, over.restore_failed_nodes) == (phase, 2 - failed, failed)


def test_the_last_wave_knows_that_it_is_the_last() -> None:
    assert [a_rollout(wave=number).is_last_wave for number in range(3)] == [False, False, True]


def test_effects_of_different_waves_and_of_the_restore_belong_to_different_positions() -> None:
    rollouts = [begin(a_rollout(), 0), begin(a_rollout(Phase.BAKING), 1)]

    positions = [deploy_position(rollout) for rollout in rollouts]

    assert positions == ["QA#000#deploy#1", "QA#001#deploy#1"]
    assert [rollout.position() for rollout in rollouts] == ["QA#000#deploying#1", "QA#001#deploying#1"]
    assert take_back(rollouts[0]).position() == restore_position(Environment.QA) == "QA#restore"
