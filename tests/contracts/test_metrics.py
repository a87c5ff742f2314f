"""What every Metrics promises, on the fake and on DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.metrics import DynamoMetrics
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metering import OpenStep
from chalicelib.domain.metrics import own_metrics
from chalicelib.usecases.ports import Metrics
from tests.builders import NEW_DIGEST, NODE_ID, NOW_MS, OLD_DIGEST, a_window
from tests.fakes import FakeMetrics

MODULE = "payment-processor"
SERIES = {"environment": "Production", "module": MODULE, "nodes": (NODE_ID, "p-2")}


@pytest.fixture(params=["fake", "dynamodb"])
def metrics(request: pytest.FixtureRequest) -> Metrics:
    if request.param == "fake":
        return FakeMetrics()
    return DynamoMetrics(request.getfixturevalue("dynamodb"), "hotswap")


def window(second: int, *, seconds: int = 1, **changes: Any) -> Any:
    """What was measured from a second on."""
    start = NOW_MS + second * 1_000
    given = {"started_at_ms": start, "ended_at_ms": start + seconds * 1_000, "duration_ms": seconds * 1_000}
    return a_window(**given | changes)


def keep(
    metrics: Metrics, measured: Any, *, node: str = NODE_ID, digest: str = NEW_DIGEST, module: str = MODULE
) -> None:
    step = OpenStep(module=module, digest=digest, begins_ms=measured.started_at_ms // 10_000 * 10_000, window=measured)
    metrics.keep(environment="Production", node_id=node, step=step)


def test_nothing_measured_is_nothing(metrics: Metrics):
    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 60_000) == ()


def test_steps_come_back_oldest_first_with_node_and_digest(metrics: Metrics):
    keep(metrics, window(20))
    keep(metrics, window(0), node="p-2")
    keep(metrics, window(10), digest=OLD_DIGEST)

    rows = metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 60_000)

    assert rows == (
        ("p-2", NEW_DIGEST, window(0)),
        (NODE_ID, OLD_DIGEST, window(10)),
        (NODE_ID, NEW_DIGEST, window(20)),
    )


def test_keeping_a_step_again_changes_nothing(metrics: Metrics):
    for _ in range(3):
        keep(metrics, window(0))

    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 10_000) == ((NODE_ID, NEW_DIGEST, window(0)),)


def test_a_smaller_sum_that_comes_late_never_replaces_a_bigger_one(metrics: Metrics):
    keep(metrics, window(0, seconds=5))
    keep(metrics, window(0, seconds=2))

    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 10_000)[0][2] == window(0, seconds=5)


def test_a_wide_histogram_survives(metrics: Metrics):
    latency = Histogram(counts=tuple((bucket, 1) for bucket in range(512)))
    wide = window(0, requests=512, errors=0, latency=latency)
    keep(metrics, wide)

    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 10_000)[0][2] == wide


def test_what_modules_say_of_themselves_survives(metrics: Metrics):
    own = own_metrics({"declined.total": 3}, {"depth": -4_500_000}, covered_ms=1_000)
    keep(metrics, window(0, own=own))

    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 10_000)[0][2].own == own


@pytest.mark.parametrize(("from_ms", "to_ms", "found"), [(0, 10_000, [0]), (1, 20_001, [10, 20]), (0, 20_000, [0, 10])])
def test_a_span_begins_with_its_start_and_ends_before_its_end(metrics: Metrics, from_ms, to_ms, found):
    for second in (0, 10, 20):
        keep(metrics, window(second))

    rows = metrics.series(**SERIES, from_ms=NOW_MS + from_ms, to_ms=NOW_MS + to_ms)

    assert [(row[2].started_at_ms - NOW_MS) // 1_000 for row in rows] == found


def test_a_span_may_reach_over_hours(metrics: Metrics):
    for second in (0, 3_600, 7_200):
        keep(metrics, window(second))

    rows = metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 2 * 3_600_000)

    assert len(rows) == 2


def test_modules_and_environments_are_apart(metrics: Metrics):
    keep(metrics, window(0))
    span = {"from_ms": NOW_MS, "to_ms": NOW_MS + 10_000}

    assert metrics.series(**SERIES | span | {"module": "ledger"}) == ()
    assert metrics.series(**SERIES | span | {"environment": "Staging"}) == ()


@given(asked=st.sets(st.integers(0, 29)))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_the_nodes_that_are_asked_for_come_back(metrics: Metrics, asked: set[int]):
    for number in range(30):
        keep(metrics, window(0), node=f"p-{number:02d}")
    nodes = {f"p-{number:02d}" for number in asked}

    rows = metrics.series(**SERIES | {"nodes": nodes}, from_ms=NOW_MS, to_ms=NOW_MS + 10_000)

    assert [row[0] for row in rows] == sorted(nodes)


def test_the_series_of_one_node_is_one_query_an_hour_and_that_of_a_fleet_eight(dynamodb: Any):
    queries: list[str] = []
    dynamodb.meta.events.register("before-call.dynamodb.Query", lambda **_about: queries.append("query"))
    metrics = DynamoMetrics(dynamodb, "hotswap")
    span = {"from_ms": NOW_MS, "to_ms": NOW_MS + 10_000}

    counts = []
    for nodes in [(), (NODE_ID,), tuple(f"p-{number:02d}" for number in range(200))]:
        queries.clear()
        metrics.series(**SERIES | {"nodes": nodes}, **span)
        counts.append(len(queries))

    assert counts == [0, 1, 8]
