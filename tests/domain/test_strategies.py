"""Strategies as plans: which nodes change when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.rounding import max_unavailable_count, minimum_healthy_count
from chalicelib.domain.strategies import PlannedWave, Step, Strategy, StrategySpec, WaveKind, fleet_of, plan_waves

SHARES = st.one_of(st.integers(0, 120), st.integers(0, 100).map(lambda percent: f"{percent}%"))
STEPS = st.lists(st.builds(Step, percent=st.integers(0, 100), bake_seconds=st.integers(0, 900)), max_size=6).map(tuple)
SPECS = st.builds(
    StrategySpec,
    kind=st.sampled_from(Strategy),
    bake_seconds=st.integers(0, 900),
    batch=SHARES,
    steps=STEPS,
)


def cuts(waves: tuple[PlannedWave, ...]) -> list[int]:
    return [wave.upto for wave in waves]


def serving(waves: tuple[PlannedWave, ...]) -> list[PlannedWave]:
    return [wave for wave in waves if wave.kind is not WaveKind.STAGE]


@given(spec=SPECS, fleet=st.integers(1, 300))
def test_the_waves_that_change_what_serves_cover_every_node_once_in_rank_order(spec: StrategySpec, fleet: int) -> None:
    waves = plan_waves(spec, fleet_of(fleet))

    ranks = [rank for wave in serving(waves) for rank in range(wave.first, wave.upto)]
    assert ranks == list(range(fleet))


@given(spec=SPECS, fleet=st.integers(1, 300))
def test_cut_offs_strictly_rise_and_numbers_count_from_zero(spec: StrategySpec, fleet: int) -> None:
    waves = plan_waves(spec, fleet_of(fleet))

    ends = cuts(tuple(serving(waves)))
    assert ends == sorted(set(ends))
    assert all(wave.nodes > 0 for wave in waves)
    assert [wave.number for wave in waves] == list(range(len(waves)))


@given(fleet=st.integers(1, 300), batch=SHARES)
def test_a_rolling_wave_never_changes_more_nodes_than_may_be_missing(fleet: int, batch: int | str) -> None:
    waves = plan_waves(StrategySpec(kind=Strategy.ROLLING, batch=batch), fleet_of(fleet))

    assert max(wave.nodes for wave in waves) <= max_unavailable_count(fleet, batch)


@given(fleet=st.integers(2, 300), batch=SHARES, minimum=SHARES)
def test_a_rolling_wave_leaves_the_minimum_healthy_or_the_plan_is_refused(
    fleet: int, batch: int | str, minimum: int | str
) -> None:
    spec = StrategySpec(kind=Strategy.ROLLING, batch=batch, minimum_healthy=minimum)
    healthy = minimum_healthy_count(fleet, minimum)

    if healthy >= fleet:
        with pytest.raises(ValueError, match="minimumHealthy"):
            plan_waves(spec, fleet_of(fleet))
    else:
        assert all(fleet - wave.nodes >= healthy for wave in plan_waves(spec, fleet_of(fleet)))


@given(steps=STEPS, fleet=st.integers(1, 300), bake=st.integers(0, 900))
def test_a_canary_never_bakes_shorter_than_a_step_that_comes_to_the_same_count(
    steps: tuple[Step, ...], fleet: int, bake: int
) -> None:
    waves = plan_waves(StrategySpec(kind=Strategy.CANARY, steps=steps, bake_seconds=bake), fleet_of(fleet))

    total = sum(step.bake_seconds for step in steps) + bake
    assert max(wave.bake_seconds for wave in waves) <= max([bake, *(step.bake_seconds for step in steps)])
    assert sum(wave.bake_seconds for wave in waves) <= total


def test_direct_is_one_wave() -> None:
    waves = plan_waves(StrategySpec(kind=Strategy.DIRECT, bake_seconds=10), fleet_of(7))

    assert waves == (PlannedWave(number=0, kind=WaveKind.DEPLOY, first=0, upto=7, bake_seconds=10),)


@pytest.mark.parametrize(
    ("fleet", "batch", "minimum", "expected"),
    [
        (5, 2, 0, [2, 4, 5]),
        (5, 10, 0, [5]),
        (10, "25%", 0, [2, 4, 6, 8, 10]),
        (9, "100%", "40%", [5, 9]),
        (9, 3, 6, [3, 6, 9]),
        (3, 3, 2, [1, 2, 3]),
    ],
)
def test_rolling_goes_batch_by_batch(fleet: int, batch: int | str, minimum: int | str, expected: list[int]) -> None:
    spec = StrategySpec(kind=Strategy.ROLLING, batch=batch, minimum_healthy=minimum)

    assert cuts(plan_waves(spec, fleet_of(fleet))) == expected


def test_blue_green_stages_every_node_and_then_switches_every_node() -> None:
    waves = plan_waves(StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=300), fleet_of(4))

    assert waves == (
        PlannedWave(number=0, kind=WaveKind.STAGE, first=0, upto=4, bake_seconds=0),
        PlannedWave(number=1, kind=WaveKind.SWITCH, first=0, upto=4, bake_seconds=300),
    )


def test_a_canary_without_a_hundred_percent_step_gets_one_that_bakes_like_the_strategy() -> None:
    spec = StrategySpec(kind=Strategy.CANARY, bake_seconds=60, steps=(Step(percent=10, bake_seconds=900),))

    waves = plan_waves(spec, fleet_of(10))

    assert [(wave.upto, wave.bake_seconds) for wave in waves] == [(1, 900), (10, 60)]


def test_a_canary_without_steps_is_one_wave() -> None:
    assert cuts(plan_waves(StrategySpec(kind=Strategy.CANARY), fleet_of(10))) == [10]


def test_of_canary_steps_that_come_to_the_same_count_the_longest_bake_counts() -> None:
    steps = (Step(percent=10, bake_seconds=900), Step(percent=30, bake_seconds=60), Step(percent=100, bake_seconds=5))

    waves = plan_waves(StrategySpec(kind=Strategy.CANARY, steps=steps), fleet_of(2))

    assert [(wave.upto, wave.bake_seconds) for wave in waves] == [(1, 900), (2, 5)]


@pytest.mark.parametrize("kind", Strategy)
@pytest.mark.parametrize("fleet", [1, 2])
def test_fleets_of_one_and_two_nodes_can_be_deployed_to(kind: Strategy, fleet: int) -> None:
    steps = tuple(Step(percent=percent, bake_seconds=1) for percent in (10, 30, 50, 100))
    spec = StrategySpec(kind=kind, batch=2, steps=steps)

    waves = serving(plan_waves(spec, fleet_of(fleet)))

    assert waves[-1].upto == fleet
    assert len(waves) == (2 if kind is Strategy.CANARY and fleet == 2 else 1)


def test_a_single_node_may_change_although_a_minimum_healthy_is_asked_for() -> None:
    spec = StrategySpec(kind=Strategy.ROLLING, batch=1, minimum_healthy="95%")

    assert cuts(plan_waves(spec, fleet_of(1))) == [1]


@pytest.mark.parametrize("kind", Strategy)
def test_a_fleet_without_nodes_has_no_plan(kind: Strategy) -> None:
    with pytest.raises(ValueError, match="without nodes"):
        plan_waves(StrategySpec(kind=kind), fleet_of(0))
