"""Approvals: a question about one plan in one environment, with exactly one outcome, that blocks nobody meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stories.world import World


@pytest.fixture
def staging(world: World) -> World:
    """Staging with two nodes and the delivered policy, which asks for one approver."""
    world.has_nodes("Staging", 2)
    world.has_version("1.0.0")
    return world


def decide(world: World, user: str, deployment: str, verb: str, **body: str):
    return world.as_user(user, "POST", f"/api/v1/approvals/deployments/{deployment}/{verb}", body)


def asked(world: World) -> str:
    deployment = world.deploy("1.0.0", "Staging")
    world.until_status(deployment, "PendingApproval")
    return deployment


def test_a_deployment_that_needs_approval_waits_in_pending_approval(staging):
    deployment = asked(staging)

    staging.beats(20)

    assert staging.get(deployment)["status"] == "PendingApproval"
    assert staging.running("Staging") == [None, None]


def test_approving_lets_it_complete(staging):
    deployment = asked(staging)

    answer = decide(staging, "amal", deployment, "approve", reason="fine")

    assert answer.status == 200, answer.body
    assert staging.run(deployment)["status"] == "Completed"
    assert staging.running("Staging") == ["1.0.0", "1.0.0"]


def test_rejecting_ends_it_rejected_and_touches_no_node_of_that_environment(staging):
    deployment = asked(staging)

    decide(staging, "amal", deployment, "reject", reason="not today")

    done = staging.run(deployment)
    assert (done["status"], done["error"]["code"]) == ("Rejected", "REJECTED")
    assert "not today" in done["error"]["message"]
    assert all(not node.history for node in staging.nodes["Staging"])


def test_an_approval_nobody_decides_expires_and_ends_the_deployment_expired(staging):
    deployment = asked(staging)

    staging.until_status(deployment, "Expired")

    assert not staging.events(deployment, "WaveStarted")
    late = decide(staging, "amal", deployment, "approve")
    assert late.status == 409
    assert "Expired" in late.json()["detail"]


def test_whoever_requested_a_deployment_cannot_approve_it(world):
    world.has_nodes("Staging", 1)
    world.has_version("1.0.0")
    body = {
        "moduleName": "payment-processor",
        "version": "1.0.0",
        "targetEnvironment": "Staging",
        "hotfix": {"reason": "story", "skip": ["Development", "QA"]},
    }
    deployment = world.ok("ada", "POST", "/api/v1/deployments", body)["executionId"]
    world.until_status(deployment, "PendingApproval")

    own = decide(world, "ada", deployment, "approve")

    assert own.status == 403
    assert world.get(deployment)["status"] == "PendingApproval"
    assert decide(world, "bo", deployment, "approve").status == 200


def test_two_opposite_decisions_at_one_moment_have_one_winner_and_one_conflict(staging):
    deployment = asked(staging)

    with ThreadPoolExecutor(2) as pool:
        yes = pool.submit(decide, staging, "amal", deployment, "approve")
        no = pool.submit(decide, staging, "bo", deployment, "reject")
    answers = sorted((yes.result().status, no.result().status))

    assert answers == [200, 409]
    expected = "Completed" if yes.result().status == 200 else "Rejected"
    assert staging.run(deployment)["status"] == expected


def test_the_pending_list_shows_it_with_its_remaining_time(staging):
    deployment = asked(staging)

    pending = staging.ok("amal", "GET", "/api/v1/approvals/pending")["approvals"]

    assert [approval["executionId"] for approval in pending] == [deployment]
    assert 0 < pending[0]["remainingSeconds"] <= 86_400
    assert pending[0]["targetEnvironment"] == "Staging"


def test_a_waiting_approval_blocks_nobody(staging):
    waiting = asked(staging)
    staging.has_version("1.0.1")

    other = staging.run(staging.deploy("1.0.1", "Staging"), approve=True)

    assert other["status"] == "Completed"
    assert staging.get(waiting)["status"] == "PendingApproval"


def test_people_are_asked_again_when_the_plan_is_another_than_they_approved(staging):
    staging.runs("1.0.0", "Staging")
    staging.has_version("1.1.0")
    staging.has_version("1.2.0")
    first = staging.deploy("1.1.0", "Staging")
    second = staging.deploy("1.2.0", "Staging")
    for deployment in (first, second):
        staging.until_status(deployment, "PendingApproval")
        decide(staging, "amal", deployment, "approve")

    staging.run(first)
    staging.until_status(second, "PendingApproval")

    assert staging.events(second, "PlanChanged"), "it would have replaced 1.0.0, and now it would replace 1.1.0"
    assert len(staging.events(second, "ApprovalRequested")) == 2
    decide(staging, "amal", second, "approve")
    assert staging.run(second)["status"] == "Completed"


def test_require_approval_adds_a_gate_and_false_never_removes_one(world):
    world.has_nodes("Development", 1)
    world.has_nodes("QA", 1)
    world.has_nodes("Staging", 1)
    world.has_version("1.0.0")

    gated = world.deploy("1.0.0", "Development", requireApproval=True)
    world.until_status(gated, "PendingApproval")
    decide(world, "amal", gated, "approve")
    world.run(gated)
    ungated = world.deploy("1.0.0", "Staging", requireApproval=False)

    assert world.until_status(ungated, "PendingApproval")["status"] == "PendingApproval"


def test_an_approver_may_not_deploy_and_a_deployer_may_not_approve(staging):
    deployment = asked(staging)

    assert decide(staging, "dana", deployment, "approve").status == 403
    assert decide(staging, "vic", deployment, "reject").status == 403
    body = {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Staging"}
    assert staging.as_user("amal", "POST", "/api/v1/deployments", body).status == 403
