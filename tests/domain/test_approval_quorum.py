"""Quorum, role mix and second thoughts: who is still needed is always said, and never too few agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.access import Role
from chalicelib.domain.approval import (
    Approval,
    ApprovalStatus,
    Comment,
    Decision,
    RoleNeeded,
    comment,
    decide,
    remind,
    still_needed,
    withdraw_decision,
)
from chalicelib.domain.errors import AlreadyDecided, Conflict, InvalidInput, NotAllowed
from tests.builders import NOW_MS, an_approval

ONE_ADMIN = (RoleNeeded(role=Role.ADMIN, count=1),)
HOUR_MS = 3_600_000


def agreed(by: str, *roles: Role, for_whom: str = "", reason: str = "fine") -> Decision:
    return Decision(
        by=by, approved=True, reason=reason, at_ms=NOW_MS, roles=roles or (Role.APPROVER,), on_behalf_of=for_whom
    )


def test_two_approvals_of_which_one_by_an_admin_say_who_is_missing() -> None:
    approval = an_approval(approvers_needed=2, roles_needed=ONE_ADMIN)
    assert still_needed(approval).sentence == "2 more approvals, 1 by an Admin."

    approval = decide(approval, agreed("erin"))
    assert still_needed(approval).sentence == "1 more approval, 1 by an Admin."
    approval = decide(approval, agreed("frank"))
    assert (approval.status, still_needed(approval).approvals) == (ApprovalStatus.PENDING, 1)
    approval = decide(approval, agreed("ada", Role.ADMIN))

    assert approval.status is ApprovalStatus.APPROVED
    assert still_needed(approval).sentence == "Nobody is needed any more."


def test_who_registered_the_version_may_not_answer() -> None:
    with pytest.raises(NotAllowed, match="gail registered this version"):
        decide(an_approval(excluded=("gail",)), agreed("gail"))


@pytest.mark.parametrize("for_whom", ["dana", "gail"])
def test_a_delegate_may_not_answer_for_somebody_who_may_not(for_whom: str) -> None:
    with pytest.raises(NotAllowed):
        decide(an_approval(excluded=("gail",)), agreed("erin", for_whom=for_whom))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (agreed("erin"), agreed("erin", for_whom="frank")),
        (agreed("erin", for_whom="frank"), agreed("frank")),
        (agreed("erin", for_whom="frank"), agreed("erin")),
        (agreed("erin", for_whom="frank"), agreed("gus", for_whom="frank")),
    ],
)
def test_nobody_counts_twice_for_whomever_they_answer(first: Decision, second: Decision) -> None:
    approval = decide(an_approval(approvers_needed=3), first)

    with pytest.raises(NotAllowed):
        decide(approval, second)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_demanded_where_the_policy_asks_for_one(reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decide(an_approval(reason_required=True), agreed("erin", reason=reason))

    assert [violation.field for violation in refused.value.violations] == ["reason"]


def test_who_thought_again_before_the_quorum_is_not_counted_and_may_answer_again() -> None:
    approval = decide(an_approval(approvers_needed=2), agreed("erin"))

    approval = withdraw_decision(approval, by="erin", now_ms=NOW_MS)

    assert (approval.decisions, still_needed(approval).approvals) == ((), 2)
    approval = decide(decide(approval, agreed("frank")), agreed("erin"))
    assert approval.status is ApprovalStatus.APPROVED
    with pytest.raises(AlreadyDecided):
        withdraw_decision(approval, by="erin", now_ms=NOW_MS)


def test_who_never_answered_has_nothing_to_withdraw() -> None:
    with pytest.raises(Conflict):
        withdraw_decision(an_approval(), by="erin", now_ms=NOW_MS)


def test_comments_are_kept_up_to_a_limit_and_only_while_it_is_asked() -> None:
    said = Comment(by="vic", text="which ticket?", at_ms=NOW_MS)
    approval = an_approval(comments=(said,) * 99)

    full = comment(approval, said)

    with pytest.raises(Conflict):
        comment(full, said)
    with pytest.raises(AlreadyDecided):
        comment(an_approval(status=ApprovalStatus.APPROVED), said)


def test_reminders_come_at_their_interval_once_each_and_missed_ones_are_not_made_up_for() -> None:
    approval = an_approval(remind_every_ms=HOUR_MS)

    assert remind(approval, now_ms=NOW_MS + HOUR_MS - 1) is approval
    once = remind(approval, now_ms=NOW_MS + HOUR_MS)
    assert (once.reminders, once.revision) == (1, approval.revision + 1)
    assert remind(once, now_ms=NOW_MS + 2 * HOUR_MS - 1) is once
    assert remind(once, now_ms=NOW_MS + 5 * HOUR_MS).reminders == 5


@pytest.mark.parametrize("changes", [{"remind_every_ms": None}, {"status": ApprovalStatus.APPROVED}])
def test_nobody_is_reminded_where_there_is_nothing_to_remind_of(changes: dict[str, object]) -> None:
    approval = an_approval(**({"remind_every_ms": HOUR_MS} | changes))

    assert remind(approval, now_ms=NOW_MS + 2 * HOUR_MS) is approval


@given(
    needed=st.integers(1, 4),
    admins=st.integers(0, 3),
    roles=st.lists(st.sampled_from([(Role.APPROVER,), (Role.ADMIN,), (Role.ADMIN, Role.APPROVER)]), max_size=10),
)
def test_it_is_given_with_the_first_answer_that_makes_quorum_and_mix_and_never_before(
    needed: int, admins: int, roles: list[tuple[Role, ...]]
) -> None:
    mix = (RoleNeeded(role=Role.ADMIN, count=admins),) if admins else ()
    approval: Approval = an_approval(approvers_needed=needed, roles_needed=mix)
    for number, held in enumerate(roles, start=1):
        enough_before = number - 1 >= needed and sum(Role.ADMIN in each for each in roles[: number - 1]) >= admins
        assert (approval.status is ApprovalStatus.APPROVED) == enough_before
        if enough_before:
            return
        missing = still_needed(approval).approvals
        approval = decide(approval, agreed(f"person-{number}", *held))
        assert missing - 1 <= still_needed(approval).approvals <= missing
