"""Clusters over HTTP: health, drift, metrics over time, and the policy."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import ModuleReport
from chalicelib.domain.policy import DEFAULT_POLICIES, Policy
from chalicelib.usecases.ports import Add
from tests.builders import NEW_DIGEST, NOW_MS, OLD_DIGEST, a_member, a_node, an_assignment
from tests.routes.conftest import Api

ALL = "/api/v1/clusters"
POLICY = f"{ALL}/Production/policy"


def running(number: int, digest: str | None = OLD_DIGEST, *, healthy: bool = True, **changes: Any) -> Any:
    report = ModuleReport(module="payment-processor", active=digest, healthy=healthy)
    return a_node(id=f"p-01J0000000000000000000000{number}", name=f"production-0{number}", modules=(report,), **changes)


def put(api: Api, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = api.ok("vic", "GET", POLICY)
    for owned in ("environment", "revision", "changedBy", "changedAt"):
        body.pop(owned)
    return {**body, **changes}


def test_every_environment_is_listed_in_promotion_order(api: Api) -> None:
    clusters = api.ok("vic", "GET", ALL)["clusters"]

    assert [each["environment"] for each in clusters] == ["Development", "QA", "Staging", "Production"]
    assert {each["health"] for each in clusters} == {"empty"}


@pytest.mark.parametrize(
    ("nodes", "health", "counts"),
    [
        ([running(1), running(2)], "healthy", (2, 2, 0, 0)),
        ([running(1), running(2, healthy=False)], "degraded", (2, 1, 1, 0)),
        ([running(1), running(2, last_heartbeat_ms=NOW_MS - 10_001)], "degraded", (2, 1, 0, 1)),
        ([running(1, healthy=False)], "unhealthy", (1, 0, 1, 0)),
    ],
)
def test_health_is_the_sum_of_the_nodes(api: Api, nodes: list[Any], health: str, counts: tuple[int, ...]) -> None:
    api.store.commit(*map(Add, nodes))

    cluster = api.ok("vic", "GET", f"{ALL}/production")

    assert cluster["health"] == health
    names = ("totalNodes", "healthyNodes", "unhealthyNodes", "silentNodes")
    assert tuple(cluster[name] for name in names) == counts
    assert len(cluster["nodes"]) == len(nodes)


def test_a_node_that_runs_something_else_than_it_should_has_drifted(api: Api) -> None:
    api.store.commit(Add(an_assignment()), Add(running(1)), Add(running(2, NEW_DIGEST)), Add(running(3, None)))

    cluster = api.ok("vic", "GET", f"{ALL}/Production")

    assert (cluster["drift"], cluster["modules"][0]["currentVersion"]) == (True, "1.0.0")
    assert cluster["modules"][0]["driftedNodes"] == ["production-02", "production-03"]


def test_during_a_rollout_each_node_is_measured_by_what_it_was_told(api: Api) -> None:
    one, two = running(1, NEW_DIGEST), running(2)
    moving = an_assignment(
        deployment_id="01J00000000000000000000001",
        candidate_digest=NEW_DIGEST,
        candidate_version="2.0.0",
        active_upto=1,
    )
    members = [a_member(node_id=node.id, name=node.name, rank=rank) for rank, node in enumerate((one, two))]
    api.store.commit(Add(moving), Add(one), Add(two), *map(Add, members))

    module = api.ok("vic", "GET", f"{ALL}/Production")["modules"][0]

    assert (module["driftedNodes"], module["changingToVersion"]) == ([], "2.0.0")


class Measuring:
    """A node of Production that reports what it is told to have measured."""

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self._node, self._credential = api.has_node("Production", name)
        self._interval = 0

    def measured(self, at_ms: int, *, digest: str = OLD_DIGEST, latency: dict[str, int], errors: int = 0) -> None:
        self._interval += 1
        window = {
            "module": "payment-processor",
            "digest": digest,
            "startedAt": at_ms,
            "endedAt": at_ms + 1_000,
            "requests": sum(latency.values()),
            "errors": errors,
            "latency": latency,
            "cpuMs": 130,
            "memoryBytes": 41_000_000,
            "crashes": 0,
        }
        body = {
            "interval": self._interval,
            "sentAt": at_ms + 1_000,
            "kernelVersion": "0.1.0",
            "modules": [],
            "windows": [window],
        }
        headers = {"Authorization": f"Bearer {self._credential}"}
        answer = self._api.call("POST", f"/api/v1/nodes/{self._node}/heartbeat", body, headers=headers)
        assert answer.status == 200, answer.body


def test_metrics_are_added_up_over_all_nodes_in_buckets(api: Api) -> None:
    api.store.commit(Add(an_assignment()))
    begin = NOW_MS - NOW_MS % 60_000
    one, two = Measuring(api, "production-01"), Measuring(api, "production-02")
    one.measured(begin - 60_000, digest=NEW_DIGEST, latency={"300": 100})
    one.measured(begin, latency={"192": 100}, errors=5)
    two.measured(begin + 10_000, latency={"192": 80, "193": 20})

    path = f"{ALL}/Production/metrics"
    other = api.ok("vic", "GET", f"{path}?interval=1m&to=2030-01-01T00:00:00Z&from=2029-12-31T23:00:00Z")
    recent = api.ok("vic", "GET", f"{path}?module=payment-processor&interval=1m")
    narrowed = api.ok("vic", "GET", f"{path}?digest={NEW_DIGEST}")

    assert other["points"] == []
    older, newer = recent["points"]
    assert (newer["nodes"], newer["requests"], newer["errors"], newer["errorRateBp"]) == (2, 200, 5, 250)
    assert older["latencyP50Us"] > newer["latencyP99Us"] >= newer["latencyP95Us"] >= newer["latencyP50Us"] > 0
    assert (newer["cpuBp"], newer["memoryBytes"]) == (1_300, 41_000_000)
    assert (len(narrowed["points"]), recent["health"]) == (1, "healthy")


def test_a_bucket_without_requests_has_no_rates(api: Api) -> None:
    api.store.commit(Add(an_assignment()))
    Measuring(api, "production-01").measured(NOW_MS - 60_000, latency={})

    point = api.ok("vic", "GET", f"{ALL}/Production/metrics")["points"][0]

    assert (point["requests"], point["errorRateBp"], point["latencyP99Us"]) == (0, None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=1790000000000", "from"),
        ("from=2026-13-01T00:00:00Z", "from"),
        ("from=2026-11-21T12:00:00", "from"),
        ("from=2026-11-21T12:00:00Z&to=2026-11-21T12:00:00Z", "to"),
        ("interval=0s", "interval"),
        ("interval=9s", "interval"),
        ("interval=25h", "interval"),
        ("interval=1", "interval"),
        ("from=2026-01-01T00:00:00Z&interval=10s", "interval"),
        ("module=UPPER", "module"),
        ("digest=latest", "digest"),
    ],
)
def test_a_question_about_metrics_that_breaks_a_rule_is_400(api: Api, query: str, field: str) -> None:
    answer = api.call("GET", f"{ALL}/Production/metrics?{query}", user="vic")

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


def test_the_policy_as_delivered_is_revision_0(api: Api) -> None:
    answer = api.call("GET", POLICY, user="vic")

    assert (answer.json()["revision"], answer.header("ETag")) == (0, '"0"')
    assert [step["percent"] for step in answer.json()["strategy"]["steps"]] == [10, 30, 50, 100]
    assert answer.json()["analysis"]["latencyQuantileBp"] == 9_900


@pytest.mark.parametrize("environment", Environment)
def test_every_delivered_policy_may_be_put_as_it_is_and_means_the_same(api: Api, environment: Environment) -> None:
    path = f"{ALL}/{environment}/policy"
    body = api.ok("vic", "GET", path)
    for owned in ("environment", "revision", "changedBy", "changedAt"):
        body.pop(owned)

    after = api.ok("ada", "PUT", path, body)

    stored = api.store.get(Policy, environment, "00000001")
    assert stored is not None
    unchanged = dataclasses.replace(stored, revision=0, changed_by="", changed_at_ms=0)
    assert unchanged == DEFAULT_POLICIES[environment]
    assert (after["revision"], after["changedBy"]) == (1, "ada")


def test_a_calendar_that_is_put_comes_back_and_may_be_put_again(api: Api) -> None:
    freezes = [
        {"name": "weekend", "weekly": {"days": ["Saturday", "Sunday"]}, "timeZone": "Europe/Berlin"},
        {"name": "year-end", "verbs": ["start"], "once": {"begins": "2026-12-20T18:00", "ends": "2027-01-02T08:00"}},
    ]
    body = {"strategy": {"kind": "Direct"}, "freezes": freezes}

    put = api.ok("ada", "PUT", POLICY, body)["freezes"]

    assert [freeze["name"] for freeze in put] == ["weekend", "year-end"]
    assert put[0]["verbs"] == ["start", "promote"]
    assert api.ok("ada", "PUT", POLICY, body | {"freezes": put})["freezes"] == put


def test_what_is_left_out_of_a_policy_has_its_delivered_value(api: Api) -> None:
    after = api.ok("ada", "PUT", POLICY, {"strategy": {"kind": "direct"}})

    assert (after["strategy"]["kind"], after["approval"]["required"], after["queueLimit"]) == ("Direct", False, 10)


@pytest.mark.parametrize("guard", ["body", "header"])
def test_a_policy_somebody_else_changed_meanwhile_is_409(api: Api, guard: str) -> None:
    changed = put(api)
    api.ok("ada", "PUT", POLICY, changed)
    before = api.snapshot()

    body = {**changed, "expectedRevision": 0} if guard == "body" else changed
    headers = {"If-Match": '"0"'} if guard == "header" else {}
    answer = api.call("PUT", POLICY, body, user="ada", headers=headers)

    assert (answer.status, api.snapshot() == before) == (409, True)
    assert api.ok("ada", "PUT", POLICY, {**changed, "expectedRevision": 1})["revision"] == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": {}}, "strategy.kind"),
        ({"strategy": {"kind": "Yolo"}}, "strategy.kind"),
        ({"strategy": {"kind": "Canary"}}, "strategy.steps"),
        ({"strategy": {"kind": "Canary", "steps": [{"percent": 0, "bakeSeconds": 1}]}}, "strategy.steps[0].percent"),
        ({"strategy": {"kind": "Canary", "steps": [{"percent": 5}]}}, "strategy.steps[0].bakeSeconds"),
        (
            {"strategy": {"kind": "Canary", "steps": [{"percent": p, "bakeSeconds": 1} for p in (50, 10)]}},
            "strategy.steps",
        ),
        ({"strategy": {"kind": "Rolling", "batch": 0}}, "strategy.batch"),
        ({"strategy": {"kind": "Rolling", "batch": "101%"}}, "strategy.batch"),
        ({"strategy": {"kind": "Rolling", "batch": 1.5}}, "strategy.batch"),
        ({"strategy": {"kind": "Rolling", "batch": True}}, "strategy.batch"),
        ({"strategy": {"kind": "Rolling", "minimumHealthy": "100%"}}, "strategy.minimumHealthy"),
        ({"strategy": {"kind": "Direct", "bakeSeconds": -1}}, "strategy.bakeSeconds"),
        ({"strategy": {"kind": "Rolling", "maxSurge": 1}}, "strategy.maxSurge"),
        ({"strategy": {"kind": "Rolling", "maxUnavailable": 0}}, "strategy.maxUnavailable"),
        (
            {"strategy": {"kind": "Canary", "steps": [{"percent": 5, "nodes": 1, "bakeSeconds": 1}]}},
            "strategy.steps[0].percent",
        ),
        (
            {"strategy": {"kind": "Canary", "steps": [{"nodes": n, "bakeSeconds": 1} for n in (3, 2)]}},
            "strategy.steps",
        ),
        ({"strategy": {"kind": "Direct"}, "overridable": ["everything"]}, "overridable[0]"),
        ({"strategy": {"kind": "Direct"}, "freezes": [{"name": "n"}]}, "freezes[0].once"),
        (
            {
                "strategy": {"kind": "Direct"},
                "freezes": [{"name": "n", "timeZone": "Mars/Base", "weekly": {"days": ["Monday"]}}],
            },
            "freezes[0].timeZone",
        ),
        ({"analysis": {"mode": "maybe"}}, "analysis.mode"),
        ({"analysis": {"latencyQuantileBp": 10_000}}, "analysis.latencyQuantileBp"),
        ({"analysis": {"minRequests": 0}}, "analysis.minRequests"),
        ({"analysis": {"alphaBp": "100"}}, "analysis.alphaBp"),
        ({"analysis": {"declared": [{"name": "a"}, {"name": "a"}]}}, "analysis.declared"),
        ({"analysis": {"declared": [{"name": "a", "direction": "up"}]}}, "analysis.declared[0].direction"),
        ({"analysis": {"declared": [{"name": "a", "source": "statsd"}]}}, "analysis.declared[0].source"),
        ({"analysis": {"declared": [{"name": "a b"}]}}, "analysis.declared[0].name"),
        ({"analysis": {"declared": [{"name": "a", "query": "up"}]}}, "analysis.declared[0].query"),
        ({"analysis": {"declared": [{"name": "a", "source": "prometheus"}]}}, "analysis.declared[0].query"),
        (
            {"analysis": {"declared": [{"name": "a", "source": "prometheus", "query": "sum(up)"}]}},
            "analysis.declared[0].query",
        ),
        ({"analysis": {"declared": [{"name": "a", "modules": ["No"]}]}}, "analysis.declared[0].modules[0]"),
        (
            {
                "analysis": {
                    "declared": [{"name": f"m{at}", "source": "prometheus", "query": "$version"} for at in range(6)]
                }
            },
            "analysis.declared",
        ),
        ({"approval": {"approvers": 0}}, "approval.approvers"),
        ({"approval": {"required": "yes"}}, "approval.required"),
        ({"hold": {"then": "wait"}}, "hold.then"),
        ({"concurrency": "parallel"}, "concurrency"),
        ({"queueLimit": -1}, "queueLimit"),
        ({"idleHeartbeatMs": 99}, "idleHeartbeatMs"),
        ({"deploySeconds": 0}, "deploySeconds"),
        ({"revision": 7}, "revision"),
        ({"expectedRevision": -1}, "expectedRevision"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_400_and_changes_nothing(api: Api, changes: dict[str, Any], field: str) -> None:
    body = put(api, **changes)
    api.token("ada")
    before = api.snapshot()

    answer = api.call("PUT", POLICY, body, user="ada")

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert api.snapshot() == before


def test_all_rules_a_policy_breaks_come_in_one_answer(api: Api) -> None:
    body = {
        "strategy": {"kind": "Rolling", "batch": "no", "bakeSeconds": -1},
        "analysis": {"minRequests": 0, "alphaBp": 0, "mode": 1},
        "queueSeconds": 0,
    }

    answer = api.call("PUT", POLICY, body, user="ada", headers={"If-Match": "0"})

    assert {error["field"] for error in answer.json()["errors"]} == {
        "If-Match",
        "strategy.batch",
        "strategy.bakeSeconds",
        "analysis.minRequests",
        "analysis.alphaBp",
        "analysis.mode",
        "queueSeconds",
    }


def test_a_metric_from_prometheus_is_declared_and_shown_as_it_was_put(api: Api) -> None:
    metric = {
        "name": "queueDepth",
        "direction": "increase",
        "changePct": 50,
        "floorMicros": 1_000_000,
        "critical": True,
        "missing": "zero",
        "minSamples": 10,
        "source": "prometheus",
        "query": 'avg(queue_depth{version="$version"})',
        "modules": ["payment-processor"],
    }

    put = api.ok("ada", "PUT", POLICY, {"strategy": {"kind": "direct"}, "analysis": {"declared": [metric]}})

    assert put["analysis"]["declared"] == [metric]
    assert api.ok("vic", "GET", POLICY)["analysis"]["declared"] == [metric]


def test_the_policys_analysis_has_every_number_of_the_judge(api: Api) -> None:
    shown = api.ok("vic", "GET", POLICY)["analysis"]

    assert len(shown) == len(dataclasses.fields(AnalysisPolicy))
