"""Quorum, second thoughts, delegation, links, the line and retries, through HTTP and the real state machine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stories.world import World


@pytest.fixture
def staging(world: World) -> World:
    """Staging with two nodes; two must agree, one of them an Admin."""
    world.has_nodes("Staging", 2)
    world.has_version("1.0.0")
    world.has_policy("Staging", approval={"approvers": 2, "roles": [{"role": "Admin", "count": 1}]})
    return world


def asked(world: World) -> str:
    deployment = world.deploy("1.0.0", "Staging")
    world.until_status(deployment, "PendingApproval")
    return deployment


def say(world: World, user: str, deployment: str, verb: str, **body: Any) -> Any:
    return world.ok(user, "POST", f"/api/v1/approvals/deployments/{deployment}/{verb}", body)


def test_a_quorum_with_an_admin_a_second_thought_and_a_comment(staging):
    deployment = asked(staging)

    say(staging, "dana", deployment, "comments", text="ticket PAY-17")
    assert say(staging, "amal", deployment, "approve")["stillNeeded"]["approvals"] == 1
    assert say(staging, "amal", deployment, "withdraw", reason="wait")["stillNeeded"]["approvals"] == 2
    say(staging, "ada", deployment, "approve")
    assert staging.get(deployment)["status"] == "PendingApproval"
    assert say(staging, "amal", deployment, "approve")["status"] == "Approved"

    assert staging.run(deployment)["status"] == "Completed"
    told = [event["type"] for event in staging.events(deployment)]
    assert [told.count(each) for each in ("ApprovalCommented", "DecisionWithdrawn", "ApprovalDecided")] == [1, 1, 3]


def test_a_delegate_and_a_link_make_the_quorum(staging):
    deployment = asked(staging)
    until = "2099-01-01T00:00:00Z"
    refused = staging.as_user("ada", "POST", "/api/v1/approvals/delegations", {"to": "amal", "until": until})
    assert refused.status == 400, "at most 90 days"
    soon = staging.get(deployment)["environments"][-1]
    assert soon["phase"] == "AwaitingApproval"
    expires = staging.ok("vic", "GET", f"/api/v1/approvals/deployments/{deployment}")["expiresAt"]
    staging.ok("ada", "POST", "/api/v1/approvals/delegations", {"to": "amal", "until": expires})

    say(staging, "amal", deployment, "approve", onBehalfOf="ada")
    path, _, token = say(staging, "bo", deployment, "link")["link"].partition("#")
    body = {"token": token, "approved": True, "reason": "from the train"}
    decided = staging.call("POST", f"{path}/decision", json=body)

    assert (decided.status, decided.json()["status"]) == (200, "Approved")
    assert staging.call("POST", f"{path}/decision", json=body).status == 409
    assert staging.run(deployment)["status"] == "Completed"


def test_a_stopped_line_holds_a_new_deployment_and_lets_it_go_on(world):
    world.has_nodes("Development", 2)
    world.has_version("1.0.0")
    world.ok("amal", "POST", "/api/v1/line/stop", {"reason": "story"})
    deployment = world.deploy("1.0.0", "Development")

    world.until_status(deployment, "Queued")
    world.beats(5)
    assert world.running("Development") == [None, None]
    world.ok("amal", "POST", "/api/v1/line/resume", {})

    assert world.run(deployment)["status"] == "Completed"
    assert world.events(deployment, "TurnQueued")[0]["detail"]["waitsFor"] == "line"


def test_under_a_limit_of_one_deployments_of_two_modules_run_one_after_the_other(world):
    world.has_nodes("Development", 1)
    world.ok("ada", "PUT", "/api/v1/line/limit", {"mostRunning": 1})
    deployments = []
    for module in ("module-one", "module-two"):
        world.has_version("1.0.0", module=module)
        deployments.append(world.deploy("1.0.0", "Development", module=module))
        world.settle()

    line = world.ok("vic", "GET", "/api/v1/line")
    assert (line["running"], line["waiting"]) == ([deployments[0]], [deployments[1]])
    assert [world.run(each)["status"] for each in deployments] == ["Completed"] * 2


def test_what_was_cancelled_is_retried_by_a_new_deployment(world):
    world.has_nodes("Development", 2)
    world.has_version("1.0.0")
    first = world.deploy("1.0.0", "Development")
    world.until(lambda: world.events(first, "WaveStarted"), "the first wave")
    world.ok("dana", "POST", f"/api/v1/deployments/{first}/cancel", {"reason": "story"})
    assert world.run(first)["status"] == "Cancelled"

    again = world.ok("dana", "POST", f"/api/v1/deployments/{first}/retry", {"reason": "now"})

    assert (again["retries"], world.run(again["executionId"])["status"]) == (first, "Completed")
