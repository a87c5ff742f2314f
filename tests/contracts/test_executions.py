"""What every Executions promises, on the fake and on Step Functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.step_functions import StepFunctionsExecutions
from chalicelib.usecases.ports import Executions
from tests.fakes import FakeExecutions
from tests.local.worlds import Desk, a_cloud, a_token_task, eventually


@dataclass
class World:
    """Executions, and how to learn the token an execution waits with and what became of it."""

    executions: Executions
    token_of: Callable[[str], str]
    outcome_of: Callable[[str], Any]


@pytest.fixture(params=["fake", "step functions"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fake":
        yield a_fake_world()
        return
    desk = Desk()
    with a_cloud(tmp_path, {"Work": a_token_task()}, desk) as cloud:
        arn = cloud.outputs["machine"]

        def outcome_of(name: str) -> Any:
            execution = f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
            eventually("ended", lambda: cloud.describe_execution(execution)["status"] != "RUNNING")
            return cloud.describe_execution(execution)

        yield World(
            executions=StepFunctionsExecutions(cloud.client("stepfunctions"), arn),
            token_of=lambda name: eventually("a token", lambda: desk.tokens.get(name))[-1],
            outcome_of=outcome_of,
        )


def a_fake_world() -> World:
    executions = FakeExecutions(waiting={"token-of-one"})

    def outcome_of(name: str) -> Any:
        executions.ended.add(name)
        return {"status": "FAILED" if executions.refusals else "SUCCEEDED", "error": executions.refusals[-1:]}

    return World(executions=executions, token_of=lambda name: f"token-of-{name}", outcome_of=outcome_of)


def test_what_was_started_is_running(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")

    assert world.executions.is_running("one")
    assert not world.executions.is_running("two")


def test_starting_again_changes_nothing(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")

    world.executions.start("one", "deployment-1", "correlation-1")

    assert world.executions.is_running("one")


def test_an_answer_wakes_the_task_and_the_execution_ends(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")

    sent = world.executions.answer(world.token_of("one"), {"next": "end"})

    assert sent
    assert world.outcome_of("one")["status"] == "SUCCEEDED"
    assert not world.executions.is_running("one")


def test_one_that_has_ended_is_not_started_again(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")
    world.executions.answer(world.token_of("one"), {})
    world.outcome_of("one")

    world.executions.start("one", "deployment-1", "correlation-1")

    assert not world.executions.is_running("one")


def test_a_refusal_fails_the_task_with_its_name(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")

    sent = world.executions.refuse(world.token_of("one"), error="DeploymentEnded", cause="Cancelled")

    assert sent
    assert world.outcome_of("one")["status"] == "FAILED"
    assert "DeploymentEnded" in str(world.outcome_of("one")["error"])


def test_a_second_answer_comes_too_late(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")
    token = world.token_of("one")
    world.executions.answer(token, {})

    assert not world.executions.answer(token, {})
    assert not world.executions.refuse(token, error="DeploymentEnded", cause="")


def test_a_task_waits_with_its_token_until_it_is_answered(world: World):
    world.executions.start("one", "deployment-1", "correlation-1")
    token = world.token_of("one")

    assert world.executions.is_waiting(token)
    assert world.executions.is_waiting(token), "asking changes nothing"
    assert world.executions.answer(token, {})
    assert not world.executions.is_waiting(token)


def test_nobody_waits_with_a_token_that_was_never_given(world: World):
    assert not world.executions.is_waiting("never-given")
    assert not world.executions.answer("never-given", {})
    assert not world.executions.refuse("never-given", error="DeploymentEnded", cause="")
