"""The samples of docs/hooks-and-events.md do what is said of them: patterns match, transformers give JSON, functions run.

The commands of the page are typed into the local EventBridge, and what they leave there is held against a real event.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from moto.events.models import EventPattern

from chalicelib import wiring
from infra.naming import deployed
from infra.resources import HOTSWAP
from tests.docs.pages import ROOT, blocks_of
from tests.event_schema import check_event
from tests.stories.nodes import Behaviour
from tests.stories.world import World

PAGE = ROOT / "docs" / "hooks-and-events.md"
VARIABLES = {
    "TOPIC": "arn:aws:sns:eu-west-1:123456789012:hotswap-rollbacks",
    "FUNCTION_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:mine",
    "YOUR_FUNCTION": "arn:aws:lambda:eu-west-1:123456789012:function:publish",
}


def commands(verb: str) -> list[dict[str, Any]]:
    """Every `aws events VERB` of the page as its options, JSON read."""
    found = []
    for block in blocks_of(PAGE):
        text = re.sub(r"\\\n\s*", " ", block.text) if block.language == "sh" else ""
        for name, value in VARIABLES.items():
            text = text.replace(f"$YOUR_{name}", value).replace(f"${name}", value)
        for match in re.finditer(rf"^aws events {verb} ((?:[^'\n]|'[^']*')*)", text, re.MULTILINE):
            words = shlex.split(match[1])
            options = dict(zip(words[::2], words[1::2], strict=True))
            found.append({name: json.loads(said) if said[:1] in "[{" else said for name, said in options.items()})
    return found


def rule(name: str) -> dict[str, Any]:
    return next(each["--event-pattern"] for each in commands("put-rule") if each["--name"] == name)


def target(identity: str) -> dict[str, Any]:
    return next(each for one in commands("put-targets") for each in one["--targets"] if each["Id"] == identity)


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    return bool(EventPattern(json.dumps(pattern), pattern).matches_event(event))  # type: ignore[arg-type]


def transformed(transformer: dict[str, Any], event: dict[str, Any]) -> Any:
    """What EventBridge would hand on: every path found in the event, and the template JSON."""
    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        assert f"<{name}>" in text
        text = text.replace(f"<{name}>", str(value))
    assert not re.search(r"<\w+>", text)
    return json.loads(text)


@pytest.fixture
def rolled_back(world: World) -> dict[str, Any]:
    """The event of a deployment that was taken back, as the bus has it."""
    heard: list[dict[str, Any]] = []
    bus = wiring.bus()

    class Heard:
        def publish(self, messages: Any) -> None:
            heard.extend(messages)
            bus.publish(messages)

    wiring.install(bus=Heard())
    world.has_nodes("Production", 10)
    world.runs("1.0.0")
    world.has_version("2.1.0", Behaviour(error_rate=0.3))
    world.run(world.deploy("2.1.0"), approve=True)
    message = next(each for each in reversed(heard) if each["detailType"] == "DeploymentEnded")
    detail = {**message["detail"], "id": message["id"]}
    check_event(message["detailType"], detail)
    return {"source": "hotswap", "detail-type": message["detailType"], "id": "e1", "detail": detail}


def test_rules_targets_and_functions_of_the_page_work_on_what_the_bus_carries(rolled_back: dict[str, Any]) -> None:
    detail = rolled_back["detail"]
    assert matches(rule("rollbacks"), rolled_back)
    assert not matches(rule("rollbacks"), {**rolled_back, "detail": {**detail, "status": "Completed"}})
    assert not matches(rule("rollbacks"), {**rolled_back, "detail-type": "WaveStarted"})

    mail = transformed(target("mail")["InputTransformer"], rolled_back)
    slack = transformed(target("slack")["InputTransformer"], rolled_back)

    assert mail.startswith(f"payment-processor 2.1.0 to Production: RolledBack. Deployment {detail['executionId']}")
    # https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html: these are required, as they are here.
    assert (slack["version"], slack["source"]) == ("1.0", "custom")
    assert slack["content"]["textType"] == "client-markdown"
    assert "Production" in slack["content"]["description"]

    tickets: list[dict[str, str]] = []
    sample = sample_of("own-function")
    sample["open_ticket"] = lambda **said: tickets.append(said)
    for _ in range(2):
        sample["handler"](rolled_back, None)

    assert [each["title"] for each in tickets] == ["payment-processor 2.1.0 RolledBack in Production"]
    assert detail["correlationId"] in tickets[0]["text"]


def sample_of(name: str) -> dict[str, Any]:
    (block,) = [each for each in blocks_of(PAGE) if each.words == ("python", name)]
    namespace: dict[str, Any] = {}
    exec(compile(block.text, f"{PAGE.name}: {name}", "exec"), namespace)  # noqa: S102  # a sample of ours
    return namespace


def test_targets_and_rules_are_ones_that_eventbridge_takes(world: World) -> None:
    events = world.cloud.client("events")
    buses = {deployed(bus.name, "prod") for bus in HOTSWAP.buses}
    for bus in buses:
        events.create_event_bus(Name=bus)

    for said in commands("put-rule"):
        bus = said.get("--event-bus-name", "default")
        events.put_rule(Name=said["--name"], EventBusName=bus, EventPattern=json.dumps(said["--event-pattern"]))
    for said in commands("put-targets"):
        bus = said.get("--event-bus-name", "default")
        assert bus in buses | {"default"}
        answer = events.put_targets(Rule=said["--rule"], EventBusName=bus, Targets=said["--targets"])
        assert answer["FailedEntryCount"] == 0

    assert {each["--name"] for each in commands("put-rule")} == {"rollbacks", "builds"}
    assert len(commands("put-targets")) == 4


def test_what_ci_publishes_starts_what_the_rules_say(world: World) -> None:
    ready_for_publications(world)
    world.has_version("2.0.0")
    (said,) = commands("put-events")
    (entry,) = said["--entries"]
    assert entry["EventBusName"] == deployed("hotswap", "prod")

    world.cloud.client("events").put_events(Entries=[{**entry, "EventBusName": "hotswap"}])
    world.settle()

    assert [each["version"] for each in deployments(world)] == ["2.0.0"]


def test_a_zip_in_a_bucket_is_registered_uploaded_and_deployed_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_for_publications(world)
    content, signed = world.build("payment-processor", "2.0.0")
    world.behaviours[signed["digest"]] = Behaviour()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="my-builds")
    metadata = {"signature": signed["signature"], "key-id": signed["keyId"]}
    s3.put_object(Bucket="my-builds", Key="payment-processor/2.0.0.zip", Body=content, Metadata=metadata)
    monkeypatch.setenv("API", "https://hotswap.example.com")
    monkeypatch.setenv("TOKEN", world.tokens["dana"])
    monkeypatch.setenv("BUS", "hotswap")
    landed = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "my-builds"}, "object": {"key": "payment-processor/2.0.0.zip"}},
    }
    assert matches(rule("builds"), landed)
    sample = sample_of("from-a-bucket")
    sample["urlopen"] = lambda request: Answered(world, request)

    for _ in range(2):
        sample["handler"](landed, None)
        world.settle()

    assert [each["version"] for each in deployments(world)] == ["2.0.0"]
    assert world.run(deployments(world)[0]["executionId"])["status"] == "Completed"


class Answered:
    """What the network would answer: the API from this world, a link to S3 from its bucket."""

    def __init__(self, world: World, request: Any) -> None:
        address = urlsplit(request.full_url)
        if address.hostname == "hotswap.example.com":
            token = request.get_header("Authorization").removeprefix("Bearer ")
            answer = world.call(request.get_method(), address.path, json=json.loads(request.data), token=token)
            assert answer.status in (200, 201), answer.body
            self._body = answer.body
        else:
            assert request.get_method() == "PUT"
            bucket = HOTSWAP.buckets[0].name
            key = address.path.removeprefix("/").removeprefix(f"{bucket}/")
            world.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=request.data)
            self._body = b""

    def __enter__(self) -> Answered:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def read(self) -> bytes:
        return bytes(self._body)


def ready_for_publications(world: World) -> None:
    world.has_nodes("Development", 2)
    path = "/api/v1/modules/payment-processor/deploy-rules"
    world.ok("ada", "POST", path, {"targetEnvironment": "Development", "preReleases": True})


def deployments(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.ok("vic", "GET", "/api/v1/deployments")["deployments"]
    return found
