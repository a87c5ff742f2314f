"""The plan of an environment, and the hash an approval is bound to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Member
from chalicelib.domain.plan import plan_environment, plan_hash
from chalicelib.domain.policy import DEFAULT_POLICIES, ApprovalPolicy
from chalicelib.domain.strategies import Strategy, StrategySpec
from tests.builders import NEW_DIGEST, OLD_DIGEST, a_member, a_policy


def members(count: int) -> list[Member]:
    return [a_member(node_id=f"p-{rank}", rank=rank) for rank in range(count)]


def hashed(
    changes: dict[str, Any] | None = None, digest: str = NEW_DIGEST, from_digest: str | None = OLD_DIGEST
) -> str:
    return plan_hash(replace(a_policy(), **(changes or {})), digest=digest, from_digest=from_digest)


@pytest.mark.parametrize(
    "other",
    [
        hashed(digest=OLD_DIGEST),
        hashed(from_digest=None),
        hashed({"revision": 2}),
        hashed({"environment": Environment.QA}),
        hashed({"strategy": StrategySpec(kind=Strategy.DIRECT)}),
        hashed({"strategy": replace(a_policy().strategy, bake_seconds=1)}),
    ],
)
def test_whatever_an_approver_agreed_to_is_in_the_hash(other: str) -> None:
    assert other != hashed()


@pytest.mark.parametrize("changes", [{"changed_by": "mallory"}, {"changed_at_ms": 1}, {"approval": ApprovalPolicy()}])
def test_what_changes_nothing_about_the_plan_is_not(changes: dict[str, Any]) -> None:
    assert hashed(changes) == hashed()


def test_the_size_of_the_fleet_changes_the_waves_and_not_the_hash() -> None:
    small, big = (
        plan_environment(a_policy(), members(fleet), digest=NEW_DIGEST, from_digest=OLD_DIGEST) for fleet in (2, 200)
    )

    assert small.plan_hash == big.plan_hash
    assert [wave.upto for wave in small.waves] == [1, 2]
    assert [wave.upto for wave in big.waves] == [20, 60, 100, 200]


def test_the_bakes_of_a_plan_add_up() -> None:
    plan = plan_environment(a_policy(), members(10), digest=NEW_DIGEST, from_digest=None)

    assert plan.bake_seconds == 4 * 900
    assert (plan.strategy, plan.fleet, plan.from_digest) == (Strategy.CANARY, 10, None)


def test_an_empty_environment_has_no_plan() -> None:
    with pytest.raises(ValueError, match="without nodes"):
        plan_environment(a_policy(), (), digest=NEW_DIGEST, from_digest=None)


def test_the_defaults_are_those_of_the_documentation() -> None:
    kinds = {environment: policy.strategy.kind for environment, policy in DEFAULT_POLICIES.items()}
    asked = {environment for environment, policy in DEFAULT_POLICIES.items() if policy.approval.required}

    assert kinds == {
        Environment.DEVELOPMENT: Strategy.DIRECT,
        Environment.QA: Strategy.ROLLING,
        Environment.STAGING: Strategy.BLUE_GREEN,
        Environment.PRODUCTION: Strategy.CANARY,
    }
    assert asked == {Environment.STAGING, Environment.PRODUCTION}
    steps = DEFAULT_POLICIES[Environment.PRODUCTION].strategy.steps
    assert [step.percent for step in steps] == [10, 30, 50, 100]
