"""The page of quotas says what a fleet uses by the constants of the program, and marks what is more than AWS allows."""

from __future__ import annotations

import pytest

from chalicelib.domain.estimate import READS_PER_HEARTBEAT
from infra import quotas


def the(what: str) -> quotas.Quota:
    (found,) = [each for each in quotas.quotas() if each.what.startswith(what)]
    return found


@pytest.mark.parametrize("quota", quotas.quotas(), ids=lambda each: each.what)
def test_twice_the_nodes_or_half_the_interval_use_twice_as_much(quota: quotas.Quota) -> None:
    once = quota.used(1_000, 1_000)

    assert quota.used(2_000, 1_000) == quota.used(1_000, 500) == pytest.approx(2 * once)
    assert quota.source.startswith("https://docs.aws.amazon.com/") != quota.is_of_stack


def test_a_heartbeat_reads_what_plans_are_priced_with() -> None:
    assert the("DynamoDB on demand, read").used(600, 60_000) == 10 * READS_PER_HEARTBEAT


def test_what_is_more_than_allowed_is_bold_and_the_rest_is_not() -> None:
    rows = [line for line in quotas.page().splitlines() if line.startswith("| API Gateway")]

    (row,) = rows
    assert "**100,000**" in row
    assert "**1,000**" not in row
