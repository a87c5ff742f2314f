"""What people say to a running deployment, and what it does then."""

from __future__ import annotations

import pytest

from tests.stories.world import World


@pytest.fixture
def baking(world: World) -> tuple[World, str]:
    """Production with four nodes on 1.0.0, and 2.0.0 baking on the first."""
    world.has_nodes("Production", 4)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    deployment = world.deploy("2.0.0")
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {})
    world.until(lambda: world.events(deployment, "WaveDeployed"), "the first wave to be deployed")
    return world, deployment


def say(world: World, deployment: str, verb: str, user: str = "dana"):
    return world.as_user(user, "POST", f"/api/v1/deployments/{deployment}/{verb}", {"reason": "story"})


def test_cancelling_before_a_node_was_touched_ends_it_at_once(world):
    world.has_nodes("Staging", 2)
    world.has_version("1.0.0")
    deployment = world.deploy("1.0.0", "Staging")
    world.until_status(deployment, "PendingApproval")

    answer = say(world, deployment, "cancel")

    assert (answer.status, world.get(deployment)["status"]) == (202, "Cancelled")
    assert all(not node.history for node in world.nodes["Staging"])
    pending = world.ok("amal", "GET", "/api/v1/approvals/pending")["approvals"]
    assert pending == [], "its question is withdrawn"


def test_cancelling_after_a_node_was_touched_gives_back_what_ran_before(baking):
    world, deployment = baking

    assert say(world, deployment, "cancel").status == 202

    assert world.get(deployment)["status"] == "RollingBack"
    done = world.run(deployment)
    assert (done["status"], done["error"]["code"]) == ("Cancelled", "CANCELLED")
    assert world.running() == ["1.0.0"] * 4


def test_cancelling_twice_changes_nothing(baking):
    world, deployment = baking

    say(world, deployment, "cancel")
    again = say(world, deployment, "cancel")

    assert again.status == 202
    world.run(deployment)
    assert len(world.events(deployment, "CancelRequested")) == 1


def test_a_pause_keeps_what_was_left_of_the_bake_and_resume_goes_on_with_it(baking):
    world, deployment = baking
    deployed = world.events(deployment, "WaveDeployed")[0]["detail"]["bakeUntil"]

    assert say(world, deployment, "pause").status == 202
    world.beats(10)
    assert world.get(deployment)["status"] == "Paused"
    assert world.running().count("2.0.0") == 1
    assert say(world, deployment, "resume").status == 202
    done = world.run(deployment)

    assert done["status"] == "Completed"
    assert done["environments"][-1]["waves"][0]["endedAt"] > deployed


def test_a_pause_nobody_ends_is_cancelled_when_its_time_is_up(baking):
    world, deployment = baking
    say(world, deployment, "pause")

    done = world.run(deployment)

    assert done["status"] == "Cancelled"
    assert world.running() == ["1.0.0"] * 4


def test_promote_ends_this_bake_and_the_judge_still_speaks(baking):
    world, deployment = baking
    assert not world.events(deployment, "VerdictReached")

    assert say(world, deployment, "promote").status == 202
    world.settle()

    assert [event["detail"]["final"] for event in world.events(deployment, "VerdictReached")] == [True]


def test_a_deployment_that_has_ended_is_undone_by_a_new_one_without_approval(baking):
    world, deployment = baking
    assert world.run(deployment)["status"] == "Completed"

    answer = say(world, deployment, "rollback")

    assert answer.status == 202
    undoing = answer.json()["executionId"]
    assert undoing != deployment
    done = world.run(undoing)
    assert (done["status"], done["kind"], done["version"]) == ("Completed", "rollback", "1.0.0")
    assert world.running() == ["1.0.0"] * 4
    assert not world.events(undoing, "ApprovalRequested")


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "cancel"])
def test_an_illegal_signal_is_409_and_names_the_state(world, verb):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    deployment = world.deploy("1.0.0", "Development")
    world.run(deployment)

    answer = say(world, deployment, verb)

    assert answer.status == 409
    assert answer.json()["currentStatus"] == "Completed"


def test_rolling_back_what_still_runs_is_409(baking):
    world, deployment = baking

    assert say(world, deployment, "rollback").status == 409


def test_a_newer_deployment_supersedes_an_older_one_where_the_policy_says_so(world):
    world.has_nodes("Development", 2)
    world.has_policy("Development", concurrency="supersede", strategy={"bakeSeconds": 600})
    world.runs("1.0.0", "Development")
    for version in ("2.0.0", "3.0.0"):
        world.has_version(version)
    older = world.deploy("2.0.0", "Development")
    world.until(lambda: world.events(older, "WaveDeployed"), "the older one to bake")

    newer = world.deploy("3.0.0", "Development")

    assert world.run(newer)["status"] == "Completed"
    ended = world.get(older)
    assert ended["status"] == "Superseded"
    assert newer in ended["error"]["message"]
    assert world.running("Development") == ["3.0.0"] * 2


def test_a_policy_may_reject_instead_of_queueing_and_names_the_holder(world):
    world.has_nodes("Development", 1)
    world.has_policy("Development", concurrency="reject", strategy={"bakeSeconds": 600})
    world.has_version("1.0.0")
    world.has_version("2.0.0")
    holder = world.deploy("1.0.0", "Development")
    world.settle()

    body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development"}
    refused = world.as_user("dana", "POST", "/api/v1/deployments", body)

    assert refused.status == 409
    assert holder in refused.json()["detail"]
