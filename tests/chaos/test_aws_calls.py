"""A whole deployment through HTTP, adapters and the state machine, with a fault where it tells the world and starts executions.

The fault lasts for as many attempts as the SDK makes, so that it is our code that has to deal with it. Tables are in
memory here: what the table's adapter does with errors is in tests/adapters/test_writes.py.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from chalicelib import wiring
from chalicelib.domain.timeline import OutboxMessage

ATTEMPTS = 5
"""At least as many as the SDK makes."""
GRACE_BEATS = 35
Proceed = Callable[[Any], Any]


def error(status: int, code: str) -> Any:
    """What moto answers with: status, headers, body."""
    body = json.dumps({"__type": code, "message": "injected"})
    return status, {"Content-Type": "application/x-amz-json-1.0"}, body.encode()


def refused(request: Any, _proceed: Proceed) -> Any:
    return error(500, "InternalServerError")


def throttled(request: Any, _proceed: Proceed) -> Any:
    return error(400, "ThrottlingException")


def not_reached(request: Any, _proceed: Proceed) -> Any:
    raise ConnectTimeoutError(endpoint_url=request.url)


def answer_lost(request: Any, proceed: Proceed) -> Any:
    proceed(request)
    return error(500, "InternalServerError")


def no_answer_in_time(request: Any, proceed: Proceed) -> Any:
    proceed(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def twice(request: Any, proceed: Proceed) -> Any:
    answer = proceed(request)
    proceed(request)
    return answer


class FaultAt:
    """The `nth` call to `operation`, and the attempts after it, meet the fault."""

    def __init__(self, operation: str, nth: int, fault: Callable[[Any, Proceed], Any]) -> None:
        self.operation, self.nth, self.fault = operation, nth, fault
        self.calls: Counter[str] = Counter()
        self.fired = 0

    def __call__(self, request: Any, proceed: Proceed) -> Any:
        name = operation_of(request)
        self.calls[name] += 1
        due = name == self.operation and self.nth <= self.calls[name] < self.nth + ATTEMPTS
        if not due:
            return proceed(request)
        self.fired += 1
        return self.fault(request, proceed)


def operation_of(request: Any) -> str:
    target = request.headers.get("X-Amz-Target")
    if target:
        text = target.decode() if isinstance(target, bytes) else str(target)
        return text.rpartition(".")[2]
    service = re.match(r"https://(\w+)", str(request.url))
    return f"{service[1] if service else '?'}:{request.method}"


OPERATIONS = ("PutEvents", "StartExecution")
FAULTS = (refused, throttled, not_reached, answer_lost, no_answer_in_time, twice)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_call_to_aws_that_fails_in_any_way_loses_nothing(world, monkeypatch, operation: str) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)  # the SDK's pauses between attempts
    world.has_nodes("Development", 2)
    world.has_version("1.0.0", upload=True)
    world.run(world.deploy("1.0.0", "Development"))

    for number, fault in enumerate(FAULTS):
        version = f"2.{number}.0"
        world.has_version(version)
        injected = FaultAt(operation, 1, fault)
        world.cloud.call_hook.around = injected
        deployment = world.deploy(version, "Development")
        for _ in range(GRACE_BEATS):
            if world.get(deployment)["endTime"]:
                break
            world.beats()
        world.cloud.fire("hotswap-sweeps")
        done = world.run(deployment)
        world.cloud.call_hook.around = None

        where = f"{operation} {fault.__name__}: {done}"
        assert injected.fired, where
        assert done["status"] == "Completed", where
        assert world.running("Development") == [version] * 2, where
        world.beats()
        world.cloud.fire("hotswap-sweeps")
        assert not wiring.store().page(OutboxMessage, "open", "OUTBOX", limit=1).records, where
        seqs = [event["seq"] for event in world.events(deployment)]
        assert seqs == list(range(1, len(seqs) + 1)), where
