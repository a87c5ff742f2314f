"""Waiting in the Step Functions interpreter goes through `Timers` (see there for policy time and machine time).

moto waits in five places with `Event.wait`, `time.sleep` and `Thread.join`, each on the real clock.
"""

# mypy: disable-error-code="attr-defined,arg-type"
# (moto is typed in parts)
from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError, TimeoutSecondsPath
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds_path import SecondsPath
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

from infra.local.repairs.task_tokens import renew_token
from infra.local.timers import Timers, Wake, Work

# A handler whose answer was accepted in the last moment gets this long to return.
_GRACE_S = 30.0


def work_of(env: Any) -> Work:
    """The counted work an environment (or one of its frames) belongs to."""
    work: Work = env.callback_pool_manager.work
    return work


def _task_seconds(state: Any, env: Any, timers: Timers) -> float | None:
    """How long the state may run, in seconds of the timers' clock; None for ever."""
    if state.timeout.is_default_value():
        return None
    state.timeout.eval(env=env)
    return timers.scaled(env.stack.pop(), policy=isinstance(state.timeout, TimeoutSecondsPath))


@contextmanager
def waiting_goes_through_timers(timers: Timers) -> Iterator[None]:
    """Repair: token waits, heartbeats, Wait states, retry pauses and both kinds of time-out use `timers`.

    A state with `TimeoutSecondsPath` (or a Wait with `SecondsPath`) waits for policy time, everything else for machine
    time. In virtual time a handler takes no time, so only a waiting token or a pause can time out.
    """
    with ExitStack() as patches:
        for repair in (_token_waits, _attempts, _wait_states, _retry_pauses, _machine_time_out):
            patches.enter_context(repair(timers))
        yield


@contextmanager
def _token_waits(timers: Timers) -> Iterator[None]:
    def eval_wait_for_task_token(
        self: Any,
        env: Any,
        timeout_seconds: float,  # noqa: ARG001 (not yet scaled, so read again below)
        callback_endpoint: Any,
        heartbeat_endpoint: float | None,
    ) -> Any:
        outcome = callback_endpoint.wait_for_outcome(_task_seconds(self, env, timers), heartbeat_endpoint)
        if outcome is None:
            return state_task_service_callback.CallbackOutcomeTimedOut(callback_id=callback_endpoint.callback_id)
        return outcome

    target = state_task_service_callback.StateTaskServiceCallback
    with patch.object(target, "_eval_wait_for_task_token", eval_wait_for_task_token):
        yield


def _open_token(frame: Any) -> Any:
    task = frame.states.context_object.context_object_data.get("Task")
    return frame.callback_pool_manager.get(task["Token"]) if task else None


def _run_in_time(state: Any, frame: Any, seconds: float | None) -> None:
    """Evaluate in a thread of its own and give up when time is over (the thread goes on alone, as in AWS)."""
    failure: list[BaseException] = []
    done = Event()
    token = _open_token(frame)

    def run(failure: list[BaseException]) -> None:
        try:
            state._eval_execution(frame)
        except BaseException as error:  # noqa: BLE001 (raised again in the waiting thread)
            failure.append(error)
        finally:
            # What was raised holds this frame. If the frame held it too, they would keep the execution as garbage that
            # is found by a full collection only.
            del failure
            done.set()

    Thread(target=run, args=(failure,), daemon=True, name=f"state {state.name}").start()
    if not done.wait(seconds):
        accepted = token is not None and not token.time_out()
        if not (accepted and done.wait(_GRACE_S)):
            raise EvalTimeoutError
    if failure:
        try:
            raise failure[0]
        finally:
            failure.clear()


@contextmanager
def _attempts(timers: Timers) -> Iterator[None]:
    def evaluate_with_timeout(self: Any, env: Any) -> None:
        renew_token(env)
        seconds = _task_seconds(self, env, timers)
        frame = env.open_frame()
        frame.states.reset(input_value=env.states.get_input())
        frame.stack = copy.deepcopy(env.stack)
        work_of(env).doing = f"in state {self.name}"
        try:
            if timers.handlers_take_time:
                _run_in_time(self, frame, timers.real_seconds(seconds))
            else:
                self._eval_execution(frame)
        finally:
            frame.set_ended()
            env.close_frame(frame)
            if (token := _open_token(env)) is not None:
                # However the attempt ended, nobody waits for its token any more.
                token.interrupt_all()
        output = frame.stack[-1]
        env.stack.append(output)
        # From here on as in moto.
        if not self._is_language_query_jsonpath():
            env.states.set_result(output)
        if self.assign_decl:
            self.assign_decl.eval(env=env)
        if self.result_selector:
            self.result_selector.eval(env=env)
        if self.result_path:
            self.result_path.eval(env)
        else:
            env.states.reset(input_value=env.stack.pop())

    with patch.object(ExecutionState, "_evaluate_with_timeout", evaluate_with_timeout):
        yield


def _pause(timers: Timers, env: Any, seconds: float, doing: str) -> None:
    """Wait, and end early only when the execution ends."""
    wake = Wake(timers, work_of(env), doing)
    try:
        end_s = timers.monotonic_s() + seconds
        while env.is_running() and (left_s := end_s - timers.monotonic_s()) > 0:
            wake.wait(left_s)
            if work_of(env).interrupted:
                return
    finally:
        wake.close()


@contextmanager
def _wait_states(timers: Timers) -> Iterator[None]:
    def wait_interval(self: Any, env: Any, wait_seconds: float) -> None:
        _pause(timers, env, timers.scaled(wait_seconds, policy=isinstance(self, SecondsPath)), "a Wait state")

    def seconds_until_timestamp(self: Any, env: Any) -> float:
        self.string.eval(env=env)
        text = env.stack.pop()
        try:
            moment = datetime.datetime.fromisoformat(text)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValueError(f"a Wait needs a timestamp with its zone, not {text!r}")
        return float(moment.timestamp() - timers.now_ms() / 1000)

    with (
        patch.object(WaitFunction, "_wait_interval", wait_interval),
        patch.object(Timestamp, "_get_wait_seconds", seconds_until_timestamp),
    ):
        yield


@contextmanager
def _retry_pauses(timers: Timers) -> Iterator[None]:
    def eval_retrier(self: Any, env: Any) -> None:
        self.error_equals.eval(env)
        if not env.stack.pop():
            env.stack.append(retrier_decl.RetrierOutcome.Skipped)
            return
        self.max_attempts.eval(env=env)
        if env.stack.pop() == retrier_decl.MaxAttemptsOutcome.EXHAUSTED:
            env.stack.append(retrier_decl.RetrierOutcome.Failed)
            return
        for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
            part.eval(env=env)
        _pause(timers, env, env.stack.pop(), "before a retry")
        env.stack.append(retrier_decl.RetrierOutcome.Executed)

    with patch.object(retrier_decl.RetrierDecl, "_eval_body", eval_retrier):
        yield


@contextmanager
def _machine_time_out(timers: Timers) -> Iterator[None]:
    def eval_program(self: Any, env: Any) -> None:
        env.next_state_name = self.start_at.start_at_name
        if not self.timeout_seconds or env.is_frame():
            EvalComponent.eval(self, env)
            return

        def time_is_over() -> None:
            env.set_timed_out()
            work_of(env).interrupt()

        cancel = timers.call_later("state machine time-out", self.timeout_seconds.timeout_seconds, time_is_over)
        try:
            EvalComponent.eval(self, env)
        finally:
            cancel()

    with patch.object(Program, "eval", eval_program):
        yield
