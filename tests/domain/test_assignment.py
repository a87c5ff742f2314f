"""What a node should run: stable, candidate, or what it ran before, by its rank and two cut-offs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.assignment import Assignment, Desired, desired_for, given_back, settled
from tests.builders import DEPLOYMENT_ID, NEW_DIGEST, NOW_MS, OLD_DIGEST, a_member, an_assignment


def changing(**changes: Any) -> Assignment:
    """A rollout of the new digest is on."""
    given: dict[str, Any] = {
        "deployment_id": DEPLOYMENT_ID,
        "candidate_digest": NEW_DIGEST,
        "candidate_version": "2.0.0",
        "fence": 3,
    }
    return an_assignment(**(given | changes))


def test_outside_a_rollout_every_node_runs_the_stable_digest() -> None:
    assert desired_for(an_assignment(), None, now_ms=NOW_MS) == Desired(active=OLD_DIGEST)
    assert desired_for(an_assignment(), a_member(), now_ms=NOW_MS) == Desired(active=OLD_DIGEST)


@given(rank=st.integers(0, 20), active=st.integers(0, 20), staged=st.integers(0, 20))
def test_a_member_runs_the_candidate_below_the_active_cut_off_and_what_it_ran_before_above(
    rank: int, active: int, staged: int
) -> None:
    assignment = changing(active_upto=active, staged_upto=staged)

    desired = desired_for(assignment, a_member(rank=rank, from_edition=OLD_DIGEST), now_ms=NOW_MS)

    assert desired.active == (NEW_DIGEST if rank < active else OLD_DIGEST)
    assert desired.staged == ((OLD_DIGEST,) if rank < active else (NEW_DIGEST,) if rank < staged else ())


@given(rank=st.integers(0, 20), cut=st.integers(0, 20), further=st.integers(0, 20))
def test_moving_a_cut_off_up_takes_the_candidate_from_nobody(rank: int, cut: int, further: int) -> None:
    before = desired_for(changing(active_upto=cut), a_member(rank=rank), now_ms=NOW_MS)

    after = desired_for(changing(active_upto=cut + further), a_member(rank=rank), now_ms=NOW_MS)

    assert before.active != NEW_DIGEST or after.active == NEW_DIGEST


@given(rank=st.integers(0, 20))
def test_cut_offs_at_zero_give_every_member_back_what_it_ran(rank: int) -> None:
    desired = desired_for(changing(active_upto=0, staged_upto=0), a_member(rank=rank), now_ms=NOW_MS)

    assert desired == Desired(active=OLD_DIGEST)


@pytest.mark.parametrize(("active", "staged"), [(0, 0), (5, 0), (5, 5)])
def test_a_node_that_joined_during_a_rollout_runs_the_stable_digest(active: int, staged: int) -> None:
    assignment = changing(
        active_upto=active, staged_upto=staged, retained_digest=NEW_DIGEST, retained_until_ms=NOW_MS + 1
    )

    assert desired_for(assignment, None, now_ms=NOW_MS) == Desired(active=OLD_DIGEST)


def test_a_node_that_ran_nothing_is_given_nothing_to_park_and_nothing_to_go_back_to() -> None:
    member = a_member(rank=0, from_edition=None)

    assert desired_for(changing(active_upto=1), member, now_ms=NOW_MS) == Desired(active=NEW_DIGEST)
    assert desired_for(changing(active_upto=0), member, now_ms=NOW_MS) == Desired(active=None)


@pytest.mark.parametrize(("active", "staged"), [(1, 0), (0, 1), (0, 0)])
def test_a_node_that_ran_the_candidate_already_keeps_it_and_stages_nothing(active: int, staged: int) -> None:
    member = a_member(rank=0, from_edition=NEW_DIGEST)

    desired = desired_for(changing(active_upto=active, staged_upto=staged), member, now_ms=NOW_MS)

    assert desired == Desired(active=NEW_DIGEST)


@pytest.mark.parametrize(("late_ms", "parked"), [(-1, (OLD_DIGEST,)), (0, ()), (1, ())])
def test_a_retained_predecessor_is_parked_until_its_time_is_up(late_ms: int, parked: tuple[str, ...]) -> None:
    assignment = an_assignment(stable_digest=NEW_DIGEST, retained_digest=OLD_DIGEST, retained_until_ms=NOW_MS)

    assert desired_for(assignment, None, now_ms=NOW_MS + late_ms) == Desired(active=NEW_DIGEST, staged=parked)


def test_a_rollout_given_back_leaves_the_stable_digest_and_the_fence_as_they_were() -> None:
    assignment = changing(active_upto=4, staged_upto=4, wave_first=2, touched_upto=4, position="p", bake="b")

    back = given_back(assignment)

    assert not back.is_changing
    assert (back.stable_digest, back.fence, back.revision) == (OLD_DIGEST, 3, assignment.revision + 1)
    assert back == an_assignment(fence=3, revision=1)


def test_a_promoted_candidate_is_stable_and_its_predecessor_parked() -> None:
    after = settled(changing(active_upto=4), retained_until_ms=NOW_MS + 5, now_ms=NOW_MS)

    assert (after.stable_digest, after.stable_version) == (NEW_DIGEST, "2.0.0")
    assert (after.retained_digest, after.retained_until_ms) == (OLD_DIGEST, NOW_MS + 5)
    assert not after.is_changing


@pytest.mark.parametrize(
    ("stable", "until"), [(None, NOW_MS), (OLD_DIGEST, None), (NEW_DIGEST, NOW_MS)], ids=["nothing ran", "no", "same"]
)
def test_nothing_is_parked_where_there_is_nothing_else_to_park_or_no_time_for_it(
    stable: str | None, until: int | None
) -> None:
    after = settled(changing(stable_digest=stable), retained_until_ms=until, now_ms=NOW_MS)

    assert (after.retained_digest, after.retained_until_ms) == (None, None)
