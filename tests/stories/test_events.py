"""Requests by event, and events to the outside: the same rules, once each, complete and in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from chalicelib import wiring
from tests.event_schema import SCHEMA
from tests.stories.nodes import Behaviour
from tests.stories.world import World


def put(world: World, detail: Any, *, source: str = "hotswap.requests", kind: str = "DeploymentRequested") -> None:
    entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": "hotswap"}
    answer = world.cloud.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    world.settle()


def deployments(world: World) -> list[dict[str, Any]]:
    return list(world.ok("vic", "GET", "/api/v1/deployments")["deployments"])


def dead_letters(world: World) -> list[dict[str, Any]]:
    queue = world.cloud.outputs["hotswap-dead-letters"]
    found = world.cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


@pytest.fixture
def outgoing(world: World) -> Iterator[str]:
    """A queue that gets everything HotSwap puts on the bus."""
    events, sqs = world.cloud.client("events"), world.cloud.client("sqs")
    url = sqs.create_queue(QueueName="outgoing")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName="hotswap", EventPattern=json.dumps({"source": ["hotswap"]}))
    events.put_targets(Rule="all", EventBusName="hotswap", Targets=[{"Id": "outgoing", "Arn": arn}])
    return url


def received(world: World, queue: str) -> list[dict[str, Any]]:
    world.settle()
    found: list[dict[str, Any]] = []
    for _ in range(50):
        messages = world.cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append(json.loads(message["Body"])["detail"])
            world.cloud.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    raise AssertionError("the queue does not become empty")


def test_an_event_starts_a_deployment_by_the_same_rules(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")

    put(world, {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "development"})

    [deployment] = deployments(world)
    assert world.run(deployment["executionId"])["status"] == "Completed"
    assert world.get(deployment["executionId"])["requestedBy"] == "event:hotswap.requests"


def test_the_same_event_delivered_twice_starts_one_deployment(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    event = {
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": "hotswap.requests",
        "detail-type": "DeploymentRequested",
        "detail": {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Development"},
    }

    first, second = world.cloud.invoke("events", event), world.cloud.invoke("events", event)

    assert first == second
    assert len(deployments(world)) == 1


@pytest.mark.parametrize(
    ("detail", "field"),
    [
        ({"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Mars"}, "targetEnvironment"),
        ({"moduleName": "P", "version": "1.0.0", "targetEnvironment": "Development"}, "moduleName"),
        ({"version": "1.0.0", "targetEnvironment": "Development", "status": "Completed"}, "status"),
    ],
)
def test_a_poison_event_lands_in_the_dead_letter_queue_with_its_reason(world, detail, field):
    put(world, detail)

    [letter] = dead_letters(world)
    assert letter["event"]["detail"] == detail
    assert field in [error["field"] for error in letter["reason"]["errors"]]
    assert deployments(world) == []


def test_an_event_for_an_unknown_version_is_refused_with_its_reason(world):
    put(world, {"moduleName": "payment-processor", "version": "9.9.9", "targetEnvironment": "Development"})

    assert dead_letters(world)[0]["reason"]["type"] == "/problems/not-found"


def published(version: str, number: int) -> dict[str, Any]:
    return {
        "id": f"6a7e8feb-b491-4cf7-a9f1-{number:012d}",
        "source": "hotswap.requests",
        "detail-type": "ArtifactPublished",
        "detail": {"moduleName": "payment-processor", "version": version},
    }


def has_rule(world: World, **body: Any) -> str:
    path = "/api/v1/modules/payment-processor/deploy-rules"
    return str(world.ok("ada", "POST", path, body)["ruleId"])


def test_a_version_that_appears_is_brought_to_development_by_its_rule(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    rule = has_rule(world)

    put(world, published("1.0.0", 1)["detail"], kind="ArtifactPublished")

    [deployment] = deployments(world)
    assert world.run(deployment["executionId"])["status"] == "Completed"
    assert deployment["requestedBy"] == f"rule:{rule}"


def test_without_a_rule_nothing_follows_from_a_version_that_appears(world):
    world.has_version("1.0.0")
    world.has_version("2.0.0-rc.1")

    assert world.cloud.invoke("events", published("1.0.0", 1)) == {"executionIds": []}
    has_rule(world, preReleases=False)
    assert world.cloud.invoke("events", published("2.0.0-rc.1", 2)) == {"executionIds": []}


def test_of_several_events_for_a_version_one_deployment_follows(world):
    world.has_version("1.0.0")
    has_rule(world)

    answers = [world.cloud.invoke("events", published("1.0.0", number)) for number in (1, 1, 2)]

    assert answers[0] == answers[1] == answers[2]
    assert len(deployments(world)) == 1


def test_a_version_whose_event_comes_late_does_not_go_over_a_newer_one(world):
    for version in ("1.9.0", "1.10.0", "1.10.1"):
        world.has_version(version)
    has_rule(world)

    for number, version in enumerate(("1.10.0", "1.9.0", "1.10.1", "1.10.0")):
        world.cloud.invoke("events", published(version, number))

    assert sorted(each["version"] for each in deployments(world)) == ["1.10.0", "1.10.1"]


@pytest.mark.parametrize(
    "detail", [{"moduleName": "payment-processor"}, {"moduleName": "payment-processor", "version": "9.9.9"}, "text"]
)
def test_a_poisonous_publication_is_kept_with_its_reason(world, detail):
    has_rule(world)

    world.cloud.invoke("events", {**published("1.0.0", 1), "detail": detail})

    [letter] = dead_letters(world)
    assert letter["event"]["detail"] == detail
    assert deployments(world) == []


def test_a_rule_that_was_removed_starts_nothing(world):
    world.has_version("1.0.0")
    rule = has_rule(world)
    path = "/api/v1/modules/payment-processor/deploy-rules"
    assert world.as_user("dana", "DELETE", f"{path}/{rule}").status == 403

    assert world.as_user("ada", "DELETE", f"{path}/{rule}").status == 204

    assert world.ok("vic", "GET", path) == {"rules": []}
    assert world.cloud.invoke("events", published("1.0.0", 1)) == {"executionIds": []}


class Published:
    """The real bus, and the order in which it was used: EventBridge itself promises none to receivers."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus
        self.details: list[dict[str, Any]] = []

    def publish(self, messages: Any) -> None:
        self.details += [message["detail"] for message in messages]
        self._bus.publish(messages)


def test_outgoing_events_are_complete_in_order_and_as_their_schema_says(world, outgoing):
    published = Published(wiring.bus())
    wiring.install(bus=published)
    world.has_nodes("Development", 2)
    world.has_nodes("Staging", 2)
    world.runs("1.0.0", "Staging")
    world.has_version("2.0.0")
    world.has_version("2.1.0", Behaviour(error_rate=0.3))
    good = world.run(world.deploy("2.0.0", "Staging"), approve=True)["executionId"]
    bad = world.run(world.deploy("2.1.0", "Staging"), approve=True)["executionId"]

    events = received(world, outgoing)

    validator = jsonschema.Draft202012Validator(SCHEMA)
    for event in events:
        validator.validate(event)
    for deployment in (good, bad):
        timeline = [event["seq"] for event in world.events(deployment)]
        told = [event["seq"] for event in published.details if event["executionId"] == deployment]
        assert told == timeline, "every event of the timeline once, in order"
        got = sorted(event["seq"] for event in events if event["executionId"] == deployment)
        assert got == timeline, "and all of them arrive"
    assert {"VerdictReached", "ApprovalDecided", "RestoreEnded", "DeploymentEnded"} <= {e["type"] for e in events}
