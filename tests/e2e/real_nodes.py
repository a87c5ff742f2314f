"""Kernel nodes as real processes, one each, that a test may kill, stop, starve and start again."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.local.kernels import Kernels, LocalNode
from tests.e2e.client import TestClient

SMALL_FILE = 8 * 1024


@dataclass(kw_only=True)
class RealNode:
    """One kernel process with one node. `program` runs it, when it is not to be the kernel as it is."""

    node: LocalNode
    kernels: Kernels
    process: subprocess.Popen[bytes] | None = None
    program: Sequence[str] = ("kernel",)
    children: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def url(self) -> str:
        return self.node.url

    @property
    def log(self) -> str:
        """What the kernel has said so far."""
        return (self.kernels.data_dir / f"{self.name}.log").read_text()

    def start(self) -> RealNode:
        """Start it, or start it again: then it is who it was."""
        self.process = self.kernels.start([self.node], name=self.name, program=self.program)
        return self

    def kill(self) -> None:
        """SIGKILL, and its children with it, as its guard promises."""
        process = self._running()
        self.children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.kill()
        process.wait(10)

    def stop(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        self._running().send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._running().send_signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """No file of this process can grow beyond some kilobytes: an artifact finds no room."""
        resource.prlimit(self._running().pid, resource.RLIMIT_FSIZE, (SMALL_FILE, resource.RLIM_INFINITY))

    def free_disk(self) -> None:
        """There is room again."""
        resource.prlimit(self._running().pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"{self.name} does not run")
        return self.process


def enrolled(
    client: TestClient, environment: str, name: str, *, port: int, labels: dict[str, str] | None = None
) -> LocalNode:
    """A node with a token to enrol with; it gets these labels."""
    body = {"labels": labels} if labels else {}
    token = client.admin.post(f"/api/v1/clusters/{environment}/nodes/enrol-tokens", body)["token"]
    return LocalNode(name=name, environment=environment, port=port, token=token)


def processes_in(folder: Path) -> list[psutil.Process]:
    """Every process that was started for this folder, found by its command line or working folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if process.pid != os.getpid() and (str(folder) in words or str(folder) in process.cwd()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
