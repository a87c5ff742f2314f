"""Clocks that are off or jump, of nodes and of the control plane: deadlines may come early or late, nothing goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.traffic import Target, Traffic
from tests.e2e.conditions import deployment_is, event_happened, nodes_run
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import a_name
from tests.e2e.recovery import recovers
from tests.e2e.waiting import NeverCame, wait_for
from tests.e2e.wire_evidence import violations, wire_evidence

ANALYSIS = {
    "mode": "required",
    "minRequests": 20,
    "minBaselineRequests": 20,
    "latencyQuantileBp": 8_000,
    "latencyFloorUs": 500_000,
    "cpuFloorBp": 8_000,
    "levelWindowMs": 1_000,
    "levelWindows": 2,
    "warmUpMs": 0,
}


@pytest.mark.long
def test_nodes_whose_clocks_are_hours_off_are_judged_like_the_others(environment: TestEnvironment):
    client, module = environment.client, a_name()
    late = environment.add_node("Development", "development-01", program=("tests.e2e.skewed_kernel", "-7200"))
    early = environment.add_node("Development", "development-02", program=("tests.e2e.skewed_kernel", "7200"))
    right = environment.add_node("Development", "development-03")
    good, bad = client.publish(module, "1.0.0"), client.publish(module, "2.0.0", faults=("zero_decimals",))
    first = client.deploy(module, good.version, "Development")
    wait_for(deployment_is(client, first, "Completed"), because="1.0.0 runs")
    steps = [{"percent": percent, "bakeSeconds": 8} for percent in (34, 100)]
    client.set_policy("Development", strategy={"kind": "Canary", "steps": steps}, analysis=ANALYSIS)
    targets = [
        Target(
            node=node.name,
            environment="Development",
            url=f"{node.url}/{module}/charge",
            currencies=("EUR", "JPY"),
            per_second=15,
        )
        for node in (late, early, right)
    ]

    traffic = Traffic(targets).start()
    environment.defer("traffic", traffic.stop)
    deployment = client.deploy(module, bad.version, "Development")
    done = wait_for(deployment_is(client, deployment, "RolledBack"), because="half of its requests fail")

    assert late.log.startswith("20"), "the kernel logs with its own clock"
    verdicts = client.viewer.get(f"/api/v1/deployments/{deployment}/verdicts")["verdicts"]
    assert done["environments"][0]["touchedNodes"] == 1
    assert verdicts
    wait_for(nodes_run(client, "Development", module, good.digest), because="all run 1.0.0 again")


@pytest.mark.long
@pytest.mark.parametrize("seconds", [-5, 5])
def test_a_clock_of_the_control_plane_that_jumps_in_a_bake_changes_nothing_about_the_end(
    environment: TestEnvironment, tmp_path: Path, seconds: int
):
    client, module = environment.client, a_name()
    environment.add_node("Development", "development-01")
    client.set_policy("Development", strategy={"kind": "Direct", "bakeSeconds": 3})
    versions = [client.publish(module, f"{number}.0.0") for number in range(1, 6)]
    for made in versions[:4]:
        deployment = client.deploy(module, made.version, "Development")
        wait_for(deployment_is(client, deployment, "Completed"), because="there is a history")

    deployment = client.deploy(module, versions[4].version, "Development")
    wait_for(event_happened(client, deployment, "WaveDeployed"), because="the bake begins")
    environment.move_clock(seconds)
    with recovers("clock", f"a jump of {seconds} s"):
        wait_for(deployment_is(client, deployment, "Completed"), because="the bake ends")
    wait_for(nodes_run(client, "Development", module, versions[4].digest), because="it runs")

    assert violations(wire_evidence(client, environment.folder, tmp_path, module=module)) == []


@pytest.mark.long
def test_a_clock_an_hour_back_holds_the_bake_and_people_may_still_log_in_until_it_is_put_right(
    environment: TestEnvironment,
):
    client, module = environment.client, a_name()
    environment.add_node("Development", "development-01")
    client.set_policy("Development", strategy={"kind": "Direct", "bakeSeconds": 3})
    made = client.publish(module)
    deployment = client.deploy(module, made.version, "Development")
    wait_for(event_happened(client, deployment, "WaveDeployed"), because="the bake begins")

    environment.move_clock(-3_600)
    client.sweep()
    with pytest.raises(NeverCame, match="Development Baking"):
        wait_for(deployment_is(client, deployment, "Completed"), because="the bake would be over", within_s=6)
    environment.move_clock(0)
    with recovers("clock", "an hour back, and put right"):
        wait_for(deployment_is(client, deployment, "Completed"), because="the bake ends")


@pytest.mark.long
def test_a_jump_by_which_every_node_seems_silent_takes_back_and_promotes_nothing(
    environment: TestEnvironment, tmp_path: Path
):
    client, module = environment.client, a_name()
    node = environment.add_node("Development", "development-01")
    versions = [client.publish(module, f"{number}.0.0") for number in range(1, 6)]
    for made in versions[:4]:
        deployment = client.deploy(module, made.version, "Development")
        wait_for(deployment_is(client, deployment, "Completed"), because="there is a history")

    node.stop()
    deployment = client.deploy(module, versions[4].version, "Development")
    wait_for(event_happened(client, deployment, "WaveStarted"), because="the wave begins")
    environment.move_clock(400)
    client.sweep()
    node.go_on()
    with recovers("clock", "a jump of 400 s"):
        wait_for(deployment_is(client, deployment, "RolledBack", "RollbackFailed"), because="it is taken back")
        wait_for(nodes_run(client, "Development", module, versions[3].digest), because="what is stable runs")

    assert violations(wire_evidence(client, environment.folder, tmp_path, module=module)) == []
