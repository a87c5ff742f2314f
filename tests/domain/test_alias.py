"""Aliases as values: shares that add up, changes from outside, and alarms that are new."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.alias import (
    ALIAS_NAME,
    FUNCTION_NAME,
    MOST_VERSIONS,
    WHOLE,
    AliasState,
    PublishedVersion,
    Split,
    seen,
    worsened,
)

OLD, HALF, NEW = Split(main="1"), Split(main="1", canary="2", weight=50), Split(main="2")
names = st.sampled_from(["errors", "latency", "throttles", "money"])


def a_state(**changes: object) -> AliasState:
    given: dict[str, object] = {
        "function": "hotswap-node-payments",
        "alias": "live",
        "module": "payments",
        "revision_id": "r1",
        "split": OLD,
        "fence": 3,
    }
    return AliasState(**(given | changes))  # type: ignore[arg-type]


@given(weight=st.integers(1, WHOLE - 1))
def test_shares_add_up_to_a_hundred(weight: int) -> None:
    shares = Split(main="1", canary="2", weight=weight).shares

    assert sum(shares.values()) == WHOLE
    assert shares["2"] == weight


@pytest.mark.parametrize(
    ("main", "canary", "weight"), [("1", "2", 0), ("1", None, 5), ("1", "2", 100), ("1", "1", 5), ("1", "2", -1)]
)
def test_a_share_for_nobody_is_no_split(main: str, canary: str | None, weight: int) -> None:
    with pytest.raises(ValueError, match="version"):
        Split(main=main, canary=canary, weight=weight)


def test_what_was_intended_is_ours_also_when_nobody_came_to_note_its_revision() -> None:
    state = seen(a_state(intended=HALF), HALF, "r2", fence=3, restoring=False)

    assert (state.outside_fence, state.revision_id, state.split) == (0, "r2", HALF)


def test_another_split_under_a_revision_nobody_knows_is_a_change_from_outside() -> None:
    assert seen(a_state(intended=HALF), NEW, "r2", fence=3, restoring=False).outside_fence == 3


def test_a_change_from_outside_stays_one_until_the_next_turn_takes_the_alias_over() -> None:
    changed = seen(a_state(), NEW, "r2", fence=3, restoring=False)

    again = seen(changed, NEW, "r2", fence=3, restoring=False)
    later = seen(again, NEW, "r2", fence=4, restoring=False)

    assert (changed.outside_fence, again.outside_fence, later.outside_fence) == (3, 3, 0)


def test_a_restore_gives_back_what_it_must_whoever_changed_the_alias() -> None:
    changed = seen(a_state(), NEW, "r2", fence=3, restoring=False)

    assert seen(changed, NEW, "r2", fence=3, restoring=True).outside_fence == 0


def test_a_changed_description_alone_is_no_change_of_traffic() -> None:
    state = seen(a_state(), OLD, "r2", fence=3, restoring=False)

    assert (state.outside_fence, state.revision_id) == (0, "r2")


def test_the_first_look_finds_the_alias_as_it_is() -> None:
    assert seen(a_state(split=None, revision_id=""), NEW, "r9", fence=0, restoring=False).outside_fence == 0


@given(before=st.sets(names), firing=st.sets(names))
def test_only_alarms_that_did_not_fire_before_the_start_count(before: set[str], firing: set[str]) -> None:
    state, news = worsened(a_state(fired_before=tuple(sorted(before))), firing)

    assert set(news) == firing - before
    assert set(state.fired_before) == before & firing


def test_an_alarm_that_was_quiet_in_between_counts_when_it_fires_again() -> None:
    state, first = worsened(a_state(fired_before=("errors",)), ["errors"])
    state, quiet = worsened(state, [])
    _, again = worsened(state, ["errors"])

    assert (first, quiet, again) == ((), (), ("errors",))


def test_versions_nobody_published_here_go_by_their_number() -> None:
    state = a_state().with_version(PublishedVersion(edition="sha256:a", version="4"))

    assert (state.edition_of("4"), state.edition_of("7")) == ("sha256:a", "version:7")
    assert state.published("version:7") == PublishedVersion(edition="version:7", version="7", checked=True)
    assert state.published("sha256:b") is None


def test_only_so_many_versions_are_remembered_the_newest_first() -> None:
    state = a_state()
    for number in range(MOST_VERSIONS + 5):
        state = state.with_version(PublishedVersion(edition=f"e{number}", version=str(number)))

    assert len(state.versions) == MOST_VERSIONS
    assert state.versions[0].edition == f"e{MOST_VERSIONS + 4}"


@pytest.mark.parametrize("name", ["hotswap-node-a", "hotswap-node-Payments_2"])
def test_functions_are_named_for_us(name: str) -> None:
    assert FUNCTION_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["payments", "hotswap-node-", "hotswap-node-a:live", "hotswap-node-" + "a" * 52])
def test_other_functions_are_none_of_ours(name: str) -> None:
    assert not FUNCTION_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["12", "a b", "$LATEST", ""])
def test_what_lambda_takes_for_a_version_is_no_alias(name: str) -> None:
    assert not ALIAS_NAME.fullmatch(name)
