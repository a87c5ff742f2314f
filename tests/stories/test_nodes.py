"""What operators say of nodes, and what nodes show of themselves, through the API and real heartbeats."""

from __future__ import annotations

from typing import Any

from tests.stories.nodes import ScriptedNode
from tests.stories.world import World


def say(world: World, node: ScriptedNode, word: str) -> dict[str, Any]:
    found: dict[str, Any] = world.ok("ada", "POST", f"/api/v1/nodes/{node.node_id}/{word}", {"reason": "new disk"})
    return found


def shown(world: World, node: ScriptedNode) -> dict[str, Any]:
    found: dict[str, Any] = world.ok("vic", "GET", f"/api/v1/nodes/{node.node_id}")
    return found


def history(world: World, node: ScriptedNode) -> list[str]:
    """What happened to a node, the oldest first."""
    found = world.ok("vic", "GET", f"/api/v1/nodes/{node.node_id}/history")["changes"]
    return [change["what"] for change in reversed(found)]


def test_a_drained_node_runs_nothing_and_comes_back_with_what_is_stable_by_then(world: World) -> None:
    nodes = world.has_nodes("Production", 4)
    world.runs("1.0.0")

    say(world, nodes[0], "drain")
    world.beats(62)
    drained = shown(world, nodes[0])
    empty = world.running()
    world.runs("2.0.0")
    without = world.running()
    say(world, nodes[0], "uncordon")
    world.beats(62)

    assert (drained["status"], empty) == ("Drained", [None, "1.0.0", "1.0.0", "1.0.0"])
    assert without == [None, "2.0.0", "2.0.0", "2.0.0"]
    assert world.running() == ["2.0.0"] * 4
    assert history(world, nodes[0]) == ["Enrolled", "Draining", "Drained", "Active"]


def test_a_cordoned_node_keeps_what_it_runs_whatever_the_others_are_told(world: World) -> None:
    nodes = world.has_nodes("Production", 4)
    world.runs("1.0.0")

    say(world, nodes[3], "cordon")
    world.runs("2.0.0")
    world.beats(62)
    kept = world.running()
    say(world, nodes[3], "uncordon")
    world.beats(62)

    assert kept == ["2.0.0", "2.0.0", "2.0.0", "1.0.0"]
    assert world.ok("vic", "GET", "/api/v1/clusters/Production")["drift"] is False
    assert world.running() == ["2.0.0"] * 4


def test_a_node_that_runs_something_else_is_shown_told_of_and_healed(world: World) -> None:
    nodes = world.has_nodes("Production", 3)
    world.runs("1.0.0")
    world.beats(2)
    said: list[str] = []
    lost = nodes[1]
    lost.stuck = True
    lost.active["payment-processor"] = None
    world.has_policy("Production", idleHeartbeatMs=1_000)

    world.beats(45)
    cluster = world.ok("vic", "GET", "/api/v1/clusters/Production")
    drift = shown(world, lost)["drift"]
    lost.stuck = False
    world.beats(3)
    said += history(world, lost)

    assert cluster["drift"] is True
    assert cluster["modules"][0]["driftedNodes"] == [lost.name]
    assert [each["moduleName"] for each in drift] == ["payment-processor"]
    assert said == ["Enrolled", "Drifted", "Healed"]
    assert world.running() == ["1.0.0"] * 3
    assert shown(world, lost)["drift"] == []


def test_a_removed_node_is_heard_no_more_and_holds_up_no_wave(world: World) -> None:
    nodes = world.has_nodes("Production", 4)
    world.runs("1.0.0")
    gone = nodes.pop()

    world.ok("ada", "DELETE", f"/api/v1/nodes/{gone.node_id}", {"reason": "sold"})
    answer = world.call("POST", f"/api/v1/nodes/{gone.node_id}/heartbeat", json={}, token=gone.credential)
    world.runs("2.0.0")

    assert answer.status in (400, 401)
    assert world.running() == ["2.0.0"] * 3


def test_silence_stands_in_the_history_once_the_node_speaks_again(world: World) -> None:
    nodes = world.has_nodes("Production", 2)
    world.runs("1.0.0")
    world.has_policy("Production", idleHeartbeatMs=1_000)
    world.beats(40)

    nodes[0].alive = False
    world.beats(20)
    silent = shown(world, nodes[0])["state"]
    nodes[0].alive = True
    world.beats(2)

    assert silent == "Silent"
    assert history(world, nodes[0]) == ["Enrolled", "Silent", "Healthy"]
