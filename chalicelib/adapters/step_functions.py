"""Implements Executions on Step Functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

WAIT_IS_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""What Step Functions says when nobody waits with a token any more: late, answered before, or never given out."""

FOR_NOW = frozenset(
    {"InternalServerError", "InternalServerException", "ServiceUnavailable", "ThrottlingException", "Throttling"}
)

LONGEST_CAUSE = 1_000
_PARTS_OF_AN_ARN = 7
"""Without what stands behind a name: a version or an alias."""


class StepFunctionsExecutions:
    """The executions of one state machine."""

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, name: str, deployment_id: str, correlation_id: str) -> None:
        """Start the execution `name` with both ids as its input; one that was started before stays.

        Raises:
            Unavailable: Step Functions does not answer; start it again.
        """
        given = json.dumps({"deploymentId": deployment_id, "correlationId": correlation_id})
        _asked(
            lambda: self._client.start_execution(stateMachineArn=self._state_machine_arn, name=name, input=given),
            expected=frozenset({"ExecutionAlreadyExists"}),
        )

    def is_running(self, name: str) -> bool:
        """Whether an execution of that name exists and has not ended.

        Raises:
            Unavailable: Step Functions does not answer.
        """
        # An alias says which definition begins; executions are named for the machine alone.
        machine = ":".join(self._state_machine_arn.split(":")[:_PARTS_OF_AN_ARN])
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        answer = _asked(
            lambda: self._client.describe_execution(executionArn=arn), expected=frozenset({"ExecutionDoesNotExist"})
        )
        return answer is not None and answer["status"] == "RUNNING"

    def is_waiting(self, token: str) -> bool:
        """Whether a task still waits with this token; asked by a heartbeat, which changes nothing for tasks without one.

        Raises:
            Unavailable: Step Functions does not answer.
        """
        alive = _asked(lambda: self._client.send_task_heartbeat(taskToken=token), expected=WAIT_IS_OVER)
        return alive is not None

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        """Wake the task that waits with this token; False when that wait is over.

        Raises:
            Unavailable: Step Functions does not answer; answer again.
        """
        sent = _asked(
            lambda: self._client.send_task_success(taskToken=token, output=json.dumps(dict(output))),
            expected=WAIT_IS_OVER,
        )
        return sent is not None

    def refuse(self, token: str, *, error: str, cause: str) -> bool:
        """Fail the task that waits with this token with a named error; False when that wait is over.

        Raises:
            Unavailable: Step Functions does not answer; refuse again.
        """
        sent = _asked(
            lambda: self._client.send_task_failure(taskToken=token, error=error, cause=cause[:LONGEST_CAUSE]),
            expected=WAIT_IS_OVER,
        )
        return sent is not None


def _asked(call: Callable[[], Any], *, expected: frozenset[str]) -> Any | None:
    """The answer, or None where the failure is one of those `expected`."""
    try:
        return call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in expected:
            return None
        if code in FOR_NOW:
            raise Unavailable("Step Functions does not answer.") from error
        raise
    except BotoCoreError as error:
        raise Unavailable("Step Functions does not answer.") from error
