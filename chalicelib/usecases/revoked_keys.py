"""Which signing keys were revoked? Asked with every heartbeat, so it is read now and then only."""

from __future__ import annotations

import threading

from chalicelib.domain.module import SigningKey
from chalicelib.usecases.ports import Ports

READ_AGAIN_AFTER_MS = 30_000
"""A revocation reaches every node within this time and one of its intervals."""

MOST_TOLD = 200
"""The newest ones; who has revoked more has long enrolled anew."""


class RevokedKeys:
    """The ids of revoked keys, read at most twice a minute by each process."""

    def __init__(self) -> None:
        self._ids: tuple[str, ...] = ()
        self._read_at_ms: int | None = None
        self._lock = threading.Lock()

    def ids(self, *, ports: Ports) -> tuple[str, ...]:
        """The key ids in order, machine time deciding whether they are read again."""
        now = ports.clock.machine_ms()
        with self._lock:
            if self._read_at_ms is None or now - self._read_at_ms >= READ_AGAIN_AFTER_MS:
                revoked = [key for key in ports.store.list(SigningKey) if key.revoked_at_ms is not None]
                newest = sorted(revoked, key=lambda key: key.revoked_at_ms or 0)[-MOST_TOLD:]
                self._ids, self._read_at_ms = tuple(sorted(key.key_id for key in newest)), now
            return self._ids
