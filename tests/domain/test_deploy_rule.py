"""Deploy rules: what appears is deployed, never back to an older version, pre-releases where asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.deploy_rule import DeployRule, accepts, acted_on
from chalicelib.domain.module import precedence

NUMBERS = st.tuples(*[st.integers(0, 12)] * 3).map(lambda each: ".".join(map(str, each)))
VERSIONS = st.builds(
    lambda numbers, pre, built: numbers + pre + built,
    NUMBERS,
    st.sampled_from(["", "-rc.1"]),
    st.sampled_from(["", "+b-1"]),
)


def a_rule(*, newest: str = "", pre_releases: bool = True) -> DeployRule:
    return DeployRule(
        id="r", module="payment", newest=newest, pre_releases=pre_releases, created_by="ada", created_at_ms=0
    )


@pytest.mark.parametrize(
    ("newest", "pre_releases", "version", "accepted"),
    [
        ("", True, "1.0.0", True),
        ("1.9.0", True, "1.10.0", True),
        ("1.10.0", True, "1.9.0", False),
        ("2.0.0", True, "2.0.0-rc.1", False),
        ("2.0.0-rc.1", True, "2.0.0", True),
        ("", False, "2.0.0-rc.1", False),
        ("", False, "2.0.0+build-7", True),
        ("2.0.0", True, "2.0.0+build-7", True),
    ],
)
def test_a_version_is_accepted_unless_it_is_older_or_an_unwanted_pre_release(
    newest: str, pre_releases: bool, version: str, accepted: bool
) -> None:
    assert accepts(a_rule(newest=newest, pre_releases=pre_releases), version) is accepted


@given(st.lists(VERSIONS, max_size=12))
def test_in_whatever_order_versions_appear_the_rule_only_goes_forward(appearing: list[str]) -> None:
    rule = a_rule()
    for version in appearing:
        before = rule
        if accepts(rule, version):
            rule = acted_on(rule, version)
            assert not before.newest or precedence(rule.newest) >= precedence(before.newest)
    if appearing:
        assert precedence(rule.newest) == max(map(precedence, appearing))


def test_acting_on_the_same_version_again_writes_nothing() -> None:
    rule = acted_on(a_rule(), "1.0.0")

    assert acted_on(rule, "1.0.0") is rule
    assert acted_on(rule, "1.0.1").revision == rule.revision + 1
