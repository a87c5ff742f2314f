"""Keep what was refused: who tried to change what, and why they were not let. Bounded, so that trying often costs nothing."""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.domain.errors import StaleWrite
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Ports

MINUTE_MS = 60_000
MOST_OF_ONE_A_MINUTE = 5
MOST_A_MINUTE = 60
CHAINS = 8
"""Refusals of a day are spread over so many chains, so that they do not wait for each other."""
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One attempt that was refused; `actor` is who proved to be calling, "anonymous" where nobody did."""

    actor: str
    operation: str
    path: str
    status: int
    reason: str
    source: str
    request_id: str


class RefusalBudget:
    """How many refusals one process may still record in this minute; what is over is only counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._taken: dict[tuple[str, str, str], int] = {}
        self._passed_over = 0

    def take(self, refusal: Refusal, *, now_ms: int) -> int | None:
        """None: count it, and no more. Otherwise record it, with the number of those that were only counted."""
        what = (refusal.actor, refusal.operation, refusal.reason)
        with self._lock:
            if now_ms // MINUTE_MS != self._minute:
                self._minute, self._taken = now_ms // MINUTE_MS, {}
            if self._taken.get(what, 0) >= MOST_OF_ONE_A_MINUTE or sum(self._taken.values()) >= MOST_A_MINUTE:
                self._passed_over += 1
                return None
            self._taken[what] = self._taken.get(what, 0) + 1
            passed_over, self._passed_over = self._passed_over, 0
            return passed_over

    def give_back(self, counted: int) -> None:
        """It could not be recorded: it counts as passed over, and so do those it would have told of."""
        with self._lock:
            self._passed_over += counted + 1


def record_refusal(refusal: Refusal, *, budget: RefusalBudget, ports: Ports) -> bool:
    """Whether the refusal was recorded.

    Raises:
        Unavailable: the table does not answer.
    """
    now = ports.clock.machine_ms()
    passed_over = budget.take(refusal, now_ms=now)
    if passed_over is None:
        return False
    day = datetime.fromtimestamp(now // 1000, UTC).date().isoformat()
    detail = {
        "path": refusal.path[:300],
        "status": refusal.status,
        "reason": refusal.reason,
        "source": refusal.source[:64],
        "passedOver": passed_over,
    }
    deed = Deed(
        subject=f"refused:{day}:{zlib.crc32(refusal.request_id.encode()) % CHAINS}",
        actor=refusal.actor,
        action=refusal.operation,
        outcome="refused",
        detail=detail,
        request_id=refusal.request_id,
    )
    for _ in range(TRIES):
        try:
            ports.store.commit(audited(deed, ports=ports))
        except StaleWrite:
            continue
        return True
    budget.give_back(passed_over)
    return False
