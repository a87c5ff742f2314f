"""Every refusal there is, brought about through HTTP, with its named reason. The list is held against the program's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.line import MOST_WAITING, Line
from chalicelib.routes.problems import KINDS
from chalicelib.usecases.ports import Replace
from tests.stories.conftest import a_world
from tests.stories.nodes import Behaviour
from tests.stories.test_freezes import window
from tests.stories.world import World

MODULE = "payment-processor"
DEPLOYMENTS = "/api/v1/deployments"
APPROVALS = "/api/v1/approvals/deployments"


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(on_dynamodb=False) as found:
        yield found


Scenario = Callable[[World], Any]
SCENARIOS: dict[str, Scenario] = {}

ONLY_INSIDE = {
    "conflict": "the ancestor of the conflicts, and what an execution is told that another has replaced",
    "artifact-refused": "ends the deployment it was found in, by its own code: below",
    "destination-refused": "met when a call goes out, and told by its stage: tests/security/test_outbound.py",
    "stale-write": "two writers at once; each use case reads again: tests/usecases/test_interleavings.py",
    "unavailable": "a service that does not answer: tests/security/test_forced_failures.py",
    "too-many-requests": "no limits count in a story: tests/routes/test_limits.py",
}
"""Kinds of problems that no request brings about alone, and where they are tested."""


def refusal(scenario: Scenario) -> Scenario:
    """What brings about the problem the function is named after."""
    SCENARIOS[scenario.__name__.replace("_", "-")] = scenario
    return scenario


def asked(world: World, version: str = "1.0.0", *, user: str = "dana", **more: Any) -> Any:
    body = {"moduleName": MODULE, "version": version, "targetEnvironment": "Development", **more}
    return world.as_user(user, "POST", DEPLOYMENTS, body)


def baking(world: World, *, concurrency: str = "queue") -> str:
    """A deployment that bakes for long."""
    world.has_policy("Development", strategy={"kind": "Direct", "bakeSeconds": 3_600}, concurrency=concurrency)
    deployment = world.deploy("1.0.0", "Development")
    world.until(lambda: world.events(deployment, "WaveDeployed"), "the bake")
    return deployment


@refusal
def invalid_input(world: World) -> Any:
    return asked(world, targetEnvironment="Moon")


@refusal
def not_found(world: World) -> Any:
    return asked(world, "9.9.9")


@refusal
def not_authenticated(world: World) -> Any:
    return world.call("GET", DEPLOYMENTS)


@refusal
def not_allowed(world: World) -> Any:
    return asked(world, user="vic")


@refusal
def illegal_transition(world: World) -> Any:
    done = world.run(world.deploy("1.0.0", "Development"))
    return world.as_user("dana", "POST", f"{DEPLOYMENTS}/{done['executionId']}/pause", {})


@refusal
def already_exists(world: World) -> Any:
    versions = f"/api/v1/modules/{MODULE}/versions"
    known = world.ok("vic", "GET", f"{versions}/1.0.0")
    body = {name: known[name] for name in ("version", "size", "signature", "keyId")}
    return world.as_user("dana", "POST", versions, {**body, "digest": "sha256:" + "f" * 64})


@refusal
def already_decided(world: World) -> Any:
    deployment = world.deploy("1.0.0", "Development", requireApproval=True)
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"{APPROVALS}/{deployment}/reject", {"reason": "not today"})
    return world.as_user("amal", "POST", f"{APPROVALS}/{deployment}/approve", {"reason": "or is it"})


@refusal
def wrong_digest(world: World) -> Any:
    deployment = world.deploy("1.0.0", "Development", requireApproval=True)
    world.until_status(deployment, "PendingApproval")
    return world.as_user("amal", "POST", f"{APPROVALS}/{deployment}/approve", {"planHash": "0" * 64})


@refusal
def turn_taken(world: World) -> Any:
    baking(world, concurrency="reject")
    world.has_version("1.0.1")
    return asked(world, "1.0.1")


@refusal
def frozen(world: World) -> Any:
    world.has_policy("Development", freezes=[window(world, 2, then="refuse")])
    return asked(world)


@refusal
def quarantined(world: World) -> Any:
    world.has_version("1.0.1", Behaviour(starts=False))
    assert world.run(world.deploy("1.0.1", "Development"))["status"] == "RolledBack"
    return asked(world, "1.0.1")


@refusal
def idempotency_mismatch(world: World) -> Any:
    headers = {"Idempotency-Key": "one"}
    body = {"moduleName": MODULE, "version": "1.0.0", "targetEnvironment": "Development"}
    world.ok("dana", "POST", DEPLOYMENTS, body, **headers)
    return world.as_user("dana", "POST", DEPLOYMENTS, {**body, "description": "another"}, **headers)


@refusal
def queue_full(world: World) -> Any:
    world.has_policy("Development", strategy={"kind": "Direct", "bakeSeconds": 3_600}, queueLimit=1)
    for version in ("1.0.0", "1.0.1"):
        world.has_version(version)
        world.deploy(version, "Development")
        world.settle()
    world.has_version("1.0.2")
    return asked(world, "1.0.2")


@refusal
def line_full(world: World) -> Any:
    world.ok("ada", "PUT", "/api/v1/line/limit", {"mostRunning": 1})
    store = wiring.ports().store
    line = store.get(Line)
    assert line is not None
    waiting = tuple(f"somebody-{number}" for number in range(MOST_WAITING))
    store.commit(Replace(replace(line, waiting=waiting, revision=line.revision + 1)))
    return asked(world)


@refusal
def line_stopped(world: World) -> Any:
    deployment = baking(world)
    world.ok("amal", "POST", "/api/v1/line/stop", {"reason": "stocktaking"})
    world.until_status(deployment, "Paused")
    return world.as_user("dana", "POST", f"{DEPLOYMENTS}/{deployment}/resume", {})


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_refusal_has_its_name_a_status_and_words(world: World, name: str):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    status = next(int(kind.status) for kind in KINDS.values() if kind.name == name)

    answer = SCENARIOS[name](world)

    problem = answer.json()
    assert (answer.status, problem["type"], problem["status"]) == (status, f"/problems/{name}", status), problem
    assert len(problem["detail"]) > 10
    assert problem["requestId"]
    assert not re.search(r"Traceback|Error\(|botocore", problem["detail"])


def test_no_kind_of_problem_is_left_out():
    assert set(SCENARIOS) | set(ONLY_INSIDE) == {kind.name for kind in KINDS.values()}
    assert not set(SCENARIOS) & set(ONLY_INSIDE)


Late = Callable[[World], str]
ENDINGS: dict[str, Late] = {}


def ending(scenario: Late) -> Late:
    """What makes a deployment that was accepted end with the code the function is named after."""
    ENDINGS[scenario.__name__.upper()] = scenario
    return scenario


@ending
def no_nodes(world: World) -> str:
    return world.deploy("1.0.0", "Development")


@ending
def artifact_missing(world: World) -> str:
    world.has_nodes("Development", 1)
    world.has_version("1.0.1", upload=False)
    return world.deploy("1.0.1", "Development")


@ending
def artifact_key_revoked(world: World) -> str:
    world.has_nodes("Development", 1)
    key = world.ok("vic", "GET", f"/api/v1/modules/{MODULE}/versions/1.0.0")["keyId"]
    world.ok("ada", "POST", f"/api/v1/signing-keys/{key}/revoke", {"reason": "it was copied"})
    return world.deploy("1.0.0", "Development")


@ending
def artifact_downgrade(world: World) -> str:
    world.has_nodes("Development", 1)
    world.has_version("1.0.1")
    assert world.run(world.deploy("1.0.1", "Development"))["status"] == "Completed"
    return world.deploy("1.0.0", "Development")


@ending
def nodes_failed(world: World) -> str:
    world.has_nodes("Development", 1)
    world.has_version("1.0.1", Behaviour(starts=False))
    return world.deploy("1.0.1", "Development")


@ending
def rejected(world: World) -> str:
    world.has_nodes("Development", 1)
    deployment = world.deploy("1.0.0", "Development", requireApproval=True)
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"{APPROVALS}/{deployment}/reject", {"reason": "not today"})
    return deployment


@ending
def expired(world: World) -> str:
    world.has_nodes("Development", 1)
    world.has_policy("Development", approval={"expiresSeconds": 600})
    return world.deploy("1.0.0", "Development", requireApproval=True)


@ending
def cancelled(world: World) -> str:
    world.has_nodes("Development", 1)
    deployment = baking(world)
    world.ok("dana", "POST", f"{DEPLOYMENTS}/{deployment}/cancel", {"reason": "a mistake"})
    return deployment


@ending
def superseded(world: World) -> str:
    world.has_nodes("Development", 1)
    first = baking(world, concurrency="supersede")
    world.has_version("1.0.1")
    world.deploy("1.0.1", "Development")
    return first


@pytest.mark.long
@pytest.mark.parametrize("code", sorted(ENDINGS))
def test_every_end_of_an_accepted_deployment_that_is_not_the_good_one_has_its_code_and_words(world: World, code: str):
    world.has_version("1.0.0")

    done = world.run(ENDINGS[code](world))

    assert done["error"]["code"] == code
    assert len(done["error"]["message"]) > 10
    assert done["endTime"]
