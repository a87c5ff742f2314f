"""One call after the other: the place every AWS call passes, and the lock round each service's state.

moto has no locks: under threads its conditional writes are not atomic. Two services are left out. Lambda, because its
calls run handlers, which call the other services. S3, because it answers on another way, and objects are independent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from unittest.mock import patch

from botocore.signers import RequestSigner
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.responses import BaseResponse
from moto.dynamodb.responses import DynamoHandler

from infra.local.repairs.dynamodb_items import Journal, journal

Proceed = Callable[[Any], Any]
AroundCall = Callable[[Any, Proceed], Any]
AfterWrites = Callable[[Journal], None]


class CallHook:
    """The one place where something may stand between the code and AWS: set `around` to `around(request, proceed)`.

    `request` is botocore's prepared request. Not calling `proceed` means the call was not applied; raising after it
    means it was applied and the answer was lost; calling it twice is a duplicate. Nothing stands there by default.
    Calls over HTTP do not pass here.
    """

    def __init__(self) -> None:
        self.around: AroundCall | None = None


@contextmanager
def every_call_passes_the_hook(hook: CallHook) -> Iterator[None]:
    """Not a defect of moto: one choke point for a fault injector (a botocore event hook cannot stop a call)."""
    process = BotocoreStubber.process_request

    def process_request(self: Any, request: Any) -> Any:
        around = hook.around
        if around is None:
            return process(self, request)
        return around(request, lambda passed: process(self, passed))

    with patch.object(BotocoreStubber, "process_request", process_request):
        yield


@contextmanager
def table_calls_are_not_signed() -> Iterator[None]:
    """Not a defect of moto: nobody checks the signature of a call that never leaves the process, and making it costs a
    twelfth of each. Calls over HTTP are signed: their signature tells the server the service.
    """
    sign = RequestSigner.sign

    def sign_others(self: Any, operation_name: str, request: Any, *args: Any, **kwargs: Any) -> None:
        if not request.url.startswith("https://dynamodb."):
            sign(self, operation_name, request, *args, **kwargs)

    with patch.object(RequestSigner, "sign", sign_others):
        yield


@contextmanager
def calls_are_atomic(after_writes: AfterWrites | None = None) -> Iterator[None]:
    """Repair: calls of one service run one at a time, in process and over HTTP alike.

    After a DynamoDB call that changed items, and before its answer, `after_writes` gets what changed. When it raises,
    the change is undone and the call fails: what could not be kept was not done.
    """
    call_action, dynamodb_call_action = BaseResponse.call_action, DynamoHandler.call_action
    locks: dict[str, threading.RLock] = {}
    making = threading.Lock()

    def lock_of(service: str) -> threading.RLock:
        with making:
            return locks.setdefault(service, threading.RLock())

    def call(self: Any) -> Any:
        if self.service_name == "awslambda":
            return call_action(self)
        with lock_of(str(self.service_name)):
            return call_action(self)

    def call_dynamodb(self: Any) -> Any:
        with lock_of("dynamodb"), journal() as changes:
            try:
                answer = dynamodb_call_action(self)
                if int(answer[0]) >= HTTPStatus.BAD_REQUEST:
                    # Refused. What a part of the call did before (batches) is taken back.
                    changes.undo()
                elif after_writes is not None and changes.before:
                    after_writes(changes)
            except BaseException:
                changes.undo()
                raise
            return answer

    with (
        patch.object(BaseResponse, "call_action", call),
        patch.object(DynamoHandler, "call_action", call_dynamodb),
    ):
        yield
