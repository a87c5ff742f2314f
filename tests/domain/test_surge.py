"""Rolling where nodes can be added: Kubernetes' own tables, and for every number."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.surge import fenceposts, new_target, old_target, surge_steps, unhealthy_to_replace

TABLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "published_rules/kubernetes_rolling.json").read_text())
SHARES = st.one_of(st.integers(0, 60), st.integers(0, 100).map(lambda percent: f"{percent}%"))


def posts(row: dict[str, Any]) -> tuple[int, int]:
    given = {"max_surge": row["maxSurge"], "max_unavailable": row["maxUnavailable"]}
    return fenceposts(row["desired"], **{name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("row", [r for r in TABLE["resolveFenceposts"] if not r.get("error")], ids=str)
def test_surge_and_what_may_be_missing_resolve_as_in_kubernetes(row: dict[str, Any]) -> None:
    assert posts(row) == (row["surge"], row["unavailable"])


@pytest.mark.parametrize("row", [r for r in TABLE["resolveFenceposts"] if r.get("error")], ids=str)
def test_what_kubernetes_refuses_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="percentage"):
        posts(row)


# The last row scales a new version down that is above what is wanted, which a rolling update of ours never brings about.
@pytest.mark.parametrize("row", TABLE["newReplicaTarget"], ids=str)
def test_as_many_new_ones_are_started_as_in_kubernetes(row: dict[str, Any]) -> None:
    wanted = row["new"] if row["expect"] == "no change" else row["expect"]

    assert new_target(row["spec"], surge=row["maxSurge"], old=row["old"], new=row["new"]) == wanted


@pytest.mark.parametrize("row", TABLE["cleanupUnhealthy"], ids=str)
def test_as_many_unhealthy_ones_go_first_as_in_kubernetes(row: dict[str, Any]) -> None:
    assert unhealthy_to_replace(old=row["old"], ready=row["ready"], most=row["maxCleanup"]) == row["expect"]


@pytest.mark.parametrize("row", TABLE["scaleDownOld"], ids=str)
def test_as_many_old_ones_are_stopped_as_in_kubernetes(row: dict[str, Any]) -> None:
    _, unavailable = fenceposts(row["spec"], max_unavailable=row["maxUnavailable"])
    wanted = row["old"] if row["expectOld"] == "no change" else row["expectOld"]

    assert old_target(row["spec"], unavailable=unavailable, ready=row["ready"], old=row["old"]) == wanted


@given(wanted=st.integers(1, 200), surge=SHARES, unavailable=SHARES)
def test_a_surging_fleet_never_exceeds_the_surge_nor_falls_below_the_minimum_and_arrives(
    wanted: int, surge: int | str, unavailable: int | str
) -> None:
    above, below = fenceposts(wanted, max_surge=surge, max_unavailable=unavailable)

    steps = surge_steps(wanted, max_surge=surge, max_unavailable=unavailable)

    assert steps[-1] == (0, wanted)
    for (old, new), (older, newer) in itertools.pairwise(((wanted, 0), *steps)):
        assert old + newer <= wanted + above
        assert older + newer >= wanted - below
        assert older <= old
        assert newer >= new


def test_nothing_wanted_is_nothing_to_roll() -> None:
    with pytest.raises(ValueError, match="without nodes"):
        surge_steps(0)
