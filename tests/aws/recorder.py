"""Writes down which function called what: (function, action, resource) as IAM names them, from the calls themselves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.signers import RequestSigner

from infra.local.cloud import LocalCloud

AT = "us-east-1:123456789012"
TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

_running = threading.local()


@contextmanager
def as_function(name: str) -> Iterator[None]:
    """What this thread calls in here is called by that function."""
    before, _running.name = getattr(_running, "name", None), name
    try:
        yield
    finally:
        _running.name = before


def named(handlers: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The same handlers, each known by its name while it runs."""

    def wrapped(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def run(event: Any, context: Any) -> Any:
            with as_function(name):
                return handler(event, context)

        return run

    return {name: wrapped(name, handler) for name, handler in handlers.items()}


class Recorder:
    """Stands at the point that every call passes."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.calls: set[tuple[str, str, str]] = set()
        cloud.call_hook.around = self._around

    def _around(self, request: Any, proceed: Callable[[Any], Any]) -> Any:
        function = getattr(_running, "name", None)
        if function is None:
            return proceed(request)
        self.calls |= {(function, *each) for each in needed(request)}
        # Whatever the answer sets off runs as itself: a rule's target, an execution's task.
        before, _running.name = _running.name, None
        try:
            return proceed(request)
        finally:
            _running.name = before


@contextmanager
def links_are_recorded(recorder: Recorder) -> Iterator[None]:
    """Who follows a link calls in the name of the function that signed it."""
    sign = RequestSigner.generate_presigned_url

    def recorded(self: Any, request_dict: Any, operation_name: str, **more: Any) -> Any:
        function = getattr(_running, "name", None)
        if function is not None:
            bucket, _, key = unquote(urlsplit(request_dict["url"]).path).lstrip("/").partition("/")
            recorder.calls.add((function, f"s3:{operation_name}", f"arn:aws:s3:::{bucket}/{key}"))
        return sign(self, request_dict, operation_name=operation_name, **more)

    with patch.object(RequestSigner, "generate_presigned_url", recorded):
        yield


def needed(request: Any) -> set[tuple[str, str]]:
    """The actions on resources that a prepared request needs."""
    url = urlsplit(request.url)
    service = (url.hostname or "").split(".")[0]
    target = request.headers.get("X-Amz-Target", "")
    operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
    if service == "s3":
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        verb = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "GetObject"}[request.method]
        return {(f"s3:{verb}", f"arn:aws:s3:::{bucket}/{key}")}
    if service == "lambda":
        name, _, rest = unquote(url.path).split("/functions/")[1].partition("/")
        action = _LAMBDA[request.method, rest.partition("/")[0]]
        return {(f"lambda:{action}", f"arn:aws:lambda:{AT}:function:{name}")}
    if service == "monitoring":
        asked = operation or parse_qs(request.body or "").get("Action", [url.path.rpartition("/")[2]])[0]
        return {(f"cloudwatch:{asked}", "*")}
    body = json.loads(request.body or b"{}")
    return _BY_TARGET[service](operation, body)


def _table(operation: str, body: dict[str, Any]) -> set[tuple[str, str]]:
    def on(action: str, table: str, index: str = "") -> tuple[str, str]:
        return f"dynamodb:{action}", f"arn:aws:dynamodb:{AT}:table/{table}" + (f"/index/{index}" if index else "")

    if operation == "TransactWriteItems":
        pairs = [(kind, item) for each in body["TransactItems"] for kind, item in each.items()]
        return {on(TRANSACTION[kind], item["TableName"]) for kind, item in pairs}
    if operation == "TransactGetItems":
        return {on("GetItem", each["Get"]["TableName"]) for each in body["TransactItems"]}
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return {on(operation, table) for table in body["RequestItems"]}
    return {on(operation, body["TableName"], body.get("IndexName", ""))}


def _states(operation: str, body: dict[str, Any]) -> set[tuple[str, str]]:
    if operation == "DescribeExecution":
        return {("states:DescribeExecution", body["executionArn"])}
    # Who answers a token needs the machine that gave it out.
    machine = body.get("stateMachineArn", f"arn:aws:states:{AT}:stateMachine:hotswap-deployment")
    return {(f"states:{operation}", machine)}


def _bus(operation: str, body: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (f"events:{operation}", f"arn:aws:events:{AT}:event-bus/{each['EventBusName']}") for each in body["Entries"]
    }


def _queue(operation: str, body: dict[str, Any]) -> set[tuple[str, str]]:
    return {(f"sqs:{operation}", f"arn:aws:sqs:{AT}:{body['QueueUrl'].rsplit('/', 1)[1]}")}


def _secret(operation: str, body: dict[str, Any]) -> set[tuple[str, str]]:
    return {(f"secretsmanager:{operation}", f"arn:aws:secretsmanager:{AT}:secret:{body['SecretId']}-AbCdEf")}


_LAMBDA = {
    ("POST", "invocations"): "InvokeFunction",
    ("GET", "aliases"): "GetAlias",
    ("PUT", "aliases"): "UpdateAlias",
    ("GET", "configuration"): "GetFunctionConfiguration",
    ("PUT", "configuration"): "UpdateFunctionConfiguration",
    ("PUT", "code"): "UpdateFunctionCode",
    ("POST", "versions"): "PublishVersion",
}
"""By method and the part of the path that follows the function's name."""

_BY_TARGET: dict[str, Callable[[str, dict[str, Any]], set[tuple[str, str]]]] = {
    "dynamodb": _table,
    "events": _bus,
    "secretsmanager": _secret,
    "sqs": _queue,
    "states": _states,
}
