"""Runs the commands of a page, from top to bottom, as a reader would: in a shell, against the stack of `make run`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from infra.local.api_client import ApiClient
from infra.local.demo_policies import change_policy, shorten_policies
from tests.docs.pages import ROOT, Block, blocks_of

START_SECONDS = 180
WAIT_SECONDS = 120
BLOCK_SECONDS = 240
NODES = 19
ENDS = {"Completed", "RolledBack", "RollbackFailed", "Failed", "Rejected", "Expired", "Cancelled", "Superseded"}
_DIRECTIVE = re.compile(r"^<!-- (until|approve|policy|runs): (.*?) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """What `make run` started, on ports and in a folder of its own."""

    url: str
    node_port: int
    folder: Path
    passwords: Mapping[str, str]

    def client(self, user: str) -> ApiClient:
        """The API as one of the users."""
        return ApiClient(base_url=self.url, username=user, password=self.passwords[user]).log_in()

    def on_this_stack(self, text: str) -> str:
        """A page's commands with this stack's addresses and folder in the place of the usual ones."""
        there = {
            "http://127.0.0.1:8000": self.url,
            "127.0.0.1:8100/": f"127.0.0.1:{self.node_port}/",
            "8190": str(self.node_port + NODES),
            ".hotswap/": f"{self.folder}/",
            "/tmp/": f"{self.folder}/reader/",
        }
        return re.sub("|".join(map(re.escape, there)), lambda found: there[found[0]], text)


@contextmanager
def running_stack(folder: Path) -> Iterator[RunningStack]:
    """The stack of `make run`, with bakes short enough for a test; every process it started ends with the context.

    Raises:
        AssertionError: it is not up in time, or ended; says what it printed.
    """
    first = _free_ports()
    ports = {"HOTSWAP_API_PORT": first, "HOTSWAP_EMULATOR_PORT": first + 1, "HOTSWAP_NODE_PORT": first + 2}
    printed = (folder / "run.txt").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "infra.local.run", "--data-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, **{name: str(port) for name, port in ports.items()}},
        stdout=printed,
        stderr=subprocess.STDOUT,
    )
    try:
        output = folder / "run.txt"
        _wait(
            lambda: "HotSwap is running" in output.read_text() or process.poll() is not None,
            START_SECONDS,
            lambda: f"the stack to come up; it printed:\n{output.read_text()[-4_000:]}",
        )
        assert process.poll() is None, output.read_text()[-4_000:]
        passwords = json.loads((folder / "users.json").read_text())
        stack = RunningStack(url=f"http://127.0.0.1:{first}", node_port=first + 2, folder=folder, passwords=passwords)
        shorten_policies(stack.client("ada"), production_bake_seconds=4)
        (folder / "reader").mkdir()
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        printed.close()


@dataclass(slots=True, kw_only=True)
class Reader:
    """Somebody who types what a page says. Variables and functions of one block are there in the next."""

    stack: RunningStack
    home: Path
    background: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def read(self, page: Path) -> None:
        """Run every `sh` block of the page in order, and wait where the page says a reader would.

        Raises:
            AssertionError: a command ended otherwise than the page says; has what it printed.
        """
        steps: list[tuple[int, Callable[[], None]]] = [
            (block.at, lambda block=block: self._run(block)) for block in blocks_of(page) if block.language == "sh"
        ]
        steps += [
            (match.start(), lambda match=match: self._directive(match[1], match[2]))
            for match in _DIRECTIVE.finditer(page.read_text(encoding="utf-8"))
        ]
        for _, step in sorted(steps, key=lambda each: each[0]):
            step()

    def end(self) -> None:
        """End what blocks left running."""
        for process in self.background:
            process.terminate()
            process.wait(30)

    def _run(self, block: Block) -> None:
        words = block.words[1:]
        if "by-hand" in words:
            return
        kept = self.home / "shell"
        text = self.stack.on_this_stack(block.text)
        if "in-background" in words:
            script = f". {kept}\nexec {text.strip()}"
            self.background.append(subprocess.Popen(["bash", "-c", script], cwd=ROOT, env=self._environment()))
            return
        kept.touch()
        script = f"set -a\n. {kept}\nset -eu\n{text}\nset +eu\n{{ export -p; declare -f; }} > {kept}\n"
        expected = next((int(word.removeprefix("ends-with-")) for word in words if word.startswith("ends-with-")), 0)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        assert done.returncode == expected, f"{block}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}"

    def _environment(self) -> dict[str, str]:
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        own = {"HOME": str(self.home), "PATH": path, "HOTSWAP_URL": self.stack.url, "NO_COLOR": "1"}
        return {"LANG": os.environ.get("LANG", "C.UTF-8"), **own}

    def _directive(self, kind: str, told: str) -> None:
        words = told.split()
        match kind:
            case "until":
                self._until(told)
            case "approve":
                path = f"/api/v1/approvals/deployments/{self._latest()['executionId']}/approve"
                self.stack.client(told).post(path, {"reason": "as the page says"})
            case "policy":
                name, _, value = words[1].partition("=")
                area, _, key = name.partition(".")
                change_policy(self.stack.client("ada"), words[0], {area: {key: json.loads(value)}})
            case "runs":
                module, version, environment = words
                body = {"moduleName": module, "version": version, "targetEnvironment": environment}
                self.stack.client("dana").post("/api/v1/deployments", {**body, "allowDowngrade": True})
                self._until("latest ended")
                assert self._latest()["status"] == "Completed", self._latest()

    def _until(self, told: str) -> None:
        """What a reader would wait for: `latest ended`, `latest <status>`, `<status> <environment>`, `node <name> <state>`."""
        words = told.split()
        if words[0] == "node":
            true = partial(self._node_is, words[1], words[2])
        elif words[0] == "latest":
            true = partial(self._latest_is, words[1])
        else:
            true = partial(self._waits_in, words[0], words[1])
        _wait(true, WAIT_SECONDS, lambda: f"{told}; the newest deployment is {self._latest()}")

    def _node_is(self, name: str, wanted: str) -> bool:
        environment = name.partition("-")[0].capitalize()
        nodes = self.stack.client("vic").get(f"/api/v1/clusters/{environment}")["nodes"]
        return any(node["name"] == name and wanted in (node["state"], node["status"]) for node in nodes)

    def _latest_is(self, wanted: str) -> bool:
        status = self._latest()["status"]
        return status in ENDS if wanted == "ended" else status == wanted

    def _waits_in(self, status: str, environment: str) -> bool:
        latest = self._latest()
        assert latest["status"] not in ENDS, latest
        if latest["status"] != status:
            return False
        pending = self.stack.client("amal").get("/api/v1/approvals/pending")["approvals"]
        return any(
            each["executionId"] == latest["executionId"] and each["targetEnvironment"] == environment
            for each in pending
        )

    def _latest(self) -> dict[str, str]:
        found: dict[str, str] = self.stack.client("vic").get("/api/v1/deployments?limit=1")["deployments"][0]
        return found


def _wait(true: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still waiting for {what()}")
        time.sleep(0.5)


def _free_ports() -> int:
    """The first of as many free ports as a stack needs, below those the system gives away."""
    for first in range(20_000 + (os.getpid() % 90) * 100, 29_900, 100):
        if all(_is_free(first + offset) for offset in range(NODES + 4)):
            return first
    raise AssertionError("there are no free ports in a row between 20000 and 29999")


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0
