"""Step Functions that are busy or silent are unavailable; what they refuse is passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.step_functions import StepFunctionsExecutions
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import Executions

CALLS: list[Callable[[Executions], Any]] = [
    lambda executions: executions.start("one", "deployment-1", "correlation-1"),
    lambda executions: executions.is_running("one"),
    lambda executions: executions.is_waiting("token"),
    lambda executions: executions.answer("token", {}),
    lambda executions: executions.refuse("token", error="DeploymentEnded", cause=""),
]


class Failing:
    """A client whose every call fails in the same way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, _: str) -> Any:
        def call(**_: Any) -> Any:
            raise self.error

        return call


def over(error: Exception) -> Executions:
    client: Any = Failing(error)
    return StepFunctionsExecutions(client, "arn:aws:states:eu-central-1:123456789012:stateMachine:hotswap")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Call")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [refusal("ThrottlingException"), EndpointConnectionError(endpoint_url="x")])
def test_busy_or_silent_is_unavailable(call: Callable[[Executions], Any], error: Exception):
    with pytest.raises(Unavailable):
        call(over(error))


@pytest.mark.parametrize("call", CALLS)
def test_any_other_refusal_passes_through(call: Callable[[Executions], Any]):
    with pytest.raises(ClientError):
        call(over(refusal("AccessDeniedException")))


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_wait_that_is_over_is_an_answer_and_no_failure(code: str):
    executions = over(refusal(code))

    assert not executions.is_waiting("token")
    assert not executions.answer("token", {})
    assert not executions.refuse("token", error="DeploymentEnded", cause="")


def test_an_execution_that_began_through_an_alias_is_asked_for_by_the_name_of_its_machine():
    asked: list[str] = []

    class Running:
        def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 (as boto3 has it)
            asked.append(executionArn)
            return {"status": "RUNNING"}

    client: Any = Running()
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:hotswap-prod-deployment:live"

    assert StepFunctionsExecutions(client, machine).is_running("one-r2")
    assert asked == ["arn:aws:states:eu-central-1:123456789012:execution:hotswap-prod-deployment:one-r2"]
