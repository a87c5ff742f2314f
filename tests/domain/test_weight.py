"""Plans by weight: the same strategies, in percent of an alias's traffic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.alias import WHOLE
from chalicelib.domain.assignment import Desired, desired_for
from chalicelib.domain.environment import Environment
from chalicelib.domain.estimate import METRICS_PER_LOOK, estimate
from chalicelib.domain.forecast import Leg, lay_out
from chalicelib.domain.node import NodeKind
from chalicelib.domain.plan import plan_environment
from chalicelib.domain.policy import DEFAULT_POLICIES
from chalicelib.domain.prices import Item
from chalicelib.domain.rounding import canary_count
from chalicelib.domain.strategies import Step, Strategy, StrategySpec, WaveKind, plan_waves
from chalicelib.domain.weight import FLEET_BY_WEIGHT, spec_by_weight
from tests.builders import DEPLOYMENT_ID, NEW_DIGEST, NOW_MS, OLD_DIGEST, a_member, an_assignment


def weights(spec: StrategySpec, aliases: int = 1) -> list[int]:
    return [wave.upto for wave in plan_waves(spec_by_weight(spec, aliases), FLEET_BY_WEIGHT)]


def canary(*steps: Step) -> StrategySpec:
    return StrategySpec(kind=Strategy.CANARY, steps=steps)


def test_a_canary_step_is_its_percent() -> None:
    steps = [Step(percent=percent, bake_seconds=60) for percent in (10, 30, 50, 100)]

    assert weights(canary(*steps)) == [10, 30, 50, 100]


@given(percents=st.lists(st.integers(1, 100), min_size=1, max_size=6, unique=True).map(sorted))
def test_weights_are_those_of_argo_rollouts_for_a_hundred_and_end_at_all(percents: list[int]) -> None:
    found = weights(canary(*(Step(percent=percent, bake_seconds=1) for percent in percents)))

    assert found == sorted({*(canary_count(WHOLE, percent) for percent in percents), WHOLE})


@pytest.mark.parametrize(
    ("spec", "aliases", "expected"),
    [
        (StrategySpec(kind=Strategy.DIRECT), 1, [100]),
        (StrategySpec(kind=Strategy.ROLLING, batch="25%"), 1, [25, 50, 75, 100]),
        (StrategySpec(kind=Strategy.ROLLING, batch=2), 1, [100]),
        (StrategySpec(kind=Strategy.ROLLING, batch=2), 4, [50, 100]),
        (StrategySpec(kind=Strategy.ROLLING, batch=1, minimum_healthy=1), 3, [34, 68, 100]),
        (canary(Step(nodes=1, bake_seconds=1)), 5, [20, 100]),
    ],
)
def test_a_count_of_nodes_is_its_share_of_the_aliases(spec: StrategySpec, aliases: int, expected: list[int]) -> None:
    assert weights(spec, aliases) == expected


def test_blue_green_publishes_and_checks_before_it_switches_everything() -> None:
    waves = plan_waves(spec_by_weight(StrategySpec(kind=Strategy.BLUE_GREEN), 1), FLEET_BY_WEIGHT)

    assert [(wave.kind, wave.upto) for wave in waves] == [(WaveKind.STAGE, WHOLE), (WaveKind.SWITCH, WHOLE)]


def by_weight(**changes: Any) -> Any:
    given = {"deployment_id": DEPLOYMENT_ID, "candidate_digest": NEW_DIGEST, "fence": 3, "by_weight": True}
    return an_assignment(**(given | changes))


@given(weight=st.integers(1, WHOLE - 1))
def test_below_a_hundred_both_versions_have_their_share(weight: int) -> None:
    desired = desired_for(by_weight(active_upto=weight), a_member(rank=0, from_edition=OLD_DIGEST), now_ms=NOW_MS)

    assert desired == Desired(active=OLD_DIGEST, canary=NEW_DIGEST, weight=weight)


def test_at_a_hundred_the_new_version_is_the_only_one() -> None:
    desired = desired_for(by_weight(active_upto=WHOLE), a_member(rank=0, from_edition=OLD_DIGEST), now_ms=NOW_MS)

    assert desired == Desired(active=NEW_DIGEST)


def test_staged_and_restored_traffic_stays_where_it_was() -> None:
    member = a_member(rank=0, from_edition="version:7")

    assert desired_for(by_weight(staged_upto=WHOLE), member, now_ms=NOW_MS) == Desired(
        active="version:7", staged=(NEW_DIGEST,)
    )
    assert desired_for(by_weight(), member, now_ms=NOW_MS) == Desired(active="version:7")


def test_who_runs_the_new_version_already_is_left_with_it() -> None:
    desired = desired_for(by_weight(active_upto=10), a_member(rank=0, from_edition=NEW_DIGEST), now_ms=NOW_MS)

    assert desired == Desired(active=NEW_DIGEST)


def test_looks_at_aliases_cost_metrics_and_no_calls_of_the_api() -> None:
    policy = DEFAULT_POLICIES[Environment.PRODUCTION]
    members = [a_member(rank=0, kind=NodeKind.LAMBDA, from_edition="version:1")]
    plan = plan_environment(policy, members, digest=NEW_DIGEST, from_digest=None)
    leg = Leg(environment=Environment.PRODUCTION, policy=policy, plan=plan)

    used = estimate(lay_out([leg], now_ms=NOW_MS)).least

    minutes = plan.bake_seconds / 60
    assert used[Item.API_REQUESTS] == 0
    assert minutes * METRICS_PER_LOOK <= used[Item.METRICS] <= (minutes + 10) * METRICS_PER_LOOK
