"""Functions that call functions: orders to the one with the way out, its results back, and users' own functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.outbound_ports import Reply

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

MAX_ANSWER = 64 * 1024


class FunctionQueue:
    """Implements Calls and CallResults: one function of ours, invoked in the background.

    Lambda keeps the event and tries three times. Only whoever the function's policy names may invoke it, so what it is
    told needs no further proof.
    """

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client = client
        self._function = function

    def order(self, call: Mapping[str, Any]) -> None:
        """Have a call made soon.

        Raises:
            Unavailable: Lambda does not take it; order it again.
        """
        self._invoke(call)

    def tell(self, result: Mapping[str, Any]) -> None:
        """Hand over the result of a call.

        Raises:
            Unavailable: Lambda does not take it; make the call again.
        """
        self._invoke({"source": "hotswap.calls", "detail": dict(result)})

    def _invoke(self, event: Mapping[str, Any]) -> None:
        payload = json.dumps(dict(event)).encode()
        try:
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("Lambda does not answer.") from error


class LambdaUserFunctions:
    """Implements UserFunctions: functions whose names begin with `hotswap-hook-`, as our policy says."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Reply:
        """What the function returned: 200 and its JSON, or 500 when it raised.

        Raises:
            Unavailable: it could not be invoked, did not answer in time, or answered too much.
        """
        try:
            answer = self._client.invoke(FunctionName=name, Payload=json.dumps(dict(payload)).encode())
            content = answer["Payload"].read(MAX_ANSWER + 1)
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(f"The function {name} cannot be invoked ({type(error).__name__}).") from error
        if len(content) > MAX_ANSWER:
            raise Unavailable(f"The function {name} answered more than {MAX_ANSWER} bytes.")
        return Reply(status=500 if "FunctionError" in answer else 200, body=content)
