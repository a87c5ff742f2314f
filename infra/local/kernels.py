"""Kernel processes as children of this one: started under a guard so that none outlives it, ended by their own pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_GUARD = _ROOT / "kernel" / "child_guard.py"
END_WITHIN_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalNode:
    """One node to run: `token` is needed until it has enrolled once."""

    name: str
    environment: str
    port: int
    token: str = ""

    @property
    def argument(self) -> str:
        token = f",token={self.token}" if self.token else ""
        return f"name={self.name},port={self.port}{token}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(kw_only=True)
class Kernels:
    """The kernel processes of one local stack. Start them from the main thread: their guard watches that thread."""

    control_plane: str
    data_dir: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, nodes: Sequence[LocalNode], *, name: str, program: Sequence[str] = ("kernel",)
    ) -> subprocess.Popen[bytes]:
        """One kernel process that hosts `nodes`; what it logs goes to `<data_dir>/<name>.log`.

        `program` is the module that is run, and what it takes before the kernel's own arguments.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        arguments = [argument for node in nodes for argument in ("--node", node.argument)]
        kernel = [sys.executable, "-m", *program, "--control-plane", self.control_plane]
        with (self.data_dir / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(_GUARD), str(os.getpid()), *kernel, "--data-dir", str(self.data_dir), *arguments],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def has_enrolled(self, node: LocalNode) -> bool:
        """Whether a node has state of its own from an earlier start."""
        return (self.data_dir / node.name / "identity.json").exists()

    def ended(self) -> list[int]:
        """The pids of kernel processes that ended by themselves."""
        return [process.pid for process in self.processes if process.poll() is not None]

    def stop(self) -> None:
        """End every kernel process this object started: asked first, killed when it takes too long."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
