"""Shares of a fleet as whole nodes: against what others publish, and for every number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.rounding import (
    canary_count,
    max_unavailable_count,
    minimum_healthy_count,
    parse_share,
    share_down,
    share_up,
    weighted_counts,
)

PUBLISHED = Path(__file__).parents[1] / "published_rules"
KUBERNETES: dict[str, Any] = json.loads((PUBLISHED / "kubernetes_rolling.json").read_text())
ARGO: dict[str, Any] = json.loads((PUBLISHED / "argo_rollouts.json").read_text())
CODEDEPLOY: dict[str, Any] = json.loads((PUBLISHED / "codedeploy.json").read_text())

FLEETS = st.integers(1, 10_000)
PERCENTS = st.integers(0, 100)


@pytest.mark.parametrize("row", KUBERNETES["scaledValue"], ids=str)
def test_a_percentage_of_a_total_is_what_kubernetes_makes_of_it(row: dict[str, Any]) -> None:
    percent, is_percent = parse_share(row["value"])

    share = share_up if row["round"] == "up" else share_down

    assert is_percent
    assert share(row["total"], percent) == row["expect"]


# `desired: 0` is left out: a fleet without nodes has no plan. `maxUnavailable: null` beside a surge resolves to 0 in
# Kubernetes, which then moves by surging; our fleets have a fixed size and always move by replacing, so at least 1.
RESOLVED = [row for row in KUBERNETES["resolveFenceposts"] if row["desired"] and row["maxUnavailable"] is not None]


@pytest.mark.parametrize("row", [row for row in RESOLVED if not row.get("error")], ids=str)
def test_max_unavailable_resolves_as_in_kubernetes(row: dict[str, Any]) -> None:
    count = max_unavailable_count(row["desired"], row["maxUnavailable"])

    assert count == row["unavailable"]


@pytest.mark.parametrize("row", [row for row in RESOLVED if row.get("error")], ids=str)
def test_text_that_kubernetes_refuses_is_refused(row: dict[str, Any]) -> None:
    broken = next(text for text in (row["maxSurge"], row["maxUnavailable"]) if not str(text).endswith("%"))

    with pytest.raises(ValueError, match="percentage"):
        max_unavailable_count(row["desired"], broken)


@pytest.mark.parametrize("nothing", [0, "0%"])
def test_when_nothing_may_be_missing_one_node_may_or_nothing_would_ever_move(nothing: int | str) -> None:
    assert max_unavailable_count(10, nothing) == 1


@pytest.mark.parametrize("row", [r for r in CODEDEPLOY["minimumHealthy"] if r.get("type") == "FLEET_PERCENT"], ids=str)
def test_minimum_healthy_percentages_round_up_as_in_codedeploy(row: dict[str, Any]) -> None:
    resolved = row.get("resolved", row["fleet"] - row.get("concurrency", 0))

    assert minimum_healthy_count(row["fleet"], f"{row['value']}%") == resolved


@pytest.mark.parametrize("row", [r for r in CODEDEPLOY["minimumHealthy"] if r.get("type") == "HOST_COUNT"], ids=str)
def test_a_minimum_healthy_count_is_taken_as_it_is(row: dict[str, Any]) -> None:
    assert minimum_healthy_count(row["fleet"], row["value"]) == row["value"]


@pytest.mark.parametrize("text", ["", "%", "101%", "-1%", "07%", "25 %", "2.5%", "25%\n", "x", True, "٢٥%"])
def test_what_is_neither_a_count_nor_a_percentage_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="whole number or a percentage"):
        parse_share(text)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        parse_share(-1)


@given(total=FLEETS, percent=PERCENTS)
def test_rounding_up_and_down_are_at_most_one_apart_and_stay_within_the_fleet(total: int, percent: int) -> None:
    low, high = share_down(total, percent), share_up(total, percent)

    assert 0 <= low <= high <= total
    assert high - low <= 1
    assert low * 100 <= total * percent <= high * 100


@given(total=FLEETS, percent=st.integers(0, 99))
def test_a_bigger_percentage_is_never_a_smaller_share(total: int, percent: int) -> None:
    assert share_up(total, percent) <= share_up(total, percent + 1)
    assert share_down(total, percent) <= share_down(total, percent + 1)


@given(total=st.integers(1, 2_000), weight=st.integers(0, 99))
def test_a_bigger_weight_is_never_a_smaller_canary(total: int, weight: int) -> None:
    assert canary_count(total, weight) <= canary_count(total, weight + 1)


@given(total=st.integers(2, 10_000), weight=st.integers(1, 99))
def test_a_weight_between_none_and_all_empties_neither_side(total: int, weight: int) -> None:
    assert 1 <= canary_count(total, weight) <= total - 1


@given(total=st.integers(2, 10_000), weight=st.integers(1, 99))
def test_a_canary_is_the_nearest_whole_number_unless_a_side_would_be_empty(total: int, weight: int) -> None:
    count = canary_count(total, weight)

    assert abs(100 * count - total * weight) <= 50 or count in (1, total - 1)


@given(total=FLEETS, weight=st.one_of(st.integers(-100, 0), st.integers(100, 200)))
def test_no_weight_is_no_node_and_full_weight_is_every_node(total: int, weight: int) -> None:
    assert canary_count(total, weight) == (0 if weight <= 0 else total)


@pytest.mark.parametrize(("total", "weight", "count"), [(1, 1, 0), (1, 99, 1), (0, 50, 0), (2, 1, 1), (2, 99, 1)])
def test_in_the_smallest_fleets_neither_side_is_empty_where_that_can_be(total: int, weight: int, count: int) -> None:
    assert canary_count(total, weight) == count


def test_a_tie_goes_to_the_bigger_canary() -> None:
    assert canary_count(10, 25) == 3


@pytest.mark.parametrize("row", ARGO["weightedCounts"], ids=str)
def test_a_weight_comes_to_the_counts_of_argo_rollouts(row: dict[str, int]) -> None:
    counts = weighted_counts(row["replicas"], row["weight"], max_surge=row["maxSurge"])

    assert counts == (row["canary"], row["stable"])


@given(total=st.integers(1, 500), weight=st.integers(1, 99), surge=st.integers(0, 3))
def test_no_other_counts_come_nearer_to_a_weight_without_emptying_a_side(total: int, weight: int, surge: int) -> None:
    canary, stable = weighted_counts(total, weight, max_surge=surge)

    assert canary + stable in (total, total + min(surge, 1))
    if total + min(surge, 1) > 1:
        assert canary > 0
        assert stable > 0

        def error(count: int) -> float:
            return abs(100 * count / total - weight)

        others = [count for count in range(1, total) if total > 1]
        assert all(abs(100 * canary / (canary + stable) - weight) <= error(count) + 1e-9 for count in others)
