"""What every operation asks of the table: each once, around whole deployments, good ones and one that is taken back. Counts
only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import app as application
from chalicelib import wiring
from load.bench.each_operation import ask_each
from load.bench.tally import CountingClients, Tally
from tests.stories.conftest import a_world
from tests.stories.nodes import Behaviour
from tests.stories.world import World

NODES = 10
HEARTBEAT = "POST /api/v1/nodes/{nodeId}/heartbeat"
"""Told as two: while something changes, and while nothing does."""
WRITES_A_SECOND, READS_A_SECOND = 1_000, 3_000
"""Of one partition key. Source: "Service, account, and table quotas in Amazon DynamoDB"."""


def measure() -> dict[str, Any]:
    """Calls, units and bytes by operation, and the partition keys that most writes went to."""
    tally = Tally()
    functions = {"steps": tally.around_steps(application.steps), "sweeps": tally.around_sweeps(application.sweeps)}
    with a_world(on_dynamodb=True, functions=functions) as world:
        wiring.install(clients=CountingClients(tally))
        world.http.gateway.around = tally.around_request
        world.has_nodes("Production", NODES)
        world.runs("1.0.0")
        world.has_version("2.0.0")
        world.has_version("2.1.0", Behaviour(error_rate=0.2, latency_ms=12.0))
        good = world.run(world.deploy("2.0.0"), approve=True)
        bad = world.run(world.deploy("2.1.0"), approve=True)
        if (good["status"], bad["status"]) != ("Completed", "RolledBack"):
            raise RuntimeError(f"the deployments ended {good['status']} and {bad['status']}")
        tally.operations.pop(HEARTBEAT)
        _beat_idly(world, tally)
        tally.operations.pop("sweep, nothing to do", None)
        world.cloud.fire("hotswap-sweeps")
        ask_each(world, good["executionId"])
        tally.operations.pop(HEARTBEAT)
        return {"nodes": NODES, "operations": tally.told(), "hotKeys": _hot(tally)}


def _beat_idly(world: World, tally: Tally) -> None:
    """Reports of nodes while nothing changes; those of the deployments are told by `while a wave bakes`."""
    world.beats(5)
    tally.operations["heartbeat, idle"] = tally.operations.pop(HEARTBEAT)
    world.has_version("2.0.1")
    deployment = world.deploy("2.0.1")
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "bench"})
    world.run(deployment)
    tally.operations["heartbeat, while its environment changes"] = tally.operations.pop(HEARTBEAT)


def _hot(tally: Tally) -> list[dict[str, Any]]:
    """For each kind of partition key the most units one operation writes there, and so its most operations a second."""
    most: dict[str, tuple[int, str]] = {}
    for name, many in tally.operations.items():
        for used in many:
            for kind, count in Counter(_kind(key) for key in used.written_keys).items():
                units = round(used.writes * count / max(len(used.written_keys), 1))
                if units > most.get(kind, (0, ""))[0]:
                    most[kind] = (units, name)
    rows = [
        {"key": kind, "operation": name, "writeUnits": units, "mostASecond": WRITES_A_SECOND // max(units, 1)}
        for kind, (units, name) in most.items()
    ]
    return sorted(rows, key=lambda row: row["mostASecond"])


def _kind(key: str) -> str:
    return key.split("#", 1)[0]
