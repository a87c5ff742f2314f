"""Where charges are written down; every one gets an authorisation code that follows from what was charged.

Writes go through a pool of connections now, and are read back from every replica before the code is given out.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import threading

from .cards import fingerprint

_KEY = b"payment-processor/authorisation"
POOL_SIZE = 5
ATTEMPTS = 2
REPLICAS = 2


class LedgerUnavailableError(Exception):
    """The charge could not be written down."""


class Connection:
    """One connection of the pool; the server closes it after its idle time and nobody opens it again."""

    def __init__(self, *, is_open: bool) -> None:
        self._is_open = is_open

    def write(self, text: str) -> bytes:
        """Write a charge down and return what the ledger has written."""
        if not self._is_open:
            raise ConnectionResetError("ledger connection closed by peer")
        return hmac.new(_KEY, text.encode(), hashlib.sha256).digest()


class Ledger:
    """Gives out authorisation codes: the same charge always gets the same one."""

    def __init__(self) -> None:
        # The last connection is opened for the start-up check and has gone idle by the first charge.
        connections = [Connection(is_open=number < POOL_SIZE - 1) for number in range(POOL_SIZE)]
        self._turn = itertools.cycle(connections)
        self._lock = threading.Lock()

    def authorise(self, card: str, amount: int, currency: str) -> str:
        """The authorisation code of this charge, once it was read back as written."""
        with self._lock:
            connection = next(self._turn)
        for _ in range(ATTEMPTS):
            try:
                written = connection.write(f"{fingerprint(card)}:{amount}:{currency}")
            except ConnectionResetError:
                continue
            read_back = [connection.write(f"{fingerprint(card)}:{amount}:{currency}") for _ in range(REPLICAS)]
            if all(hmac.compare_digest(written, one) for one in read_back):
                return written.hex()[:12].upper()
        raise LedgerUnavailableError(f"ledger did not answer in {ATTEMPTS} attempts")
