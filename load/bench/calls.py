"""What every operation asks of the table, over two whole deployments, a good one and one that is taken back. Counts only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import app as application
from chalicelib import wiring
from load.bench.tally import CountingClients, Tally
from tests.stories.conftest import a_world
from tests.stories.nodes import Behaviour
from tests.stories.world import World

NODES = 10
WRITES_A_SECOND, READS_A_SECOND = 1_000, 3_000
"""Of one partition key. Source: "Service, account, and table quotas in Amazon DynamoDB"."""

READS = (
    "/api/v1/deployments?limit=20",
    "/api/v1/deployments/{id}",
    "/api/v1/deployments/{id}/events?after=0",
    "/api/v1/deployments/{id}/verdicts",
    "/api/v1/approvals/pending",
    "/api/v1/approvals/deployments/{id}",
    "/api/v1/clusters",
    "/api/v1/clusters/Production",
    "/api/v1/clusters/Production/metrics",
    "/api/v1/clusters/Production/policy",
    "/api/v1/clusters/Production/nodes",
    "/api/v1/modules",
    "/api/v1/modules/payment-processor/versions",
    "/api/v1/authentication/me",
)


def measure() -> dict[str, Any]:
    """Calls, units and bytes by operation, and the partition keys that most writes went to."""
    tally = Tally()
    functions = {"steps": tally.around_steps(application.steps)}
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
        tally.operations.pop("POST /api/v1/nodes/{nodeId}/heartbeat")
        _beat_idly(world, tally)
        for path in READS:
            world.ok("ada", "GET", path.replace("{id}", good["executionId"]))
        return {"nodes": NODES, "operations": tally.told(), "hotKeys": _hot(tally)}


def _beat_idly(world: World, tally: Tally) -> None:
    """Reports of nodes while nothing changes; those of the deployments are told by `while a wave bakes`."""
    world.beats(5)
    tally.operations["heartbeat, idle"] = tally.operations.pop("POST /api/v1/nodes/{nodeId}/heartbeat")
    world.has_version("2.0.1")
    deployment = world.deploy("2.0.1")
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "bench"})
    world.run(deployment)
    tally.operations["heartbeat, while its environment changes"] = tally.operations.pop(
        "POST /api/v1/nodes/{nodeId}/heartbeat"
    )


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
