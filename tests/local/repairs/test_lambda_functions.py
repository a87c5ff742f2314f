"""Functions: what runs, with which version, in which way, and what an error looks like."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto.awslambda.models import LambdaFunction

from infra.local import resource_creation
from infra.local.cloud import FunctionError, LocalCloud
from infra.local.deliveries import Deliveries
from infra.local.repairs import lambda_functions
from infra.local.timers import RealTimers
from infra.local.virtual_time import VirtualTime
from infra.resources import Function
from tests.local.worlds import STORES, bare_moto, eventually

ONE_FUNCTION = replace(STORES, functions=(Function(name="work", handler="-", timeout_s=5),))


class TooWarmError(Exception):
    """An error of a handler."""


@contextmanager
def a_cloud(handler: Any, timers: Any = None) -> Iterator[LocalCloud]:
    with LocalCloud(timers=timers or VirtualTime(), resources=ONE_FUNCTION, handlers={"work": handler}) as cloud:
        yield cloud


def a_bare_function() -> Any:
    made: dict[str, Any] = {}

    def client_for(name: str) -> Any:
        return made.setdefault(name, boto3.client(name, region_name="us-east-1"))

    resource_creation.create(ONE_FUNCTION, client_for)
    return client_for("lambda")


@contextmanager
def only_running_handlers(handler: Any) -> Iterator[Any]:
    """moto with the first repair alone, to show that the others are needed."""
    with bare_moto(), lambda_functions.functions_run_registered_handlers({"work": handler}):
        yield a_bare_function()


def test_moto_runs_no_python_without_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where Docker is missing moto fails, where it is present it pulls an image: never our handler.
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with bare_moto():
        client = a_bare_function()
        try:
            answer = client.invoke(FunctionName="work", Payload=b"{}")
        except Exception:  # noqa: BLE001 (whatever the missing Docker leads to)
            answer = {"FunctionError": "no Docker"}

    assert "FunctionError" in answer, "moto runs handlers without Docker now: drop the repair"


def test_a_function_runs_its_handler_with_a_context() -> None:
    def work(event: Any, context: Any) -> Any:
        return {
            "event": event,
            "name": context.function_name,
            "left": context.get_remaining_time_in_millis(),
            "id": context.aws_request_id,
        }

    with a_cloud(work) as cloud:
        answer = cloud.invoke("work", {"x": 1})

    assert (answer["event"], answer["name"]) == ({"x": 1}, "work")
    assert 0 < answer["left"] <= 5000
    assert len(answer["id"]) == 36


def test_the_error_type_is_the_class_name() -> None:
    def work(event: Any, context: Any) -> Any:
        raise TooWarmError("39 degrees")

    with a_cloud(work) as cloud:
        with pytest.raises(FunctionError, match="39 degrees") as caught:
            cloud.invoke("work", {})
        raw = cloud.client("lambda").invoke(FunctionName="work", Payload=b"{}")

    assert caught.value.error_type == "TooWarmError"
    assert raw["FunctionError"] == "Unhandled"


def test_handler_and_caller_share_no_object() -> None:
    kept: list[Any] = []

    def work(event: Any, context: Any) -> Any:
        kept.append(event)
        return event

    with a_cloud(work) as cloud:
        sent = {"list": [1]}
        answer = cloud.invoke("work", sent)
        kept[0]["list"].append(2)

    assert (sent, answer) == ({"list": [1]}, {"list": [1]})


def test_an_answer_that_json_cannot_say_is_an_error() -> None:
    with a_cloud(lambda event, context: {1, 2}) as cloud, pytest.raises(FunctionError, match="TypeError"):
        cloud.invoke("work", {})


def test_of_a_function_with_two_places_no_more_than_two_invocations_run_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(event: Any, context: Any) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        for _ in range(50):
            time.sleep(0)
        with lock:
            running -= 1
        return int(event)

    repair = lambda_functions.functions_run_registered_handlers({"work": work}, at_once={"work": 2})
    with bare_moto(), repair, ThreadPoolExecutor(8) as threads:
        client = a_bare_function()

        def ask(number: int) -> int:
            answer = client.invoke(FunctionName="work", Payload=str(number).encode())
            return int(answer["Payload"].read())

        assert list(threads.map(ask, range(100))) == list(range(100))
    assert most <= 2


def test_moto_runs_an_event_in_the_call_and_a_dry_run_for_real() -> None:
    threads: list[threading.Thread] = []
    with only_running_handlers(lambda event, context: threads.append(threading.current_thread())) as client:
        client.invoke(FunctionName="work", InvocationType="Event", Payload=b"{}")
        client.invoke(FunctionName="work", InvocationType="DryRun", Payload=b"{}")

    assert threads == [threading.current_thread()] * 2, "moto heeds the type now: drop the repair"


def test_an_event_runs_in_the_background_and_counts_as_work() -> None:
    release, timers, done = threading.Event(), VirtualTime(), []

    def work(event: Any, context: Any) -> None:
        release.wait(10)
        done.append(event)

    with a_cloud(work, timers) as cloud:
        answer = cloud.client("lambda").invoke(FunctionName="work", InvocationType="Event", Payload=b'{"x": 1}')
        assert answer["StatusCode"] == 202
        assert (done, timers.is_quiet()) == ([], False)
        release.set()
        timers.wait_until_quiet()

    assert done == [{"x": 1}]


def test_a_failing_event_is_tried_three_times() -> None:
    timers, calls = VirtualTime(), []

    def work(event: Any, context: Any) -> None:
        calls.append(timers.now_ms())
        raise TooWarmError

    with a_cloud(work, timers) as cloud:
        cloud.client("lambda").invoke(FunctionName="work", InvocationType="Event", Payload=b"{}")
        timers.wait_until_quiet()
        timers.advance(60_000)

    assert [moment - calls[0] for moment in calls] == [0, 1_000, 3_000]


def test_a_dry_run_runs_nothing() -> None:
    calls: list[Any] = []
    with a_cloud(lambda event, context: calls.append(event)) as cloud:
        answer = cloud.client("lambda").invoke(FunctionName="work", InvocationType="DryRun", Payload=b"{}")

    assert (answer["StatusCode"], calls) == (204, [])


def version_run_by_alias(client: Any) -> str:
    client.publish_version(FunctionName="work")
    client.create_alias(FunctionName="work", Name="live", FunctionVersion="1")
    answer = client.invoke(FunctionName="work", Qualifier="live", Payload=b"{}")
    return str(json.loads(answer["Payload"].read()))


def test_moto_ignores_the_qualifier() -> None:
    with only_running_handlers(lambda event, context: context.function_version) as client:
        assert version_run_by_alias(client) == "$LATEST", "moto heeds the qualifier now: drop the repair"


def test_the_qualifier_chooses_the_version() -> None:
    with a_cloud(lambda event, context: context.function_version) as cloud:
        assert version_run_by_alias(cloud.client("lambda")) == "1"


def test_leaving_the_repairs_restores_moto() -> None:
    before = LambdaFunction._invoke_lambda
    deliveries = Deliveries(RealTimers())
    with ExitStack() as stack:
        stack.enter_context(lambda_functions.functions_run_registered_handlers({}))
        stack.enter_context(lambda_functions.invocation_types_are_heeded(deliveries))
        assert LambdaFunction._invoke_lambda is not before
    deliveries.stop()

    assert LambdaFunction._invoke_lambda is before


def test_many_functions_run_at_once() -> None:
    gate = threading.Barrier(8)

    def work(event: Any, context: Any) -> Any:
        gate.wait(10)
        return "met"

    with a_cloud(work, RealTimers()) as cloud:
        for _ in range(8):
            cloud.client("lambda").invoke(FunctionName="work", InvocationType="Event", Payload=b"{}")
        eventually("all eight to meet", lambda: not cloud.timers.works())
