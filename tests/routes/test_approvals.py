"""Approvals over HTTP."""

from __future__ import annotations

import dataclasses

import pytest

from chalicelib.domain.deployment import Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.usecases.ports import Add
from tests.builders import DEPLOYMENT_ID, a_deployment, an_approval
from tests.routes.conftest import Api

ONE = f"/api/v1/approvals/deployments/{DEPLOYMENT_ID}"


@pytest.fixture
def asked(api: Api) -> Api:
    """Dana's deployment waits for somebody to agree to Production."""
    approval = an_approval(id="apr-1")
    rollout = Rollout(environment=Environment.PRODUCTION, phase=Phase.AWAITING_APPROVAL, approval_id="apr-1")
    waiting = a_deployment(
        target=Environment.PRODUCTION, status=Status.PENDING_APPROVAL, rollouts=(rollout,), event_seq=0
    )
    api.store.commit(Add(waiting), Add(approval))
    return api


def test_what_is_asked_says_what_would_change_and_how_long_there_is_time(asked: Api) -> None:
    asked.clock.advance(seconds=400)

    found = asked.ok("vic", "GET", ONE)
    pending = asked.ok("vic", "GET", "/api/v1/approvals/pending")

    assert (found["approvalId"], found["executionId"], found["status"]) == ("apr-1", DEPLOYMENT_ID, "Pending")
    assert (found["targetEnvironment"], found["fromVersion"], found["version"]) == ("Production", "1.0.0", "2.0.0")
    assert found["remainingSeconds"] == 86_000
    assert pending == {"approvals": [found], "cursor": None}


def test_an_approval_is_answered_with_its_outcome(asked: Api) -> None:
    answer = asked.call("POST", f"{ONE}/approve", {"reason": "fine", "approvalId": "apr-1"}, user="amal")

    assert (answer.status, answer.json()["status"]) == (200, "Approved")
    decided = answer.json()["decisions"]
    assert [(each["by"], each["approved"], each["reason"]) for each in decided] == [("amal", True, "fine")]
    assert asked.ok("vic", "GET", "/api/v1/approvals/pending")["approvals"] == []
    assert asked.ok("vic", "GET", f"/api/v1/deployments/{DEPLOYMENT_ID}")["status"] == "Running"


def test_a_rejection_ends_the_deployment(asked: Api) -> None:
    asked.ok("amal", "POST", f"{ONE}/reject", {"reason": "not on a Friday"})

    found = asked.ok("vic", "GET", f"/api/v1/deployments/{DEPLOYMENT_ID}")

    assert found["status"] == "Rejected"
    assert "not on a Friday" in found["error"]["message"]


def test_a_second_decision_is_409_naming_the_first(asked: Api) -> None:
    asked.ok("amal", "POST", f"{ONE}/approve")
    asked.token("ada")
    before = asked.snapshot()

    answer = asked.call("POST", f"{ONE}/reject", user="ada")

    assert (answer.status, answer.json()["type"]) == (409, "/problems/already-decided")
    assert answer.json()["currentStatus"] == "Approved"
    assert asked.snapshot() == before


def test_another_approval_than_the_one_that_was_read_is_409(asked: Api) -> None:
    asked.token("amal")
    before = asked.snapshot()

    answer = asked.call("POST", f"{ONE}/approve", {"approvalId": "apr-0"}, user="amal")

    assert (answer.status, answer.json()["type"]) == (409, "/problems/wrong-digest")
    assert asked.snapshot() == before


def test_whoever_requested_may_not_decide_whatever_their_role(api: Api) -> None:
    approval = an_approval(id="apr-1", requested_by="ada")
    rollout = Rollout(environment=Environment.PRODUCTION, phase=Phase.AWAITING_APPROVAL, approval_id="apr-1")
    waiting = dataclasses.replace(
        a_deployment(requested_by="ada", target=Environment.PRODUCTION),
        status=Status.PENDING_APPROVAL,
        rollouts=(rollout,),
    )
    api.store.commit(Add(waiting), Add(approval))
    api.token("ada")
    before = api.snapshot()

    answer = api.call("POST", f"{ONE}/approve", user="ada")

    assert (answer.status, answer.json()["type"]) == (403, "/problems/not-allowed")
    assert api.snapshot() == before


def test_an_approval_whose_time_is_up_is_409_and_not_listed(asked: Api) -> None:
    asked.clock.advance(seconds=86_400)

    answer = asked.call("POST", f"{ONE}/approve", user="amal")

    assert (answer.status, answer.json()["currentStatus"]) == (409, "Expired")
    assert asked.ok("amal", "GET", "/api/v1/approvals/pending")["approvals"] == []


def test_a_deployment_that_never_asked_is_404(api: Api) -> None:
    execution = api.has_deployment()

    assert api.call("GET", f"/api/v1/approvals/deployments/{execution}", user="vic").status == 404
    assert api.call("POST", f"/api/v1/approvals/deployments/{execution}/approve", user="amal").status == 404
