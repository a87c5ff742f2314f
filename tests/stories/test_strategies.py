"""Each strategy does on its nodes what its plan says: observed on the nodes, not by elapsed time."""

from __future__ import annotations

import functools
import itertools
import operator

from tests.stories.nodes import Behaviour
from tests.stories.world import World

MODULE = "payment-processor"


def order_of_change(world: World, environment: str, version: str) -> list[str]:
    """The names of the nodes in the order of the waves that brought them the version."""
    digest = world.digests[MODULE, version]
    nodes = world.nodes[environment]
    return [node.name for node in nodes if (MODULE, digest) in node.history]


def waves_of(world: World, deployment: str) -> list[list[str]]:
    return [event["detail"]["nodes"] for event in world.events(deployment, "WaveStarted")]


def test_direct_changes_all_nodes_in_one_wave(world):
    world.has_nodes("Development", 3)
    world.has_version("1.0.0")

    done = world.run(world.deploy("1.0.0", "Development"))

    assert done["status"] == "Completed"
    assert waves_of(world, done["executionId"]) == [["development-01", "development-02", "development-03"]]
    assert world.running("Development") == ["1.0.0"] * 3


def test_rolling_changes_nodes_in_batches_and_never_more_at_once(world):
    world.has_nodes("QA", 5)
    world.runs("1.0.0", "QA")
    world.has_version("2.0.0")
    deployment = world.deploy("2.0.0", "QA")
    seen: list[int] = []

    def ended() -> bool:
        seen.append(world.running("QA").count("2.0.0"))
        status = world.get(deployment)["status"]
        if status == "PendingApproval":
            world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {})
        return status == "Completed"

    world.until(ended, "the rolling deployment to complete")

    assert [len(wave) for wave in waves_of(world, deployment)] == [2, 2, 1]
    assert seen == sorted(seen)
    assert {after - before for before, after in itertools.pairwise(seen)} <= {0, 1, 2}


def test_rolling_keeps_the_minimum_healthy(world):
    world.has_nodes("QA", 4)
    world.has_policy("QA", strategy={"batch": 4, "minimumHealthy": "75%"})
    world.has_version("1.0.0")

    deployment = world.deploy("1.0.0", "QA")
    world.run(deployment, approve=True)

    assert [len(wave) for wave in waves_of(world, deployment)] == [1, 1, 1, 1]


def test_blue_green_stages_the_new_version_beside_the_old_then_switches_all(world):
    world.has_nodes("Staging", 3)
    world.runs("1.0.0", "Staging")
    world.has_version("2.0.0")
    deployment = world.deploy("2.0.0", "Staging")
    digest = world.digests[MODULE, "2.0.0"]
    both: list[int] = []

    def ended() -> bool:
        nodes = world.nodes["Staging"]
        staged = [digest in node.staged.get(MODULE, []) for node in nodes]
        serving = [node.active.get(MODULE) == digest for node in nodes]
        if all(staged) and not any(serving):
            both.append(1)
        if world.get(deployment)["status"] == "PendingApproval":
            world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {})
        return world.get(deployment)["status"] == "Completed"

    world.until(ended, "the blue-green deployment to complete", beats=200)

    kinds = [event["detail"]["kind"] for event in world.events(deployment, "WaveStarted")]
    assert kinds == ["stage", "switch"]
    assert world.running("Staging") == ["2.0.0"] * 3
    old = world.digests[MODULE, "1.0.0"]
    assert all(old in node.staged[MODULE] for node in world.nodes["Staging"]), "the old one stays warm"


def test_the_old_version_is_let_go_when_its_retention_is_over(world):
    world.has_nodes("Staging", 2)
    world.runs("1.0.0", "Staging")
    world.has_version("2.0.0")
    world.run(world.deploy("2.0.0", "Staging"), approve=True)

    world.beats(14)

    assert all(node.staged[MODULE] == [] for node in world.nodes["Staging"])


