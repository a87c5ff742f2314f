"""When a deployment will be where: both timelines run forward, and nothing that costs time makes it earlier."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.environment import Environment
from chalicelib.domain.forecast import Leg, LegTimes, lay_out, worst_end
from chalicelib.domain.freeze import FreezeThen, FreezeWindow, Once, Verb, freeze_at
from chalicelib.domain.gate import Gate
from chalicelib.domain.node import Member
from chalicelib.domain.plan import EnvironmentPlan, plan_environment
from chalicelib.domain.policy import HoldPolicy, Policy
from chalicelib.domain.strategies import Strategy, StrategySpec
from tests.builders import NEW_DIGEST, NOW_MS, a_policy

ENVIRONMENTS = list(Environment)
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)


def window(begins_min: int, lasts_min: int, *verbs: Verb) -> FreezeWindow:
    begins, ends = (f"{NOW + timedelta(minutes=m):%Y-%m-%dT%H:%M}" for m in (begins_min, begins_min + lasts_min))
    return FreezeWindow(name="w", verbs=verbs, then=FreezeThen.WAIT, once=Once(begins=begins, ends=ends))


WINDOWS = st.lists(
    st.builds(window, st.integers(-60, 600), st.integers(1, 300), st.sampled_from(Verb)), max_size=3
).map(tuple)


@st.composite
def legs(draw: st.DrawFn, environment: Environment = Environment.QA) -> Leg:
    bake, batch, nodes = draw(st.integers(0, 900)), draw(st.integers(1, 4)), draw(st.integers(1, 9))
    policy = a_policy(
        environment=environment,
        strategy=StrategySpec(kind=Strategy.ROLLING, batch=batch, bake_seconds=bake),
        hold=HoldPolicy(max_holds=draw(st.integers(0, 3)), step_seconds=60),
        queue_seconds=draw(st.integers(1, 7_200)),
        freeze_wait_seconds=30 * 24 * 3_600,
    )
    gate = draw(st.sampled_from([None, Gate(approvers=1, expires_seconds=3_600, why="")]))
    return Leg(environment=environment, policy=policy, plan=plan_of(policy, nodes), gate=gate, freezes=draw(WINDOWS))


def plan_of(policy: Policy, nodes: int) -> EnvironmentPlan:
    members = [
        Member(
            deployment_id="x",
            environment=policy.environment,
            node_id=f"n{rank}",
            name=f"n{rank}",
            rank=rank,
            from_edition=None,
        )
        for rank in range(nodes)
    ]
    return plan_environment(policy, members, digest=NEW_DIGEST, from_digest=None)


@st.composite
def ways(draw: st.DrawFn) -> list[Leg]:
    return [draw(legs(environment)) for environment in ENVIRONMENTS[: draw(st.integers(1, 3))]]


def earliest(laid: tuple[LegTimes, ...]) -> int:
    found = laid[-1].ends.earliest_ms
    assert found is not None
    return found


@given(way=ways())
def test_time_runs_forward_and_the_latest_is_never_before_the_earliest(way: list[Leg]) -> None:
    laid = lay_out(way, now_ms=NOW_MS)

    spans = [span for times in laid for wave in times.waves for span in (wave.begins, wave.ends)]
    for one, other in itertools.pairwise(spans):
        assert (one.earliest_ms or 0) <= (other.earliest_ms or 0)
        assert (one.latest_ms or 0) <= (other.latest_ms or 0)
    assert all((span.earliest_ms or 0) <= (span.latest_ms or 0) for span in spans)
    assert (worst_end(laid) or 0) >= (laid[-1].ends.latest_ms or 0)


@given(way=ways())
def test_it_takes_at_least_its_bakes_and_exactly_those_where_no_freeze_is_met(way: list[Leg]) -> None:
    laid = lay_out(way, now_ms=NOW_MS)

    bakes = sum(leg.plan.bake_seconds for leg in way if leg.plan is not None) * 1000
    assert earliest(laid) >= NOW_MS + bakes
    if not any(times.freezes for times in laid):
        assert earliest(laid) == NOW_MS + bakes


@given(way=ways())
def test_no_environment_begins_and_no_wave_follows_while_a_freeze_forbids_it(way: list[Leg]) -> None:
    for times in lay_out(way, now_ms=NOW_MS):
        for wave in times.waves:
            verb = Verb.PROMOTE if wave.wave.number else Verb.START
            for at_ms in (wave.begins.earliest_ms, wave.begins.latest_ms):
                assert at_ms is not None
                assert freeze_at(times.leg.freezes, verb, at_ms) is None


@given(way=ways(), more=st.integers(1, 900))
def test_a_longer_queue_or_gate_never_makes_the_worst_case_earlier_nor_changes_the_earliest(
    way: list[Leg], more: int
) -> None:
    slower = [replace(leg, policy=replace(leg.policy, queue_seconds=leg.policy.queue_seconds + more)) for leg in way]

    before, after = lay_out(way, now_ms=NOW_MS), lay_out(slower, now_ms=NOW_MS)

    assert earliest(before) == earliest(after)
    assert (worst_end(before) or 0) <= (worst_end(after) or 0)


@given(way=ways())
def test_without_freezes_it_is_never_later(way: list[Leg]) -> None:
    free = [replace(leg, freezes=()) for leg in way]

    assert earliest(lay_out(free, now_ms=NOW_MS)) <= earliest(lay_out(way, now_ms=NOW_MS))
    assert (worst_end(lay_out(free, now_ms=NOW_MS)) or 0) <= (worst_end(lay_out(way, now_ms=NOW_MS)) or 0)


@given(way=ways())
def test_what_breaks_freezes_is_as_fast_as_without_and_still_lists_them(way: list[Leg]) -> None:
    broken = [replace(leg, breaks_freezes=True) for leg in way]
    free = [replace(leg, freezes=()) for leg in way]

    laid = lay_out(broken, now_ms=NOW_MS)

    assert earliest(laid) == earliest(lay_out(free, now_ms=NOW_MS))
    for times in laid:
        met = freeze_at(times.leg.freezes, Verb.START, times.begins.earliest_ms or 0)
        assert met is None or met in times.freezes
