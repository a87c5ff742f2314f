"""What the functions do they may do: every call of a run in which each of them works is allowed by its policy."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.usecases.outbound_ports import Reply
from infra.local.http_server import LocalHttp
from infra.permissions import PERMISSIONS, arn
from tests.aws.recorder import Recorder, as_function, named
from tests.stories import conftest as stories
from tests.stories.nodes import Behaviour
from tests.stories.world import World

URL = "https://hooks.example.com/ci"


class Receiver:
    """Somebody's endpoint, which succeeds."""

    def post(self, _url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        return Reply(status=200, body=json.dumps({"status": "Succeeded", "message": ""}).encode())


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str, str]]:
    """A run in which every function does all it is there for, with every record in the table."""
    handlers, request = stories.handlers, LocalHttp.request
    monkeypatch.setattr(stories, "handlers", lambda: named(handlers()))

    def as_api(self: Any, *arguments: Any, **more: Any) -> Any:
        with as_function("api"):
            return request(self, *arguments, **more)

    monkeypatch.setattr(LocalHttp, "request", as_api)
    with stories.a_world(on_dynamodb=True) as world:
        recorder = Recorder(world.cloud)
        wiring.install(outbound=Receiver(), pause=lambda _s: None)
        _run(world)
        return recorder.calls


def _run(world: World) -> None:
    # Whoever starts first makes the keys.
    world.call("GET", "/.well-known/jwks.json")
    theirs = {"function": "hotswap-hook-smoke"}
    world.ok("ada", "PUT", "/api/v1/hooks", {"test": {"url": URL}, "validation": theirs})
    world.has_nodes("Development", 1)
    world.has_version("1.0.0", Behaviour())
    # Their function does not exist, so this one fails at its end: the call is what matters here.
    world.run(world.deploy("1.0.0", "Development"))
    world.has_version("1.1.0", Behaviour())
    event = {"Source": "hotswap.requests", "DetailType": "DeploymentRequested", "EventBusName": "hotswap"}
    wanted = {"moduleName": "payment-processor", "version": "1.1.0", "targetEnvironment": "Development"}
    for detail in ({}, wanted):
        world.cloud.client("events").put_events(Entries=[{**event, "Detail": json.dumps(detail)}])
        world.settle()
    for _ in range(3):
        world.time.advance(120_000)
        world.cloud.fire("hotswap-sweeps")
        world.settle()


def test_every_call_of_every_function_is_allowed(recorded: set[tuple[str, str, str]]):
    assert {function for function, _, _ in recorded} == set(PERMISSIONS)
    forbidden = sorted(call for call in recorded if not _is_allowed(*call))

    assert forbidden == []


def test_a_call_that_no_policy_allows_is_found():
    assert not _is_allowed("hooks", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/hotswap")
    assert not _is_allowed("api", "dynamodb:Scan", "arn:aws:dynamodb:us-east-1:123456789012:table/hotswap")
    assert not _is_allowed("api", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/other")


def _is_allowed(function: str, action: str, resource: str) -> bool:
    return any(
        action in grant.actions and fnmatch.fnmatchcase(resource, arn(each, function=function, stage=None))
        for grant in PERMISSIONS[function]
        for each in grant.resources
    )
