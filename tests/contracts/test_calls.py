"""What every Calls, CallResults, UserFunctions and DeadLetters promises, on the fakes and on Lambda and SQS."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.adapters.function_calls import MAX_ANSWER, FunctionQueue, LambdaUserFunctions
from chalicelib.adapters.sqs_dead_letters import SqsDeadLetters
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.outbound_ports import CallResults, UserFunctions
from chalicelib.usecases.ports import Calls
from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from infra.resources import HOTSWAP, Function
from tests.fakes import FakeCalls
from tests.local.worlds import STORES, eventually

ORDER = {"kind": "hook", "id": "01JD.test.1", "url": "https://ci.example.com/ä", "body": {"deadline": 1}}
Heard = Callable[[], list[Any]]


class Listener:
    """A function of ours that notes what it is told; one event called `bad` it cannot take."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._lock = threading.Lock()

    def __call__(self, event: Any, context: Any) -> None:
        with self._lock:
            self.events.append(event)
        if event.get("id") == "bad":
            raise RuntimeError("broken")


def users_own(event: Any, context: Any) -> Any:
    """A user's function: it does what the event asks of it."""
    if event["do"] == "raise":
        raise ValueError("secret detail")
    return "x" * MAX_ANSWER if event["do"] == "shout" else {"status": "Succeeded", "message": event["do"]}


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def cloud(listener: Listener) -> Iterator[LocalCloud]:
    """A cloud with a function of ours and one of a user's."""
    own = tuple(Function(name=name, handler="-", timeout_s=5) for name in ("hooks", "hotswap-hook-own"))
    resources = replace(STORES, functions=own)
    handlers: dict[str, Any] = {"hooks": listener, "hotswap-hook-own": users_own}
    with LocalCloud(timers=VirtualTime(), resources=resources, handlers=handlers) as cloud:
        yield cloud


class Silent:
    """A client whose service does not answer."""

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="x")

        return call


@pytest.fixture(params=["fake", "lambda"])
def calls(request: pytest.FixtureRequest, listener: Listener) -> tuple[Calls, Heard]:
    if request.param == "fake":
        fake = FakeCalls()
        return fake, lambda: fake.ordered
    listener.events.clear()
    cloud = request.getfixturevalue("cloud")
    return FunctionQueue(cloud.client("lambda"), "hooks"), lambda: listener.events


def test_what_is_ordered_is_heard_as_it_was_given(calls: tuple[Calls, Heard]) -> None:
    calls[0].order(ORDER)

    assert eventually("the call", calls[1])[0] == ORDER


def test_whoever_orders_does_not_wait_for_the_call_and_does_not_hear_of_its_trouble(calls: tuple[Calls, Heard]) -> None:
    calls[0].order({"id": "bad"})

    assert eventually("the call", calls[1])[0] == {"id": "bad"}


@pytest.mark.parametrize("where", ["fake", "no such function", "lambda is away"])
def test_an_order_that_is_not_taken_is_unavailable(where: str, cloud: LocalCloud) -> None:
    silent: Any = Silent()
    takers: dict[str, Calls] = {
        "fake": FakeCalls(unavailable=True),
        "no such function": FunctionQueue(cloud.client("lambda"), "nobody"),
        "lambda is away": FunctionQueue(silent, "hooks"),
    }

    with pytest.raises(Unavailable):
        takers[where].order(ORDER)


def test_a_result_comes_as_an_event_of_our_own_source(cloud: LocalCloud, listener: Listener) -> None:
    listener.events.clear()
    results: CallResults = FunctionQueue(cloud.client("lambda"), "hooks")

    results.tell({"kind": "hook", "id": "x", "status": "Failed"})

    event = {"source": "hotswap.calls", "detail": {"kind": "hook", "id": "x", "status": "Failed"}}
    assert eventually("the result", lambda: listener.events)[0] == event


@pytest.fixture
def own(cloud: LocalCloud) -> UserFunctions:
    return LambdaUserFunctions(cloud.client("lambda"))


def test_what_a_users_function_returns_is_its_answer(own: UserFunctions) -> None:
    reply = own.invoke("hotswap-hook-own", {"do": "probed ä"})

    assert reply.status == 200
    assert json.loads(reply.body) == {"status": "Succeeded", "message": "probed ä"}


def test_a_users_function_that_raises_has_answered_500_and_is_no_success(own: UserFunctions) -> None:
    reply = own.invoke("hotswap-hook-own", {"do": "raise"})

    assert reply.status == 500


@pytest.mark.parametrize(
    ("name", "do", "why"),
    [
        ("hotswap-hook-gone", "anything", "cannot be invoked"),
        ("hotswap-hook-own", "shout", f"more than {MAX_ANSWER} bytes"),
    ],
)
def test_a_users_function_that_is_not_there_or_says_too_much_is_unavailable(
    own: UserFunctions, name: str, do: str, why: str
) -> None:
    with pytest.raises(Unavailable, match=why):
        own.invoke(name, {"do": do})


def test_a_dead_letter_keeps_the_event_as_it_came_and_the_reason(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    queue = sqs.get_queue_url(QueueName=HOTSWAP.queues[0].name)["QueueUrl"]
    event = {"detail-type": "DeploymentRequested", "detail": {"version": "ä", "moduleName": None}}

    SqsDeadLetters(sqs, queue).put(event, reason={"status": 400})

    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert json.loads(message["Body"]) == {"reason": {"status": 400}, "event": event}


@pytest.mark.parametrize("where", ["no such queue", "sqs is away"])
def test_a_dead_letter_that_is_not_taken_is_unavailable(where: str, cloud: LocalCloud) -> None:
    silent: Any = Silent()
    client = silent if where == "sqs is away" else cloud.client("sqs")

    with pytest.raises(Unavailable):
        SqsDeadLetters(client, "https://sqs.us-east-1.amazonaws.com/123456789012/nowhere").put({}, reason={})
