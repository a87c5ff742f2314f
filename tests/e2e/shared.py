"""One system for all harmless tests of a run, whichever worker they run in: the first to come starts it, the last to go ends it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e import kept
from tests.e2e.client import TestClient
from tests.e2e.conditions import nodes_are
from tests.e2e.environment import client_of, held_lease, prepare, started_stack
from tests.e2e.health_monitor import HealthMonitor
from tests.e2e.ports import Ports
from tests.e2e.stack_process import SHARED
from tests.e2e.waiting import wait_for

FLEET: Mapping[str, tuple[str, ...]] = {
    "Development": ("development-01", "development-02"),
    "QA": ("qa-01", "qa-02"),
    "Staging": ("staging-01",),
    "Production": ("production-01", "production-02"),
}


class SharedEnvironment:
    """What a harmless test may use: it makes modules of its own, and changes neither policies nor nodes.

    `monitor` belongs to the test that runs.
    """

    __test__ = False

    def __init__(self, folder: Path, *, url: str, emulator_url: str) -> None:
        self.folder = folder
        self.client: TestClient = client_of(folder, url, emulator_url)
        self.url = url
        self.monitor = self._new_monitor()

    def keep(self, test: str) -> Path:
        """Keep what tells what happened; the folder where it is."""
        return kept.keep(test, self.folder, self.client)

    @contextmanager
    def watched(self) -> Iterator[SharedEnvironment]:
        """With a health monitor beside.

        Raises:
            AssertionError: the API did not answer, or logged an error nobody allowed.
        """
        self.monitor = self._new_monitor().start()
        try:
            yield self
        finally:
            complaints = self.monitor.stop()
        assert not complaints, "beside the test something went wrong:\n" + "\n".join(complaints)

    def _new_monitor(self) -> HealthMonitor:
        return HealthMonitor(self.url, self.folder / "state" / "hotswap.log")


@contextmanager
def shared_environment(folder: Path) -> Iterator[SharedEnvironment]:
    """The system in this folder, started if nobody has. It ends by itself when no process holds its lease."""
    folder.mkdir(parents=True, exist_ok=True)
    lease = held_lease(folder)
    ports = Ports("integration")
    try:
        with _alone(folder):
            told = _told(folder) or _start(folder, ports)
        yield SharedEnvironment(folder, url=told["url"], emulator_url=told["emulatorUrl"])
    finally:
        ports.release()
        os.close(lease)


def _told(folder: Path) -> dict[str, str] | None:
    file = folder / SHARED
    if not file.exists():
        return None
    found: dict[str, str] = json.loads(file.read_text())
    return found


def _start(folder: Path, ports: Ports) -> dict[str, str]:
    for left in ("state", "nodes"):  # by one that ended because nobody needed it for a while
        shutil.rmtree(folder / left, ignore_errors=True)
    api, emulator = ports.claim(), ports.claim()
    nodes = [[name, environment, ports.claim()] for environment, names in FLEET.items() for name in names]
    told = {"url": f"http://127.0.0.1:{api}", "emulatorUrl": f"http://127.0.0.1:{emulator}"}
    started_stack(folder, told["url"], told["emulatorUrl"], "--nodes", json.dumps(nodes))
    client = client_of(folder, told["url"], told["emulatorUrl"])
    prepare(client)
    for environment, names in FLEET.items():
        wait_for(nodes_are(client, environment, "Healthy", *names), because="the nodes of the shared system come up")
    (folder / SHARED).write_text(json.dumps(told))
    return told


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
