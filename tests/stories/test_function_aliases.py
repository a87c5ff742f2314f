"""A function's alias as a node: the same plans and the same judge, by weight, with calls that processes really answer."""

from __future__ import annotations

from typing import Any

from tests.stories.functions import ALIAS, FAILS_EVERY_FOURTH, FAILS_ITS_CHECK, WELL, Function
from tests.stories.world import ENDS, World

ALARM = "payments-errors"
ANALYSIS = {"minRequests": 15, "minBaselineRequests": 15, "latencyQuantileBp": 5_001, "latencyFloorUs": 500_000}
STEPS = [{"percent": percent, "bakeSeconds": 600} for percent in (20, 50, 100)]


def at_production(world: World, *, alarms: tuple[str, ...] = (), **policy: Any) -> Function:
    """A function whose alias is the one node of Production, under a canary of three steps."""
    changes = {"analysis": ANALYSIS, "strategy": {"kind": "Canary", "bakeSeconds": 600, "steps": STEPS}}
    world.has_policy("Production", approval={"required": False}, **(changes | policy))
    function = Function(world)
    for alarm in alarms:
        function.has_alarm(alarm)
    function.becomes_a_node(alarms=alarms)
    function.call(40)  # what the last wave, without an old version beside it, is compared with
    world.beats()
    return function


def has_function(world: World, version: str, code: str = WELL) -> None:
    manifest = {"lambda": {"handler": "work.handle", "runtime": "python3.11"}}
    world.has_version(version, files={"work.py": f"{code}# {version}\n"}, manifest=manifest)


def beat(world: World, function: Function, calls: int = 40) -> None:
    """A second in which the alias is called, and the clock's look at its end."""
    function.call(calls)
    world.beats()
    world.cloud.fire("hotswap-lambda-nodes")
    world.settle()


def carry(world: World, function: Function, deployment: str, *, until: Any = None, calls: int = 40) -> dict[str, Any]:
    """Call the alias and let seconds pass until the deployment has ended, or `until` says so."""
    for _ in range(60):
        world.settle()
        found = world.get(deployment)
        if found["status"] == "PendingApproval":
            world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "story"})
        elif found["status"] in ENDS or (until is not None and until(found)):
            return found
        beat(world, function, calls)
    raise AssertionError(f"not over: {found['status']}, {world.events(deployment)[-3:]}")


def bakes(found: dict[str, Any]) -> bool:
    return bool(found["environments"][-1]["phase"] == "Baking")


def production(found: dict[str, Any]) -> dict[str, Any]:
    environment: dict[str, Any] = found["environments"][-1]
    return environment


def test_a_good_version_gets_the_traffic_step_by_step(world: World) -> None:
    function = at_production(world)
    has_function(world, "2.0.0")
    seen: list[dict[str, int]] = []

    def look(_found: Any) -> bool:
        seen.extend([function.weights] if function.weights not in seen[-1:] else [])
        return False

    done = carry(world, function, world.deploy("2.0.0"), until=look)

    assert done["status"] == "Completed"
    assert [weights for weights in seen if "2" in weights] == [{"1": 80, "2": 20}, {"1": 50, "2": 50}, {"2": 100}]
    assert function.weights == {"2": 100}
    waves = production(done)["waves"]
    assert [wave["comparedWith"] for wave in waves] == ["control", "control", "before"]
    assert (production(done)["byWeight"], [wave["upto"] for wave in waves]) == (True, [20, 50, 100])
    node = world.ok("vic", "GET", "/api/v1/clusters/Production/nodes")["nodes"][0]
    assert (node["kind"], node["alias"]["weights"], node["state"]) == ("lambda", {"2": 100}, "Healthy")


def test_a_bad_version_is_taken_back_and_every_call_was_answered_by_a_process(world: World) -> None:
    function = at_production(world)
    has_function(world, "2.1.0", FAILS_EVERY_FOURTH)

    done = carry(world, function, world.deploy("2.1.0"))

    assert done["status"] == "RolledBack"
    assert function.weights == {"1": 100}
    assert all(function.call(20))
    verdict = world.events(done["executionId"], "VerdictReached")[-1]["detail"]
    assert (verdict["decision"], verdict["comparedWith"]) == ("rollback", "control")
    assert production(done)["restore"]["restoredNodes"] == 1


def test_a_version_that_fails_before_it_has_traffic_gets_none(world: World) -> None:
    function = at_production(world)
    has_function(world, "2.2.0", FAILS_ITS_CHECK)

    done = carry(world, function, world.deploy("2.2.0"), calls=0)

    assert (done["status"], function.weights) == ("RolledBack", {"1": 100})
    assert world.events(done["executionId"], "NodeFailed")[0]["detail"]["reason"] == "CHECK_FAILED"


def test_an_alarm_takes_the_wave_back_without_waiting_for_anybody_to_look(world: World) -> None:
    function = at_production(world, alarms=(ALARM,))
    has_function(world, "2.0.0")
    deployment = world.deploy("2.0.0")
    carry(world, function, deployment, until=bakes)

    function.alarm_is("ALARM", ALARM)

    assert world.get(deployment)["status"] == "RolledBack"
    assert function.weights == {"1": 100}


def test_an_alarm_that_fired_before_does_not_block_the_fix(world: World) -> None:
    function = at_production(world, alarms=(ALARM,))
    function.alarm_is("ALARM", ALARM)
    has_function(world, "2.0.0")

    assert carry(world, function, world.deploy("2.0.0"))["status"] == "Completed"


def test_a_change_from_outside_is_told_as_drift(world: World) -> None:
    function = at_production(world, analysis={**ANALYSIS, "mode": "healthOnly"})
    has_function(world, "2.0.0")
    carry(world, function, world.deploy("2.0.0"), calls=0)

    function.client.update_alias(FunctionName=function.name, Name=ALIAS, FunctionVersion="1")
    for _ in range(12):
        beat(world, function, 0)

    node = world.ok("vic", "GET", "/api/v1/clusters/Production/nodes")["nodes"][0]
    assert [drift["moduleName"] for drift in node["drift"]] == ["payment-processor"]
    assert node["alias"]["changedOutside"] is True
    assert function.weights == {"1": 100}
    cluster = world.ok("vic", "GET", "/api/v1/clusters/Production")
    assert cluster["modules"][0]["driftedNodes"] == ["payments-live"]


def test_the_configuration_of_an_environment_is_published_with_the_code(world: World) -> None:
    tells = "import os\ndef handle(event, context):\n    return os.environ['HOTSWAP_CONFIGURATION_VALUES']\n"
    function = at_production(world, analysis={**ANALYSIS, "mode": "healthOnly"})
    has_function(world, "2.0.0", tells)
    path = "/api/v1/modules/payment-processor/configuration/Production"
    world.ok("dana", "PUT", path, {"values": {"limit": 5}, "reason": "story"})

    carry(world, function, world.deploy("2.0.0"), calls=0)

    answer = function.client.invoke(FunctionName=function.name, Qualifier=ALIAS)
    assert answer["Payload"].read() == b'"{\\"limit\\":5}"'
