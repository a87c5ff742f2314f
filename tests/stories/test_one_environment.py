"""One environment, from first install to rollback: what a deployment does to real desired state, node by node."""

from __future__ import annotations

from tests.stories.nodes import Behaviour
from tests.stories.world import World

BAD = Behaviour(error_rate=0.2, latency_ms=12.0)


def at_production(world: World, nodes: int = 10, **policy: object) -> None:
    """Production alone: the environments before it have no nodes and are not passed in these stories."""
    world.has_nodes("Production", nodes)
    world.has_policy("Production", approval={"required": False}, **policy)


def test_a_good_version_reaches_every_node_wave_by_wave(world):
    at_production(world)
    world.runs("1.0.0")
    world.has_version("2.0.0")

    done = world.run(world.deploy("2.0.0"), approve=True)

    assert done["status"] == "Completed"
    assert world.running() == ["2.0.0"] * 10
    waves = done["environments"][-1]["waves"]
    assert [wave["upto"] for wave in waves] == [1, 3, 5, 10]
    assert [wave["decision"] for wave in waves] == ["promote"] * 4
    assert [wave["comparedWith"] for wave in waves] == ["control", "control", "control", "before"]


def test_a_bad_version_is_taken_back_from_every_node_it_reached(world):
    at_production(world)
    world.runs("1.0.0")
    world.has_version("2.1.0", BAD)

    done = world.run(world.deploy("2.1.0"), approve=True)

    assert done["status"] == "RolledBack"
    assert world.running() == ["1.0.0"] * 10
    assert done["error"]["code"] == "ROLLED_BACK"
    restored = world.events(done["executionId"], "RestoreEnded")[0]["detail"]
    assert (restored["restored"], restored["unverified"]) == (["production-01"], [])


def test_a_rollback_includes_the_nodes_of_the_failing_wave_that_had_succeeded(world):
    at_production(world)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    refusing = world.nodes["Production"][2]
    refusing.behaviours = dict(world.behaviours) | {
        world.digests["payment-processor", "2.0.0"]: Behaviour(starts=False)
    }

    done = world.run(world.deploy("2.0.0"), approve=True)

    assert done["status"] == "RolledBack"
    assert world.running() == ["1.0.0"] * 10
    assert world.events(done["executionId"], "NodeFailed")[0]["detail"] == {
        "nodes": ["production-03"],
        "reason": "START_FAILED",
    }
    ended = world.events(done["executionId"], "RestoreEnded")[0]["detail"]
    assert ended["restored"] == ["production-01", "production-02", "production-03"]


def test_the_last_wave_is_judged_too(world):
    at_production(world, nodes=2, strategy={"kind": "Direct", "bakeSeconds": 900, "steps": []})
    world.runs("1.0.0")
    world.has_version("2.1.0", BAD)

    done = world.run(world.deploy("2.1.0"), approve=True)

    assert done["status"] == "RolledBack"
    assert world.running() == ["1.0.0", "1.0.0"]
    assert world.events(done["executionId"], "VerdictReached")[0]["detail"]["comparedWith"] == "before"


def test_a_first_install_is_promoted_on_health_and_says_so(world):
    at_production(world, nodes=3)
    world.has_version("1.0.0")

    done = world.run(world.deploy("1.0.0"), approve=True)

    assert done["status"] == "Completed"
    assert {wave["comparedWith"] for wave in done["environments"][-1]["waves"]} == {"healthOnly"}
    assert "Nothing ran here before" in done["environments"][-1]["waves"][0]["sentence"]


def test_a_first_install_that_fails_leaves_the_nodes_with_nothing(world):
    at_production(world, nodes=3)
    world.has_version("1.0.0", Behaviour(starts=False))

    done = world.run(world.deploy("1.0.0"), approve=True)

    assert done["status"] == "RolledBack"
    assert world.running() == [None, None, None]


def test_a_cluster_of_one_node_gets_one_wave_judged_against_before(world):
    at_production(world, nodes=1)
    world.runs("1.0.0")
    world.has_version("2.0.0")

    done = world.run(world.deploy("2.0.0"), approve=True)

    assert done["status"] == "Completed"
    waves = done["environments"][-1]["waves"]
    assert [(wave["upto"], wave["comparedWith"]) for wave in waves] == [(1, "before")]


def test_a_cluster_without_nodes_is_refused_with_its_reason(world):
    world.has_policy("Production", approval={"required": False})
    world.has_version("1.0.0")

    done = world.run(world.deploy("1.0.0"), approve=True)

    assert (done["status"], done["error"]["code"]) == ("Failed", "NO_NODES")


def test_thin_traffic_holds_and_then_pauses_for_a_person(world):
    at_production(world, hold={"stepSeconds": 300, "maxHolds": 3, "then": "pause"})
    world.runs("1.0.0")
    world.has_version("2.0.0")
    for node in world.nodes["Production"]:
        node.requests_per_second = 2

    paused = world.until_status(approved(world, world.deploy("2.0.0")), "Paused")

    wave = paused["environments"][-1]["waves"][0]
    assert wave["holds"] == 3
    assert "more" in wave["sentence"]
    assert world.running().count("2.0.0") == 1


def test_a_node_that_dies_in_the_middle_of_a_wave_counts_as_failed(world):
    at_production(world, idleHeartbeatMs=10_000)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    deployment = approved(world, world.deploy("2.0.0"))
    world.until(lambda: world.events(deployment, "WaveStarted"), "the first wave")
    world.nodes["Production"][0].alive = False

    world.until_status(deployment, "RollingBack")
    world.nodes["Production"][0].alive = True
    done = world.run(deployment)

    assert done["status"] == "RolledBack"
    assert world.events(deployment, "NodeFailed")[0]["detail"] == {"nodes": ["production-01"], "reason": "SILENT"}
    assert world.running() == ["1.0.0"] * 10


def test_a_dead_node_that_cannot_be_verified_makes_the_rollback_fail_and_is_named(world):
    at_production(world, restoreSeconds=30, idleHeartbeatMs=10_000)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    deployment = approved(world, world.deploy("2.0.0"))
    world.until(lambda: world.events(deployment, "WaveDeployed"), "the first wave to be deployed")
    world.nodes["Production"][0].alive = False

    done = world.run(deployment)

    assert done["status"] == "RollbackFailed"
    assert world.events(deployment, "RestoreEnded")[0]["detail"]["unverified"] == ["production-01"]
    world.nodes["Production"][0].alive = True
    world.beats(2)
    assert world.running() == ["1.0.0"] * 10, "desired state stays, so the late node heals itself"


def approved(world: World, deployment: str) -> str:
    """The deployment, once somebody else agreed to the jump."""
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "story"})
    return deployment
