"""What the benchmarks count is what they say, and the costs that must not grow do not."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.timeline import MOST_NAMED, named
from load.bench import calls
from load.bench.__main__ import figures_of, regressions
from load.bench.each_operation import LEFT_OUT
from load.bench.scaling import LIMITS, run, told
from load.bench.tally import CountingTable, Tally, size_of
from load.provenance import ROOT
from load.quiet import without_log

ALL_AT_ONCE = StrategySpec(kind=Strategy.DIRECT, bake_seconds=5)


class Table:
    """Remembers one item."""

    def __init__(self, item: dict[str, object] | None = None) -> None:
        self.item = item

    def get_item(self, **_request: object) -> dict[str, object]:
        return {"Item": self.item} if self.item else {}

    def put_item(self, Item: dict[str, object], **_request: object) -> dict[str, object]:  # noqa: N803 (boto3's name)
        self.item = Item
        return {}


def an_item(size: int, **more: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "a"}, "sk": {"S": "b"}, "text": {"S": "x" * size}} | {k: {"S": v} for k, v in more.items()}


def test_sizes_follow_the_rules_of_the_table():
    item = {"n": {"N": "-1234"}, "yes": {"BOOL": True}, "list": {"L": [{"S": "ab"}]}, "map": {"M": {"k": {"S": "v"}}}}

    assert size_of(item) == (1 + 3) + (3 + 1) + (4 + 3 + 1 + 2) + (3 + 3 + 1 + 1 + 1)


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, an_item(900), 1),
        (None, an_item(1_100), 2),
        (an_item(1_100), an_item(10), 2),
        (None, an_item(900, gsi1pk="l", gsi1sk="1"), 2),
        (an_item(900, gsi1pk="l", gsi1sk="1"), an_item(800, gsi1pk="l", gsi1sk="1"), 2),
        (an_item(900, gsi1pk="l", gsi1sk="1"), an_item(800, gsi1pk="l", gsi1sk="2"), 3),
        (an_item(900, gsi1pk="l", gsi1sk="1"), an_item(900), 2),
    ],
)
def test_a_write_costs_its_larger_side_and_each_index_it_changes(before, after, units):
    tally = Tally()
    table = CountingTable(Table(before), tally)

    with tally.operation("write") as used:
        table.put_item(TableName="t", Item=after)

    assert (used.calls, used.writes) == (1, units)


def test_a_count_may_not_grow_and_a_ratio_may_a_little():
    whole = {
        "operations": {"read": {"calls": 3, "times": 9}},
        "handlers": {"read": {"ratio": {"median": 1.2, "low": 1}}},
    }
    counts, ratios = figures_of("calls", whole), figures_of("handlers", whole)

    assert counts == {"/operations/read/calls": 3}
    assert ratios == {"/handlers/read/ratio/median": 1.2}
    assert regressions(counts, {"/operations/read/calls": 2}) == ["/operations/read/calls: 2 -> 3"]
    assert regressions({"/functions/api/timesBare": 1.79}, {"/functions/api/timesBare": 1.78}) == []
    assert regressions(ratios, {"/handlers/read/ratio/median": 1.1}) == []
    assert regressions(ratios, {"/handlers/read/ratio/median": 1.0}) != []


def test_an_event_names_so_many_nodes_and_says_how_many_more_there_are():
    names = [f"node-{number}" for number in range(MOST_NAMED + 7)]

    assert named(nodes=names[:3]) == {"nodes": names[:3]}
    assert named(restored=names, unverified=names[:2]) == {
        "restored": names[:MOST_NAMED],
        "unverified": names[:2],
        "more": 7,
    }


def test_ten_times_the_nodes_are_no_more_calls_for_a_heartbeat_or_most_steps_and_no_bigger_state():
    few, many = told(run(20, ALL_AT_ONCE)), told(run(220, ALL_AT_ONCE))

    assert many["heartbeat"]["mostCalls"] <= few["heartbeat"]["mostCalls"]
    # These write what every node owes, or who takes part: by the batch and by the transaction.
    growing = {name for name, most in many["states"].items() if most["mostCalls"] > few["states"][name]["mostCalls"]}
    assert growing <= {"AdvanceWave", "PlanWaves"}
    for name in ("stateTransitions", "historyEvents", "timelineEvents", "largestState"):
        assert many[name] == few[name]


def test_every_operation_that_asks_the_table_for_something_is_counted():
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    documented = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}

    with without_log():
        counted = calls.measure()["operations"]

    assert documented - set(counted) == LEFT_OUT | {calls.HEARTBEAT}
    assert LEFT_OUT.isdisjoint(counted)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_thousand_nodes_at_once_stay_within_every_quota():
    found = told(run(10_000, ALL_AT_ONCE))

    assert found["status"] == "Completed"
    assert {name: found[name] for name, most in LIMITS.items() if found[name] > most / 2} == {}
