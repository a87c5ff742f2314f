"""The whole stack, killed with SIGKILL at random moments: what was answered with 202 is there, and ends as it should."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local.api_client import ApiClient, ApiError
from infra.local.traffic import wait_until

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("HOTSWAP_KILLS", "5"))
PORTS = {"HOTSWAP_API_PORT": "30000", "HOTSWAP_EMULATOR_PORT": "30001", "HOTSWAP_NODE_PORT": "30010"}


class Stack:
    """`make run` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "run.log").open("ab") as log:
            command = [
                sys.executable,
                "-m",
                "infra.local.run",
                "--data-dir",
                str(self.folder / "state"),
                "--no-traffic",
            ]
            environment = {**os.environ, **PORTS}
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def client(self, user: str) -> ApiClient:
        passwords = json.loads((self.folder / "state" / "users.json").read_text())
        base_url = f"http://127.0.0.1:{PORTS['HOTSWAP_API_PORT']}"
        return ApiClient(base_url=base_url, username=user, password=passwords[user]).log_in()

    def reachable(self, user: str) -> ApiClient:
        """A client, as soon as the API answers."""

        def answers() -> ApiClient | None:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "run.log").read_text()[-3000:]
            try:
                return self.client(user)
            except (OSError, ApiError):
                return None

        found: ApiClient = wait_until(answers, what="the API to answer", seconds=90, every_s=0.3)
        return found


def create(stack: Stack, version: str) -> str:
    body = {"moduleName": "payment-processor", "version": version, "targetEnvironment": "Development"}
    return str(stack.reachable("dana").post("/api/v1/deployments", body)["executionId"])


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_nothing_that_was_acknowledged_is_lost_by_sigkill(tmp_path: Path):
    stack, chance = Stack(tmp_path), random.Random(20261121)
    stack.start()
    try:
        first = stack.reachable("ada")
        wait_until(
            lambda: [d for d in first.get("/api/v1/deployments")["deployments"] if d["status"] == "Completed"],
            what="the first deployment to complete",
            seconds=180,
            every_s=1,
        )
        accepted = []
        for number in range(KILLS):
            accepted.append(create(stack, "2.0.0" if number % 2 == 0 else "1.0.0"))
            time.sleep(chance.uniform(0.0, 4.0))  # the random moment: there is nothing to wait for
            stack.kill()
            stack.start()
        client = stack.reachable("dana")
        for deployment in accepted:
            status = wait_until(
                lambda deployment=deployment: _end(client, deployment),
                what=f"{deployment} to end",
                seconds=240,
                every_s=1,
            )
            assert status == "Completed", (deployment, status)
        # Which one is last depends on who asked for the turn first after a restart; that the fleet agrees does not.
        wait_until(
            lambda: not client.get("/api/v1/clusters/Development")["modules"][0]["driftedNodes"],
            what="every node of Development on the version it should run",
            seconds=30,
        )
    finally:
        stack.end()


def _end(client: ApiClient, deployment: str) -> str | None:
    found = client.get(f"/api/v1/deployments/{deployment}")
    return str(found["status"]) if found["endTime"] else None
