"""A canary over ten nodes that behave as the test says, judged by a control plane that is a process of its own."""

from __future__ import annotations

import pytest

from tests.e2e.conditions import deployment_is
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import a_name
from tests.e2e.in_process_nodes import InProcessNodes
from tests.e2e.waiting import Missing, wait_for
from tests.stories.nodes import Behaviour

ANALYSIS = {"mode": "required", "warmUpMs": 0, "levelWindowMs": 1_000, "levelWindows": 2}


@pytest.mark.long
def test_a_bad_version_reaches_the_canary_only_and_is_taken_back_on_the_numbers_of_ten_nodes(
    environment: TestEnvironment,
):
    client, module = environment.client, a_name()
    fleet = InProcessNodes(client, "Development", 10)
    good, bad = client.publish(module, "1.0.0"), client.publish(module, "2.0.0")
    fleet.behaviours[good.digest] = Behaviour()
    fleet.behaviours[bad.digest] = Behaviour(error_rate=0.3)
    fleet.start()
    environment.defer("in-process nodes", fleet.stop)
    first = client.deploy(module, good.version, "Development")
    wait_for(deployment_is(client, first, "Completed"), because="1.0.0 is installed")
    steps = [{"percent": percent, "bakeSeconds": 20} for percent in (10, 50, 100)]
    client.set_policy("Development", strategy={"kind": "Canary", "steps": steps}, analysis=ANALYSIS)

    deployment = client.deploy(module, bad.version, "Development")
    done = wait_for(deployment_is(client, deployment, "RolledBack"), because="a third of its requests fail")

    assert done["environments"][0]["touchedNodes"] == 1
    wait_for(
        lambda: set(fleet.running(module)) == {good.digest} or Missing(f"1.0.0 on {fleet.running(module)}"),
        because="every node runs 1.0.0 again",
    )
    reached = [node.name for node in fleet.nodes if (module, bad.digest) in node.history]
    assert len(reached) == 1
