"""Beside every test: does the API answer all the time, and does it log nothing that went wrong?"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 0.5
ANSWERS_WITHIN_S = 20.0
"""Longer than any answer takes on a busy machine, and than a call may wait for news."""


class HealthMonitor:
    """Asks for the health of one system, and reads what it logs, from `start` to `stop`."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log
        self._from = log.stat().st_size if log.exists() else 0
        self._complaints: list[str] = []
        self._expected: list[str] = []
        self._allowed: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="health monitor")
        self.answers = 0

    def start(self) -> HealthMonitor:
        self._thread.start()
        return self

    def stop(self) -> list[str]:
        """Look no more; what was wrong, or nothing."""
        self._stopping.set()
        self._thread.join()
        if not self.answers and not self._complaints:
            self._ask()
        return [*self._complaints, *self._logged()]

    @contextmanager
    def outage(self, why: str) -> Iterator[None]:
        """The test itself takes the API away while this is open, and says why."""
        self._expected.append(why)
        try:
            yield
        finally:
            self._expected.remove(why)

    def allow(self, *events: str) -> None:
        """Errors with these names may be logged: the test brings them about."""
        self._allowed |= set(events)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._ask()

    def _ask(self) -> None:
        began, expected = time.monotonic(), bool(self._expected)
        try:
            with urllib.request.urlopen(f"{self._url}/health", timeout=ANSWERS_WITHIN_S):  # noqa: S310 (loopback)
                self.answers += 1
        except (OSError, urllib.error.HTTPError) as error:
            # A fault that began or ended while the question was out explains the missing answer, too.
            if not expected and not self._expected:
                self._complaints.append(f"/health after {time.monotonic() - began:.1f} s: {error}")

    def _logged(self) -> list[str]:
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(self._from)
            return list(_errors(log.read().decode(errors="replace").splitlines(), self._allowed))


def _errors(lines: list[str], allowed: set[str]) -> Iterator[str]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed
        if not isinstance(found, dict) or found.get("level") not in ("ERROR", "CRITICAL"):
            continue
        if found.get("message") not in allowed:
            yield f"logged {found.get('message')}: {found.get('exception') or found.get('error')}"[-1500:]
