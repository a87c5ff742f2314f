"""Task tokens that behave as in AWS: one per attempt, good for one answer, refused when late.

In moto a token can be answered any number of times, also after its task timed out; a retried task gets the token of the
attempt before it; and an answer is lost while another execution starts. A design that works on that hangs in AWS.
"""

# mypy: disable-error-code="no-untyped-call,override"
# (moto is typed in parts)
from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser import api
from moto.stepfunctions.parser.asl.eval.callback import callback as moto_callback
from moto.stepfunctions.parser.asl.eval.states import ContextObject, TaskData
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from infra.local.timers import Timers, Wake, Work

_REMEMBERED_TOKENS = 100_000
_WELL_FORMED = re.compile(r"AQ[A-Za-z0-9_-]{64}")


def new_token() -> str:
    """A token nobody can guess."""
    return "AQ" + base64.urlsafe_b64encode(secrets.token_bytes(48)).decode()


def _timed_out() -> Exception:
    message = "Task Timed Out: 'Provided task does not exist anymore'"
    return api.TaskTimedOut(message, "TaskTimedOut", HTTPStatus.BAD_REQUEST)


class TaskTokens:
    """Which tokens are open, and which were closed lately (those are `TaskTimedOut`, as in AWS)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, TokenEndpoint] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()

    def add(self, endpoint: TokenEndpoint) -> None:
        """The token may be answered from now on."""
        with self._lock:
            self._open[endpoint.callback_id] = endpoint

    def close(self, token: str) -> None:
        """No answer is accepted any more."""
        with self._lock:
            if self._open.pop(token, None) is None:
                return
            self._closed[token] = None
            while len(self._closed) > _REMEMBERED_TOKENS:
                self._closed.popitem(last=False)

    def find(self, token: str) -> TokenEndpoint:
        """The open endpoint of a token.

        Raises:
            TaskTimedOut: it was answered, timed out, was replaced by a retry, or its execution has ended.
            TaskDoesNotExist: it looks like a token, but this cloud does not know it.
            InvalidToken: it is no token.
        """
        with self._lock:
            endpoint = self._open.get(token)
            if endpoint is not None:
                return endpoint
            if token in self._closed:
                raise _timed_out()
        if isinstance(token, str) and _WELL_FORMED.fullmatch(token):
            raise api.TaskDoesNotExist("Task does not exist", "TaskDoesNotExist", HTTPStatus.BAD_REQUEST)
        raise api.InvalidToken()


class TokenEndpoint(moto_callback.CallbackEndpoint):
    """Where one attempt of one task waits for its one answer."""

    def __init__(self, token: str, tokens: TaskTokens, timers: Timers, work: Work) -> None:
        super().__init__(callback_id=token)
        self._tokens = tokens
        self._timers = timers
        self._work = work
        self._settling = threading.Lock()
        self._is_open = True
        self._beat = False
        self._wake = Wake(timers, work, "a task token")
        tokens.add(self)

    def setup_heartbeat_endpoint(self, heartbeat_seconds: float) -> float:
        """Only remembers the seconds: the wait below handles heartbeat and answer in one place."""
        return heartbeat_seconds

    def notify(self, outcome: Any) -> None:
        """Accept the answer, or raise TaskTimedOut when the task no longer waits."""
        with self._settling:
            self._refuse_when_closed()
            self._outcome = outcome
            self._is_open = False
            # Signalling counts the execution as busy before its thread wakes: see timers.
            self._wake.signal()
        self._tokens.close(self.callback_id)

    def notify_heartbeat(self) -> bool:
        """The worker is alive: begin the heartbeat interval again."""
        with self._settling:
            self._refuse_when_closed()
            self._beat = True
            self._wake.signal()
        return True

    def wait_for_outcome(self, seconds: float | None, heartbeat_s: float | None) -> Any:
        """The answer, `HeartbeatTimedOut`, or None when time is over or the execution was stopped."""
        limit_s = None if seconds is None else self._timers.monotonic_s() + seconds
        while True:
            left_s = None if limit_s is None else max(0.0, limit_s - self._timers.monotonic_s())
            patience = min((s for s in (left_s, heartbeat_s) if s is not None), default=None)
            woken = self._wake.wait(patience)
            with self._settling:
                if self._outcome is not None:
                    return self._outcome
                if not self._is_open or self._work.interrupted:
                    return None
                if woken:
                    self._beat = False
                    continue
                self._is_open = False
            self._tokens.close(self.callback_id)
            heartbeat_is_missing = heartbeat_s is not None and (left_s is None or heartbeat_s < left_s)
            return moto_callback.HeartbeatTimedOut() if heartbeat_is_missing else None

    def time_out(self) -> bool:
        """Close it because the task's time is over. False when an answer was accepted before: that one counts."""
        with self._settling:
            if self._outcome is not None:
                return False
            self._is_open = False
            self._wake.signal()
        self._tokens.close(self.callback_id)
        return True

    def interrupt_all(self) -> None:
        """The task has ended, however it did."""
        with self._settling:
            self._is_open = False
            self._wake.signal()
        self._wake.close()
        self._tokens.close(self.callback_id)

    def _refuse_when_closed(self) -> None:
        if not self._is_open or self._work.interrupted:
            raise _timed_out()


