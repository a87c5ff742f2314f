"""A whole system of a test's own: control plane, table, data folder, ports, nodes; everything ends with it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local.kernels import Kernels
from tests.e2e import kept
from tests.e2e.client import TestClient
from tests.e2e.conditions import api_answers, nodes_are
from tests.e2e.health_monitor import HealthMonitor
from tests.e2e.ports import Ports
from tests.e2e.real_nodes import RealNode, enrolled
from tests.e2e.tcp_proxy import TcpProxy
from tests.e2e.waiting import Missing, wait_for

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 180.0
ENDS_WITHIN_S = 60.0

HEALTH_ONLY = {"mode": "healthOnly"}
POLICIES: dict[str, dict[str, object]] = {
    "Development": {"strategy": {"kind": "Direct", "bakeSeconds": 0}},
    "QA": {"strategy": {"kind": "Rolling", "batch": 1, "bakeSeconds": 0}},
    "Staging": {"strategy": {"kind": "BlueGreen", "bakeSeconds": 1}, "analysis": HEALTH_ONLY},
    "Production": {
        "strategy": {"kind": "Canary", "steps": [{"percent": p, "bakeSeconds": 1} for p in (50, 100)]},
        "analysis": HEALTH_ONLY,
    },
}
"""Every strategy, the gates as delivered, bakes of seconds. Numbers are judged in tests/stories, on traffic they own."""


class TestEnvironment:
    """Use it as a context manager, or `start` and `stop`. What a test adds with `defer` is undone first, last in first out.

    The stack is a process of its own: it can be killed and started again, and it dies with the test, however that dies.
    """

    __test__ = False

    def __init__(self, folder: Path, *, area: str = "e2e", downloads_through_proxy: bool = False) -> None:
        self.folder = folder
        self.ports = Ports(area)
        self.nodes: dict[str, RealNode] = {}
        self.client: TestClient
        self.monitor: HealthMonitor
        self.url = self.emulator_url = ""
        self.downloads: TcpProxy | None = None
        self._downloads_through_proxy = downloads_through_proxy
        self._process: subprocess.Popen[bytes] | None = None
        self._undo: list[tuple[str, Callable[[], object]]] = []
        self.undone: list[str] = []
        self.kept_in = kept.FOLDER

    def __enter__(self) -> TestEnvironment:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> TestEnvironment:
        """Bring the control plane up, with short policies; returns self. What came up before a failure ends again."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Undo everything in reverse order, each thing whatever happens to the others.

        Raises:
            ExceptionGroup: some could not be undone; all others were.
        """
        errors: list[Exception] = []
        while self._undo:
            name, action = self._undo.pop()
            try:
                action()
            except Exception as error:  # noqa: BLE001 (the others must be undone all the same)
                error.add_note(f"while undoing: {name}")
                errors.append(error)
            self.undone.append(name)
        if errors:
            raise ExceptionGroup(f"{len(errors)} things of {self.folder.name} could not be undone", errors)

    def defer(self, name: str, action: Callable[[], object]) -> None:
        """Undo this, too, before everything that was there already."""
        self._undo.append((name, action))

    def keep(self, test: str) -> Path:
        """Keep what tells what happened; the folder where it is."""
        return kept.keep(test, self.folder, getattr(self, "client", None), into=self.kept_in)

    # --- nodes

    def add_node(
        self,
        environment: str,
        name: str,
        *,
        labels: dict[str, str] | None = None,
        through: str = "",
        program: Sequence[str] = ("kernel",),
    ) -> RealNode:
        """A healthy node, a process of its own, that talks to the control plane, or to a proxy: `through` its URL."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "the guard of a kernel watches the thread that started it: start nodes from the main thread"
            )
        local = enrolled(self.client, environment, name, port=self.ports.claim(), labels=labels)
        kernels = Kernels(control_plane=through or self.url, data_dir=self.folder / "nodes")
        node = RealNode(node=local, kernels=kernels, program=program).start()
        self.nodes[name] = node
        self.defer(f"node {name}", lambda: self._end_node(node))
        wait_for(nodes_are(self.client, environment, "Healthy", name), because=f"{name} enrols and reports")
        return node

    def proxy(self, target_url: str = "") -> TcpProxy:
        """A proxy before the API, or before another address of this system."""
        target = int((target_url or self.url).rsplit(":", 1)[1])
        proxy = TcpProxy(port=self.ports.claim(), target=target)
        proxy.__enter__()
        self.defer(f"proxy {proxy.port}", lambda: proxy.__exit__(None, None, None))
        return proxy

    # --- what happens to the control plane

    def kill(self) -> None:
        """SIGKILL. Nodes of this environment live on. Tell the monitor why: `monitor.outage`."""
        process = self._running()
        process.kill()
        process.wait(10)

    def move_clock(self, seconds: float) -> None:
        """The clock of the control plane is off by this from now on."""
        partial = self.folder / "clock-offset-ms.partial"
        partial.write_text(str(int(seconds * 1000)))
        partial.replace(self.folder / "clock-offset-ms")

    def run_stack(self) -> None:
        """Start the control plane and wait until it answers."""
        more = ("--downloads", self.downloads.url) if self.downloads is not None else ()
        self._process = started_stack(self.folder, self.url, self.emulator_url, *more)

    # --- inside

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.defer("ports", self.ports.release)
        lease = held_lease(self.folder)
        self.defer("lease", lambda: os.close(lease))
        self.url = f"http://127.0.0.1:{self.ports.claim()}"
        self.emulator_url = f"http://127.0.0.1:{self.ports.claim()}"
        if self._downloads_through_proxy:
            self.downloads = self.proxy(self.emulator_url)
        self.defer("control plane", self._end_stack)
        self.run_stack()
        self.client = client_of(self.folder, self.url, self.emulator_url)
        prepare(self.client)
        self.monitor = HealthMonitor(self.url, self.folder / "state" / "hotswap.log").start()
        self.defer("health monitor", self._end_monitor)

    def _end_stack(self) -> None:
        if self._process is not None and self._process.poll() is None:
            end(self._process)

    def _end_monitor(self) -> None:
        complaints = self.monitor.stop()
        assert not complaints, "beside the test something went wrong:\n" + "\n".join(complaints)

    def _end_node(self, node: RealNode) -> None:
        if node.process is not None and node.process.poll() is None:
            node.go_on()
            end(node.process)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the control plane was not started"
        assert self._process.poll() is None, "the control plane does not run"
        return self._process


