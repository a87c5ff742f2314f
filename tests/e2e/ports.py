"""Ports that no two tests take at once, whichever processes they run in.

A port is taken with a lock file, which the system gives back however its holder dies, and then tried: a program that
knows nothing of the locks may listen there.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

RANGES: Mapping[str, range] = MappingProxyType(
    {
        "e2e": range(30_000, 30_100),
        "integration": range(30_100, 30_200),
        "performance": range(30_200, 30_300),
        "chaos": range(30_300, 30_400),
    }
)
"""Each kind of test has its own hundred."""

LOCKS = Path(tempfile.gettempdir()) / f"hotswap-ports-{os.getuid()}"


class NoPortLeft(RuntimeError):
    """Every port of the range is taken; says by which processes."""


class Ports:
    """What one test holds of a range. `release` gives everything back; so does the death of the process."""

    def __init__(self, area: str = "e2e", *, folder: Path = LOCKS) -> None:
        self._range = RANGES[area]
        self._folder = folder
        self._held: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def claim(self) -> int:
        """A port nobody listens on and nobody else may claim until it is released.

        Raises:
            NoPortLeft: there is none.
        """
        # Where a process begins to look does not matter for safety; it spares a hundred tries when many begin at once.
        first = os.getpid() % len(self._range)
        for port in (*self._range[first:], *self._range[:first]):
            if port not in self._held and self._take(port):
                return port
        raise NoPortLeft(f"{self._range.start} to {self._range.stop - 1} are taken, by {self._holders()}")

    def release(self) -> None:
        """Give back what was claimed."""
        while self._held:
            _, descriptor = self._held.popitem()
            os.close(descriptor)

    def _take(self, port: int) -> bool:
        descriptor = os.open(self._folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        if not is_free(port):
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._held[port] = descriptor
        return True

    def _holders(self) -> str:
        found = {(self._folder / str(port)).read_text() for port in self._range if (self._folder / str(port)).exists()}
        return "processes " + ", ".join(sorted(found - {""})) if found - {""} else "programs that hold no lock"


def is_free(port: int) -> bool:
    """Whether nobody listens there; connections that were closed a moment ago do not count."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
