"""Calls schedules, because moto stores them and never fires."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)


class Ticker:
    """One thread that calls `fire(name)` every so many seconds of machine time.

    A call that raises is logged and the schedule goes on. A schedule that is late (the machine slept) fires once, not
    once for every missed turn.
    """

    def __init__(
        self,
        every_s: Mapping[str, float],
        fire: Callable[[str], object],
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = dict(every_s)
        self._fire = fire
        self._clock_s = clock_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="ticker")

    def start(self) -> None:
        """Begin; the first turn of each schedule is one interval from now."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the turn in progress has ended; there is no further one."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        if not self._every_s:
            return
        now_s = self._clock_s()
        due_s = {name: now_s + every for name, every in self._every_s.items()}
        while not self._stopping.wait(max(0.0, min(due_s.values()) - self._clock_s())):
            for name in [name for name, due in due_s.items() if due <= self._clock_s()]:
                self._turn(name)
                due_s[name] = self._clock_s() + self._every_s[name]

    def _turn(self, name: str) -> None:
        try:
            self._fire(name)
        except Exception as error:  # noqa: BLE001 (the next turn must come)
            _log.error(json.dumps({"event": "schedule_failed", "schedule": name, "error": repr(error)}))
