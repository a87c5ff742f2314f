"""Policies are revisions: the newest is in force, and each deployment keeps its own."""

from __future__ import annotations

import pytest

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound, StaleWrite, WrongDigest
from chalicelib.domain.policy import DEFAULT_POLICIES
from chalicelib.usecases.policies import change_policy, current_policy, policy_revision
from tests.builders import a_policy
from tests.fakes import FakeStore, fake_ports
from tests.usecases.scene import DANA

PRODUCTION = Environment.PRODUCTION


def test_until_somebody_changes_it_the_delivered_policy_is_in_force() -> None:
    ports = fake_ports()

    assert current_policy(PRODUCTION, ports=ports) is DEFAULT_POLICIES[PRODUCTION]
    assert policy_revision(PRODUCTION, 0, ports=ports) is DEFAULT_POLICIES[PRODUCTION]


def test_a_changed_policy_is_the_next_revision_and_the_older_ones_stay() -> None:
    ports = fake_ports()

    for expected in (0, 1, None):
        changed = change_policy(a_policy(), expected_revision=expected, caller=DANA, ports=ports)

    assert (changed.revision, changed.changed_by, changed.changed_at_ms) == (3, "dana", ports.clock.policy_ms())
    assert current_policy(PRODUCTION, ports=ports) == changed
    assert [policy_revision(PRODUCTION, number, ports=ports).revision for number in (1, 2)] == [1, 2]
    assert current_policy(Environment.QA, ports=ports).revision == 0


def test_a_change_of_another_revision_than_the_one_in_force_is_refused() -> None:
    ports = fake_ports()

    with pytest.raises(WrongDigest):
        change_policy(a_policy(), expected_revision=4, caller=DANA, ports=ports)


def test_a_change_that_comes_second_at_the_same_moment_is_refused() -> None:
    store = FakeStore()
    store.fail_next(StaleWrite("Policy", "Production"))

    with pytest.raises(StaleWrite):
        change_policy(a_policy(), expected_revision=None, caller=DANA, ports=fake_ports(store=store))


def test_a_revision_there_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        policy_revision(PRODUCTION, 7, ports=fake_ports())
