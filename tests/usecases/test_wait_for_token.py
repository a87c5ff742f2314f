"""A wait of the machine never misses what is decided, whoever comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ExecutionReplaced, StaleWrite, Unavailable
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.waiting import Wait, WaitState
from chalicelib.steps.machine import handle
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.recording import MAX_TRIES, wake
from chalicelib.usecases.wait_for_token import wait_for_token
from tests.builders import DEPLOYMENT_ID, a_deployment
from tests.fakes import FakeExecutions
from tests.usecases.scene import Scene, a_scene, with_store
from tests.usecases.stores import InterruptedStore


def waiting(phase: Phase = Phase.AWAITING_TURN, **others: object) -> tuple[Scene, FakeExecutions]:
    """A deployment in this phase, and executions that only remember."""
    executions = FakeExecutions()
    scene = a_scene(nodes=0, executions=executions)
    rollout = Rollout(environment=Environment.DEVELOPMENT, phase=phase)
    given = {"status": Status.RUNNING, "rollouts": (rollout,)} | others
    scene.store.commit(Add(a_deployment(**given)))
    return scene, executions


def decide(scene: Scene) -> Deployment:
    """The turn is granted, by one write and one wake-up, as every use case does it."""
    deployment = scene.store.get(Deployment, DEPLOYMENT_ID)
    granted = replace(deployment.rollouts[0], fence=1)
    after = replace(deployment.with_rollout(granted), revision=deployment.revision + 1)
    scene.store.commit(Replace(after))
    wake(after, ports=scene.ports)
    return after


def wait(scene: Scene, sent: str = "token-1", run: int = 0) -> Deployment:
    return wait_for_token(DEPLOYMENT_ID, WaitState.AWAIT_TURN, run=run, token=sent, ports=scene.ports)


def test_what_is_decided_afterwards_is_sent_to_the_token() -> None:
    scene, executions = waiting()
    wait(scene)
    assert executions.answers == []

    decide(scene)

    assert [(token, output["next"]) for token, output in executions.answers] == [("token-1", "plan")]


def test_what_was_decided_before_is_sent_at_once() -> None:
    scene, executions = waiting()
    decide(scene)

    wait(scene)

    assert [token for token, _ in executions.answers] == ["token-1"]


@pytest.mark.parametrize("call", ["get", "commit"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_decision_at_any_moment_of_the_registration_is_sent_exactly_once(call: str, nth: int) -> None:
    scene, executions = waiting()
    direct = replace(scene, ports=scene.ports)
    calls = 0

    def at_the_nth(*_: object) -> bool:
        nonlocal calls
        calls += 1
        return calls == nth

    store = InterruptedStore(scene.store, call=call, meanwhile=lambda: decide(direct), when=at_the_nth)
    with_store(scene, store)

    wait(scene)
    if not store.interrupted:
        decide(direct)

    assert [token for token, _ in executions.answers] == ["token-1"]
    assert direct.store.get(Wait, DEPLOYMENT_ID).is_answered


def test_an_answer_is_sent_once_however_often_somebody_wakes() -> None:
    scene, executions = waiting()
    wait(scene)
    after = decide(scene)

    again = [wake(after, ports=scene.ports) for _ in range(3)]

    assert again == [False, False, False]
    assert len(executions.answers) == 1


def test_the_token_of_a_retried_task_replaces_the_older_one() -> None:
    scene, executions = waiting()
    wait(scene, "token-1")
    executions.waiting = {"token-2"}
    wait(scene, "token-2")

    decide(scene)

    assert [token for token, _ in executions.answers] == ["token-2"]


def test_the_token_of_a_step_that_ran_late_does_not_replace_the_one_that_is_waited_with() -> None:
    scene, executions = waiting()
    wait(scene, "token-2")
    executions.waiting = {"token-2"}

    wait(scene, "token-1")
    decide(scene)

    assert [token for token, _ in executions.answers] == ["token-2"]


def test_whether_the_stored_token_is_waited_with_has_to_be_known() -> None:
    """Else the step is run again: to guess would lose the one token or the other."""
    scene, executions = waiting()
    wait(scene, "token-1")
    executions.unavailable = True

    with pytest.raises(Unavailable):
        wait(scene, "token-2")

    assert scene.store.get(Wait, DEPLOYMENT_ID).token == "token-1"


def test_an_answer_to_a_token_that_was_replaced_does_not_count_for_the_new_one() -> None:
    scene, executions = waiting()
    wait(scene, "token-1")
    decide(scene)

    wait(scene, "token-2")

    assert [token for token, _ in executions.answers] == ["token-1", "token-2"]


def test_the_same_token_stored_twice_is_answered_once() -> None:
    scene, executions = waiting()
    wait(scene)
    decide(scene)

    wait(scene)

    assert len(executions.answers) == 1


def test_an_older_run_is_refused_its_wait() -> None:
    scene, _ = waiting()
    wait(scene, "token-2", run=1)

    with pytest.raises(ExecutionReplaced):
        wait(scene, "token-1", run=0)

    assert scene.store.get(Wait, DEPLOYMENT_ID).token == "token-2"


def test_the_wait_of_an_older_run_is_not_answered() -> None:
    scene, executions = waiting(run=1)
    wait(scene, run=0)

    decide(scene)

    assert executions.answers == []


def test_a_step_of_an_execution_that_was_replaced_is_refused_before_it_does_anything() -> None:
    scene, _ = waiting(run=1)
    before = len(scene.store.commits)
    event = {"state": "AwaitTurn", "execution": DEPLOYMENT_ID, "input": {"deploymentId": DEPLOYMENT_ID}, "token": "t"}

    with pytest.raises(ExecutionReplaced):
        handle(event, ports=scene.ports)

    assert len(scene.store.commits) == before


def test_whoever_waits_for_a_deployment_that_ended_is_sent_to_the_end() -> None:
    scene, executions = waiting(Phase.REFUSED, status=Status.CANCELLED)

    wait(scene)

    assert [(token, error) for token, error, _ in executions.refusals] == [("token-1", "DeploymentEnded")]


def test_nobody_waits_and_nothing_is_sent() -> None:
    scene, executions = waiting()

    assert not wake(scene.store.get(Deployment, DEPLOYMENT_ID), ports=scene.ports)
    assert executions.answers == []


def test_an_answer_that_comes_too_late_counts_as_given() -> None:
    scene, executions = waiting()
    executions.waiting = set()
    wait(scene)

    decide(scene)

    assert executions.answers == []
    assert scene.store.get(Wait, DEPLOYMENT_ID).is_answered


def test_a_token_that_came_while_the_answer_was_sent_is_left_to_whoever_brought_it() -> None:
    scene, executions = waiting()
    wait(scene, "token-1")
    direct = replace(scene, ports=scene.ports)
    store = InterruptedStore(
        scene.store,
        call="commit",
        meanwhile=lambda: wait(direct, "token-2"),
        when=lambda change: isinstance(change.record, Wait) and change.record.is_answered,
    )
    with_store(scene, store)

    decide(scene)

    assert [token for token, _ in executions.answers] == ["token-1", "token-2"]
    assert direct.store.get(Wait, DEPLOYMENT_ID).token == "token-2"
    assert direct.store.get(Wait, DEPLOYMENT_ID).is_answered


@pytest.mark.parametrize(("losses", "kept"), [(1, True), (MAX_TRIES - 1, True), (MAX_TRIES, False)])
def test_a_wait_that_loses_its_write_tries_again_but_not_for_ever(losses: int, kept: bool) -> None:
    scene, _ = waiting()
    scene.store.fail_next(*[StaleWrite("Wait", DEPLOYMENT_ID)] * losses)

    if kept:
        wait(scene)
    else:
        with pytest.raises(StaleWrite):
            wait(scene)

    assert (scene.store.get(Wait, DEPLOYMENT_ID) is not None) is kept


def test_a_table_that_does_not_answer_is_left_to_the_retry_of_the_machine() -> None:
    scene, _ = waiting()
    scene.store.fail_next(Unavailable("busy"))

    with pytest.raises(Unavailable):
        wait(scene)


class SilentExecutions(FakeExecutions):
    """A state machine that takes no answer."""

    def answer(self, token: str, output: object) -> bool:
        raise Unavailable("The state machine does not answer.")

    def refuse(self, token: str, *, error: str, cause: str) -> bool:
        raise Unavailable("The state machine does not answer.")


@pytest.mark.parametrize("has_ended", [False, True])
def test_only_the_wait_of_an_ended_deployment_fails_when_it_cannot_be_answered(has_ended: bool) -> None:
    """No sweep looks for what has ended: the step must be run again. What is open the reconciler wakes."""
    scene, _ = waiting()
    decided = decide(scene)
    if has_ended:
        ended = replace(decided, status=Status.COMPLETED, rollouts=(), revision=decided.revision + 1)
        scene.store.commit(Replace(ended))
    scene.ports = replace(scene.ports, executions=SilentExecutions())

    if has_ended:
        with pytest.raises(Unavailable):
            wait(scene)
    else:
        assert wait(scene).id == DEPLOYMENT_ID
