"""New ids: ULIDs, which sort by the time they were made."""

from __future__ import annotations

import os
import threading

from chalicelib.usecases.ports import Clock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32. Source: github.com/ulid/spec."""

RANDOM_BITS = 80


class Ulids:
    """48 bits of machine time in milliseconds, 80 random bits; each id is greater than the one before it here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        """An id nobody has."""
        fresh = self._clock.machine_ms() << RANDOM_BITS | int.from_bytes(os.urandom(RANDOM_BITS // 8), "big")
        with self._lock:
            # Within one millisecond, or when the clock goes back, the next number instead of a random one.
            self._last = fresh if fresh >> RANDOM_BITS > self._last >> RANDOM_BITS else self._last + 1
            number = self._last
        return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
