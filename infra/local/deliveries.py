"""What happens in the background: asynchronous invocations and events on their way to a target."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from infra.local.timers import Timers, Work

_log = logging.getLogger(__name__)
_THREADS = 16
# Lambda waits one minute and then two between its three attempts at an asynchronous event. On a laptop that hides
# mistakes, so the pauses are short here; the number of attempts is the same.
PAUSES_S = (1.0, 2.0)


class Deliveries:
    """Runs calls in the background, at least once each, with a bounded number of attempts.

    One failing delivery neither delays nor stops another. What still fails at the end goes to `give_up`.
    """

    def __init__(self, timers: Timers, *, pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._timers = timers
        self._pauses_s = pauses_s
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="delivery")
        self._lock = threading.Lock()
        self._cancels: dict[object, Callable[[], None]] = {}
        self._is_open = True

    def submit(self, name: str, call: Callable[[], object], give_up: Callable[[Exception], None] | None = None) -> None:
        """Run `call` soon. It counts as work from now on."""
        self._start(name, call, give_up, attempt=0)

    def stop(self) -> None:
        """Start nothing more, drop what waits for another attempt, and return when nothing runs."""
        with self._lock:
            self._is_open = False
            cancels = list(self._cancels.values())
            self._cancels.clear()
        for cancel in cancels:
            cancel()
        self._pool.shutdown(wait=True)

    def _start(
        self,
        name: str,
        call: Callable[[], object],
        give_up: Callable[[Exception], None] | None,
        *,
        attempt: int,
    ) -> None:
        with self._lock:
            if not self._is_open:
                return
            work = self._timers.begin(name)
            self._pool.submit(self._attempt, work, call, give_up, attempt)

    def _attempt(
        self, work: Work, call: Callable[[], object], give_up: Callable[[Exception], None] | None, attempt: int
    ) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 (a background call has nobody to raise to)
            _log.warning(
                json.dumps(
                    {"event": "delivery_failed", "delivery": work.name, "attempt": attempt + 1, "error": repr(error)}
                )
            )
            if attempt < len(self._pauses_s):
                self._again_later(work.name, call, give_up, attempt + 1)
            elif give_up is not None:
                self._give_up(work.name, give_up, error)
        finally:
            self._timers.end(work)

    def _give_up(self, name: str, give_up: Callable[[Exception], None], error: Exception) -> None:
        try:
            give_up(error)
        except Exception as lost:  # noqa: BLE001
            _log.error(json.dumps({"event": "delivery_lost", "delivery": name, "error": repr(lost)}))

    def _again_later(
        self, name: str, call: Callable[[], object], give_up: Callable[[Exception], None] | None, attempt: int
    ) -> None:
        key = object()

        def again() -> None:
            with self._lock:
                self._cancels.pop(key, None)
            self._start(name, call, give_up, attempt=attempt)

        with self._lock:
            if self._is_open:
                self._cancels[key] = self._timers.call_later(name, self._pauses_s[attempt - 1], again)
