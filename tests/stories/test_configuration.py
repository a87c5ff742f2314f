"""Configuration goes out as code does: in waves, judged, taken back with the digest, and only to nodes it is meant for."""

from __future__ import annotations

from typing import Any

from tests.stories.nodes import Behaviour
from tests.stories.world import World

CONFIGURATION = "/api/v1/modules/payment-processor/configuration/Production"


def configure(world: World, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = world.ok("dana", "PUT", CONFIGURATION, {"values": values, **more})
    return found


def told(world: World) -> list[dict[str, Any] | None]:
    """The configuration every node of Production runs with."""
    return [node.configured("payment-processor") for node in world.nodes["Production"]]


def test_a_change_of_configuration_is_a_deployment_of_the_same_version(world: World) -> None:
    world.has_nodes("Production", 4)
    world.runs("1.0.0")

    made = configure(world, {"feeBp": 290})
    world.beats(5)
    before = told(world)
    done = world.run(world.deploy("1.0.0"), approve=True)

    assert (made["revision"], made["deployedRevision"]) == (1, 0)
    assert before == [None] * 4
    assert done["status"] == "Completed"
    assert told(world) == [{"feeBp": 290}] * 4
    assert world.running() == ["1.0.0"] * 4
    assert world.ok("vic", "GET", CONFIGURATION)["deployedRevision"] == 1
    cluster = world.ok("vic", "GET", "/api/v1/clusters/Production")
    assert cluster["modules"][0]["currentConfigurationRevision"] == 1
    assert {node["modules"][0]["configurationRevision"] for node in cluster["nodes"]} == {1}


def test_a_bad_configuration_is_taken_back_with_its_digest_and_stays_out_alone(world: World) -> None:
    world.has_nodes("Production", 10)
    world.has_version("1.0.0")
    configure(world, {"feeBp": 290})
    world.runs("1.0.0")
    digest = world.digests["payment-processor", "1.0.0"]
    configure(world, {"feeBp": -1})
    world.behaviours[f"{digest}+2"] = Behaviour(error_rate=0.2)

    ended = world.run(world.deploy("1.0.0"), approve=True)

    assert ended["status"] == "RolledBack"
    assert told(world) == [{"feeBp": 290}] * 10
    kept = world.ok("vic", "GET", "/api/v1/modules/payment-processor/quarantine")["quarantines"]
    assert [(each["version"], each["configurationRevision"]) for each in kept] == [("1.0.0", 2)]
    configure(world, {"feeBp": 300})
    assert world.run(world.deploy("1.0.0"), approve=True)["status"] == "Completed"
    assert told(world) == [{"feeBp": 300}] * 10


def test_undoing_a_deployment_restores_digest_and_configuration(world: World) -> None:
    world.has_nodes("Production", 4)
    world.has_version("1.0.0")
    configure(world, {"feeBp": 290})
    world.runs("1.0.0")
    configure(world, {"feeBp": 310, "newField": True})
    world.has_version("2.0.0")
    done = world.run(world.deploy("2.0.0"), approve=True)
    assert told(world) == [{"feeBp": 310, "newField": True}] * 4

    undo = world.ok("dana", "POST", f"/api/v1/deployments/{done['executionId']}/rollback", {"reason": "fees"})
    world.run(undo["executionId"])

    assert world.running() == ["1.0.0"] * 4
    assert told(world) == [{"feeBp": 290}] * 4


def test_a_module_runs_on_the_nodes_its_labels_match_and_the_plan_names_the_others(world: World) -> None:
    world.has_nodes("Production", 4)
    for number, node in enumerate(world.nodes["Production"]):
        zone = "a" if number < 2 else "b"
        world.ok("ada", "PUT", f"/api/v1/nodes/{node.node_id}/labels", {"labels": {"zone": zone}})
    world.has_version("1.0.0")
    configure(world, {}, runsOn={"zone": "a"})

    done = world.run(world.deploy("1.0.0"), approve=True)
    world.beats(3)
    first = world.running()
    moved = world.nodes["Production"][3].node_id
    world.ok("ada", "PUT", f"/api/v1/nodes/{moved}/labels", {"labels": {"zone": "a"}})
    world.beats(62)

    assert done["status"] == "Completed"
    assert first == ["1.0.0", "1.0.0", None, None]
    left_out = world.events(done["executionId"], "PlanMade")[0]["detail"]["leftOut"]
    assert left_out == [{"node": "production-03", "why": "Unmatched"}, {"node": "production-04", "why": "Unmatched"}]
    assert world.running() == ["1.0.0", "1.0.0", None, "1.0.0"]
