"""What each Task of the state machine calls, in the machine's order. The state's name chooses the step."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.domain import errors
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import ExecutionReplaced, Frozen
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.waiting import Next, WaitState
from chalicelib.observability import telling
from chalicelib.usecases.advance_wave import advance_wave
from chalicelib.usecases.answer_hook import time_out_hooks
from chalicelib.usecases.choose_environment import choose_environment
from chalicelib.usecases.complete_deployment import validate
from chalicelib.usecases.decide_approval import expire_approval
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.keep_freezes import thaw
from chalicelib.usecases.plan_rollout import plan_rollout
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import get_deployment
from chalicelib.usecases.release_turn import release_turn
from chalicelib.usecases.run_stage import build, run_tests, scan_security
from chalicelib.usecases.start_restore import restore_after_failure
from chalicelib.usecases.take_turn import hand_on, take_turn
from chalicelib.usecases.wait_for_token import wait_for_token

State = dict[str, Any]


def handle(event: Mapping[str, Any], *, ports: Ports) -> State:
    """Run the step of the state the machine is in; returns the machine's next state (ids and small numbers).

    Any step may run twice: what it did is recorded, and it finds it done.

    Raises:
        ExecutionReplaced: a newer execution carries the deployment on; this one must stop.
        DeploymentEnded: the deployment has reached an end.
    """
    given = event["input"]
    with telling(correlationId=given.get("correlationId", ""), executionId=given["deploymentId"], state=event["state"]):
        return _run(event, ports)


def _run(event: Mapping[str, Any], ports: Ports) -> State:
    name = event["state"]
    deployment = get_deployment(event["input"]["deploymentId"], ports=ports)
    run = _run_of(event["execution"], deployment)
    if name in TASKS:
        return TASKS[name](deployment, event, ports)
    WAITS[name](deployment, event, ports)
    wait_for_token(deployment.id, WaitState(name), run=run, token=event["token"], ports=ports)
    return {}


def _run_of(execution: str, deployment: Deployment) -> int:
    if execution != deployment.execution_name:
        raise ExecutionReplaced(f"{execution} was replaced by {deployment.execution_name}.")
    return deployment.run


def _build(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> None:
    build(deployment.id, ports=ports)
    time_out_hooks(deployment.id, ports=ports)


def _test(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> None:
    run_tests(deployment.id, ports=ports)
    time_out_hooks(deployment.id, ports=ports)


def _scan_security(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> State:
    return _state(scan_security(deployment.id, ports=ports))


def _next_environment(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> State:
    rollout = choose_environment(deployment.id, ports=ports)
    if rollout is None:
        return {**_state(deployment), "next": "validate"}
    seconds = rollout.approval_seconds
    if rollout.phase is Phase.FROZEN:
        left_ms = (rollout.frozen_until_ms or 0) - ports.clock.policy_ms()
        seconds = max(-(-left_ms // 1000), 1)
    return {**_state(deployment, rollout), "next": "approve", "seconds": seconds}


def _await_approval(deployment: Deployment, event: Mapping[str, Any], ports: Ports) -> None:
    expire_approval(deployment.id, ports=ports)
    rollout = thaw(deployment.id, ports=ports).current
    if rollout is not None and rollout.phase is Phase.FROZEN and "timeout" in event["input"]:
        # Another freeze follows: the wait begins anew, with its time.
        raise Frozen(rollout.message, environment=rollout.environment, window="", until_ms=rollout.frozen_until_ms)


def _await_turn(deployment: Deployment, event: Mapping[str, Any], ports: Ports) -> None:
    take_turn(deployment.id, timed_out="timeout" in event["input"], ports=ports)


def _plan_waves(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> State:
    planned = plan_rollout(deployment.id, ports=ports)
    return _state(planned, planned.current)


def _advance_wave(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> None:
    time_out_hooks(deployment.id, ports=ports)
    advance_wave(deployment.id, ports=ports)


def _nothing(_deployment: Deployment, _event: Mapping[str, Any], _ports: Ports) -> None:
    """The wait itself is all there is to do."""


def _release_turn(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> State:
    return _state(release_turn(deployment.id, ports=ports))


def _validate(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> None:
    validate(deployment.id, ports=ports)
    time_out_hooks(deployment.id, ports=ports)


def _restore_nodes(deployment: Deployment, event: Mapping[str, Any], ports: Ports) -> None:
    failure = event["input"].get("failure")
    after = restore_after_failure(deployment.id, cause=_cause(failure), ports=ports)
    if after.status is Status.PAUSED:
        # An irreversible version waits for people; the execution that broke cannot, the reconciler starts one that can.
        raise ExecutionReplaced(f"{after.id} is paused and goes on in another execution.")
    finish_restore(deployment.id, ports=ports)


def _finish_deployment(deployment: Deployment, _event: Mapping[str, Any], ports: Ports) -> State:
    hand_on(deployment, ports=ports)
    return {**_state(deployment), "status": str(deployment.status)}


TASKS: dict[str, Callable[[Deployment, Mapping[str, Any], Ports], State]] = {
    "ScanSecurity": _scan_security,
    "NextEnvironment": _next_environment,
    "PlanWaves": _plan_waves,
    "ReleaseTurn": _release_turn,
    "FinishDeployment": _finish_deployment,
}
"""States that answer at once."""

WAITS: dict[str, Callable[[Deployment, Mapping[str, Any], Ports], None]] = {
    WaitState.BUILD: _build,
    WaitState.TEST: _test,
    WaitState.VALIDATE: _validate,
    WaitState.AWAIT_APPROVAL: _await_approval,
    WaitState.AWAIT_TURN: _await_turn,
    WaitState.ADVANCE_WAVE: _advance_wave,
    WaitState.BAKE_WAVE: _nothing,
    WaitState.AWAIT_RESUME: _nothing,
    WaitState.RESTORE_NODES: _restore_nodes,
}
"""States that do what is due, then wait for their token."""


def _state(deployment: Deployment, rollout: Rollout | None = None) -> State:
    return {
        "deploymentId": deployment.id,
        "correlationId": deployment.correlation_id,
        "environment": "" if rollout is None else str(rollout.environment),
        "next": str(Next.ADVANCE),
        "seconds": 1,
    }


_OURS = frozenset(each.__name__ for each in vars(errors).values() if isinstance(each, type))


def _cause(failure: object) -> str:
    """What a caller may know of a step that failed: errors of ours in our words, of others the name and no more.

    The cause of what broke inside is a traceback; it stands in the log under the deployment's id.
    """
    if not isinstance(failure, Mapping):
        return ""
    name = str(failure.get("Error", "Unknown"))
    if name not in _OURS:
        return f"{name[:100]}: a step of the state machine failed."
    try:
        said = json.loads(str(failure.get("Cause", "")))
    except ValueError:
        said = None
    sentence = said.get("errorMessage", "") if isinstance(said, dict) else ""
    return f"{name}: {str(sentence)[:500]}"


__all__ = ["TASKS", "WAITS", "handle"]
