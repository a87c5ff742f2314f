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


def test_several_are_decided_at_once_and_each_has_its_outcome(asked: Api) -> None:
    unknown = "01J00000000000000000099999"
    one = {"executionId": DEPLOYMENT_ID, "approved": True, "reason": "fine"}
    other = {"executionId": unknown, "approved": False}

    outcomes = asked.ok("amal", "POST", "/api/v1/approvals/decisions", {"decisions": [one, other, one]})["outcomes"]

    assert [(each["executionId"], each["status"]) for each in outcomes] == [
        (DEPLOYMENT_ID, 200),
        (unknown, 404),
        (DEPLOYMENT_ID, 409),
    ]
    assert outcomes[0]["approval"]["status"] == "Approved"
    assert outcomes[1]["problem"]["type"] == "/problems/not-found"
    assert outcomes[2]["problem"]["currentStatus"] == "Approved"


def test_a_comment_is_shown_to_everybody_and_a_viewer_may_not_make_one(asked: Api) -> None:
    asked.ok("dana", "POST", f"{ONE}/comments", {"text": "which ticket?"})

    comments = asked.ok("vic", "GET", ONE)["comments"]

    assert [(each["by"], each["text"]) for each in comments] == [("dana", "which ticket?")]
    assert asked.call("POST", f"{ONE}/comments", {"text": "me too"}, user="vic").status == 403
    assert asked.call("POST", f"{ONE}/comments", {"text": ""}, user="dana").status == 400


def test_whoever_may_decide_delegates_and_everybody_sees_to_whom(asked: Api) -> None:
    body = {"to": "ada", "until": "2026-12-01T00:00:00Z"}
    assert asked.call("POST", "/api/v1/approvals/delegations", body, user="dana").status == 403
    to_a_viewer = asked.call("POST", "/api/v1/approvals/delegations", body | {"to": "vic"}, user="amal")
    assert to_a_viewer.status == 400
    assert to_a_viewer.json()["errors"] == [
        {"field": "to", "rule": "must be a user with one of the roles Admin, Approver, Deployer; vic may only look"}
    ]
    given = asked.ok("amal", "POST", "/api/v1/approvals/delegations", body)

    assert (given["delegator"], given["delegate"], given["until"]) == ("amal", "ada", "2026-12-01T00:00:00.000Z")
    assert asked.ok("vic", "GET", "/api/v1/approvals/delegations")["delegations"] == [given]
    assert asked.call("POST", f"{ONE}/approve", {"onBehalfOf": "amal"}, user="dana").status == 403
    assert asked.call("DELETE", "/api/v1/approvals/delegations/amal/ada", user="amal").status == 204


def test_a_link_leads_to_a_page_that_decides_nothing_and_whose_scripts_are_pinned(asked: Api) -> None:
    made = asked.ok("amal", "POST", f"{ONE}/link")
    path, _, token = made["link"].partition("#")
    asked.token("ada")
    before = asked.snapshot()

    page = asked.call("GET", path)
    question = asked.call("POST", f"{path}/question", {"token": token}).json()

    assert page.header("Content-Type") == "text/html; charset=utf-8"
    policy = page.header("Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert token not in page.body.decode()
    assert (question["person"], question["question"]["approvalId"]) == ("amal", "apr-1")
    assert asked.snapshot() == before, "looking decides nothing"


def test_a_link_decides_as_its_person_and_only_once(asked: Api) -> None:
    link = asked.ok("amal", "POST", f"{ONE}/link")["link"]
    path, _, token = link.partition("#")
    body = {"token": token, "approved": True, "reason": "from the train"}

    decided = asked.call("POST", f"{path}/decision", body)
    again = asked.call("POST", f"{path}/decision", body)

    assert (decided.status, decided.json()["decisions"][0]["by"]) == (200, "amal")
    assert (again.status, again.json()["type"]) == (409, "/problems/already-decided")
    assert asked.call("POST", f"{path}/decision", {"token": "x", "approved": True}).status == 401
    assert asked.call("POST", f"{ONE}/link", user="dana").status == 403


def test_the_policy_says_who_must_agree_and_comes_back_as_it_was_put(api: Api) -> None:
    policy = api.ok("ada", "GET", "/api/v1/clusters/Production/policy")
    for field in ("environment", "revision", "changedBy", "changedAt"):
        del policy[field]
    rules = {"required": True, "approvers": 2, "roles": [{"role": "Admin", "count": 1}], "reasonRequired": True}

    put = api.ok("ada", "PUT", "/api/v1/clusters/Production/policy", policy | {"approval": rules})

    assert put["approval"]["roles"] == [{"role": "Admin", "count": 1}]
    assert put["approval"]["excludePusher"] is True
    for wrong in ([{"role": "Viewer"}], [{"role": "Admin", "count": 3}], [{"role": "Admin"}, {"role": "admin"}]):
        broken = policy | {"approval": rules | {"roles": wrong}}
        answer = api.call("PUT", "/api/v1/clusters/Production/policy", broken, user="ada")
        assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "approval.roles")
