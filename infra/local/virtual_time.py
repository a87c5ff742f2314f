"""Time that a test owns: it stands still until the test lets it pass."""

from __future__ import annotations

import math
from collections.abc import Callable

from infra.local.timers import Timers, Wake


class _Call:
    """A call that waits for its moment in virtual time."""

    def __init__(self, due_ms: int, call: Callable[[], None]) -> None:
        self.due_ms = due_ms
        self.call = call


class VirtualTime(Timers):
    """Time that moves only when a test says so. Handlers take no time at all.

    Fifteen minutes of bake last as long as the code that runs in them.
    """

    handlers_take_time = False

    def __init__(self, start_ms: int = 1_767_603_600_000) -> None:
        """Start at `start_ms` (by default Monday 5 January 2026, 09:00 UTC)."""
        super().__init__()
        self._now_ms = start_ms
        self._waiting: list[Wake] = []
        self._calls: list[_Call] = []

    def now_ms(self) -> int:
        with self.lock:
            return self._now_ms

    def monotonic_s(self) -> float:
        return self.now_ms() / 1000

    def scaled(self, seconds: float, *, policy: bool) -> float:  # noqa: ARG002 (nothing to scale: time is free here)
        return seconds

    def real_seconds(self, seconds: float | None) -> float | None:  # noqa: ARG002 (only `advance` ends a wait)
        return None

    def park(self, wake: Wake, seconds: float | None) -> None:
        wake.due_ms = None if seconds is None else self._now_ms + math.ceil(seconds * 1000)
        if wake.due_ms is not None:
            self._waiting.append(wake)

    def unpark(self, wake: Wake) -> None:
        if wake in self._waiting:
            self._waiting.remove(wake)

    def call_later(self, name: str, seconds: float, call: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002
        with self.lock:
            entry = _Call(self._now_ms + math.ceil(seconds * 1000), call)
            self._calls.append(entry)

        def cancel() -> None:
            with self.lock:
                if entry in self._calls:
                    self._calls.remove(entry)

        return cancel

    def next_due_ms(self) -> int | None:
        """When the next wait ends by itself, or None when nothing waits for time."""
        with self.lock:
            due = [wake.due_ms for wake in self._waiting if wake.due_ms is not None]
            return min([*due, *(entry.due_ms for entry in self._calls)], default=None)

    def advance(self, ms: int, *, timeout_s: float = 10.0) -> None:
        """Let `ms` milliseconds pass, one deadline after the other, and become quiet after each.

        Raises:
            StillBusyError: something ran longer than `timeout_s` real seconds.
        """
        self.wait_until_quiet(timeout_s)
        end_ms = self.now_ms() + ms
        while (due_ms := self.next_due_ms()) is not None and due_ms <= end_ms:
            self._move_to(due_ms)
            self.wait_until_quiet(timeout_s)
        self._move_to(end_ms)

    def advance_to_next(self, *, timeout_s: float = 10.0) -> int:
        """Let time pass until the next deadline and become quiet; returns the milliseconds that passed.

        Raises:
            AssertionError: nothing waits for time.
            StillBusyError: something ran longer than `timeout_s` real seconds.
        """
        self.wait_until_quiet(timeout_s)
        due_ms = self.next_due_ms()
        if due_ms is None:
            raise AssertionError("nothing waits for time: the next step is a signal, not a deadline")
        passed = max(0, due_ms - self.now_ms())
        self.advance(passed, timeout_s=timeout_s)
        return passed

    def _move_to(self, now_ms: int) -> None:
        with self.lock:
            self._now_ms = max(self._now_ms, now_ms)
            for wake in [w for w in self._waiting if w.due_ms is not None and w.due_ms <= self._now_ms]:
                wake.time_is_over()
            calls = [entry for entry in self._calls if entry.due_ms <= self._now_ms]
            self._calls = [entry for entry in self._calls if entry not in calls]
        for entry in calls:
            entry.call()
