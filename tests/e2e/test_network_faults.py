"""The network between real nodes, clients and the control plane fails: nothing is lost, doubled or promoted by mistake."""

from __future__ import annotations

import contextlib
import threading

import pytest

from tests.chaos.history import Outcome
from tests.e2e.conditions import deployment_is, event_happened, nodes_run
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import a_name
from tests.e2e.recovery import recovers
from tests.e2e.tcp_proxy import TcpProxy, Trouble
from tests.e2e.waiting import Missing, wait_for

SHORT = (Trouble.LATENCY, Trouble.RESET, Trouble.BLACK_HOLE, Trouble.PARTITION, Trouble.ANSWER_LOST)
"""Troubles that end before a node counts as silent (ten seconds)."""


def wait_until_fired(proxy: TcpProxy, trouble: Trouble) -> int:
    found: int = wait_for(
        lambda: proxy.fired[trouble] or Missing(f"a connection that meets {trouble}"), because="the fault happens"
    )
    return found


def test_a_node_whose_network_fails_for_a_moment_is_told_afterwards_and_a_lost_answer_doubles_no_deployment(
    environment: TestEnvironment,
):
    client, module = environment.client, a_name()
    before_node, before_client = environment.proxy(), environment.proxy()
    environment.add_node("Development", "development-01", through=before_node.url)

    for number, trouble in enumerate(SHORT, start=1):
        made = client.publish(module, f"1.{number}.0")
        before_node.begin(trouble)
        deployment = client.deploy(module, made.version, "Development")
        assert wait_until_fired(before_node, trouble) >= 1
        before_node.heal()
        with recovers("network", f"{trouble} between node and control plane"):
            wait_for(deployment_is(client, deployment, "Completed"), because=f"the deployment survives {trouble}")
            wait_for(nodes_run(client, "Development", module, made.digest), because="the node runs it")

    elsewhere = client.at(before_client.url)
    elsewhere.deployer.get("/health")
    asked = []
    for number, trouble in enumerate(SHORT):
        made = client.publish(module, f"2.{number}.0")
        before_client.begin(trouble)
        # A black hole answers nobody; who asked gives up after a while.
        patience = threading.Timer(1.0, before_client.heal)
        patience.start()
        with contextlib.nullcontext() if trouble is Trouble.LATENCY else pytest.raises(OSError, match=r"."):
            elsewhere.deploy(module, made.version, "Development", key=trouble.name)
        patience.join()
        asked.append(elsewhere.deploy(module, made.version, "Development", key=trouble.name))

        outcomes = [call.outcome for call in client.history.calls if call.key == trouble.name]
        assert outcomes == [Outcome.OK if trouble is Trouble.LATENCY else Outcome.UNKNOWN, Outcome.OK]
        assert before_client.fired[trouble] >= 1
    for deployment in asked:
        wait_for(deployment_is(client, deployment, "Completed"), because="what was asked twice is one deployment")
    listed = client.viewer.get(f"/api/v1/deployments?module={module}&limit=100")["deployments"]
    assert len(listed) == 2 * len(SHORT)


@pytest.mark.long
@pytest.mark.parametrize("trouble", [Trouble.PARTITION, Trouble.BLACK_HOLE, Trouble.RESET])
def test_a_node_cut_off_for_longer_has_failed_everything_is_taken_back_and_it_heals_when_it_is_back(
    environment: TestEnvironment, trouble: Trouble
):
    client, module = environment.client, a_name()
    proxy = environment.proxy()
    environment.add_node("Development", "development-01")
    environment.add_node("Development", "development-02", through=proxy.url)
    good, following = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    wait_for(
        deployment_is(client, client.deploy(module, good.version, "Development"), "Completed"), because="1.0.0 runs"
    )

    proxy.begin(trouble)
    deployment = client.deploy(module, following.version, "Development")
    failed = wait_for(event_happened(client, deployment, "NodeFailed"), because="a node nobody hears of has failed")
    assert (failed["detail"]["reason"], failed["detail"]["nodes"]) == ("SILENT", ["development-02"])
    assert proxy.fired[trouble] >= 1
    wait_for(nodes_run(client, "Development", module, good.digest, "development-01"), because="the other is restored")
    proxy.heal()

    with recovers("network", f"{trouble} for longer than a node may be silent"):
        wait_for(
            deployment_is(client, deployment, "RolledBack"), because="the node is reached again, and restored, too"
        )
        wait_for(
            nodes_run(client, "Development", module, good.digest, "development-01", "development-02"),
            because="every node runs what is stable",
        )