def test_a_failing_smoke_test_switches_nothing(world):
    world.has_nodes("Staging", 3)
    world.runs("1.0.0", "Staging")
    world.has_version("2.0.0", Behaviour(smoke_passes=False))

    done = world.run(world.deploy("2.0.0", "Staging"), approve=True)

    assert done["status"] == "RolledBack"
    assert world.events(done["executionId"], "NodeFailed")[0]["detail"]["reason"] == "SMOKE_TEST_FAILED"
    digest = world.digests[MODULE, "2.0.0"]
    assert all((MODULE, digest) not in node.history for node in world.nodes["Staging"])


def test_canary_waves_go_in_order_each_after_the_one_before_was_judged(world):
    world.has_nodes("Production", 10)
    world.runs("1.0.0")
    world.has_version("2.0.0")

    deployment = world.deploy("2.0.0")
    world.run(deployment, approve=True)

    kinds = [event["type"] for event in world.events(deployment)]
    once = ["WaveStarted", "WaveDeployed", "VerdictReached"]
    assert [kind for kind in kinds if kind in once] == once * 4
    assert order_of_change(world, "Production", "2.0.0") == functools.reduce(
        operator.iadd, waves_of(world, deployment), []
    )


def test_a_failing_wave_is_restored_whole(world):
    world.has_nodes("Production", 10)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    unlucky = world.nodes["Production"][4]
    unlucky.behaviours = world.behaviours | {world.digests[MODULE, "2.0.0"]: Behaviour(starts=False)}

    deployment = world.deploy("2.0.0")
    done = world.run(deployment, approve=True)

    assert done["status"] == "RolledBack"
    assert world.running() == ["1.0.0"] * 10
    restored = world.events(deployment, "RestoreEnded")[0]["detail"]["restored"]
    assert restored == [f"production-{number:02d}" for number in range(1, 6)]


def test_each_environment_has_its_own_strategy_in_one_run(world):
    for environment, count in (("Development", 2), ("QA", 3), ("Staging", 2), ("Production", 4)):
        world.has_nodes(environment, count)
    world.has_version("1.0.0")

    done = world.run(world.deploy("1.0.0"), approve=True)

    assert done["status"] == "Completed"
    assert [(e["environment"], e["strategy"], e["phase"]) for e in done["environments"]] == [
        ("Development", "Direct", "Promoted"),
        ("QA", "Rolling", "Promoted"),
        ("Staging", "BlueGreen", "Promoted"),
        ("Production", "Canary", "Promoted"),
    ]


def test_a_policy_may_choose_another_strategy(world):
    world.has_nodes("Development", 4)
    world.has_policy("Development", strategy={"kind": "Rolling", "batch": 1})
    world.has_version("1.0.0")

    deployment = world.deploy("1.0.0", "Development")
    world.run(deployment)

    assert [len(wave) for wave in waves_of(world, deployment)] == [1, 1, 1, 1]


def test_environments_that_run_the_version_already_are_skipped_and_say_so(world):
    for environment in ("Development", "QA"):
        world.has_nodes(environment, 1)
    world.runs("1.0.0", "Development")

    done = world.run(world.deploy("1.0.0", "QA"))

    assert [(e["environment"], e["phase"]) for e in done["environments"]] == [
        ("Development", "Skipped"),
        ("QA", "Promoted"),
    ]


def test_a_failure_leaves_earlier_environments_on_the_new_version_and_lists_them(world):
    for environment in ("Development", "QA"):
        world.has_nodes(environment, 2)
    world.runs("1.0.0", "QA")
    world.has_version("2.0.0")
    for node in world.nodes["QA"]:
        node.behaviours = world.behaviours | {world.digests[MODULE, "2.0.0"]: Behaviour(starts=False)}

    done = world.run(world.deploy("2.0.0", "QA"))

    assert done["status"] == "RolledBack"
    assert world.running("Development") == ["2.0.0"] * 2
    assert world.running("QA") == ["1.0.0"] * 2
    assert [(e["environment"], e["phase"]) for e in done["environments"]] == [
        ("Development", "Promoted"),
        ("QA", "Restored"),
    ]