def renew_token(env: Any) -> None:
    """Give the coming attempt of a task its own token when the attempt before has used up the present one.

    Called at the begin of every attempt; a task that does not wait for a token has none and is left alone.
    """
    task = env.states.context_object.context_object_data.get("Task")
    if not task:
        return
    endpoint = env.callback_pool_manager.get(task["Token"])
    if getattr(endpoint, "attempted", False):
        endpoint.interrupt_all()
        endpoint = env.callback_pool_manager.add(env.states.context_object.update_task_token())
    endpoint.attempted = True


@contextmanager
def tokens_are_good_for_one_answer(tokens: TaskTokens, timers: Timers) -> Iterator[None]:
    """Repair: answers go by the token alone, once, and get `TaskTimedOut`, `TaskDoesNotExist` or `InvalidToken`.

    moto accepts a second answer and one after the time-out, and asks every running execution, also those whose
    environment is not built yet (the answer is then lost in an AttributeError).
    """

    def update_task_token(self: Any) -> str:
        token = new_token()
        self.context_object_data["Task"] = TaskData(Token=token)
        return token

    def add(self: Any, callback_id: str) -> TokenEndpoint:
        endpoint = TokenEndpoint(callback_id, tokens, timers, self.work)
        self._pool[callback_id] = endpoint
        return endpoint

    def send_task_success(self: Any, task_token: str, outcome: str) -> None:  # noqa: ARG001
        try:
            json.loads(outcome)
        except ValueError as error:
            message = f"Invalid Output: '{error}'"
            raise api.InvalidOutput(message, "InvalidOutput", HTTPStatus.BAD_REQUEST) from error
        tokens.find(task_token).notify(moto_callback.CallbackOutcomeSuccess(task_token, outcome))

    def send_task_failure(
        self: Any,  # noqa: ARG001
        task_token: str,
        error: str | None = None,
        cause: str | None = None,
    ) -> Any:
        tokens.find(task_token).notify(moto_callback.CallbackOutcomeFailure(task_token, error=error, cause=cause))
        return api.SendTaskFailureOutput()

    def send_task_heartbeat(self: Any, task_token: str) -> None:  # noqa: ARG001
        tokens.find(task_token).notify_heartbeat()

    with (
        patch.object(ContextObject, "update_task_token", update_task_token),
        patch.object(moto_callback.CallbackPoolManager, "add", add),
        patch.object(StepFunctionsParserBackend, "send_task_success", send_task_success),
        patch.object(StepFunctionsParserBackend, "send_task_failure", send_task_failure),
        patch.object(StepFunctionsParserBackend, "send_task_heartbeat", send_task_heartbeat),
    ):
        yield
