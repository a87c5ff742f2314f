"""Executions that start whole, stop when told, and do not outlive their cloud."""

# mypy: disable-error-code="attr-defined,no-untyped-call,typeddict-item,misc"
# (moto is typed in parts, and wrongly: StartTime is declared as text)
from __future__ import annotations

import datetime
import json
import logging
import threading
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.api import (
    ExecutionFailedEventDetails,
    ExecutionStartedEventDetails,
    HistoryEventExecutionDataDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning, ProgramStopped
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from infra.local.timers import Timers

_log = logging.getLogger(__name__)


class StillRunningError(RuntimeError):
    """Executions did not end in the time given. The message names them."""


class RunningExecutions:
    """The executions that have not ended, with their threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, Any] = {}

    def add(self, thread: threading.Thread, worker: Any) -> None:
        with self._lock:
            self._running[thread] = worker

    def remove(self, thread: threading.Thread) -> None:
        with self._lock:
            self._running.pop(thread, None)

    def stop_all(self, timeout_s: float = 10.0) -> None:
        """Stop every execution and wait until its thread has ended.

        Raises:
            StillRunningError: some handler did not return in time.
        """
        with self._lock:
            running = list(self._running.items())
        for _, worker in running:
            worker.stop(stop_date=datetime.datetime.now(tz=datetime.UTC), error=None, cause="the cloud is stopped")
        deadline = datetime.datetime.now(tz=datetime.UTC).timestamp() + timeout_s
        for thread, _ in running:
            thread.join(max(0.0, deadline - datetime.datetime.now(tz=datetime.UTC).timestamp()))
        alive = sorted(thread.name for thread, _ in running if thread.is_alive())
        if alive:
            raise StillRunningError(f"after {timeout_s} s not ended: {', '.join(alive)}")


@contextmanager
def executions_are_counted_and_can_be_stopped(timers: Timers, running: RunningExecutions) -> Iterator[None]:
    """Repair: an execution is counted from its start call to its end, and its environment exists from the start call.

    In moto the environment is built later, in the execution's thread; whoever answers a token or stops an execution in
    between gets an AttributeError and the answer is lost. And the threads go on when the cloud is gone: an execution of
    one test then runs inside the next one.
    """

    def start(self: Any) -> None:
        name = f"execution {self._evaluation_details.execution_details.name}"
        self.env = self._get_evaluation_environment()
        self.env._program_state = ProgramRunning()
        self.env.callback_pool_manager.work = timers.begin(name)
        thread = threading.Thread(target=run, args=(self,), daemon=True, name=name)
        running.add(thread, self)
        thread.start()

    def run(self: Any) -> None:
        try:
            _evaluate(self)
            self._execution_communication.terminated()
        finally:
            running.remove(threading.current_thread())
            timers.end(self.env.callback_pool_manager.work)

    with patch.object(ExecutionWorker, "start", start):
        yield


def _evaluate(worker: Any) -> None:
    env = worker.env
    details = worker._evaluation_details
    try:
        program = worker._get_evaluation_entrypoint()
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.ExecutionStarted,
            event_details=EventDetails(
                executionStartedEventDetails=ExecutionStartedEventDetails(
                    input=to_json_str(details.execution_details.inpt),
                    inputDetails=HistoryEventExecutionDataDetails(truncated=False),
                    roleArn=details.aws_execution_details.role_arn,
                )
            ),
            update_source_event_id=False,
        )
        if env.is_running():
            program.eval(env)
    except Exception as error:  # noqa: BLE001 (it becomes the outcome of the execution)
        # moto lets the thread die here, and the execution says RUNNING for ever.
        _log.exception("execution failed outside of its states")
        env.set_error(ExecutionFailedEventDetails(error="States.Runtime", cause=f"{type(error).__name__}({error})"))


@contextmanager
def stopping_ends_every_wait() -> Iterator[None]:
    """Repair: StopExecution ends token waits at once, and ABORTED and TIMED_OUT stay what they are.

    In moto a stopped execution stays RUNNING until its token wait times out, and an error raised on the way out turns
    ABORTED into FAILED.
    """
    set_stop, set_error, set_timed_out = Environment.set_stop, Environment.set_error, Environment.set_timed_out
    reflect = BaseExecutionWorkerCommunication._reflect_execution_status

    def stop(self: Any, *args: Any, **kwargs: Any) -> None:
        set_stop(self, *args, **kwargs)
        if not self.is_frame() and not self.is_running():
            self.callback_pool_manager.work.interrupt()

    def fail(self: Any, error: Any) -> None:
        if self.is_running():
            set_error(self, error=error)

    def time_out(self: Any) -> None:
        if self.is_running():
            set_timed_out(self)

    def reflect_with_cause(self: Any) -> None:
        reflect(self)
        state = self.execution.exec_worker.env.program_state()
        if isinstance(state, ProgramStopped):
            self.execution.error, self.execution.cause = state.error, state.cause

    with (
        patch.object(Environment, "set_stop", stop),
        patch.object(Environment, "set_error", fail),
        patch.object(Environment, "set_timed_out", time_out),
        patch.object(BaseExecutionWorkerCommunication, "_reflect_execution_status", reflect_with_cause),
    ):
        yield


@contextmanager
def executions_always_have_a_name() -> Iterator[None]:
    """Repair: StartExecution without a name draws one. In moto it is "None", so the second call fails."""
    start_execution = StepFunctionsParserBackend.start_execution

    def start(self: Any, state_machine_arn: str, name: str | None = None, *args: Any, **kwargs: Any) -> Any:
        return start_execution(self, state_machine_arn, name or str(uuid.uuid4()), *args, **kwargs)

    with patch.object(StepFunctionsParserBackend, "start_execution", start):
        yield


@contextmanager
def start_time_is_text() -> Iterator[None]:
    """Repair: `$$.Execution.StartTime` is ISO 8601 text. In moto it is a datetime, and DescribeExecution fails on it."""
    get_details = Execution.get_start_execution_details

    def get(self: Any) -> Any:
        details = get_details(self)
        started = details.start_time.astimezone(datetime.UTC)
        details.start_time = started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return details

    with patch.object(Execution, "get_start_execution_details", get):
        yield


class _Ended:
    """Stands where an execution's worker stood, and answers what is asked of one that has ended.

    The history of a deployment is 35 KB of text that says the same again and again; packed it is a tenth of that.
    """

    __slots__ = ("_history", "map_run_record_pool_manager")

    def __init__(self, env: Any) -> None:
        self._history = zlib.compress(to_json_str(env.event_manager.get_event_history()).encode(), 1)
        self.map_run_record_pool_manager = env.map_run_record_pool_manager

    @property
    def env(self) -> _Ended:
        """Where moto looks for what is below."""
        return self

    @property
    def event_manager(self) -> _Ended:
        """Where moto looks for what is below."""
        return self

    def get_event_history(self) -> Any:
        """The events, as they were."""
        return json.loads(zlib.decompress(self._history))

    def stop(self, *args: Any, **kwargs: Any) -> None:
        """It has ended already."""


@contextmanager
def ended_executions_keep_only_their_history() -> Iterator[None]:
    """Repair: what an execution worked with is let go when it has ended. moto keeps its environment, its states' data,
    its tokens with their locks, and its history as objects, for as long as the state machine is there.
    """
    terminated = BaseExecutionWorkerCommunication.terminated

    def end(self: Any) -> None:
        terminated(self)
        self.execution.exec_worker = _Ended(self.execution.exec_worker.env)

    with patch.object(BaseExecutionWorkerCommunication, "terminated", end):
        yield
