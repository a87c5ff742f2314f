"""The demonstration on nodes: nineteen of them in kernel processes, under real traffic."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.local.demo_policies import allow_first_install, shorten_policies
from infra.local.demo_report import Summary, print_summary, summarize
from infra.local.demo_timeline import Timeline
from infra.local.fleet import (
    FLEET,
    VERSIONS,
    Signer,
    nodes_running,
    plan_nodes,
    publish,
    start_nodes,
    targets,
)
from infra.local.kernels import Kernels, LocalNode
from infra.local.stack import LocalStack
from infra.local.traffic import Traffic, wait_until
from kernel.examples.build import MODULE

REQUESTS_PER_SECOND = 10
PRODUCTION_BAKE_SECONDS = 4
DEPLOYMENT_SECONDS = 180


class Demo:
    """One run: everything it starts ends with it."""

    def __init__(self, console: Console, stack: LocalStack, folder: Path) -> None:
        self.console = console
        self.stack = stack
        self.folder = folder
        self.ada = stack.client("ada")
        self.dana = stack.client("dana")
        self.amal = stack.client("amal")
        self.digests: dict[str, str] = {}
        self.deployments: dict[str, str] = {}
        self.ready = 0.0

    def run(self, kernels: Kernels) -> Summary:
        """The five acts of the demonstration; returns what is to be told about them."""
        nodes = plan_nodes(self.stack.settings.node_port)
        self._say(f"API at {self.stack.url}, emulator at {self.stack.cloud.endpoint_url}")
        allow_first_install(self.ada)
        signer = Signer.register(self.ada)
        self._say(f"signing key {signer.key_id}")
        for version, faults in VERSIONS.items():
            self.digests[version] = publish(
                version, faults, signer=signer, folder=self.folder / "artifacts", client=self.dana
            )
            self._say(f"registered {MODULE} {version}, {self.digests[version][:19]}…")
        start_nodes(kernels, nodes, admin=self.ada)
        wait_until(lambda: nodes_running(self.ada) == len(nodes), what=f"{len(nodes)} healthy nodes", seconds=60)
        self.ready = time.monotonic()
        self._say(f"{len(nodes)} nodes up: " + ", ".join(f"{name} {count}" for name, count in FLEET.items()))
        self._deploy("1.0.0", "the first version, everywhere")
        shorten_policies(self.ada, production_bake_seconds=PRODUCTION_BAKE_SECONDS)
        traffic = Traffic(targets(nodes, per_second=REQUESTS_PER_SECOND)).start()
        self._say(
            f"sending requests to each of {len(nodes)} nodes until the end, {REQUESTS_PER_SECOND} a second to those of Production"
        )
        try:
            time.sleep(2)
            self._deploy("2.0.0", "a good version")
            self._deploy("2.1.0", "a version that is wrong for one currency, which only Production sees")
        finally:
            tally = traffic.stop()
        return self._summary(nodes, tally)

    def print_summary(self, summary: Summary) -> None:
        """The summary for people."""
        print_summary(self.console, summary)

    def _deploy(self, version: str, what: str) -> None:
        self.console.rule(f"[bold]{MODULE} {version}[/]: {what}")
        body = {"moduleName": MODULE, "version": version, "targetEnvironment": "Production", "description": what}
        created = self.dana.post("/api/v1/deployments", body)
        self.deployments[version] = created["executionId"]
        timeline = Timeline(self.console, self.dana, created["executionId"])
        end = time.monotonic() + DEPLOYMENT_SECONDS
        while not timeline.follow(wait_seconds=1):
            self._approve_if_asked(created["executionId"], timeline.status)
            if time.monotonic() > end:
                raise TimeoutError(f"{version} has not ended within {DEPLOYMENT_SECONDS} s; it is {timeline.status}")

    def _approve_if_asked(self, deployment: str, status: str) -> None:
        if status != "PendingApproval":
            return
        path = f"/api/v1/approvals/deployments/{deployment}"
        asked = self.amal.get(path)
        if asked["status"] == "Pending":
            body = {"reason": "Looks right in the environments before.", "approvalId": asked["approvalId"]}
            self.amal.post(f"{path}/approve", body)

    def _summary(self, nodes: tuple[LocalNode, ...], tally: Any) -> Summary:
        return summarize(
            cloud=self.stack.cloud,
            client=self.ada,
            deployments=self.deployments,
            digests=self.digests,
            nodes=[node.name for node in nodes],
            tally=tally,
        )

    def _say(self, text: str) -> None:
        self.console.print(f"[dim]{time.strftime('%H:%M:%S')}[/]  {text}")
