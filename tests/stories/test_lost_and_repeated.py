"""Requests that come twice, executions that vanish, tokens that are out of date."""

from __future__ import annotations

import json

from chalicelib import wiring
from chalicelib.domain.waiting import Wait
from tests.stories.world import World

BODY = {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Development"}


def post(world: World, key: str, **changes: object):
    return world.as_user("dana", "POST", "/api/v1/deployments", BODY | changes, **{"Idempotency-Key": key})


def stop_execution(world: World, name: str) -> None:
    """What no code of ours does: somebody stops the execution by hand."""
    machine = world.cloud.outputs["hotswap-deployment"].replace(":stateMachine:", ":execution:")
    world.cloud.client("stepfunctions").stop_execution(executionArn=f"{machine}:{name}")
    world.settle()


def test_the_same_key_and_request_give_the_same_deployment(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")

    first, second = post(world, "k-1"), post(world, "k-1")

    assert (first.status, second.status) == (202, 202)
    assert first.json()["executionId"] == second.json()["executionId"]
    listed = world.ok("vic", "GET", "/api/v1/deployments")["deployments"]
    assert len(listed) == 1


def test_the_same_key_with_another_request_is_422_and_changes_nothing(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    post(world, "k-1")

    other = post(world, "k-1", description="something else")

    assert other.status == 422
    assert len(world.ok("vic", "GET", "/api/v1/deployments")["deployments"]) == 1


def test_an_execution_that_is_lost_is_continued_by_a_new_one(world):
    world.has_nodes("Production", 4)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    deployment = world.deploy("2.0.0")
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {})
    world.until(lambda: len(world.events(deployment, "WaveStarted")) == 2, "the second wave")

    stop_execution(world, deployment)
    world.beats(2)
    world.cloud.fire("hotswap-sweeps")
    done = world.run(deployment)

    assert done["status"] == "Completed"
    assert world.running() == ["2.0.0"] * 4
    assert [event["detail"]["execution"] for event in world.events(deployment, "ExecutionReplaced")] == [
        f"{deployment}-r1"
    ]
    started = [event["wave"] for event in world.events(deployment, "WaveStarted")]
    assert started == sorted(set(started)), "no wave is started twice"


def test_a_lost_execution_of_a_deployment_that_must_be_taken_back_is_finished_too(world):
    world.has_nodes("Development", 2)
    world.has_policy("Development", strategy={"bakeSeconds": 600})
    world.runs("1.0.0", "Development")
    world.has_version("2.0.0")
    deployment = world.deploy("2.0.0", "Development")
    world.until(lambda: world.events(deployment, "WaveDeployed"), "the wave to bake")
    stop_execution(world, deployment)

    world.ok("dana", "POST", f"/api/v1/deployments/{deployment}/cancel", {})
    world.beats(2)
    world.cloud.fire("hotswap-sweeps")

    assert world.run(deployment)["status"] == "Cancelled"
    assert world.running("Development") == ["1.0.0"] * 2


def test_a_token_of_an_earlier_attempt_wakes_nobody(world):
    world.has_nodes("Staging", 1)
    world.has_version("1.0.0")
    deployment = world.deploy("1.0.0", "Staging")
    world.until_status(deployment, "PendingApproval")
    old = wiring.store().get(Wait, deployment)
    assert old is not None
    stop_execution(world, deployment)
    world.beats(2)
    world.cloud.fire("hotswap-sweeps")
    world.settle()

    answered = wiring.executions().answer(old.token, {"deploymentId": deployment, "next": "turn", "seconds": 1})

    assert answered is False
    new = wiring.store().get(Wait, deployment)
    assert new is not None
    assert (new.run, new.token_hash == old.token_hash) == (1, False)
    assert world.get(deployment)["status"] == "PendingApproval"


def test_the_sweep_finds_nothing_to_do_the_second_time(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    world.run(world.deploy("1.0.0", "Development"))
    world.cloud.fire("hotswap-sweeps")

    again = world.cloud.fire("hotswap-sweeps")

    assert set(again.values()) == {0}


def test_an_execution_carries_ids_and_small_numbers_only(world):
    world.has_nodes("Production", 10)
    world.runs("1.0.0")
    deployment = world.ok("vic", "GET", "/api/v1/deployments")["deployments"][0]["executionId"]
    machine = world.cloud.outputs["hotswap-deployment"].replace(":stateMachine:", ":execution:")

    history = world.cloud.client("stepfunctions").get_execution_history(executionArn=f"{machine}:{deployment}")

    entered = [e["stateEnteredEventDetails"] for e in history["events"] if "stateEnteredEventDetails" in e]
    assert entered
    for state in entered:
        known = json.loads(state["input"])
        assert set(known) <= {
            "deploymentId",
            "correlationId",
            "environment",
            "next",
            "seconds",
            "status",
            "failure",
            "timeout",
        }
        assert len(state["input"]) < 2_000
