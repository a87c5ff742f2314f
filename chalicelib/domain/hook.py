"""Hooks: a stage may ask a user's own endpoint or function, and waits for its word or for a call back.

A call has a position in its deployment, and one outcome. Repeating it carries the same id; a second outcome is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.errors import AlreadyDecided
from chalicelib.domain.outbound import shown_address

LONGEST_MESSAGE = 500
CALL_ID = re.compile(r"(?P<deployment>[0-9A-HJKMNP-TV-Z]{26})\.(?P<position>[a-z]{2,20}(?:-smoke)?\.[0-9]{1,3})")
FUNCTION_NAME = re.compile(r"hotswap-hook-[A-Za-z0-9-_]{1,50}(?::[A-Za-z0-9-_]{1,64})?")
"""By this prefix the policy of the function that calls allows these functions and no others."""


class HookPoint(StrEnum):
    """Where a deployment may ask."""

    BUILD = "Build"
    TEST = "Test"
    SMOKE = "Smoke"
    VALIDATION = "Validation"


class HookStatus(StrEnum):
    """What came of a call; all but Pending are ends."""

    PENDING = "Pending"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTarget:
    """Whom to ask: an https URL or a Lambda function (one of them), and how long it may take until the outcome is known."""

    url: str = ""
    function: str = ""
    timeout_seconds: int = 300

    def __str__(self) -> str:
        return shown_address(self.url) if self.url else self.function


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHooks:
    """What the stages of a module ask; `scope` is the module's name, or `*` for every module that says nothing else."""

    scope: str
    build: HookTarget | None = None
    test: HookTarget | None = None
    validation: HookTarget | None = None
    changed_by: str = ""
    changed_at_ms: int = 0
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.scope,)

    def target(self, point: HookPoint) -> HookTarget | None:
        """Whom a stage asks."""
        return {HookPoint.BUILD: self.build, HookPoint.TEST: self.test, HookPoint.VALIDATION: self.validation}.get(
            point
        )


EVERY_MODULE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """One call and what came of it. Instants are machine time: a hook is work."""

    position: str
    point: HookPoint
    target: HookTarget
    status: HookStatus = HookStatus.PENDING
    message: str = ""
    asked_at_ms: int
    deadline_ms: int
    ended_at_ms: int | None = None

    @property
    def is_pending(self) -> bool:
        return self.status is HookStatus.PENDING

    def is_overdue(self, now_ms: int) -> bool:
        """Whether the time it had is up and nothing came."""
        return self.is_pending and now_ms >= self.deadline_ms


def call_id(deployment_id: str, position: str) -> str:
    """The id a call carries, each time it is repeated."""
    return f"{deployment_id}.{position}"


def parse_call_id(text: str) -> tuple[str, str] | None:
    """The deployment and the position of a call, None if there can be no such call."""
    match = CALL_ID.fullmatch(text)
    return None if match is None else (match["deployment"], match["position"])


def ended(call: HookCall, status: HookStatus, message: str, *, now_ms: int) -> HookCall:
    """The call with its outcome; the same outcome again changes nothing.

    Raises:
        AlreadyDecided: it has another outcome.
    """
    if call.is_pending:
        return replace(call, status=status, message=message, ended_at_ms=now_ms)
    if call.status is not status:
        raise AlreadyDecided("hook call", call.status)
    return call


def outcome_of(status: int, body: bytes) -> tuple[HookStatus, str]:
    """What an answer means, read without any trust.

    202 says that a call back will follow. Only 200 with `{"status": "Succeeded"}` is a success: a sign-in page or an
    empty answer must never let a version through.
    """
    if status == 202:
        return HookStatus.PENDING, ""
    if status != 200:
        return HookStatus.FAILED, f"It answered with status {status}."
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return HookStatus.FAILED, "Its answer is not JSON."
    word = said.get("status") if isinstance(said, dict) else None
    known = {str(each): each for each in (HookStatus.SUCCEEDED, HookStatus.FAILED, HookStatus.PENDING)}
    if not isinstance(word, str) or word not in known:
        return HookStatus.FAILED, "Its answer has no status Succeeded, Failed or Pending."
    message = said.get("message")
    return known[word], plain_message(message if isinstance(message, str) else "")


def plain_message(text: str) -> str:
    """Somebody else's text as we keep it: short, and printable."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST_MESSAGE]).strip()
