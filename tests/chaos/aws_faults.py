"""Faults at the one place every call to AWS passes, behind the real adapters, and at the boundary of the functions.

A fault lasts for more attempts than the SDK and the adapters make, so that it is our code that has to deal with it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.chaos.actors import RuntimeExit
from tests.chaos.injector import Killed

LONGER_THAN_PATIENCE = 9
"""Attempts: the table's adapter makes six, the SDK five."""
MOST_TRIES = 12
Proceed = Callable[[Any], Any]
Handler = Callable[[Any, Any], Any]


class AwsMode(StrEnum):
    """What may happen to a call."""

    REFUSED = "refused"
    """A 500, and nothing was done."""
    THROTTLED = "throttled"
    """A 400 that says later, and nothing was done."""
    NOT_REACHED = "not reached"
    """No connection, and nothing was done."""
    ANSWER_LOST = "answer lost"
    """It was done, and a 500 came back."""
    TOO_LATE = "too late"
    """It was done, and no answer came in time."""
    TWICE = "twice"
    """It was done twice."""
    KILLED_BEFORE = "killed before"
    """The process is gone, and nothing was done."""
    KILLED_AFTER = "killed after"
    """It was done, and the process is gone."""


ONCE = frozenset({AwsMode.KILLED_BEFORE, AwsMode.KILLED_AFTER})
"""Whoever is dead does not call again."""
OF_FUNCTIONS = (AwsMode.TWICE, AwsMode.KILLED_BEFORE, AwsMode.KILLED_AFTER)
"""What may happen to the run of a function."""


def error(request: Any, status: int, code: str) -> Any:
    """What moto answers with: status, headers, body; S3 speaks XML, and says 503 when it is busy."""
    if operation_of(request).startswith("s3."):
        status, code = (500, "InternalError") if status >= 500 else (503, "SlowDown")
        text = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
        return status, {"Content-Type": "application/xml"}, text.encode()
    body = json.dumps({"__type": code, "message": "injected"})
    return status, {"Content-Type": "application/x-amz-json-1.0"}, body.encode()


def happens(mode: AwsMode, request: Any, proceed: Proceed) -> Any:
    """The answer to the call, or what is raised instead."""
    match mode:
        case AwsMode.REFUSED:
            return error(request, 500, "InternalServerError")
        case AwsMode.THROTTLED:
            return error(request, 400, "ThrottlingException")
        case AwsMode.NOT_REACHED:
            raise ConnectTimeoutError(endpoint_url=request.url)
        case AwsMode.KILLED_BEFORE:
            raise Killed(str(mode))
    answer = proceed(request)
    match mode:
        case AwsMode.ANSWER_LOST:
            return error(request, 500, "InternalServerError")
        case AwsMode.TOO_LATE:
            raise ReadTimeoutError(endpoint_url=request.url)
        case AwsMode.KILLED_AFTER:
            raise Killed(str(mode))
        case _:
            proceed(request)
    return answer


class FaultAt:
    """The `nth` call to `operation`, and the attempts after it, meet the fault."""

    def __init__(self, operation: str, nth: int, mode: AwsMode | None) -> None:
        self.operation, self.nth, self.mode = operation, nth, mode
        self.calls: Counter[str] = Counter()
        self.fired = 0

    def __call__(self, request: Any, proceed: Proceed) -> Any:
        return self.meet(operation_of(request), request, proceed)

    def meet(self, name: str, request: Any, proceed: Proceed) -> Any:
        """Let the call through, or do to it what is planned."""
        self.calls[name] += 1
        lasts = 1 if self.mode in ONCE else LONGER_THAN_PATIENCE
        due = name == self.operation and self.nth <= self.calls[name] < self.nth + lasts
        if not due or self.mode is None:
            return proceed(request)
        self.fired += 1
        return happens(self.mode, request, proceed)


def operation_of(request: Any) -> str:
    """`dynamodb.GetItem`, or the service and the method where the request names no operation."""
    service = re.match(
        r"https?://(?:[\w-]+\.)??(dynamodb|s3|states|events|lambda|sqs|secretsmanager)\.", str(request.url)
    )
    name = service[1] if service else "?"
    target = request.headers.get("X-Amz-Target")
    if not target:
        return f"{name}.{request.method}"
    text = target.decode() if isinstance(target, bytes) else str(target)
    return f"{name}.{text.rpartition('.')[2]}"


class PatientHttp:
    """A client that asks again, with the same key, while the service cannot; anything else is an answer.

    A 500 is none that it takes for "not now": what breaks has to say that it is not there for the moment.
    """

    def __init__(self, http: Any) -> None:
        self._http = http
        self.asked_again = 0

    def request(self, method: str, path: str, **given: Any) -> Any:
        for _ in range(MOST_TRIES):
            try:
                response = self._http.request(method, path, **given)
            except Killed:
                self.asked_again += 1
                continue
            if response.status not in (502, 503, 504):
                return response
            self.asked_again += 1
        raise AssertionError(f"{method} {path} was never answered")


class Boundary:
    """The functions, whose process may be gone (Lambda says `Runtime.ExitError` then), and which may be run twice."""

    def __init__(self) -> None:
        self.fault: FaultAt | None = None

    def around(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same functions behind the boundary."""
        return {name: self._around(name, handler) for name, handler in handlers.items()}

    def _around(self, name: str, handler: Handler) -> Handler:
        def call(event: Any, context: Any) -> Any:
            try:
                if self.fault is None:
                    return handler(event, context)
                return self.fault.meet(f"function.{name}", event, lambda same: handler(same, context))
            except Killed as gone:
                raise RuntimeExit(str(gone)) from None

        return call
