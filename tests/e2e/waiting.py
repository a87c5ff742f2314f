"""Waiting for real processes: bounded, with a reason, and a failure that says what was missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from infra.local.api_client import ApiError

LONG_ENOUGH_S = 180.0
"""No test depends on speed: this only bounds how long one that fails takes to say so."""


class Missing:
    """What a condition found instead of what it waits for. Not true."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __bool__(self) -> bool:
        return False


class NeverCame(AssertionError):
    """Time was over."""


class CannotCome(AssertionError):
    """It will never be so; there is no use in waiting on."""


Condition = Callable[[], Any]


def wait_for(condition: Condition, *, because: str, within_s: float = LONG_ENOUGH_S, every_s: float = 0.1) -> Any:
    """The first answer of `condition` that is not `Missing`. A call nobody answers is missing, too.

    Args:
        because: why the test waits; it begins the message of a failure.

    Raises:
        NeverCame: it was not so within `within_s`; says what was missing, at first and at last.
        CannotCome: the condition said that there is no use in waiting.
        TypeError: `because` is empty, or the condition found nothing and did not say what was missing.
    """
    if not because.strip():
        raise TypeError("a wait needs a reason")
    began = time.monotonic()
    seen: list[str] = []
    while True:
        found = _asked(condition)
        if not isinstance(found, Missing):
            if not found:
                raise TypeError(f"{because}: the condition answered {found!r}; it should say what is missing")
            return found
        if not seen or seen[-1] != found.what:
            seen.append(found.what)
        if time.monotonic() - began >= within_s:
            raise NeverCame(f"{because}: after {within_s:.0f} s still missing: {_story(seen)}")
        time.sleep(every_s)


def _asked(condition: Condition) -> Any:
    try:
        return condition()
    except (OSError, ApiError) as error:
        return Missing(f"an answer ({type(error).__name__}: {error})")


def _story(seen: list[str]) -> str:
    before = "; before: " + ", then ".join(seen[-6:-1]) if len(seen) > 1 else ""
    return seen[-1] + before
