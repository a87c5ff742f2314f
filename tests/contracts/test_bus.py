"""What every Bus promises, on the fake and on EventBridge."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.adapters.event_bridge import EventBridgeBus
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import Bus
from tests.fakes import FakeBus
from tests.local.worlds import eventually

Heard = Callable[[int], list[tuple[str, str]]]


def message(number: int) -> dict[str, Any]:
    detail = {
        "executionId": "01J00000000000000000000001",
        "correlationId": "01J00000000000000000000001",
        "seq": number + 1,
        "type": "PauseRequested",
        "at": 1,
        "status": "Running",
        "moduleName": "payment-processor",
        "version": "2.0.0",
        "targetEnvironment": "QA",
        "environment": "QA",
        "wave": 1,
        "detail": {"by": "dana", "reason": "ä"},
    }
    return {"id": f"x#{number:08d}", "detailType": "PauseRequested", "detail": detail}


def messages(count: int) -> list[dict[str, Any]]:
    return [message(number) for number in range(count)]


@pytest.fixture(params=["fake", "event bridge"])
def bus(request: pytest.FixtureRequest) -> tuple[Bus, Heard]:
    """A bus, and what a listener heard of it: (type, id), once so many have come."""
    if request.param == "fake":
        fake = FakeBus()
        return fake, lambda _: [(message["detailType"], message["id"]) for message in fake.published]
    cloud = request.getfixturevalue("cloud")
    events, sqs = cloud.client("events"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName=f"listener-{uuid.uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="listener", EventBusName="hotswap", EventPattern=json.dumps({"source": ["hotswap"]}))
    events.put_targets(Rule="listener", EventBusName="hotswap", Targets=[{"Id": "listener", "Arn": arn}])

    def heard(count: int) -> list[tuple[str, str]]:
        bodies: list[dict[str, Any]] = []

        def all_came() -> bool:
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            bodies.extend(json.loads(message["Body"]) for message in received)
            return len(bodies) >= count

        eventually("all events came", all_came)
        return [(body["detail-type"], body["detail"]["id"]) for body in bodies]

    return EventBridgeBus(events, "hotswap"), heard


def test_what_is_published_is_heard_with_its_type_and_id(bus: tuple[Bus, Heard]):
    bus[0].publish(messages(1))

    assert bus[1](1) == [("PauseRequested", "x#00000000")]


def test_more_than_one_call_takes_are_all_heard(bus: tuple[Bus, Heard]):
    bus[0].publish(messages(23))

    assert sorted(bus[1](23)) == [("PauseRequested", f"x#{n:08d}") for n in range(23)]


def test_nothing_to_say_is_nothing(bus: tuple[Bus, Heard]):
    bus[0].publish([])


class Forgetful:
    """A client that does not take the events named until it has been asked often enough."""

    def __init__(self, refuses: set[str], times: int) -> None:
        self.refuses, self.times = refuses, times
        self.took: list[str] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # AWS's spelling
        ids = [json.loads(entry["Detail"])["id"] for entry in Entries]
        failed = self.refuses & set(ids) if self.times else set()
        self.times -= bool(failed)
        self.took += [name for name in ids if name not in failed]
        results = [{"ErrorCode": "InternalFailure"} if name in failed else {"EventId": "1"} for name in ids]
        return {"FailedEntryCount": len(failed), "Entries": results}


def test_only_what_was_not_taken_is_put_again():
    client: Any = Forgetful({"x#00000001"}, times=2)

    EventBridgeBus(client, "hotswap").publish(messages(3))

    assert client.took == ["x#00000000", "x#00000002", "x#00000001"]


def test_what_is_never_taken_is_unavailable():
    client: Any = Forgetful({"x#00000001"}, times=99)

    with pytest.raises(Unavailable):
        EventBridgeBus(client, "hotswap").publish(messages(3))


def test_a_bus_that_does_not_answer_is_unavailable():
    class Silent:
        def put_events(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="x")

    client: Any = Silent()
    with pytest.raises(Unavailable):
        EventBridgeBus(client, "hotswap").publish(messages(1))
