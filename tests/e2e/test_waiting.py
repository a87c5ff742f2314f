"""A wait has a reason and a bound, and a failure says what was missing."""

from __future__ import annotations

import pytest

from infra.local.api_client import ApiError
from tests.e2e.waiting import CannotCome, Missing, NeverCame, wait_for


def test_what_is_found_is_given_back():
    assert wait_for(lambda: [7], because="a number comes") == [7]


def test_a_failure_says_why_it_waited_what_was_missing_and_what_before():
    found = iter([Missing("both nodes"), Missing("both nodes"), *[Missing("node 2")] * 99])

    with pytest.raises(NeverCame, match=r"^the fleet comes up: after 0 s still missing: node 2; before: both nodes$"):
        wait_for(lambda: next(found), because="the fleet comes up", within_s=0.05, every_s=0.01)


@pytest.mark.parametrize("error", [ConnectionRefusedError("no"), ApiError("GET", "/x", 503, {"detail": "away"})])
def test_an_answer_that_does_not_come_is_waited_for_and_named(error: Exception):
    def nobody() -> None:
        raise error

    with pytest.raises(NeverCame, match=f"an answer .{type(error).__name__}"):
        wait_for(nobody, because="it answers", within_s=0)


def test_what_cannot_come_is_not_waited_for():
    def ended() -> None:
        raise CannotCome("it ended Failed")

    with pytest.raises(CannotCome, match="Failed"):
        wait_for(ended, because="it completes")


def test_without_a_reason_nobody_waits():
    with pytest.raises(TypeError, match="reason"):
        wait_for(lambda: True, because=" ")


@pytest.mark.parametrize("nothing", [None, False, [], ""])
def test_a_condition_that_does_not_say_what_is_missing_is_refused(nothing: object):
    with pytest.raises(TypeError, match="should say what is missing"):
        wait_for(lambda: nothing, because="something comes")
