"""Declared metrics, from the policy to the verdict: reported by modules, or known to a Prometheus server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.adapters.heartbeat_metrics import HeartbeatMetrics
from chalicelib.adapters.prometheus import PrometheusMetrics
from chalicelib.domain.analysis.evidence import DeclaredSeries, Direction, Missing, Source
from chalicelib.domain.analysis.policy import AnalysisPolicy, DeclaredMetric
from chalicelib.domain.deployment import Status
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.policy import HoldPolicy, HoldThen
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.domain.timeline import Event
from chalicelib.usecases.ports import MetricQuestion, MetricSource
from tests.prometheus_server import a_matrix, a_prometheus, a_server
from tests.usecases.scene import Scene, a_scene, runs_already

CANARY = StrategySpec(kind=Strategy.CANARY, bake_seconds=400, steps=(Step(percent=34, bake_seconds=400),))
REPORTED = DeclaredMetric(name="queueDepth", critical=True)
QUERIED = DeclaredMetric(
    name="queueDepth", critical=True, source=Source.PROMETHEUS, query='avg(queue_depth{version="$version"})'
)
FAST_HOLD = HoldPolicy(step_seconds=10, max_holds=2, then=HoldThen.PAUSE)


def judged(
    *declared: DeclaredMetric,
    levels: Mapping[str, int] | None = None,
    sources: Mapping[Source, MetricSource] | None = None,
) -> tuple[Scene, dict[str, Any]]:
    """The first final verdict over 2.0.0 on one of three nodes; `levels` are what versions report as queueDepth."""
    given = {Source.HEARTBEAT: HeartbeatMetrics()} | dict(sources or {})
    scene = a_scene(metric_sources=given)
    scene.set_policy(strategy=CANARY, analysis=AnalysisPolicy(declared=declared), hold=FAST_HOLD)
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
        node.levels = {scene.digests[version]: depth for version, depth in (levels or {}).items()}
    scene.beat_for(300)
    deployment = scene.create()
    scene.run(deployment, until=lambda d: d.has_ended or d.status is Status.PAUSED)
    verdicts = [event.detail for event in scene.store.list(Event, deployment.id) if event.type == "VerdictReached"]
    return scene, verdicts[0]


def finding(verdict: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in verdict["findings"] if each["metric"] == "queueDepth")
    return found


def test_a_level_that_the_new_version_reports_higher_takes_it_back() -> None:
    scene, verdict = judged(REPORTED, levels={"1.0.0": 5_000_000, "2.0.0": 9_000_000})

    assert (verdict["decision"], finding(verdict)["source"]) == ("rollback", "heartbeat")
    assert finding(verdict)["baselineValue"] == 5_000_000
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_the_same_level_on_both_sides_is_promoted() -> None:
    _, verdict = judged(REPORTED, levels={"1.0.0": 5_000_000, "2.0.0": 5_000_000})

    assert (verdict["decision"], finding(verdict)["conclusion"]) == ("promote", "pass")


def test_a_metric_nobody_reports_holds_and_says_so() -> None:
    _, verdict = judged(REPORTED)

    assert (verdict["decision"], finding(verdict)["conclusion"]) == ("hold", "noData")
    assert "the module reports none" in verdict["sentence"]


def test_a_metric_of_other_modules_is_not_asked_for() -> None:
    _, verdict = judged(DeclaredMetric(name="queueDepth", critical=True, modules=("ledger",)))

    assert verdict["decision"] == "promote"
    assert all(each["metric"] != "queueDepth" for each in verdict["findings"])


def depths(canary: str, baseline: str) -> Any:
    """A server that knows one depth for each version, at every step it is asked for."""

    def answer(query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        value = canary if '"2.0.0"' in query["query"] else baseline
        start, end, step = (float(query[name]) for name in ("start", "end", "step"))
        steps = int((end - start) / step) + 1
        return 200, a_matrix([(start + step * at, value) for at in range(steps)]), {}

    return answer


@pytest.mark.parametrize(("depth", "decision"), [("50", "rollback"), ("5", "promote"), ("NaN", "hold")])
def test_what_prometheus_answers_over_http_decides(depth: str, decision: str) -> None:
    with a_server(depths(depth, "5")) as url:
        _, verdict = judged(QUERIED, sources={Source.PROMETHEUS: PrometheusMetrics(url)})

    assert (verdict["decision"], finding(verdict)["source"]) == (decision, "prometheus")


def test_a_metric_that_gets_worse_downwards_is_declared_so() -> None:
    fewer = DeclaredMetric(name="queueDepth", critical=True, direction=Direction.DECREASE)

    assert judged(fewer, levels={"1.0.0": 9_000_000, "2.0.0": 5_000_000})[1]["decision"] == "rollback"
    assert judged(fewer, levels={"1.0.0": 5_000_000, "2.0.0": 9_000_000})[1]["decision"] == "promote"


def test_a_server_that_is_away_never_promotes_and_is_named() -> None:
    source = PrometheusMetrics("http://127.0.0.1:9", timeout_s=1)
    scene, verdict = judged(QUERIED, sources={Source.PROMETHEUS: source})

    assert verdict["decision"] == "hold"
    assert "Prometheus does not answer" in verdict["sentence"]
    assert sum(node.active == scene.digests["2.0.0"] for node in scene.nodes) == 1


def test_where_no_server_is_set_up_the_verdict_holds_and_says_so() -> None:
    _, verdict = judged(QUERIED)

    assert verdict["decision"] == "hold"
    assert "no such source is set up" in verdict["sentence"]


def test_zero_fill_does_not_stand_in_for_a_server_that_is_away() -> None:
    quiet = DeclaredMetric(
        name="queueDepth", critical=True, source=Source.PROMETHEUS, query=QUERIED.query, missing=Missing.ZERO
    )
    _, verdict = judged(quiet, sources={Source.PROMETHEUS: PrometheusMetrics("http://127.0.0.1:9", timeout_s=1)})

    assert verdict["decision"] == "hold"


class _Away:
    """A source that counts how often it is asked in vain."""

    def __init__(self) -> None:
        self.asked = 0

    def samples(self, question: MetricQuestion) -> DeclaredSeries:
        self.asked += 1
        raise Unavailable("It is away.")


def test_a_source_that_is_away_is_asked_once_a_verdict() -> None:
    away = _Away()
    other = DeclaredMetric(name="other", source=Source.PROMETHEUS, query=QUERIED.query)

    _, verdict = judged(QUERIED, other, sources={Source.PROMETHEUS: away})

    assert verdict["decision"] == "hold"
    assert away.asked == 3  # the first verdict and two holds


def test_a_real_prometheus_takes_a_worse_version_back(tmp_path: Any) -> None:
    start = a_scene().clock.machine_ms() // 1000 - 3_600
    lines = ["# TYPE queue_depth gauge"]
    for version, depth in (("1.0.0", 5), ("2.0.0", 50)):
        lines += [f'queue_depth{{version="{version}"}} {depth + at % 3} {start + 10 * at}' for at in range(720)]

    with a_prometheus(tmp_path, lines) as url:
        scene, verdict = judged(QUERIED, sources={Source.PROMETHEUS: PrometheusMetrics(url)})

    assert verdict["decision"] == "rollback"
    assert "queueDepth is 5" in verdict["sentence"]
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}
