"""Aliases: who may change them, how they split calls, and what is measured of a call."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.cloud import LocalCloud
from infra.local.repairs.lambda_aliases import (
    MeasuredCall,
    alias_revisions_are_heeded,
    alias_weights_are_heeded,
    function_revisions_are_heeded,
)
from infra.local.repairs.lambda_functions import functions_run_registered_handlers, qualifier_is_heeded
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import STORES, bare_moto

FUNCTION, ALIAS = "hotswap-node-payments", "live"


def zipped(code: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("work.py"), code)
    return stream.getvalue()


VERSION = "def handle(event, context):\n    return context.function_version\n"


def a_function(client_for: Any, code: str = VERSION) -> Any:
    """Two versions, and an alias at the first."""
    iam, client = client_for("iam"), client_for("lambda")
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client.create_function(
        FunctionName=FUNCTION, Runtime="python3.11", Handler="work.handle", Role=role, Code={"ZipFile": zipped(code)}
    )
    client.publish_version(FunctionName=FUNCTION)
    client.update_function_code(FunctionName=FUNCTION, ZipFile=zipped(code + "# 2\n"))
    client.publish_version(FunctionName=FUNCTION)
    client.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")
    return client


@contextmanager
def on_moto(*repairs: Any) -> Iterator[Any]:
    with bare_moto(), ExitStack() as stack:
        for repair in repairs:
            stack.enter_context(repair())
        yield a_function(lambda name: boto3.client(name, region_name="us-east-1"))


def move(client: Any, **more: Any) -> Any:
    return client.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="2", **more)


def test_moto_never_changes_the_revision_of_an_alias_and_never_asks_for_it() -> None:
    with on_moto() as client:
        before = client.get_alias(FunctionName=FUNCTION, Name=ALIAS)["RevisionId"]

        assert move(client, RevisionId="another")["RevisionId"] == before


def test_each_change_of_an_alias_has_its_revision_and_an_old_one_is_refused() -> None:
    with on_moto(alias_revisions_are_heeded) as client:
        before = client.get_alias(FunctionName=FUNCTION, Name=ALIAS)["RevisionId"]
        after = move(client, RevisionId=before)["RevisionId"]

        assert after != before
        with pytest.raises(ClientError) as refused:
            move(client, RevisionId=before)
        assert refused.value.response["Error"]["Code"] == "PreconditionFailedException"
        assert client.get_alias(FunctionName=FUNCTION, Name=ALIAS)["RevisionId"] == after


def test_moto_knows_no_revision_of_a_function() -> None:
    with on_moto() as client:
        assert "RevisionId" not in client.get_function_configuration(FunctionName=FUNCTION)


def test_a_change_of_a_function_that_names_an_old_revision_is_refused() -> None:
    with on_moto(function_revisions_are_heeded) as client:
        old = client.get_function_configuration(FunctionName=FUNCTION)["RevisionId"]
        client.update_function_code(FunctionName=FUNCTION, ZipFile=zipped(VERSION + "# 3\n"), RevisionId=old)

        calls = (
            lambda: client.update_function_code(FunctionName=FUNCTION, ZipFile=zipped(VERSION), RevisionId=old),
            lambda: client.update_function_configuration(FunctionName=FUNCTION, Handler="a.b", RevisionId=old),
            lambda: client.publish_version(FunctionName=FUNCTION, RevisionId=old),
            lambda: client.publish_version(FunctionName=FUNCTION, CodeSha256="other"),
        )
        for call in calls:
            with pytest.raises(ClientError) as refused:
                call()
            assert refused.value.response["Error"]["Code"] == "PreconditionFailedException"


def test_moto_gives_every_call_to_the_first_version_of_an_alias() -> None:
    def version(self: Any, _event: Any) -> tuple[str, bool]:
        return json.dumps(str(self.version)), False

    with bare_moto(), qualifier_is_heeded(), functions_run_registered_handlers({}, version):
        client = a_function(lambda name: boto3.client(name, region_name="us-east-1"))
        move(client, RoutingConfig={"AdditionalVersionWeights": {"1": 0.99}})

        assert Counter(executed(client) for _ in range(20)) == {"2": 20}


def executed(client: Any) -> str:
    answer: str = client.invoke(FunctionName=FUNCTION, Qualifier=ALIAS)["ExecutedVersion"]
    return answer


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        yield cloud


def test_an_alias_splits_its_calls_and_its_processes_are_the_versions(cloud: LocalCloud) -> None:
    client = a_function(cloud.client)
    client.update_alias(
        FunctionName=FUNCTION,
        Name=ALIAS,
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}},
    )

    answers = [client.invoke(FunctionName=FUNCTION, Qualifier=ALIAS) for _ in range(200)]

    assert all(json.loads(answer["Payload"].read()) == answer["ExecutedVersion"] for answer in answers)
    share = Counter(answer["ExecutedVersion"] for answer in answers)
    assert 30 <= share["2"] <= 70
    assert share["1"] + share["2"] == 200


def test_every_call_through_an_alias_is_measured_by_the_version_that_ran(cloud: LocalCloud) -> None:
    fails = "def handle(event, context):\n    if event['n'] % 2:\n        raise ValueError\n    return 1\n"
    client = a_function(cloud.client, fails)
    for number in range(6):
        client.invoke(FunctionName=FUNCTION, Qualifier=ALIAS, Payload=json.dumps({"n": number}).encode())
    client.invoke(FunctionName=FUNCTION, Qualifier="2", Payload=b'{"n": 0}')

    def told(metric: str, **dimensions: str) -> float:
        return cloud.calls.total(metric, {"FunctionName": FUNCTION, **dimensions})

    through = {"Resource": f"{FUNCTION}:{ALIAS}", "ExecutedVersion": "1"}
    assert (told("Invocations", **through), told("Errors", **through)) == (6, 3)
    assert told("Duration", **through) > 0
    assert told("Invocations") == 7
    assert told("Invocations", Resource=f"{FUNCTION}:{ALIAS}", ExecutedVersion="2") == 0


def test_calls_above_the_reserved_concurrency_are_refused_and_counted() -> None:
    calls: list[MeasuredCall] = []
    with (
        bare_moto(),
        functions_run_registered_handlers({}, lambda _function, _event: ("1", False)),
        alias_weights_are_heeded(calls.append),
        qualifier_is_heeded(),
    ):
        once = Config(retries={"total_max_attempts": 1})
        client = a_function(lambda name: boto3.client(name, region_name="us-east-1", config=once))
        client.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)

        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName=FUNCTION, Qualifier=ALIAS)

    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert {call.throttled for call in calls} == {True}
