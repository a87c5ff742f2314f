"""Whole deployments through HTTP, adapters, table and state machine: every kind of call to AWS in every way of failing.

Which call of its kind fails is chosen by `HOTSWAP_CHAOS_SEED`; `make test` plays every third, `make test-long` the others.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.timeline import OutboxMessage
from infra.local.cloud import FunctionError
from infra.local.stack import handlers
from tests.canaries import PASSWORD
from tests.chaos.aws_faults import OF_FUNCTIONS, AwsMode, Boundary, FaultAt, PatientHttp
from tests.stories.conftest import a_world
from tests.stories.world import ENDS, World

SEED = int(os.environ.get("HOTSWAP_CHAOS_SEED", "20261128"))
SWEEP_EVERY, MOST_BEATS = 60, 420
WHERE = "Development"
FORTH = (
    "dynamodb.BatchGetItem",
    "dynamodb.BatchWriteItem",
    "dynamodb.DeleteItem",
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.Query",
    "dynamodb.TransactWriteItems",
    "events.PutEvents",
    "s3.GET",
    "states.DescribeExecution",
    "states.SendTaskSuccess",
    "states.StartExecution",
)
"""Every kind of call of a deployment that goes well, with a sweep on the way."""
BACK = ("states.SendTaskFailure",)
"""What only a cancelled one makes."""
FUNCTIONS = ("function.steps", "function.sweeps")
EVERY = [
    *((operation, mode) for operation in (*FORTH, *BACK) for mode in AwsMode),
    *((function, mode) for function in FUNCTIONS for mode in OF_FUNCTIONS),
]
NOT_OURS = ("lambda.POST", "secretsmanager.GetSecretValue", "secretsmanager.PutSecretValue")
"""Step Functions and the schedule call functions; secrets are read when a function begins, and kept."""
SOMETIMES = ("states.SendTaskHeartbeat",)
"""Asked only where the machine comes to its next wait before whoever answered the last one has written that down."""
boundary = Boundary()
SHARE = 3
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def installation() -> Iterator[World]:
    """Two nodes that run 1.0.0, on the real table. The SDK does not pause between its attempts."""
    with (
        pytest.MonkeyPatch.context() as patch,
        a_world(on_dynamodb=True, functions=boundary.around(handlers())) as world,
    ):
        patch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
        patch.setattr("chalicelib.adapters.dynamodb.patience.time.sleep", lambda _seconds: None)
        world.has_nodes(WHERE, 2)
        world.has_version("1.0.0")
        world.run(world.deploy("1.0.0", WHERE))
        yield world


@pytest.fixture(scope="module")
def counted(installation: World) -> dict[str, int]:
    """How often an undisturbed deployment makes each kind of call."""
    calls: dict[str, int] = {}
    for cancel in (False, True):
        fault = FaultAt("", 1, None)
        deployed(installation, fault, cancel=cancel)
        calls |= {name: count for name, count in fault.calls.items() if cancel is (name in BACK)}
    return calls


def deployed(world: World, fault: FaultAt, *, cancel: bool) -> tuple[dict[str, Any], str]:
    """What became of a deployment of the next version under this fault, and the version."""
    version = f"2.{next(numbers)}.0"
    log_in(world)
    world.has_version(version)
    plain, world.http = world.http, PatientHttp(world.http)
    world.cloud.call_hook.around = boundary.fault = fault
    try:
        body = {"moduleName": "payment-processor", "version": version, "targetEnvironment": WHERE}
        body |= {"requireApproval": True} if cancel else {}
        answer = world.as_user("dana", "POST", "/api/v1/deployments", body, **{"Idempotency-Key": version})
        assert answer.status == 202, answer.body
        deployment = answer.json()["executionId"]
        if cancel:
            world.until_status(deployment, "PendingApproval")
            world.as_user("dana", "POST", f"/api/v1/deployments/{deployment}/cancel", {})
        return to_its_end(world, deployment), version
    finally:
        world.cloud.call_hook.around = boundary.fault = None
        world.http = plain


def log_in(world: World) -> None:
    """Anew: so many deployments take longer than a session."""
    for user in world.tokens:
        body = {"username": user, "password": PASSWORD}
        answer = world.http.request("POST", "/api/v1/authentication/login", json=body)
        world.tokens[user] = answer.json()["accessToken"]


def to_its_end(world: World, deployment: str) -> dict[str, Any]:
    """The deployment when it has ended and its execution too; a sweep comes at once, and then every minute."""
    for beat in range(MOST_BEATS):
        if beat % SWEEP_EVERY == 0:
            sweep(world)
        world.beats()
        now = world.get(deployment)
        if now["status"] in ENDS and not is_running(world, deployment):
            return now
    raise AssertionError(f"after {MOST_BEATS} beats still {now['status']}, its execution runs: {now}")


def sweep(world: World) -> None:
    """The schedule runs the function; where that fails it runs again a minute later."""
    world.settle()
    with suppress(FunctionError):
        world.cloud.fire("hotswap-sweeps")
    world.settle()


def is_running(world: World, deployment: str) -> bool:
    around, world.cloud.call_hook.around = world.cloud.call_hook.around, None
    try:
        return wiring.ports().executions.is_running(deployment)
    finally:
        world.cloud.call_hook.around = around


def play(world: World, counted: dict[str, int], operation: str, mode: AwsMode) -> None:
    cancel = operation in BACK
    nth = random.Random(f"{SEED} {operation} {mode}").randint(1, counted[operation])
    fault = FaultAt(operation, nth, mode)

    done, version = deployed(world, fault, cancel=cancel)
    world.beats(2)
    sweep(world)
    world.beats(2)

    where = f"call {nth} of {operation} {mode}: {done}"
    assert fault.fired, where
    ends = {"Cancelled", "Completed"} if cancel else {"Completed"}
    assert done["status"] in ends, where
    if done["status"] == "Completed":
        assert world.running(WHERE) == [version] * 2, where
    assert len(set(world.running(WHERE))) == 1, where
    assert not wiring.store().page(OutboxMessage, "open", "OUTBOX", limit=1).records, where
    seqs = [event["seq"] for event in world.events(done["executionId"])]
    assert seqs == list(range(1, len(seqs) + 1)), where


def test_the_list_of_calls_is_complete(counted: dict[str, int]) -> None:
    """A kind of call that is new here is not forgotten."""
    made = {name for name in counted if not name.startswith("function.")}
    assert made - {*NOT_OURS, *SOMETIMES} == {*FORTH, *BACK}


@pytest.mark.parametrize(("operation", "mode"), EVERY[SEED % SHARE :: SHARE])
def test_a_call_to_aws_that_fails_in_any_way_loses_nothing(
    installation, counted, operation: str, mode: AwsMode
) -> None:
    play(installation, counted, operation, mode)


@pytest.mark.long
@pytest.mark.parametrize(
    ("operation", "mode"), [each for number, each in enumerate(EVERY) if number % SHARE != SEED % SHARE]
)
def test_and_in_the_other_ways(installation, counted, operation: str, mode: AwsMode) -> None:
    play(installation, counted, operation, mode)
