"""Small clouds for the tests of the local cloud."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from infra.local.cloud import LocalCloud
from infra.local.sessions import session_with_shared_models
from infra.local.timers import Timers
from infra.local.virtual_time import VirtualTime
from infra.resources import HOTSWAP, Function, Resources, StateMachine

LAMBDA_WITH_TOKEN = "arn:aws:states:::lambda:invoke.waitForTaskToken"
ROLE = "arn:aws:iam::123456789012:role/testing"
TABLE = HOTSWAP.tables[0]
# Without the state machine and the functions of the product, which have tests of their own.
STORES = replace(HOTSWAP, functions=(), rules=(), schedules=(), state_machines=())


def resources_with(folder: Path, states: Mapping[str, Any], **machine: Any) -> Resources:
    """The stores, a function `work`, and a state machine `machine` of these states; the first one starts."""
    path = folder / "machine.asl.json"
    path.write_text(json.dumps({"StartAt": next(iter(states)), "States": states, **machine}))
    return replace(
        STORES,
        functions=(Function(name="work", handler="-", timeout_s=5),),
        state_machines=(StateMachine(name="machine", definition=path, function_arns={"WorkArn": "work"}),),
    )


def a_token_task(**changes: Any) -> dict[str, Any]:
    """A task that waits for its token, and ends."""
    task = {
        "Type": "Task",
        "Resource": LAMBDA_WITH_TOKEN,
        "Parameters": {
            "FunctionName": "${WorkArn}",
            "Payload": {"token.$": "$$.Task.Token", "name.$": "$$.Execution.Name", "state.$": "$$.State.Name"},
        },
        "ResultPath": "$.answer",
        "End": True,
    }
    return {name: value for name, value in {**task, **changes}.items() if value is not None}


class Desk:
    """A handler that notes the tokens it is given, in order, per execution."""

    def __init__(self) -> None:
        self.tokens: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Any, context: Any) -> None:
        with self._lock:
            self.tokens.setdefault(event["name"], []).append(event["token"])


@contextmanager
def a_cloud(
    folder: Path, states: Mapping[str, Any], handler: Any, timers: Timers | None = None, **machine: Any
) -> Iterator[LocalCloud]:
    """A cloud with one state machine whose only function is `handler`."""
    resources = resources_with(folder, states, **machine)
    with LocalCloud(timers=timers or VirtualTime(), resources=resources, handlers={"work": handler}) as cloud:
        yield cloud


@contextmanager
def bare_moto() -> Iterator[None]:
    """moto as it comes, to show what is wrong with it."""
    with (
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
        patch("boto3.DEFAULT_SESSION", session_with_shared_models()),
    ):
        yield


def eventually(what: str, holds: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Wait until `holds()` is true and return it; fails with `what` when it never is."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while time.monotonic() < deadline:
        if found := holds():
            return found
        pause.wait(0.005)
    raise AssertionError(f"not within {timeout_s} s: {what}")
