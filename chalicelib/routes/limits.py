"""How often each caller may call what. Counted in this process where there is no gateway before it to count.

Limits are by who is calling once that is known, and by source address where nobody is. Each has a count of its own:
who reads much can still write. Heartbeats have none: a fleet must never be cut off by its own size.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, Literal

from chalicelib.domain.access import ANONYMOUS, Action, Caller
from chalicelib.domain.errors import TooManyRequests
from chalicelib.domain.rate import Allowance, RateLimit, admit, counted_source

SIGN_IN: Final = RateLimit(name="sign-in", most=120)
PUBLIC: Final = RateLimit(name="public", most=1_200)
REFUSED: Final = RateLimit(name="refused", most=600)
POLL: Final = RateLimit(name="poll", most=30_000)
READ: Final = RateLimit(name="read", most=12_000)
WRITE: Final = RateLimit(name="write", most=3_000)

POLLED: Final = frozenset({"getDeployment", "listDeploymentEvents", "listDeploymentVerdicts", "getApproval"})
"""What somebody asks again and again who waits for a deployment."""

MOST_CALLERS: Final = 10_000


def limit_of(operation_id: str, method: str, access: Action | Literal["node", "callback"] | None) -> RateLimit | None:
    """The limit on an operation; None for what nodes say."""
    if access == "node":
        return None
    if access is None:
        return PUBLIC if method == "GET" else SIGN_IN
    if operation_id in POLLED:
        return POLL
    return READ if method == "GET" else WRITE


class Limits:
    """Counts in memory. `percent` 0 counts nothing: then the gateway does."""

    def __init__(self, percent: int = 0) -> None:
        self._percent = percent
        self._full_at: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, limit: RateLimit | None, caller: Caller, source: str, *, now_ms: int) -> dict[str, str]:
        """The headers that tell what is left after this request.

        Raises:
            TooManyRequests: nothing was; says when to come back.
        """
        if limit is None or not self._percent:
            return {}
        who = f"source {counted_source(source)}" if caller is ANONYMOUS else f"caller {caller.name}"
        scaled = RateLimit(name=limit.name, most=max(limit.most * self._percent // 100, 1))
        allowance = self._admit(scaled, who, now_ms)
        if allowance.wait_ms:
            raise TooManyRequests(
                f"There is a limit of {scaled.most} '{scaled.name}' requests a minute.",
                after_s=-(-allowance.wait_ms // 1_000),
                headers=headers_of(allowance),
            )
        return headers_of(allowance)

    def _admit(self, limit: RateLimit, who: str, now_ms: int) -> Allowance:
        with self._lock:
            key = (limit.name, who)
            full_at, allowance = admit(limit, self._full_at.pop(key, 0), now_ms)
            self._full_at[key] = full_at
            if len(self._full_at) > MOST_CALLERS:
                self._full_at.popitem(last=False)
            return allowance


def headers_of(allowance: Allowance) -> dict[str, str]:
    """What is left, as headers. Source: draft-ietf-httpapi-ratelimit-headers-03."""
    return {
        "RateLimit-Limit": str(allowance.limit.most),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(-(-allowance.reset_ms // 1_000)),
    }
