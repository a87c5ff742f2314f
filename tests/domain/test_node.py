"""Nodes: their ids, when they count as alive, and in which order they change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.environment import Environment
from chalicelib.domain.membership import rank_members
from chalicelib.domain.node import ModuleReport, NodeStatus, environment_of, node_id
from tests.builders import MODULE, NOW_MS, a_node

CODEDEPLOY = json.loads((Path(__file__).parents[1] / "published_rules" / "codedeploy.json").read_text())


@pytest.mark.parametrize("environment", Environment)
def test_a_node_id_names_its_environment(environment: Environment) -> None:
    assert environment_of(node_id(environment, "01J")) is environment


@pytest.mark.parametrize("text", ["", "p", "p-", "x-01J", "pp-01J", "-01J", "P-01J"])
def test_what_names_no_environment_is_no_node_id(text: str) -> None:
    assert environment_of(text) is None


@pytest.mark.parametrize(
    ("heartbeat_ms", "silence_ms", "silent"),
    [
        (1_000, 10_000, False),
        (1_000, 10_001, True),
        (5_000, 15_000, False),
        (5_000, 15_001, True),
        (60_000, 180_000, False),
        (60_000, 180_001, True),
    ],
)
def test_a_node_is_silent_after_three_intervals_and_never_within_ten_seconds(
    heartbeat_ms: int, silence_ms: int, silent: bool
) -> None:
    node = a_node(heartbeat_ms=heartbeat_ms, last_heartbeat_ms=NOW_MS)

    assert node.is_silent(NOW_MS + silence_ms) is silent


@given(heartbeat_ms=st.integers(1, 600_000), silence=st.integers(0, 3_600_000), longer=st.integers(0, 3_600_000))
def test_a_silent_node_stays_silent_until_it_speaks(heartbeat_ms: int, silence: int, longer: int) -> None:
    node = a_node(heartbeat_ms=heartbeat_ms)

    assert not node.is_silent(NOW_MS + silence) or node.is_silent(NOW_MS + silence + longer)


@pytest.mark.parametrize(
    ("status", "silence_ms", "takes"),
    [
        (NodeStatus.ACTIVE, 0, True),
        (NodeStatus.ACTIVE, 10_001, False),
        (NodeStatus.CORDONED, 0, False),
        (NodeStatus.DRAINING, 0, False),
        (NodeStatus.REMOVED, 0, False),
    ],
)
def test_only_active_nodes_that_speak_take_part_in_a_new_rollout(
    status: NodeStatus, silence_ms: int, takes: bool
) -> None:
    assert a_node(status=status).takes_deployments(NOW_MS + silence_ms) is takes


def test_a_node_that_never_spoke_of_a_module_runs_nothing_of_it() -> None:
    node = a_node(modules=(ModuleReport(module=MODULE, fence=2, active="sha256:1"),))

    assert node.report(MODULE).fence == 2
    assert node.report("another") == ModuleReport(module="another")


# CodeDeploy's order has four classes. Ours has the first; what revision a node runs decides nothing here, because a
# node that runs the digest already is settled by its next report whatever its rank.
def test_unhealthy_nodes_change_first_as_in_codedeploy_and_the_rest_by_name() -> None:
    sick = (ModuleReport(module=MODULE, healthy=False),)
    nodes = [a_node(id=f"p-{n}", name=f"node-{n}", modules=sick if n == 3 else ()) for n in (2, 1, 3)]

    ranked = rank_members(nodes, module=MODULE)

    assert CODEDEPLOY["scheduleOrder"][0] == "unhealthy instance"
    assert [node.name for node in ranked] == ["node-3", "node-1", "node-2"]


@given(st.permutations(range(6)))
def test_the_order_does_not_depend_on_how_the_nodes_were_listed(order: list[int]) -> None:
    nodes = [a_node(id=f"p-{number}", name=f"node-{number // 2}") for number in order]

    ranked = rank_members(nodes, module=MODULE)

    assert [node.id for node in ranked] == [f"p-{number}" for number in range(6)]
