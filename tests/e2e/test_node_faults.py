"""Real nodes die, stand still, run out of disk and get other bytes than were signed: each is proved to have happened."""

from __future__ import annotations

import time
import urllib.request

import psutil
import pytest

from tests.e2e.client import TestClient
from tests.e2e.conditions import completed, deployment_is, event_happened, nodes_are, nodes_run
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import Published, a_name
from tests.e2e.real_nodes import RealNode
from tests.e2e.recovery import recovers
from tests.e2e.tcp_proxy import Trouble
from tests.e2e.waiting import Missing, wait_for

BOTH = ("development-01", "development-02")


def taken_back(client: TestClient, made: Published, *, reason: str) -> None:
    """The deployment meets a node that fails for this reason, and every node gets back what it ran."""
    deployment = client.deploy(made.module, made.version, "Development")
    done = wait_for(deployment_is(client, deployment, "RolledBack"), because=f"a node fails with {reason}")
    failed = next(event for event in client.events(deployment) if event["type"] == "NodeFailed")
    assert failed["detail"]["reason"] == reason
    assert done["error"]["code"] == "NODES_FAILED"


def serves(node: RealNode, module: str) -> bool | Missing:
    with urllib.request.urlopen(f"{node.url}/{module}/health", timeout=20) as answer:  # noqa: S310 (loopback)
        return answer.status == 200 or Missing(f"200 of {node.url}")


def test_a_node_that_is_killed_has_no_room_or_gets_other_bytes_changes_nothing_for_the_others(
    environment_with_proxied_downloads: TestEnvironment,
):
    environment = environment_with_proxied_downloads
    client, module = environment.client, a_name()
    one, two = [environment.add_node("Development", name) for name in BOTH]
    versions = [client.publish(module, f"{number}.0.0") for number in range(1, 6)]
    completed(client, versions[0])

    two.kill()
    wait_for(
        lambda: not any(psutil.pid_exists(child) for child in two.children) or Missing("the end of its children"),
        because="the guard of a kernel takes its children along",
    )
    assert two.children
    assert serves(one, module)
    two.start()
    with recovers("node", "SIGKILL of a kernel"):
        wait_for(lambda: serves(two, module), because="a node comes back with what it ran")

    two.fill_disk()
    taken_back(client, versions[1], reason="DISK_FULL")
    two.free_disk()
    with recovers("disk and bytes", "a full disk"):
        completed(client, versions[2])

    downloads = environment.downloads
    assert downloads is not None
    downloads.begin(Trouble.CORRUPT)
    taken_back(client, versions[3], reason="ARTIFACT_DIGEST_MISMATCH")
    downloads.heal()
    assert downloads.fired[Trouble.CORRUPT] >= 1
    with recovers("disk and bytes", "a flipped bit in a download"):
        completed(client, versions[4])
    assert serves(one, module)
    assert serves(two, module)


@pytest.mark.long
def test_a_download_that_ends_too_soon_is_tried_again_and_then_fails_by_name(
    environment_with_proxied_downloads: TestEnvironment,
):
    environment = environment_with_proxied_downloads
    client, module = environment.client, a_name()
    environment.add_node("Development", "development-01")
    first, second = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    downloads = environment.downloads
    assert downloads is not None

    downloads.begin(Trouble.CUT)
    taken_back(client, first, reason="DOWNLOAD_FAILED")
    assert downloads.fired[Trouble.CUT] >= 3
    downloads.heal()
    with recovers("disk and bytes", "downloads cut short"):
        completed(client, second)


@pytest.mark.long
def test_a_node_that_stands_still_has_failed_and_runs_what_is_stable_once_it_goes_on(environment: TestEnvironment):
    client, module = environment.client, a_name()
    _, two = [environment.add_node("Development", name) for name in BOTH]
    good, following = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    completed(client, good)

    two.stop()
    deployment = client.deploy(module, following.version, "Development")
    failed = wait_for(event_happened(client, deployment, "NodeFailed"), because="a node that stands still has failed")
    wait_for(nodes_are(client, "Development", "Silent", "development-02"), because="it is found silent")
    assert (failed["detail"]["reason"], failed["detail"]["nodes"]) == ("SILENT", ["development-02"])
    wait_for(nodes_run(client, "Development", module, good.digest, "development-01"), because="the other is restored")
    # Taking back waits for the node that stands still: nobody knows what it runs.
    assert client.deployment(deployment)["status"] == "RollingBack"
    two.go_on()
    with recovers("node", "SIGSTOP and SIGCONT of a kernel"):
        wait_for(deployment_is(client, deployment, "RolledBack"), because="it goes on, and is restored, too")
        wait_for(nodes_are(client, "Development", "Healthy", *BOTH), because="it is heard of again")
        wait_for(nodes_run(client, "Development", module, good.digest, *BOTH), because="both run what is stable")


@pytest.mark.long
def test_a_lost_node_is_left_out_and_comes_back_stale_and_heals(environment: TestEnvironment):
    client, module = environment.client, a_name()
    _, two = [environment.add_node("Development", name) for name in BOTH]
    old, new = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    completed(client, old)

    two.kill()
    wait_for(nodes_are(client, "Development", "Silent", "development-02"), because="a dead node is found silent")
    deployment = client.deploy(module, new.version, "Development")
    done = wait_for(deployment_is(client, deployment, "Completed"), because="the others do not wait for it")
    plan = next(event for event in client.events(deployment) if event["type"] == "PlanMade")
    assert plan["detail"]["leftOut"] == [{"node": "development-02", "why": "Silent"}]
    assert [each["fleet"] for each in done["environments"]] == [1]

    two.start()
    with recovers("node", "a node that was away during a deployment"):
        wait_for(nodes_run(client, "Development", module, new.digest, *BOTH), because="a stale node heals")
    history = client.viewer.get(f"/api/v1/nodes/{_id_of(client, 'development-02')}/history")["changes"]
    assert {"Silent", "Healthy"} <= {change["what"] for change in history}


@pytest.mark.long
def test_a_slow_node_makes_a_deployment_slow_and_nothing_else(environment: TestEnvironment):
    client, module = environment.client, a_name()
    proxy = environment.proxy()
    proxy.delay_s = 2.0
    environment.add_node("Development", "development-01")
    environment.add_node("Development", "development-02", through=proxy.url)
    made = client.publish(module)

    proxy.begin(Trouble.LATENCY)
    began = time.monotonic()
    completed(client, made)

    assert proxy.fired[Trouble.LATENCY] >= 2
    assert time.monotonic() - began >= proxy.delay_s


def _id_of(client: TestClient, name: str) -> str:
    return next(str(node["nodeId"]) for node in client.cluster("Development")["nodes"] if node["name"] == name)
