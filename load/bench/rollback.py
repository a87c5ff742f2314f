"""From the first bad report to the last node restored: twenty nodes in kernel processes, real traffic, a version that fails
every fifth request. Wall time, so it means something on a quiet machine only."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.local.api_client import ApiClient
from infra.local.demo_policies import allow_first_install, change_policy
from infra.local.fleet import Signer, publish
from infra.local.kernels import Kernels, LocalNode
from infra.local.stack import LocalStack, StackSettings
from infra.local.traffic import Target, Traffic, wait_until
from kernel.examples.build import MODULE

NODES = 20
PROCESSES = 2
CANARY_NODES = 4
REQUESTS_PER_SECOND = 20
"""Of a node: eighty a second over the canary."""

ROLLBACKS = int(os.environ.get("HOTSWAP_ROLLBACKS", "20"))
TARGET_P95_S = 3.0
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")
"""The bad version fails for one of these five."""


def measure() -> dict[str, Any]:
    """The distribution over ROLLBACKS deployments of the bad version."""
    with tempfile.TemporaryDirectory(prefix="hotswap-rollback-") as temporary:
        folder = Path(temporary)
        with LocalStack(StackSettings.from_env(folder / "state")) as stack:
            kernels = Kernels(control_plane=stack.url, data_dir=folder / "nodes")
            try:
                return _measure(stack, kernels, folder)
            finally:
                kernels.stop()


def _measure(stack: LocalStack, kernels: Kernels, folder: Path) -> dict[str, Any]:
    admin, dana = stack.client("ada"), stack.client("dana")
    allow_first_install(admin)
    signer = Signer.register(admin)
    for version, faults in (("1.0.0", ()), ("2.1.0", ("zero_decimals",))):
        publish(version, faults, signer=signer, folder=folder / "artifacts", client=dana)
    nodes = _nodes(admin, stack.settings.node_port)
    for number in range(PROCESSES):
        kernels.start(nodes[number::PROCESSES], name=f"kernel-{number}")
    running = lambda: sum(n["state"] == "Healthy" for n in admin.get("/api/v1/clusters/Development")["nodes"])  # noqa: E731
    wait_until(lambda: running() == NODES, what=f"{NODES} healthy nodes", seconds=120)
    _end(dana, _deploy(dana, "1.0.0"))
    steps = [{"nodes": CANARY_NODES, "bakeSeconds": 60}, {"percent": 100, "bakeSeconds": 60}]
    judged = {"mode": "required", "minRequests": 25, "minBaselineRequests": 30, "warmUpMs": 500}
    changes = {"strategy": {"kind": "Canary", "bakeSeconds": 60, "steps": steps}, "analysis": judged}
    change_policy(admin, "Development", {**changes, "idleHeartbeatMs": 1_000})
    targets = [
        Target(
            node=node.name,
            environment=node.environment,
            url=f"{node.url}/{MODULE}/charge",
            currencies=CURRENCIES,
            per_second=REQUESTS_PER_SECOND,
        )
        for node in nodes
    ]
    traffic = Traffic(targets).start()
    try:
        rows = [_rollback(admin, dana) for _ in range(ROLLBACKS)]
    finally:
        tally = traffic.stop()
    seconds = sorted(row["seconds"] for row in rows if row["status"] == "RolledBack")
    p95 = seconds[min(-(-95 * len(seconds) // 100), len(seconds)) - 1] if seconds else None
    return {
        "nodes": NODES,
        "canaryRequestsPerSecond": CANARY_NODES * REQUESTS_PER_SECOND,
        "rollbacks": len(seconds),
        "otherEnds": [row["status"] for row in rows if row["status"] != "RolledBack"],
        "seconds": {
            "median": statistics.median(seconds) if seconds else None,
            "p95": p95,
            "max": seconds[-1] if seconds else None,
        },
        "each": seconds,
        "foundAfterSeconds": statistics.median(row["found"] for row in rows),
        "requests": {"sent": tally.sent, "dropped": tally.dropped},
        "targetP95": TARGET_P95_S,
        "met": p95 is not None and p95 < TARGET_P95_S,
    }


def _nodes(admin: ApiClient, first_port: int) -> list[LocalNode]:
    path = "/api/v1/clusters/Development/nodes/enrol-tokens"
    return [
        LocalNode(name=f"node-{n:02d}", environment="Development", port=first_port + n, token=admin.post(path)["token"])
        for n in range(NODES)
    ]


def _deploy(client: ApiClient, version: str) -> str:
    body = {"moduleName": MODULE, "version": version, "targetEnvironment": "Development"}
    return str(client.post("/api/v1/deployments", body)["executionId"])


def _end(client: ApiClient, deployment: str) -> dict[str, Any]:
    def ended() -> Any:
        found = client.get(f"/api/v1/deployments/{deployment}")
        return found if found["endTime"] else None

    found: dict[str, Any] = wait_until(ended, what=f"the end of {deployment}", seconds=180, every_s=0.5)
    return found


def _rollback(admin: ApiClient, dana: ApiClient) -> dict[str, Any]:
    """One deployment of the bad version, taken back; it is let out of quarantine for the next."""
    time.sleep(3.0)  # the same nodes' traffic on the good version, to compare with
    deployment = _deploy(dana, "2.1.0")
    status = _end(dana, deployment)["status"]
    events = admin.get(f"/api/v1/deployments/{deployment}/events?after=0")["events"]
    restored = [event["detail"]["milliseconds"] for event in events if event["type"] == "RestoreEnded"]
    deployed = [event["at"] for event in events if event["type"] == "WaveDeployed"]
    begun = [event["at"] for event in events if event["type"] == "RestoreStarted"]
    if status == "RolledBack":
        body = {"version": "2.1.0", "reason": "bench"}
        admin.post(f"/api/v1/modules/{MODULE}/quarantine/Development/release", body)
    return {
        "status": status,
        "seconds": restored[0] / 1000 if restored else 0.0,
        "found": _seconds_between(deployed[0], begun[0]) if deployed and begun else 0.0,
    }


def _seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
