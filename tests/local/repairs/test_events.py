"""Events reach functions, queues and state machines in the background; what fails ends in the dead-letter queue."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from infra.resources import DEAD_LETTERS, HOTSWAP, Function, Queue
from tests.local.worlds import STORES, bare_moto

RULES = replace(
    STORES,
    functions=(Function(name="events", handler="-", timeout_s=5),),
    rules=tuple(rule for rule in HOTSWAP.rules if rule.function == "events"),
    queues=HOTSWAP.queues,
)


def put(client: Any, source: str = "hotswap.requests", **detail: Any) -> dict[str, Any]:
    entry = {"EventBusName": "hotswap", "Source": source, "DetailType": "Asked", "Detail": json.dumps(detail)}
    answer: dict[str, Any] = client.put_events(Entries=[entry])
    return answer


def messages(cloud: LocalCloud, queue: str) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = (
        cloud.client("sqs")
        .receive_message(QueueUrl=cloud.outputs[queue], MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages", [])
    )
    return got


def test_moto_refuses_an_event_whose_target_is_a_function() -> None:
    with bare_moto():
        client = boto3.client("events", region_name="us-east-1")
        client.create_event_bus(Name="hotswap")
        client.put_rule(Name="r", EventBusName="hotswap", EventPattern='{"source": ["hotswap.requests"]}')
        arn = "arn:aws:lambda:us-east-1:123456789012:function:events"
        client.put_targets(Rule="r", EventBusName="hotswap", Targets=[{"Id": "f", "Arn": arn}])

        with pytest.raises(NotImplementedError):
            put(client)


def test_an_event_reaches_its_function_whole() -> None:
    seen: list[Any] = []
    timers = VirtualTime()
    with LocalCloud(timers=timers, resources=RULES, handlers={"events": lambda e, c: seen.append(e)}) as cloud:
        answer = put(cloud.client("events"), module="api")
        put(cloud.client("events"), source="somebody.else")
        timers.wait_until_quiet()

    (event,) = seen
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("hotswap.requests", "Asked", {"module": "api"})
    assert event["time"].endswith("Z")
    assert event["version"] == "0"


def test_an_event_that_fails_to_the_end_lies_in_the_dead_letter_queue_with_its_reason() -> None:
    class BadEventError(Exception):
        pass

    timers, calls = VirtualTime(), []

    def handle(event: Any, context: Any) -> None:
        calls.append(event)
        raise BadEventError("no module")

    with LocalCloud(timers=timers, resources=RULES, handlers={"events": handle}) as cloud:
        put(cloud.client("events"), module="")
        timers.wait_until_quiet()
        assert (len(calls), messages(cloud, DEAD_LETTERS)) == (1, [])
        timers.advance(60_000)
        (message,) = messages(cloud, DEAD_LETTERS)

    assert len(calls) == 3
    assert json.loads(message["Body"])["detail"] == {"module": ""}
    assert "BadEventError" in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert message["MessageAttributes"]["RULE_ARN"]["StringValue"].endswith("hotswap-requests")


def test_a_failing_target_does_not_stop_the_others() -> None:
    resources = replace(RULES, queues=(*RULES.queues, Queue(name="copies")))
    timers = VirtualTime()
    with LocalCloud(timers=timers, resources=resources, handlers={}) as cloud:
        arn = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.outputs["copies"], AttributeNames=["QueueArn"])
        missing = "arn:aws:states:us-east-1:123456789012:stateMachine:missing"
        targets = [
            {"Id": "missing", "Arn": missing},
            {"Id": "copy", "Arn": arn["Attributes"]["QueueArn"], "InputPath": "$.detail"},
        ]
        cloud.client("events").put_targets(Rule="hotswap-requests", EventBusName="hotswap", Targets=targets)
        put(cloud.client("events"), n=1)
        timers.wait_until_quiet()
        copies = [json.loads(message["Body"]) for message in messages(cloud, "copies")]

    assert copies == [{"n": 1}]
