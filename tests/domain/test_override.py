"""What a request may change about a policy: the numbers it is allowed to, those alone, and approvers see it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.override import StrategyOverride, overridden
from chalicelib.domain.plan import plan_hash
from chalicelib.domain.policy import Overridable
from chalicelib.domain.strategies import Step, Strategy
from tests.builders import NEW_DIGEST, OLD_DIGEST, a_policy

NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from([Strategy.DIRECT, Strategy.ROLLING, Strategy.BLUE_GREEN, Strategy.CANARY]),
    "bake_seconds": st.integers(0, 999),
    "bake_requests": st.integers(0, 999),
    "batch": st.sampled_from([1, 7, "25%"]),
    "minimum_healthy": st.sampled_from([0, 3, "50%"]),
    "max_unavailable": st.sampled_from([1, 5, "10%"]),
    "steps": st.just((Step(percent=7, bake_seconds=77),)),
    "by_zone": st.booleans(),
    "zone_bake_seconds": st.integers(0, 999),
    "first_zone_bake_seconds": st.integers(0, 999),
    "max_failed_nodes": st.integers(0, 9),
}
OVERRIDES = st.fixed_dictionaries({}, optional=NUMBERS).map(lambda given: StrategyOverride(**given))


def test_every_number_of_an_override_may_be_allowed_by_its_name() -> None:
    assert [each.name for each in fields(StrategyOverride)] == [each.name.lower() for each in Overridable] == [*NUMBERS]


@given(override=OVERRIDES, allowed=st.sets(st.sampled_from(Overridable)))
def test_what_is_allowed_is_changed_and_nothing_else_and_what_is_not_is_named(
    override: StrategyOverride, allowed: set[Overridable]
) -> None:
    policy = a_policy(overridable=tuple(each for each in Overridable if each in allowed))
    refused = [f"strategy.{name}" for name in override.given if name not in allowed]

    if refused:
        with pytest.raises(InvalidInput) as found:
            overridden(policy, override)
        assert [violation.field for violation in found.value.violations] == refused
        return
    after = overridden(policy, override)
    for each in fields(override):
        wanted = getattr(override, each.name)
        holder = (
            (after.analysis, policy.analysis) if each.name == "max_failed_nodes" else (after.strategy, policy.strategy)
        )
        assert getattr(holder[0], each.name) == (getattr(holder[1], each.name) if wanted is None else wanted)
    assert replace(after, strategy=policy.strategy, analysis=policy.analysis) == policy


@given(override=OVERRIDES)
def test_approvers_agree_to_the_numbers_as_they_are_overridden(override: StrategyOverride) -> None:
    policy = a_policy(overridable=tuple(Overridable))
    after = overridden(policy, override)

    before, now = (plan_hash(each, digest=NEW_DIGEST, from_digest=OLD_DIGEST) for each in (policy, after))

    assert (before == now) == (after == policy)


def test_without_one_a_policy_is_as_it_is() -> None:
    assert overridden(a_policy(), None) == a_policy()


def test_a_canary_needs_steps() -> None:
    policy = a_policy(
        overridable=tuple(Overridable), strategy=replace(a_policy().strategy, kind=Strategy.ROLLING, steps=())
    )

    with pytest.raises(InvalidInput) as refused:
        overridden(policy, StrategyOverride(kind=Strategy.CANARY))

    assert [violation.field for violation in refused.value.violations] == ["strategy.steps"]
