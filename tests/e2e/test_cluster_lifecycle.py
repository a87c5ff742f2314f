"""The life of a cluster of real nodes: cordoned, drained, placed by labels, lied to; and a policy that changes meanwhile."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import TestClient
from tests.e2e.conditions import completed, deployment_is, event_happened, nodes_run
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import a_name
from tests.e2e.waiting import Missing, wait_for

pytestmark = pytest.mark.long
WHERE = "Development"


def say(client: TestClient, name: str, word: str) -> None:
    node = next(node for node in client.cluster(WHERE)["nodes"] if node["name"] == name)
    client.admin.post(f"/api/v1/nodes/{node['nodeId']}/{word}", {"reason": "a test"})


def status_is(client: TestClient, name: str, status: str) -> Any:
    def look() -> Any:
        node = next(node for node in client.cluster(WHERE)["nodes"] if node["name"] == name)
        return node["status"] == status or Missing(f"{name} {status}; it is {node['status']}")

    return look


def test_a_cordoned_node_keeps_what_it_runs_and_a_drained_one_runs_nothing_until_they_are_back(
    environment: TestEnvironment,
):
    client, module = environment.client, a_name()
    names = [f"development-0{number}" for number in (1, 2, 3)]
    _, cordoned, drained = [environment.add_node(WHERE, name) for name in names]
    first, second = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    completed(client, first)

    say(client, cordoned.name, "cordon")
    say(client, drained.name, "drain")
    wait_for(status_is(client, drained.name, "Drained"), because="a node is drained")
    with pytest.raises(urllib.error.HTTPError) as gone:
        urllib.request.urlopen(f"{drained.url}/{module}/health", timeout=20)  # noqa: S310 (loopback)
    done = completed(client, second)

    assert gone.value.code == 404
    assert done["environments"][0]["fleet"] == 1
    wait_for(nodes_run(client, WHERE, module, second.digest, names[0]), because="the one that takes part changes")
    wait_for(nodes_run(client, WHERE, module, first.digest, cordoned.name), because="the cordoned one keeps 1.0.0")
    wait_for(nodes_run(client, WHERE, module, None, drained.name), because="the drained one runs nothing")

    for node in (cordoned, drained):
        say(client, node.name, "uncordon")
    wait_for(nodes_run(client, WHERE, module, second.digest, *names), because="both run what is stable by now")


def test_a_module_runs_where_its_labels_say_and_follows_them(environment: TestEnvironment):
    client, module = environment.client, a_name()
    environment.add_node(WHERE, "development-01", labels={"zone": "a"})
    environment.add_node(WHERE, "development-02", labels={"zone": "b"})
    made = client.publish(module)
    client.deployer.put(f"/api/v1/modules/{module}/configuration/{WHERE}", {"values": {}, "runsOn": {"zone": "a"}})

    done = completed(client, made)
    running = client.running(WHERE, module)
    plan = next(event for event in client.events(done["executionId"]) if event["type"] == "PlanMade")
    node = next(node for node in client.cluster(WHERE)["nodes"] if node["name"] == "development-02")
    client.admin.put(f"/api/v1/nodes/{node['nodeId']}/labels", {"labels": {"zone": "a"}, "reason": "moved"})

    assert plan["detail"]["leftOut"] == [{"node": "development-02", "why": "Unmatched"}]
    assert (str(running["development-01"]).startswith(made.digest), running["development-02"]) == (True, None)
    wait_for(
        nodes_run(client, WHERE, module, running["development-01"], "development-01", "development-02"),
        because="a node whose label changes runs what is placed there",
    )


def test_a_policy_changed_in_the_middle_counts_for_the_next_deployment_only(environment: TestEnvironment):
    client, module = environment.client, a_name()
    environment.add_node(WHERE, "development-01")
    first, second = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    client.set_policy(WHERE, strategy={"kind": "Direct", "bakeSeconds": 4})
    deployment = client.deploy(module, first.version, WHERE)
    wait_for(event_happened(client, deployment, "WaveDeployed"), because="the bake begins")

    client.set_policy(WHERE, strategy={"kind": "Direct", "bakeSeconds": 0}, approval={"required": True})
    done = wait_for(deployment_is(client, deployment, "Completed"), because="it goes on under its own revision")
    following = client.deploy(module, second.version, WHERE)
    wait_for(deployment_is(client, following, "PendingApproval"), because="the next one is asked about")
    after = wait_for(deployment_is(client, following, "Completed", approve=True), because="and completes")

    revisions = [each["environments"][0]["policyRevision"] for each in (done, after)]
    assert revisions[1] == revisions[0] + 1
    assert [each["environments"][0]["waves"][0]["bakeSeconds"] for each in (done, after)] == [4, 0]


def test_a_node_whose_numbers_cannot_be_is_believed_in_nothing_until_it_tells_the_truth(
    environment: TestEnvironment, tmp_path: Path
):
    client, module, lies = environment.client, a_name(), tmp_path / "lies"
    liar = environment.add_node(WHERE, "development-01", program=("tests.e2e.lying_kernel", str(lies)))
    first, second = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    completed(client, first)

    lies.touch()
    wait_for(lambda: "answered 400" in liar.log or Missing("a refused report"), because="what cannot be is refused")
    deployment = client.deploy(module, second.version, WHERE)
    failed = wait_for(event_happened(client, deployment, "NodeFailed"), because="nothing it says counts")
    assert failed["detail"]["reason"] == "SILENT"
    lies.unlink()

    wait_for(deployment_is(client, deployment, "RolledBack"), because="it is heard again, and was never promoted")
    wait_for(nodes_run(client, WHERE, module, first.digest), because="it runs what is stable")
