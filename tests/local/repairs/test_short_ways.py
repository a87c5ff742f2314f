"""Calls that take the short way are answered as on the long one, and the long one is still there in bare moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core.request import Request
from moto.moto_api._internal import mock_random

from infra.local.cloud import LocalCloud
from infra.local.repairs import short_ways
from infra.local.virtual_time import VirtualTime
from tests.local.repairs.test_executions import a_bare_machine
from tests.local.worlds import Desk, a_cloud, bare_moto

PASS = {"P": {"Type": "Pass", "End": True}}
ENTRY = {"Source": "hotswap", "DetailType": "x", "Detail": "{}"}


def requests_made(call: Callable[[], object]) -> int:
    with patch.object(Request, "from_primitives", wraps=Request.from_primitives) as made:
        call()
    return made.call_count


@pytest.mark.parametrize("service", ["events", "stepfunctions"])
def test_moto_makes_a_web_request_of_each_call(service: str) -> None:
    with bare_moto():
        machines, machine = a_bare_machine(PASS)
        bus = boto3.client("events", region_name="us-east-1")
        calls: dict[str, Callable[[], object]] = {
            "events": lambda: bus.put_events(Entries=[ENTRY]),
            "stepfunctions": lambda: machines.describe_state_machine(stateMachineArn=machine),
        }
        assert requests_made(calls[service]) == 1, "moto takes calls as they are now: drop the repair"
        with short_ways.calls_of_the_state_machine_take_the_short_way():
            assert requests_made(calls[service]) == 0


def answers(cloud: LocalCloud) -> dict[str, Any]:
    """What each kind of call says, whether it is served or refused."""
    bus, machines, functions = cloud.client("events"), cloud.client("stepfunctions"), cloud.client("lambda")
    version = functions.publish_version(FunctionName="work")["Version"]
    asked: dict[str, Callable[[], Any]] = {
        "an event": lambda: bus.put_events(Entries=[ENTRY])["FailedEntryCount"],
        "an event without a source": lambda: bus.put_events(Entries=[{**ENTRY, "Source": ""}])["Entries"],
        "eleven events": lambda: bus.put_events(Entries=[ENTRY] * 11),
        "an unknown bus": lambda: bus.describe_event_bus(Name="nowhere"),
        "a machine": lambda: machines.describe_state_machine(stateMachineArn=cloud.outputs["machine"])["name"],
        "an unknown token": lambda: machines.send_task_success(taskToken="x", output="{}"),
        "an unknown execution": lambda: machines.describe_execution(
            executionArn=cloud.outputs["machine"].replace(":stateMachine:", ":execution:") + ":nobody"
        ),
        "a function": lambda: _invoked(functions, FunctionName="work", Payload=b'{"ask": "\xc3\xa9"}'),
        "a version": lambda: _invoked(functions, FunctionName="work", Qualifier=version, Payload=b"{}"),
        "an address": lambda: _invoked(
            functions,
            FunctionName=functions.get_function(FunctionName="work")["Configuration"]["FunctionArn"],
            Payload=b"{}",
        ),
        "a failing function": lambda: _invoked(functions, FunctionName="work", Payload=b'{"fail": true}'),
        "a rehearsal": lambda: _invoked(functions, FunctionName="work", InvocationType="DryRun"),
        "an unknown function": lambda: _invoked(functions, FunctionName="nobody"),
    }
    return {name: _answer(ask) for name, ask in asked.items()}


def _invoked(functions: Any, **call: Any) -> Any:
    answer = functions.invoke(**call)
    told = answer["Payload"].read()
    problem = answer.get("FunctionError")
    said = json.loads(told) if told else None
    if problem:
        said.pop("stackTrace")
    return answer["StatusCode"], problem, answer.get("ExecutedVersion"), said


def _answer(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ClientError as error:
        return error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def work(event: Any, context: Any) -> Any:
    if event and event.get("fail"):
        raise ValueError("as asked")
    return {"got": event, "version": context.function_version}


def test_answers_are_the_same_on_both_ways(tmp_path: Path) -> None:
    with a_cloud(tmp_path, PASS, work, VirtualTime()) as cloud:
        short = answers(cloud)
    with (
        patch.object(short_ways, "_PLACE", short_ways.re.compile("never")),
        a_cloud(tmp_path, PASS, work, VirtualTime()) as cloud,
    ):
        long = answers(cloud)

    assert short == long
    assert short["an event"] == 0
    assert short["a function"] == (200, None, "$LATEST", {"got": {"ask": "é"}, "version": "$LATEST"})


def test_calls_on_the_short_way_are_not_signed_and_others_are(tmp_path: Path) -> None:
    def signed(client: Any, ask: Callable[[Any], object]) -> bool:
        seen: list[bool] = []
        client.meta.events.register("before-send", lambda request, **_: seen.append("Authorization" in request.headers))
        ask(client)
        return seen[0]

    with a_cloud(tmp_path, PASS, Desk(), VirtualTime()) as cloud:
        assert not signed(cloud.client("events"), lambda client: client.put_events(Entries=[ENTRY]))
        assert not signed(
            cloud.client("lambda"),
            lambda client: client.invoke(FunctionName="work", Payload=b'{"name": "n", "token": "t"}'),
        )
        assert signed(cloud.client("sqs"), lambda client: client.list_queues())


def test_moto_draws_the_number_of_an_answer_letter_by_letter() -> None:
    def drawn(client: Any) -> tuple[int, str]:
        with patch.object(mock_random, "get_random_string", wraps=mock_random.get_random_string) as draw:
            answer = client.list_event_buses()
        return draw.call_count, answer["ResponseMetadata"]["RequestId"]

    with bare_moto():
        client = boto3.client("events", region_name="us-east-1")
        count, number = drawn(client)
        assert (count, len(number)) == (1, 52), "moto draws it at once now: drop the repair"
        with short_ways.answers_are_numbered_at_once():
            (count, first), (_, second) = drawn(client), drawn(client)

    assert (count, len(first)) == (0, 52)
    assert first != second


def test_an_answer_in_xml_says_its_number_too() -> None:
    with bare_moto(), short_ways.answers_are_numbered_at_once():
        answer = boto3.client("iam", region_name="us-east-1").list_roles()["ResponseMetadata"]

    assert answer["RequestId"] == answer["HTTPHeaders"]["x-amzn-requestid"]
