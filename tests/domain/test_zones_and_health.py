"""Plans over fleets with zones and unhealthy nodes: never below the minimum, never two zones at once."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.rounding import max_unavailable_count, minimum_healthy_count
from chalicelib.domain.strategies import (
    Fleet,
    PlannedWave,
    Step,
    Strategy,
    StrategySpec,
    WaveKind,
    Zone,
    fleet_of,
    plan_waves,
)

SHARES = st.one_of(st.integers(0, 40), st.integers(0, 100).map(lambda percent: f"{percent}%"))
LIMITS = st.one_of(st.none(), st.integers(1, 40), st.integers(1, 100).map(lambda percent: f"{percent}%"))


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    zones = [
        Zone(name=f"zone-{i}", nodes=n, unhealthy=draw(st.sampled_from([0, 0, 1]) if n else st.just(0)))
        for i, n in enumerate(sizes)
    ]
    return Fleet(zones=tuple(sorted(zones, key=lambda zone: not zone.unhealthy)))


STEPS = st.lists(
    st.builds(
        Step,
        percent=st.integers(1, 100),
        nodes=st.sampled_from([0, 0, 1, 3, 10]),
        bake_seconds=st.integers(0, 99),
        bake_requests=st.integers(0, 99),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
SPECS = st.builds(
    StrategySpec,
    kind=st.sampled_from(Strategy),
    bake_seconds=st.integers(0, 99),
    bake_requests=st.integers(0, 99),
    batch=SHARES.filter(lambda share: share not in (0, "0%")),
    minimum_healthy=SHARES,
    max_unavailable=LIMITS,
    steps=STEPS,
    by_zone=st.booleans(),
    zone_bake_seconds=st.integers(0, 500),
    first_zone_bake_seconds=st.integers(0, 500),
)


def waves_of(spec: StrategySpec, fleet: Fleet) -> tuple[PlannedWave, ...]:
    """The waves, for plans that are possible."""
    try:
        return plan_waves(spec, fleet)
    except ValueError:
        assume(False)
        raise


def unhealthy_ranks(fleet: Fleet, spec: StrategySpec) -> set[int]:
    starts = itertools.accumulate((zone.nodes for zone in fleet.zones), initial=0)
    return {start + n for start, zone in zip(starts, fleet.zones, strict=False) for n in range(zone.unhealthy)}


@given(spec=SPECS, fleet=fleets())
def test_every_plan_covers_every_node_once_in_rank_order(spec: StrategySpec, fleet: Fleet) -> None:
    serving = [wave for wave in waves_of(spec, fleet) if wave.kind is not WaveKind.STAGE]

    assert [rank for wave in serving for rank in range(wave.first, wave.upto)] == list(range(fleet.size))
    assert all(wave.nodes > 0 for wave in serving)


@given(spec=SPECS, fleet=fleets())
def test_no_wave_makes_more_nodes_miss_than_may_unless_it_changes_only_unhealthy_ones(
    spec: StrategySpec, fleet: Fleet
) -> None:
    kind = Strategy.ROLLING if spec.kind in (Strategy.ROLLING, Strategy.DIRECT) else Strategy.CANARY
    spec = replace(spec, kind=kind)
    waves = waves_of(spec, fleet)
    sick = unhealthy_ranks(fleet, spec)
    minimum = minimum_healthy_count(fleet.size, spec.minimum_healthy)
    most = fleet.size if spec.max_unavailable is None else max_unavailable_count(fleet.size, spec.max_unavailable)

    for wave in waves:
        changing = set(range(wave.first, wave.upto))
        missing = changing | {rank for rank in sick if rank >= wave.upto}
        if changing - sick and fleet.size > 1:
            assert fleet.size - len(missing) >= minimum
            assert len(missing) <= most
        elif spec.kind is Strategy.ROLLING:
            assert wave.nodes <= max_unavailable_count(fleet.size, spec.batch)


@given(spec=SPECS, fleet=fleets())
def test_zone_by_zone_no_wave_touches_two_zones_and_a_zone_ends_with_its_bake(spec: StrategySpec, fleet: Fleet) -> None:
    spec = replace(spec, by_zone=True)
    ends = list(itertools.accumulate(zone.nodes for zone in fleet.zones))
    waves = [wave for wave in waves_of(spec, fleet) if wave.kind is not WaveKind.STAGE]

    for wave in waves:
        zone = next(number for number, end in enumerate(ends) if wave.first < end)
        assert wave.upto <= ends[zone]
        assert wave.zone == fleet.zones[zone].name
        if wave.upto == ends[zone]:
            assert wave.bake_seconds >= spec.zone_bake_seconds
            assert zone or wave.bake_seconds >= spec.first_zone_bake_seconds
    assert set(ends) <= {wave.upto for wave in waves}


@given(spec=SPECS, nodes=st.integers(1, 60))
def test_without_zones_the_zone_numbers_change_nothing(spec: StrategySpec, nodes: int) -> None:
    without = replace(spec, by_zone=False, minimum_healthy=0)
    plain = replace(without, zone_bake_seconds=0, first_zone_bake_seconds=0)

    assert plan_waves(without, fleet_of(nodes)) == plan_waves(plain, fleet_of(nodes))


@given(spec=SPECS, nodes=st.integers(1, 60))
def test_the_first_wave_bakes_no_shorter_than_a_step_that_came_to_no_node(spec: StrategySpec, nodes: int) -> None:
    spec = replace(spec, kind=Strategy.CANARY, by_zone=False, minimum_healthy=0)
    waves = plan_waves(spec, fleet_of(nodes))
    empty = list(itertools.takewhile(lambda step: not step.count(nodes), spec.steps))

    assert all(waves[0].bake_seconds >= step.bake_seconds for step in empty)
    assert all(waves[0].bake_requests >= step.bake_requests for step in empty)


def rolling(fleet: Fleet, **numbers: object) -> list[tuple[int, int]]:
    spec = StrategySpec(kind=Strategy.ROLLING, **numbers)  # type: ignore[arg-type]
    return [(wave.first, wave.upto) for wave in plan_waves(spec, fleet)]


def test_unhealthy_nodes_change_first_even_where_no_healthy_one_may() -> None:
    waves = rolling(fleet_of(10, unhealthy=3), batch=5, max_unavailable=2)

    assert waves == [(0, 3), (3, 5), (5, 7), (7, 9), (9, 10)]


def test_unhealthy_nodes_of_another_zone_that_use_up_what_may_be_missing_make_the_plan_impossible() -> None:
    zones = Fleet(zones=(Zone(name="a", nodes=3, unhealthy=1), Zone(name="b", nodes=3, unhealthy=2)))

    with pytest.raises(ValueError, match="2 nodes of other zones are unhealthy"):
        rolling(zones, batch=3, max_unavailable=2, by_zone=True)


def test_a_canary_step_that_is_too_big_is_taken_in_several_waves() -> None:
    spec = StrategySpec(
        kind=Strategy.CANARY,
        max_unavailable="25%",
        steps=(Step(percent=10, bake_seconds=900), Step(nodes=5, bake_seconds=60), Step(percent=100, bake_seconds=5)),
    )

    waves = plan_waves(spec, fleet_of(10))

    assert [(wave.upto, wave.bake_seconds) for wave in waves] == [(1, 900), (3, 60), (5, 60), (7, 5), (9, 5), (10, 5)]


def test_blue_green_goes_zone_by_zone_after_everything_is_staged() -> None:
    zones = Fleet(zones=(Zone(name="a", nodes=2), Zone(name="b", nodes=3)))
    spec = StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=30, by_zone=True, first_zone_bake_seconds=600)

    waves = plan_waves(spec, zones)

    assert [(str(w.kind), w.first, w.upto, w.zone, w.bake_seconds) for w in waves] == [
        ("stage", 0, 5, "", 0),
        ("switch", 0, 2, "a", 600),
        ("switch", 2, 5, "b", 30),
    ]
