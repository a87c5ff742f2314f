"""State transitions, events and what else a deployment is made of, by strategy and number of waves. Counts only: the
real state machine's interpreter, routes and handlers, in virtual time."""

from __future__ import annotations

from typing import Any

from infra.local.demo_report import state_transitions
from tests.stories.conftest import a_world
from tests.stories.world import ORDER, World

TARGETS = {4: 28, 10: 48}
"""Most state transitions by waves, in one environment."""


def measure() -> dict[str, Any]:
    """Each kind of deployment, in a world of its own."""
    rows = [_one(name, strategy, nodes) for name, strategy, nodes in _kinds()]
    for row in rows:
        if row["waves"] in TARGETS and row["strategy"].startswith("Canary"):
            row |= {"target": TARGETS[row["waves"]], "met": row["stateTransitions"] <= TARGETS[row["waves"]]}
    return {"targets": TARGETS, "oneEnvironment": rows, "fourEnvironments": _whole_way()}


def _kinds() -> list[tuple[str, dict[str, Any], int]]:
    def canary(steps: int) -> dict[str, Any]:
        each = [{"percent": 100 * (number + 1) // steps, "bakeSeconds": 900} for number in range(steps)]
        return {"kind": "Canary", "steps": each}

    return [
        ("Direct", {"kind": "Direct", "bakeSeconds": 900}, 4),
        ("Rolling, 2 at once", {"kind": "Rolling", "batch": 2, "bakeSeconds": 900}, 8),
        ("BlueGreen", {"kind": "BlueGreen", "bakeSeconds": 900}, 4),
        ("Canary", canary(4), 10),
        ("Canary", canary(10), 10),
    ]


def _one(name: str, strategy: dict[str, Any], nodes: int) -> dict[str, Any]:
    with a_world(on_dynamodb=False) as world:
        world.has_policy("Production", strategy=strategy)
        world.has_nodes("Production", nodes)
        world.runs("1.0.0")
        world.has_version("2.0.0")
        return {"strategy": name, **_counted(world, world.run(world.deploy("2.0.0"), approve=True))}


def _whole_way() -> dict[str, Any]:
    """Delivered policies, all four environments."""
    with a_world(on_dynamodb=False) as world:
        for environment, nodes in zip(ORDER, (2, 3, 4, 10), strict=True):
            world.has_nodes(environment, nodes)
        world.runs("1.0.0")
        world.has_version("2.0.0")
        return _counted(world, world.run(world.deploy("2.0.0"), approve=True))


def _counted(world: World, done: dict[str, Any]) -> dict[str, Any]:
    if done["status"] != "Completed":
        raise RuntimeError(f"it ended {done['status']}: {done['error']}")
    return {
        "nodes": sum(environment.get("fleet") or 0 for environment in done["environments"]),
        "waves": sum(len(environment["waves"]) for environment in done["environments"]),
        "holds": sum(wave["holds"] for environment in done["environments"] for wave in environment["waves"]),
        "stateTransitions": state_transitions(world.cloud, done["executionId"]),
        "timelineEvents": len(world.events(done["executionId"])),
    }
