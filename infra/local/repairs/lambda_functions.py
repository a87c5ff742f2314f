"""Lambda functions that run: the registered Python handler, in this process."""

from __future__ import annotations

import json
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from infra.local.deliveries import Deliveries

Handler = Callable[[Any, Any], Any]


class FunctionFailedError(Exception):
    """An asynchronous invocation ended with an error of its handler."""


@dataclass(slots=True, kw_only=True)
class LocalContext:
    """The context a handler gets, with the attributes of AWS's own."""

    function_name: str
    invoked_function_arn: str
    timeout_s: float
    memory_limit_in_mb: int = 512
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    log_group_name: str = ""
    log_stream_name: str = ""
    identity: Any = None
    client_context: Any = None
    started_s: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds of machine time until the function's own time-out."""
        return max(0, int((self.timeout_s - (time.monotonic() - self.started_s)) * 1000))


def run_handler(handler: Handler, event: Any, context: LocalContext) -> tuple[str, bool]:
    """The answer as JSON text, and whether it is an error.

    Event and answer go through JSON, so a handler shares no object with its caller, and one that returns something
    JSON cannot say fails here as it does in AWS.
    """
    try:
        return json.dumps(handler(json.loads(json.dumps(event)), context)), False
    except Exception as error:  # noqa: BLE001 (the caller gets it as data)
        problem = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
        return json.dumps(problem), True


@contextmanager
def functions_run_registered_handlers(
    handlers: Mapping[str, Handler],
    others: Callable[[Any, Any], tuple[str, bool]] | None = None,
    *,
    at_once: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[None]:
    """Repair: a function runs `handlers[its name]`; `errorType` is the class name of what it raised.

    `others` runs the code of functions that are not ours. `at_once` says of some functions how many of their invocations
    run at the same time; one more waits for its turn. moto runs functions in Docker, or answers with what it was sent.
    """

    permits = {name: threading.BoundedSemaphore(count) for name, count in at_once.items()}

    def invoke_lambda(self: Any, event: Any = None) -> tuple[str, bool, str]:
        handler = handlers.get(self.function_name)
        if handler is None and others is not None and self.code_bytes:
            answer, failed = others(self, event)
            return answer, failed, ""
        if handler is None:
            raise LookupError(f"no handler is registered for function {self.function_name!r}")
        context = LocalContext(
            function_name=self.function_name,
            invoked_function_arn=self.function_arn,
            timeout_s=float(self.timeout),
            memory_limit_in_mb=int(self.memory_size),
            function_version=str(self.version),
        )
        with permits.get(self.function_name, nullcontext()):
            answer, failed = run_handler(handler, event, context)
        return answer, failed, ""

    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:  # noqa: ARG001
        answer: str
        answer, failed, _ = self._invoke_lambda(event=json.loads(body) if body else {})
        if failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-executed-version"] = str(self.version)
        return answer.encode()

    with (
        patch.object(LambdaFunction, "_invoke_lambda", invoke_lambda),
        patch.object(LambdaFunction, "invoke", invoke),
    ):
        yield


@contextmanager
def invocation_types_are_heeded(deliveries: Deliveries) -> Iterator[None]:
    """Repair: `Event` runs in the background with bounded attempts, `DryRun` runs nothing. moto runs both at once."""
    invoke_now = LambdaBackend.invoke

    def invoke(self: Any, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any) -> Any:
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "RequestResponse":
            return invoke_now(self, function_name, qualifier, body, headers, response_headers)
        function = self.get_function(function_name, qualifier)
        if kind == "Event":

            def run() -> None:
                told: dict[str, str] = {}
                answer = invoke_now(self, function_name, qualifier, body, headers, told)
                if "x-amz-function-error" in told:
                    raise FunctionFailedError(answer.decode() if isinstance(answer, bytes) else answer)

            deliveries.submit(f"function {function.function_name}", run)
        return b""

    with patch.object(LambdaBackend, "invoke", invoke):
        yield


def invoke_or_raise(function: Any, event: Any) -> Any:
    """Run a moto function and give back its answer.

    Raises:
        FunctionFailedError: the handler raised; the text is its error as JSON.
    """
    answer, failed, _ = function._invoke_lambda(event=event)
    if failed:
        raise FunctionFailedError(answer)
    return json.loads(answer)


@contextmanager
def qualifier_is_heeded() -> Iterator[None]:
    """Repair: `Qualifier` chooses the version or alias. moto looks for `qualifier`, which nobody sends."""
    invoke = LambdaResponse.invoke

    def invoke_qualified(self: Any) -> Any:
        get_param = self._get_param

        def get(name: str, if_none: Any = None) -> Any:
            return get_param("Qualifier" if name == "qualifier" else name, if_none)

        with patch.object(self, "_get_param", get):
            return invoke(self)

    with patch.object(LambdaResponse, "invoke", invoke_qualified):
        yield