def held_lease(folder: Path) -> int:
    """The lease of a stack, held until this descriptor is closed."""
    descriptor = os.open(folder / "lease", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def started_stack(folder: Path, url: str, emulator_url: str, *more: str) -> subprocess.Popen[bytes]:
    """A control plane that answers. `more` is what its program is told besides."""
    ports = [each.rsplit(":", 1)[1] for each in (url, emulator_url)]
    command = [sys.executable, "-W", "ignore", "-m", "tests.e2e.stack_process", "--folder", str(folder)]
    command += ["--api-port", ports[0], "--emulator-port", ports[1], *more]
    with (folder / "stack.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_until_it_answers(url, folder, process)
    except BaseException:
        process.kill()
        process.wait(10)
        raise
    return process


def client_of(folder: Path, url: str, emulator_url: str) -> TestClient:
    """All the people of a stack that is up."""
    passwords = json.loads((folder / "state" / "users.json").read_text())
    return TestClient(url, emulator_url, passwords=passwords, folder=folder / "artifacts")


def prepare(client: TestClient) -> None:
    """A signing key that nodes will trust, and policies a test can wait for."""
    client.signer()
    for environment, changes in POLICIES.items():
        client.set_policy(environment, idleHeartbeatMs=1_000, retentionSeconds=1, **changes)


def _wait_until_it_answers(url: str, folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the API answers as somebody may log in there."""

    def look() -> object:
        if process.poll() is not None:
            said = (folder / "stack.log").read_text()[-3000:]
            raise AssertionError(f"the control plane ended with {process.returncode}: {said}")
        if not (folder / "state" / "users.json").exists():
            return Missing("its users")
        return api_answers(url)()

    wait_for(look, because="the control plane starts", within_s=STARTS_WITHIN_S)


def end(process: subprocess.Popen[bytes]) -> None:
    """Asked first, killed when it takes too long, which is a failure.

    Raises:
        AssertionError: it had to be killed.
    """
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
        raise AssertionError(f"process {process.pid} did not end within {ENDS_WITHIN_S:.0f} s of SIGTERM") from None
