"""Our plans beside what Kubernetes, CodeDeploy and Flagger publish; where a row does not apply, the test says why."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.membership import rank_members
from chalicelib.domain.node import ModuleReport
from chalicelib.domain.rounding import minimum_healthy_count
from chalicelib.domain.strategies import Step, Strategy, StrategySpec, fleet_of, plan_waves
from tests.builders import MODULE, a_node

PUBLISHED = Path(__file__).parents[1] / "published_rules"
KUBERNETES: dict[str, Any] = json.loads((PUBLISHED / "kubernetes_rolling.json").read_text())
CODEDEPLOY: dict[str, Any] = json.loads((PUBLISHED / "codedeploy.json").read_text())
FLAGGER: dict[str, Any] = json.loads((PUBLISHED / "flagger_weights.json").read_text())


def rolling(fleet: int, **numbers: Any) -> list[int]:
    """The size of every wave."""
    return [wave.nodes for wave in plan_waves(StrategySpec(kind=Strategy.ROLLING, **numbers), fleet_of(fleet))]


def canary(weights: list[int]) -> list[int]:
    """The share of the fleet that has the new version after every wave; a fleet of a hundred, so nodes are percent."""
    steps = tuple(Step(percent=weight, bake_seconds=60) for weight in weights)
    return [wave.upto for wave in plan_waves(StrategySpec(kind=Strategy.CANARY, steps=steps), fleet_of(100))]


@pytest.mark.parametrize("table", [KUBERNETES, CODEDEPLOY, FLAGGER], ids=["kubernetes", "codedeploy", "flagger"])
def test_every_table_names_its_source(table: dict[str, Any]) -> None:
    assert table["source"]


# Rows with a concurrency say how many instances CodeDeploy takes at once. "successNeeded" is about failures, which we
# count against maxFailedNodes instead, so that column does not apply. HalfAtATime is 50 % healthy, rounded up.
MINIMUM_HEALTHY = {"AllAtOnce": 0, "HalfAtATime": "50%", "OneAtATime": "99%"}
CONCURRENT = [row for row in CODEDEPLOY["minimumHealthy"] if "concurrency" in row]


@pytest.mark.parametrize("row", CONCURRENT, ids=str)
def test_a_rolling_wave_is_as_big_as_codedeploy_takes_at_once(row: dict[str, Any]) -> None:
    share = f"{row['value']}%" if row.get("type") == "FLEET_PERCENT" else row.get("value")
    if "config" in row:
        share = MINIMUM_HEALTHY[row["config"]] if row["config"] != "OneAtATime" else row["fleet"] - 1

    waves = rolling(row["fleet"], batch="100%", minimum_healthy=share)

    assert waves[0] == row["concurrency"]
    assert max(waves) == row["concurrency"]


def test_a_minimum_that_leaves_nothing_to_change_fails_at_once_as_in_codedeploy() -> None:
    row = CODEDEPLOY["minimumHealthy"][0]

    with pytest.raises(ValueError, match="minimumHealthy"):
        rolling(row["fleet"], batch=1, minimum_healthy=f"{row['value']}%")


# Times apply as bakes: CodeDeploy's canary is one step that bakes for the interval and then everything at once; its
# linear is equal steps. Hook time-outs and the two-day limit are limits of theirs, not rules of rounding.
@pytest.mark.parametrize("name", CODEDEPLOY["timeBased"])
def test_a_step_list_reproduces_every_time_based_configuration_of_codedeploy(name: str) -> None:
    sequence = CODEDEPLOY["timeBased"][name]
    gaps = [(after["t"] - before["t"]) * 60 for before, after in itertools.pairwise(sequence)] + [0]
    steps = tuple(Step(percent=row["weight"], bake_seconds=gap) for row, gap in zip(sequence, gaps, strict=True))

    waves = plan_waves(StrategySpec(kind=Strategy.CANARY, steps=steps), fleet_of(100))

    began = list(itertools.accumulate((wave.bake_seconds // 60 for wave in waves), initial=0))[:-1]
    assert [{"t": at, "weight": wave.upto} for at, wave in zip(began, waves, strict=True)] == sequence


def flagger_weights(row: dict[str, Any]) -> list[int]:
    """The weights Flagger steps through: it adds a step until `maxWeight` is reached or passed."""
    if "stepWeights" in row:
        return [*row["stepWeights"]]
    return list(range(row["stepWeight"], row["maxWeight"] + row["stepWeight"], row["stepWeight"]))


# Flagger counts what is left on the primary, beginning at 100, and may stop below 100 to promote by copying. A plan of
# ours ends at 100 always. A step over 100 means all; our policies refuse one, so it is cut to 100 here.
@pytest.mark.parametrize("row", FLAGGER["primaryWeightSequence"], ids=str)
def test_a_step_list_reproduces_the_weights_of_flagger(row: dict[str, Any]) -> None:
    published = [100 - weight for weight in row["expect"]][1:]

    ours = canary([min(weight, 100) for weight in flagger_weights(row)])

    assert ours[: len(published)] == published
    assert ours[-1] == 100


# Flagger's own figure for the least time to full traffic, before it promotes: as many bakes as there are steps.
@pytest.mark.parametrize("row", FLAGGER["minTime"], ids=str)
def test_a_step_list_takes_as_long_as_flagger_says_it_does(row: dict[str, Any]) -> None:
    bake = row["intervalMin"] * 60
    steps = tuple(Step(percent=weight, bake_seconds=bake) for weight in flagger_weights(row))

    waves = plan_waves(StrategySpec(kind=Strategy.CANARY, steps=steps, bake_seconds=0), fleet_of(100))

    assert sum(wave.bake_seconds for wave in waves) == row["expectMin"] * 60


# Of CodeDeploy's order only the first rank says something here: a node that runs another version than its environment's
# is healed by its next heartbeat, whatever is deployed, and so has no rank of its own.
def test_nodes_in_trouble_change_first_as_in_codedeploy() -> None:
    assert CODEDEPLOY["scheduleOrder"][0] == "unhealthy instance"
    nodes = [a_node(name=name, modules=(ModuleReport(module=MODULE, healthy=well),)) for name, well in SICK_AND_WELL]

    assert [node.name for node in rank_members(nodes, module=MODULE)] == ["c", "d", "a", "b"]


SICK_AND_WELL = [("a", True), ("d", False), ("b", True), ("c", False)]
READ = {
    "codedeploy": {"minimumHealthy", "scheduleOrder", "percentRounding", "timeBased"},
    "flagger_weights": {"primaryWeightSequence", "minTime"},
    "kubernetes_rolling": {"resolveFenceposts", "scaledValue", "newReplicaTarget", "cleanupUnhealthy", "scaleDownOld"},
    "argo_rollouts": {"weightedCounts"},
}
SAYS_NOTHING_OF_A_PLAN = {
    "source": "where the table is from",
    "rule": "the rule in words",
    "timeBasedNote": "how the table was read",
    "defaultConfig": "a default of theirs; ours stand in domain/policy.py",
    "defaults": "the same",
    "limits": "what their service takes at most",
    "rollbackTime": "how long a bad version stays; ours is measured, and harm is looked for every second",
}


@pytest.mark.parametrize("table", READ)
def test_every_part_of_every_table_is_read_or_says_nothing_of_a_plan(table: str) -> None:
    parts = set(json.loads((PUBLISHED / f"{table}.json").read_text()))

    assert parts - set(SAYS_NOTHING_OF_A_PLAN) == READ[table]


def test_percentages_of_a_minimum_round_as_codedeploy_says() -> None:
    assert CODEDEPLOY["percentRounding"] == "up"
    assert [minimum_healthy_count(fleet, "1%") for fleet in (1, 99, 100, 101)] == [1, 1, 1, 2]


# A fleet of fixed size never surges, so of Kubernetes' tables of a running controller only rows without surge and with
# every replica ready say something about a plan: how many old ones go in the first step. `newReplicaTarget` (surge)
# and `cleanupUnhealthy` (pods that are deleted, not replaced) do not apply.
SCALED = [r for r in KUBERNETES["scaleDownOld"] if r["ready"] == r["old"] == r["spec"]]


@pytest.mark.parametrize("row", SCALED, ids=str)
def test_the_first_rolling_wave_takes_as_many_old_nodes_as_kubernetes_scales_down(row: dict[str, Any]) -> None:
    waves = rolling(row["spec"], batch=row["maxUnavailable"])

    assert row["spec"] - waves[0] == row["expectOld"]
