"""Where a request's time goes: our own code, or the emulator that answers its calls. Processor time and wall time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MS = 1_000_000
"""Nanoseconds."""


@dataclass(slots=True)
class Spent:
    """Sums of one operation. Times are nanoseconds; what is not the emulator's is ours."""

    count: int = 0
    cpu: int = 0
    emulator_cpu: int = 0
    wall: int = 0
    emulator_wall: int = 0
    calls: int = 0

    def plus(self, other: Spent) -> None:
        """Add another sum."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def told(self) -> dict[str, float]:
        """Means of one operation, in milliseconds."""
        n = max(self.count, 1)
        return {
            "count": self.count,
            "callsEach": round(self.calls / n, 2),
            "ownCpuMs": round((self.cpu - self.emulator_cpu) / n / MS, 3),
            "emulatorCpuMs": round(self.emulator_cpu / n / MS, 3),
            "wallMs": round(self.wall / n / MS, 3),
            "emulatorWallMs": round(self.emulator_wall / n / MS, 3),
        }


@dataclass
class Meter:
    """Stands round requests and their calls to AWS: every one of `one_of`, for looking at a clock costs time too. What
    runs outside of requests is not counted."""

    one_of: int = 1
    spent: dict[str, Spent] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _thread: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def operation(self, name: str) -> Iterator[Spent]:
        """What this thread does in here counts for `name`."""
        own = self._thread.spent = Spent(count=1)
        cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
        try:
            yield own
        finally:
            own.cpu, own.wall = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
            self._thread.spent = None
            with self._lock:
                self.spent.setdefault(name, Spent()).plus(own)

    def around_request(self, event: Mapping[str, Any], proceed: Callable[[], Any]) -> Any:
        """For `Gateway.around`."""
        if next(self._numbers) % self.one_of:
            return proceed()
        with self.operation(f"{event['httpMethod']} {event['resource']}"):
            return proceed()

    def around_call(self, request: Any, proceed: Callable[[Any], Any]) -> Any:
        """For `CallHook.around`. A call within a call (a function that is invoked) belongs to the outer one."""
        own: Spent | None = getattr(self._thread, "spent", None)
        if own is None:
            return proceed(request)
        self._thread.spent = None
        cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
        try:
            return proceed(request)
        finally:
            own.emulator_cpu += time.thread_time_ns() - cpu
            own.emulator_wall += time.perf_counter_ns() - wall
            own.calls += 1
            self._thread.spent = own

    def told(self) -> dict[str, dict[str, float]]:
        """Every operation, by name."""
        with self._lock:
            return {name: each.told() for name, each in sorted(self.spent.items())}
