"""The state machine file against its own rules and against the code: what moto and AWS accept is not all we demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain import errors
from chalicelib.domain.deployment import ENDS
from chalicelib.domain.waiting import WaitState
from chalicelib.steps.machine import TASKS, WAITS

FILE = Path(__file__).parents[2] / "infra" / "statemachines" / "deployment.asl.json"
MACHINE: dict[str, Any] = json.loads(FILE.read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
OF_TYPE_TASK = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
OWN_ERRORS = {name for name in dir(errors) if isinstance(getattr(errors, name), type)}
OF_STEP_FUNCTIONS = {"States.ALL", "States.Timeout"}
OF_LAMBDA = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    # A function whose process was gone, or that took longer than it may.
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
}


def targets(state: dict[str, Any]) -> Iterator[str]:
    if "Next" in state:
        yield state["Next"]
    if "Default" in state:
        yield state["Default"]
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield branch["Next"]


def is_token_wait(state: dict[str, Any]) -> bool:
    return str(state.get("Resource", "")).endswith(".waitForTaskToken")


def test_every_target_exists_and_every_state_but_an_end_has_one():
    assert MACHINE["StartAt"] in STATES
    for name, state in STATES.items():
        for target in targets(state):
            assert target in STATES, f"{name} goes to {target}, which is not there"
        assert (state["Type"] in ("Succeed", "Fail")) != bool(list(targets(state))), name


def test_no_state_is_unreachable():
    reached, todo = set(), [MACHINE["StartAt"]]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(targets(STATES[name]))

    assert reached == set(STATES)


def test_nothing_polls_there_is_no_wait_state_and_no_overall_timeout():
    assert not [name for name, state in STATES.items() if state["Type"] == "Wait"]
    assert "TimeoutSeconds" not in MACHINE


def test_every_task_is_bounded_in_time():
    for name, state in OF_TYPE_TASK.items():
        assert ("TimeoutSeconds" in state) != ("TimeoutSecondsPath" in state), name


def test_policy_waits_and_only_they_take_their_time_from_the_state():
    by_path = {name for name, state in OF_TYPE_TASK.items() if "TimeoutSecondsPath" in state}

    assert by_path == {"AwaitApproval", "AwaitTurn", "BakeWave", "AwaitResume"}


def test_every_token_wait_says_what_follows_a_timeout():
    for name, state in OF_TYPE_TASK.items():
        caught = {error for catch in state["Catch"] for error in catch["ErrorEquals"]}
        assert ("States.Timeout" in caught) == is_token_wait(state), name


@pytest.mark.parametrize("name", OF_TYPE_TASK)
def test_every_task_retries_the_platform_and_catches_everything_last(name):
    state = OF_TYPE_TASK[name]

    assert state["Retry"]
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert all(catch["ResultPath"].startswith("$.") for catch in state["Catch"]), "a catch must keep the ids"


def test_every_caught_or_retried_error_is_one_that_somebody_raises():
    for name, state in OF_TYPE_TASK.items():
        for rule in (*state["Catch"], *state["Retry"]):
            for error in rule["ErrorEquals"]:
                assert error in OWN_ERRORS | OF_STEP_FUNCTIONS | OF_LAMBDA, f"{name}: {error}"


def test_every_task_has_its_step_and_every_step_its_task():
    waits = {name for name, state in OF_TYPE_TASK.items() if is_token_wait(state)}

    assert waits == set(WAITS) == set(WaitState)
    assert set(OF_TYPE_TASK) - waits == set(TASKS)


def test_every_task_passes_ids_only_and_never_the_whole_context():
    for name, state in OF_TYPE_TASK.items():
        payload = state["Parameters"]["Payload"]
        expected = {"state.$", "execution.$", "input.$"} | ({"token.$"} if is_token_wait(state) else set())
        assert set(payload) == expected, name


def test_every_end_of_a_deployment_has_its_end_state():
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}

    assert set(ENDS) <= ends
    assert ends - set(ENDS) == {"ExecutionReplaced", "RestoreInterrupted"}


def test_a_failed_deployment_never_ends_as_a_success():
    assert STATES["Failed"]["Type"] == "Fail"
    assert STATES["RollbackFailed"]["Type"] == "Fail"
    assert STATES["HowItEnded"]["Default"] == "Failed"


def test_every_state_says_what_it_is_for():
    assert not [name for name, state in STATES.items() if not state.get("Comment")]
