"""Password hashes: argon2id."""

from __future__ import annotations

import threading
import unicodedata
from typing import Any

TIME_COST = 3
MEMORY_KIB = 12 * 1024
LANES = 1
"""One of the equal choices of OWASP's Password Storage Cheat Sheet (12 MiB, three passes, one lane): 33 ms of CPU here."""


class Passwords:
    """Makes hashes and checks passwords against them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: Any = None
        self._nobodys = ""

    def hash(self, password: str) -> str:
        """A hash to keep, with its own salt and parameters in it."""
        return str(self._hasher().hash(_normal(password)))

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `stored` is a hash of `password`. None, for an unknown user, takes as long and is False."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        try:
            matches = bool(self._hasher().verify(stored if stored is not None else self._nobodys, _normal(password)))
        except (Argon2Error, InvalidHashError):
            return False
        return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's and is due to be made again at the next login."""
        return bool(self._hasher().check_needs_rehash(stored))

    def is_common(self, password: str) -> bool:
        """Whether many people use it, or what it is made of."""
        from chalicelib.adapters.common_passwords import is_common

        return is_common(password)

    def _hasher(self) -> Any:
        from argon2 import PasswordHasher

        with self._lock:
            if self._made is None:
                hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES)
                self._nobodys = hasher.hash("nobody")
                self._made = hasher
            return self._made


def _normal(password: str) -> str:
    """One spelling of what looks the same on every keyboard. Source: NIST SP 800-63B, RFC 8265."""
    return unicodedata.normalize("NFC", password)
