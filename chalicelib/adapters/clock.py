"""Implements Clock where nobody speeds time up."""

from __future__ import annotations

import time


class MachineClock:
    """The clock of the machine, for both kinds of time."""

    def machine_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def policy_ms(self) -> int:
        """The same instant."""
        return self.machine_ms()
