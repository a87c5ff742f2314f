"""Warm handlers beside bare boto3 making the very same calls. Every call is answered from a recording, so the time is
the handlers' own: no emulator, no network, and no signature on either side (it would make both slower by the same).

The bare handler reads the body, makes the calls with boto3's usual client, and answers with the last item as JSON. It
asks nobody who is calling, checks nothing and forms no answer. `tuned` is the same bare handler with the clients of the
program, which leave out what AWS checks again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.model import OperationModel

import app as application
from chalicelib import wiring
from infra.local.repairs.lambda_functions import LocalContext
from load.bench.repeated import paired
from tests.stories.conftest import a_world
from tests.stories.world import World

TARGET = 1.5
TIMES, REPETITIONS = 20, 9


class Recording:
    """The calls of one request and what they were answered, to be played again. Other threads are left alone: there a
    deployment may be under way."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.answers: list[Any] = []
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self._at = 0

    def record(self, request: Any, proceed: Callable[[Any], Any]) -> Any:
        """For `CallHook.around`, while the request is made for the first time."""
        answer = proceed(request)
        if self.is_own:
            self.answers.append(answer)
        return answer

    @property
    def is_own(self) -> bool:
        """Whether this is the thread that makes the request."""
        return threading.get_ident() == self._thread

    def replay(self, request: Any, proceed: Callable[[Any], Any]) -> Any:
        """The recorded answers, in order, over and over."""
        if not self.is_own:
            return proceed(request)
        answer = self.answers[self._at]
        self._at = (self._at + 1) % len(self.answers)
        return answer


@contextmanager
def _noted(recording: Recording) -> Iterator[None]:
    """Write down with which parameters clients of the program are called."""
    clients = wiring.clients()
    used = [clients.get(service) for service in ("dynamodb", "stepfunctions", "events")]

    def note(params: dict[str, Any], model: OperationModel, **_other: Any) -> None:
        if not recording.is_own:
            return
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in model.name).removeprefix("_")
        recording.calls.append((model.service_model.service_name, name, dict(params)))

    for client in used:
        client.meta.events.register("before-parameter-build.*.*", note, unique_id="load")
    try:
        yield
    finally:
        for client in used:
            client.meta.events.unregister("before-parameter-build.*.*", unique_id="load")


def measure() -> dict[str, Any]:
    """Each handler, beside the bare one."""
    with a_world(on_dynamodb=True) as world:
        world.has_nodes("Production", 10)
        world.runs("1.0.0")
        world.has_version("2.0.0")
        done = world.run(world.deploy("2.0.0"), approve=True)
        found = {}
        for name, call in _requests(world, done["executionId"]).items():
            event, recording = _recorded(world, call)
            found[name] = _compare(world, event, recording)
        _cancel_what_is_open(world)
        return {"target": TARGET, "handlers": found}


def _cancel_what_is_open(world: World) -> None:
    """So that nothing still runs when the world ends."""
    for deployment in world.ok("ada", "GET", "/api/v1/deployments?limit=100")["deployments"]:
        if deployment["endTime"] is None:
            world.ok("ada", "POST", f"/api/v1/deployments/{deployment['executionId']}/cancel", {"reason": "bench"})
    world.settle()


def _requests(world: World, deployment: str) -> dict[str, Callable[[], Any]]:
    node = world.nodes["Production"][0]
    body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Production"}
    body |= {"hotfix": {"reason": "bench", "skip": ["Development", "QA", "Staging"]}}

    def beat() -> None:
        world.time.advance(1_000)
        node.beat(world.time.now_ms())

    return {
        "heartbeat, idle": beat,
        "GET deployment": lambda: world.ok("vic", "GET", f"/api/v1/deployments/{deployment}"),
        "GET events": lambda: world.ok("vic", "GET", f"/api/v1/deployments/{deployment}/events?after=0"),
        "GET deployments": lambda: world.ok("vic", "GET", "/api/v1/deployments?limit=20"),
        "GET cluster": lambda: world.ok("vic", "GET", "/api/v1/clusters/Production"),
        "POST deployment": lambda: world.ok("dana", "POST", "/api/v1/deployments", body),
    }


def _recorded(world: World, call: Callable[[], Any]) -> tuple[dict[str, Any], Recording]:
    """The event and the calls of the last request that `call` makes."""
    call()  # what is read once per process is not part of a warm request
    world.settle()
    recording, events = Recording(), []

    def around(event: Any, proceed: Callable[[], Any]) -> Any:
        events.append(event)
        recording.answers.clear()
        recording.calls.clear()
        return proceed()

    world.http.gateway.around, world.cloud.call_hook.around = around, recording.record
    try:
        with _noted(recording):
            call()
    finally:
        world.http.gateway.around = world.cloud.call_hook.around = None
    world.settle()
    if len(recording.calls) != len(recording.answers):
        raise RuntimeError(f"{len(recording.calls)} calls were noted, {len(recording.answers)} answered")
    return events[-1], recording


def _compare(world: World, event: dict[str, Any], recording: Recording) -> dict[str, Any]:
    context = LocalContext(function_name="api", invoked_function_arn="", timeout_s=29.0)
    services = {service for service, _, _ in recording.calls}
    usual = {service: boto3.client(service) for service in services}  # type: ignore[call-overload]
    tuned = {service: wiring.clients().get(service) for service in services}

    def ours() -> Any:
        answer = application.app(event, context)
        if answer["statusCode"] >= 300:
            raise RuntimeError(answer["body"])
        return answer

    def bare(clients: dict[str, Any]) -> dict[str, Any]:
        json.loads(event.get("body") or "{}")
        answer: dict[str, Any] = {}
        for service, operation, parameters in recording.calls:
            answer = getattr(clients[service], operation)(**parameters)
        return {"statusCode": 200, "body": json.dumps(answer.get("Item", {}))}

    world.cloud.call_hook.around = recording.replay
    try:
        compared = paired(ours, lambda: bare(usual), times=TIMES, repetitions=REPETITIONS)
        strictly = paired(ours, lambda: bare(tuned), times=TIMES, repetitions=REPETITIONS)
    finally:
        world.cloud.call_hook.around = None
    return {
        "calls": len(recording.calls),
        **compared,
        "ratioTuned": strictly["ratio"],
        "met": compared["ratio"]["median"] <= TARGET,
    }
