"""One question, one outcome, never by whoever asked, and only in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.approval import Approval, ApprovalStatus, Decision, decide, expire, withdraw
from chalicelib.domain.errors import AlreadyDecided, NotAllowed
from tests.builders import NOW_MS, an_approval

EXPIRES_MS = an_approval().expires_at_ms
OVER = [status for status in ApprovalStatus if status is not ApprovalStatus.PENDING]


def an_answer(by: str = "erin", *, approved: bool = True, at_ms: int = NOW_MS) -> Decision:
    return Decision(by=by, approved=approved, reason="", at_ms=at_ms)


def test_one_agreement_is_enough_where_one_is_asked_for() -> None:
    approved = decide(an_approval(), an_answer())

    assert approved.status is ApprovalStatus.APPROVED
    assert approved.decided_at_ms == NOW_MS
    assert approved.revision == an_approval().revision + 1


def test_one_refusal_is_enough_however_many_agreed() -> None:
    asked = decide(an_approval(approvers_needed=3), an_answer("erin"))

    refused = decide(asked, an_answer("frank", approved=False))

    assert refused.status is ApprovalStatus.REJECTED
    assert [decision.by for decision in refused.decisions] == ["erin", "frank"]


@pytest.mark.parametrize("needed", [1, 2, 5])
def test_a_quorum_takes_as_many_people_as_the_policy_asks_for(needed: int) -> None:
    approval = an_approval(approvers_needed=needed)

    for number in range(needed):
        assert approval.status is ApprovalStatus.PENDING
        approval = decide(approval, an_answer(f"person-{number}"))

    assert approval.status is ApprovalStatus.APPROVED


@pytest.mark.parametrize("approved", [True, False])
def test_whoever_requested_the_deployment_may_not_decide(approved: bool) -> None:
    with pytest.raises(NotAllowed, match="requested"):
        decide(an_approval(requested_by="dana"), an_answer("dana", approved=approved))


def test_nobody_counts_twice() -> None:
    asked = decide(an_approval(approvers_needed=2), an_answer("erin"))

    with pytest.raises(NotAllowed, match="answered"):
        decide(asked, an_answer("erin"))


@pytest.mark.parametrize("status", OVER)
@pytest.mark.parametrize("approved", [True, False])
def test_what_has_an_outcome_keeps_it(status: ApprovalStatus, approved: bool) -> None:
    approval = an_approval(status=status)

    with pytest.raises(AlreadyDecided) as refused:
        decide(approval, an_answer(approved=approved))

    assert refused.value.outcome == status
    assert expire(approval, now_ms=EXPIRES_MS) is approval
    assert withdraw(approval, now_ms=NOW_MS) is approval


@pytest.mark.parametrize(("at_ms", "in_time"), [(EXPIRES_MS - 1, True), (EXPIRES_MS, False), (EXPIRES_MS + 1, False)])
def test_an_answer_counts_until_time_is_up_whether_or_not_somebody_noticed(at_ms: int, in_time: bool) -> None:
    if in_time:
        assert decide(an_approval(), an_answer(at_ms=at_ms)).status is ApprovalStatus.APPROVED
    else:
        with pytest.raises(AlreadyDecided) as refused:
            decide(an_approval(), an_answer(at_ms=at_ms))
        assert refused.value.outcome == ApprovalStatus.EXPIRED


@pytest.mark.parametrize(
    ("now_ms", "status"),
    [
        (EXPIRES_MS - 1, ApprovalStatus.PENDING),
        (EXPIRES_MS, ApprovalStatus.EXPIRED),
        (EXPIRES_MS + 1, ApprovalStatus.EXPIRED),
    ],
)
def test_a_question_expires_at_its_instant_and_not_before(now_ms: int, status: ApprovalStatus) -> None:
    assert expire(an_approval(), now_ms=now_ms).status is status


def test_a_withdrawn_question_says_since_when() -> None:
    gone = withdraw(an_approval(), now_ms=NOW_MS + 1)

    assert (gone.status, gone.decided_at_ms) == (ApprovalStatus.WITHDRAWN, NOW_MS + 1)


ANSWERS = st.lists(
    st.tuples(st.sampled_from(["dana", "erin", "frank", "grace"]), st.booleans(), st.integers(-2, 2)), max_size=8
)


@given(answers=ANSWERS, needed=st.integers(1, 3))
def test_in_any_order_of_answers_there_is_at_most_one_outcome_by_the_right_people_in_time(
    answers: list[tuple[str, bool, int]], needed: int
) -> None:
    approval = an_approval(approvers_needed=needed)
    outcomes: list[ApprovalStatus] = []

    for by, approved, late in answers:
        before = approval
        try:
            approval = decide(approval, an_answer(by, approved=approved, at_ms=EXPIRES_MS - 1 + late))
        except (AlreadyDecided, NotAllowed):
            continue
        assert approval.revision == before.revision + 1
        outcomes += [approval.status] if approval.status is not before.status else []

    assert len(outcomes) <= 1
    assert_rightly_decided(approval, needed)


def assert_rightly_decided(approval: Approval, needed: int) -> None:
    people = [decision.by for decision in approval.decisions]
    assert len(set(people)) == len(people)
    assert "dana" not in people
    assert all(decision.at_ms < EXPIRES_MS for decision in approval.decisions)
    agreed = [decision for decision in approval.decisions if decision.approved]
    assert (approval.status is ApprovalStatus.APPROVED) == (len(agreed) >= needed and len(agreed) == len(people))
