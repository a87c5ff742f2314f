"""The state machine's calls, and those to it and to the bus, without the detour through a web server's request.

The table's calls have a short way of their own (`dynamodb_speed.py`).
"""

# mypy: disable-error-code="attr-defined,arg-type,no-untyped-call,assignment"
# (moto and botocore are typed in parts)
from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

from botocore.compat import HTTPHeaders
from botocore.signers import RequestSigner
from moto.awslambda.responses import LambdaResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.responses import BaseResponse
from moto.events.responses import EventsHandler
from moto.stepfunctions.responses import StepFunctionResponse
from moto.utilities.utils import get_partition

_HANDLERS: dict[str, Callable[[], Any]] = {
    "events": EventsHandler,
    "lambda": LambdaResponse,
    "states": StepFunctionResponse,
}
_PLACE = re.compile(
    r"https://(?:(events|states)\.([a-z0-9-]+)\.amazonaws\.com/"
    r"|(lambda)\.([a-z0-9-]+)\.amazonaws\.com(/[0-9-]+/functions/[^/?]+/invocations)(?:\?(.*))?)$"
)


@contextmanager
def calls_of_the_state_machine_take_the_short_way() -> Iterator[None]:
    """Repair: calls from this process to the bus and to state machines, and invocations of functions, go to who answers
    them. moto makes a WSGI request of each, which is a circle of ten objects, reads parameters out of its form, its
    query and its headers, and asks a router for the name of the action; and botocore signs what nobody checks.
    """
    the_long_way, sign = BotocoreStubber.process_request, RequestSigner.sign

    def process_request(self: Any, request: Any) -> Any:
        place = _PLACE.match(request.url) if request.method == "POST" else None
        if place is None:
            return the_long_way(self, request)
        return _handler(place, request).call_action()

    def sign_others(self: Any, operation_name: str, request: Any, *args: Any, **kwargs: Any) -> None:
        if request.method != "POST" or _PLACE.match(request.url) is None:
            sign(self, operation_name, request, *args, **kwargs)

    with (
        patch.object(BotocoreStubber, "process_request", process_request),
        patch.object(RequestSigner, "sign", sign_others),
    ):
        yield


def _handler(place: re.Match[str], request: Any) -> Any:
    handler = _HANDLERS[place[1] or place[3]]()
    body = request.body or b""
    handler.is_werkzeug_request = False
    handler.region = place[2] or place[4]
    handler.partition = get_partition(handler.region)
    handler.current_account = DEFAULT_ACCOUNT_ID
    handler.headers = HTTPHeaders()
    for name, value in request.headers.items():
        handler.headers[name] = value.decode() if isinstance(value, bytes) else value
    handler.method, handler.uri = request.method, request.url
    handler.path = handler.raw_path = place[5] or "/"
    handler.querystring = handler.data = parse_qs(place[6]) if place[6] else {}
    handler.uri_match, handler.response_headers = {}, {}
    handler.raw_body, handler.body = body, body.decode() if isinstance(body, bytes) else body
    if place[3]:
        handler._get_action = _invoke
    return handler


def _invoke() -> str:
    return "Invoke"


@contextmanager
def answers_are_numbered_at_once() -> Iterator[None]:
    """Repair: the number of an answer is drawn in one piece, and put into XML. moto draws it letter by letter, and looks
    for the place for it in everything, a page of items too.
    """
    letter_by_letter = BaseResponse._enrich_response

    def enrich(headers: dict[str, str], body: Any) -> Any:
        if isinstance(body, str) and "<RequestId>" in body:
            return letter_by_letter(headers, body)
        if "status" in headers:
            headers["status"] = str(headers["status"])
        headers["x-amzn-requestid"] = secrets.token_hex(26).upper()
        return headers, body

    with patch.object(BaseResponse, "_enrich_response", staticmethod(enrich)):
        yield
