"""No call grows with what is kept: the same calls, and no more units, with a table full of what has ended."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import wiring
from load.bench.tally import CountingClients, Tally
from tests.builders import a_deployment, an_audit_record, an_event
from tests.stories.conftest import a_world
from tests.stories.world import World

KEPT = 120
READS = (
    "/api/v1/deployments?limit=5",
    "/api/v1/deployments/{id}",
    "/api/v1/deployments/{id}/events?after=10",
    "/api/v1/clusters",
    "/api/v1/clusters/Development",
    "/api/v1/approvals/pending",
    "/api/v1/modules/payment-processor/versions",
)


@pytest.mark.timeout(240)
def test_with_a_table_full_of_deployments_events_and_audit_every_call_asks_for_the_same():
    tally = Tally()
    with a_world(on_dynamodb=True) as world:
        wiring.install(clients=CountingClients(tally))
        world.http.gateway.around = tally.around_request
        world.has_nodes("Development", 1)
        world.has_version("1.0.0")
        deployment = world.run(world.deploy("1.0.0", "Development"))["executionId"]
        world.beats(12)
        _page_full_of_deployments(world, 6)
        empty = _asked(world, tally, deployment)
        _page_full_of_deployments(world, KEPT)

        full = _asked(world, tally, deployment)

    assert full == empty


def _page_full_of_deployments(world: World, count: int) -> None:
    records: list[Any] = []
    for number in range(count):
        identity = f"01J0000000000000{count:04d}{number:06d}"
        records += [a_deployment(id=identity), an_event(deployment_id=identity), an_audit_record(subject=identity)]
    wiring.store().add_many(records)


def _asked(world: World, tally: Tally, deployment: str) -> dict[str, int]:
    """How many calls each operation made, the creation of a deployment and a heartbeat included."""
    tally.operations.clear()
    for path in READS:
        world.ok("ada", "GET", path.replace("{id}", deployment))
    world.beats(1)
    return {name: max(used.calls for used in many) for name, many in tally.operations.items()}
