"""All waiting of the local cloud goes through one `Timers` object, so that a test may own time.

Two kinds of time exist. *Machine time* (work timeouts, retries, heartbeats) is never scaled. *Policy time* (bakes,
approvals, pauses) may run faster: `scaled(seconds, policy=True)` divides by the time scale.

Both implementations also count work: an execution is one piece of `Work`, and so is every background delivery. A piece
of work that waits for a signal or for time is parked; when all are parked, the cloud is *quiet*: nothing will change
until somebody acts or time passes. The signaller counts the work as busy before the waiter wakes, so there is no moment
in which a signalled execution looks quiet.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class StillBusyError(AssertionError):
    """The cloud did not become quiet in the time given. The message names what was still running."""


class Work:
    """One thing that runs in the background: an execution, a delivery. Its wakes can be interrupted together."""

    def __init__(self, timers: Timers, name: str) -> None:
        self.name = name
        self.doing = "running"
        self.busy = 1
        self.interrupted = False
        self.wakes: set[Wake] = set()
        self._timers = timers

    def interrupt(self) -> None:
        """Wake everything that waits in this work, now and from now on."""
        with self._timers.lock:
            self.interrupted = True
            waiting = list(self.wakes)
        for wake in waiting:
            wake.signal()

    def __str__(self) -> str:
        return f"{self.name} ({self.doing})"


class Wake:
    """A place where one thread of a `Work` waits, for a signal or for time, whichever comes first."""

    def __init__(self, timers: Timers, work: Work, doing: str) -> None:
        self._timers = timers
        self._work = work
        self._doing = doing
        self._event = threading.Event()
        self._signalled = False
        self._parked = False
        self.due_ms: int | None = None
        with timers.lock:
            work.wakes.add(self)

    def signal(self) -> None:
        """End the wait with True; if nobody waits yet, the next wait ends at once."""
        with self._timers.lock:
            self._signalled = True
            self._unpark()

    def wait(self, seconds: float | None) -> bool:
        """Wait at most `seconds` (None: for ever). True when signalled or interrupted, False when the time is over."""
        timers = self._timers
        with timers.lock:
            if self._signalled or self._work.interrupted:
                self._signalled = False
                return True
            self._event.clear()
            self._parked = True
            self._work.busy -= 1
            self._work.doing = f"waiting: {self._doing}"
            timers.park(self, seconds)
            timers.lock.notify_all()
        self._event.wait(timers.real_seconds(seconds))
        with timers.lock:
            self._unpark()
            signalled, self._signalled = self._signalled, False
            return signalled or self._work.interrupted

    def close(self) -> None:
        """Forget this wake; nobody will wait here again."""
        with self._timers.lock:
            self._work.wakes.discard(self)

    def time_is_over(self) -> None:
        """End the wait with False. For `Timers` only; the caller holds the lock."""
        self._unpark()

    def _unpark(self) -> None:
        if not self._parked:
            return
        self._parked = False
        self._work.busy += 1
        self._work.doing = "running"
        self._timers.unpark(self)
        self._event.set()


class Timers(ABC):
    """Time for the local cloud, and the count of what is running in it."""

    def __init__(self) -> None:
        self.lock = threading.Condition(threading.RLock())
        self._works: set[Work] = set()

    # Whether a handler that runs for long may pass a time-out: not in virtual time, where it takes none.
    handlers_take_time = True

    # -- time: what the two implementations differ in -----------------------------------------------------------

    @abstractmethod
    def now_ms(self) -> int:
        """Milliseconds since the epoch, of the clock that waits follow."""

    @abstractmethod
    def monotonic_s(self) -> float:
        """Seconds that never go backwards, of the clock that waits follow."""

    @abstractmethod
    def scaled(self, seconds: float, *, policy: bool) -> float:
        """How many seconds of this clock a wait lasts; fractions stay fractions."""

    @abstractmethod
    def real_seconds(self, seconds: float | None) -> float | None:
        """How long a thread may really sleep in such a wait; None when only a signal ends it."""

    @abstractmethod
    def park(self, wake: Wake, seconds: float | None) -> None:
        """Note that `wake` waits. The caller holds the lock."""

    @abstractmethod
    def unpark(self, wake: Wake) -> None:
        """Note that `wake` no longer waits. The caller holds the lock."""

    @abstractmethod
    def call_later(self, name: str, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Run `call` after machine time has passed; returns what cancels it. Not counted as work while it waits."""

    # -- work ---------------------------------------------------------------------------------------------------

    def begin(self, name: str) -> Work:
        """Count one more piece of work as busy."""
        work = Work(self, name)
        with self.lock:
            self._works.add(work)
        return work

    def end(self, work: Work) -> None:
        """The work is done."""
        with self.lock:
            self._works.discard(work)
            self.lock.notify_all()

    @contextmanager
    def working(self, name: str) -> Iterator[Work]:
        """Count the block as work."""
        work = self.begin(name)
        try:
            yield work
        finally:
            self.end(work)

    def works(self) -> list[Work]:
        """All unfinished work, parked or not."""
        with self.lock:
            return list(self._works)

    def is_quiet(self) -> bool:
        """Whether everything unfinished waits for a signal or for time."""
        with self.lock:
            return all(work.busy <= 0 for work in self._works)

    def wait_until_quiet(self, timeout_s: float = 10.0) -> None:
        """Return when nothing runs any more.

        Raises:
            StillBusyError: it still ran after `timeout_s` real seconds; the message names it.
        """
        with self.lock:
            if not self.lock.wait_for(self.is_quiet, timeout_s):
                running = sorted(str(work) for work in self._works if work.busy > 0)
                raise StillBusyError(f"after {timeout_s} s still running: {', '.join(running)}")


class RealTimers(Timers):
    """Time as the wall shows it; policy waits are divided by `time_scale`."""

    def __init__(self, time_scale: float = 1.0) -> None:
        super().__init__()
        if time_scale <= 0:
            raise ValueError(f"the time scale must be positive, not {time_scale}")
        self.time_scale = time_scale

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()

    def scaled(self, seconds: float, *, policy: bool) -> float:
        return seconds / self.time_scale if policy else seconds

    def real_seconds(self, seconds: float | None) -> float | None:
        return None if seconds is None else max(0.0, min(seconds, threading.TIMEOUT_MAX))

    def park(self, wake: Wake, seconds: float | None) -> None:
        """Nothing to note: the waiting thread ends its own wait."""

    def unpark(self, wake: Wake) -> None:
        """Nothing to forget."""

    def call_later(self, name: str, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        timer = threading.Timer(seconds, call)
        timer.name = name
        timer.daemon = True
        timer.start()
        return timer.cancel
