"""What every Metrics promises, on the fake and on DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.metrics import DynamoMetrics
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import merged_windows
from chalicelib.usecases.ports import Metrics
from tests.builders import NEW_DIGEST, NODE_ID, NOW_MS, OLD_DIGEST, a_window
from tests.fakes import FakeMetrics

BAKE = "01J00000000000000000000001#Production#0#bake#1"
SERIES = {"environment": "Production", "module": "payment-processor"}


@pytest.fixture(params=["fake", "dynamodb"])
def metrics(request: pytest.FixtureRequest) -> Metrics:
    if request.param == "fake":
        return FakeMetrics()
    return DynamoMetrics(request.getfixturevalue("dynamodb"), "hotswap")


def second(number: int, **changes: Any) -> Any:
    """The window of the given second."""
    start = NOW_MS + number * 1_000
    return a_window(started_at_ms=start, ended_at_ms=start + 1_000, **changes)


def test_nothing_measured_is_nothing(metrics: Metrics):
    assert metrics.bake(BAKE) == {}
    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 60_000) == ()


def test_a_bake_adds_up_what_each_node_measured_of_each_digest(metrics: Metrics):
    windows = [second(number, errors=number) for number in range(3)]
    for number, window in enumerate(windows):
        metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=NEW_DIGEST, interval=number, window=window)
    metrics.add_to_bake(bake=BAKE, node_id="p-2", digest=NEW_DIGEST, interval=0, window=second(0))
    metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=OLD_DIGEST, interval=0, window=second(0))

    assert metrics.bake(BAKE) == {
        (NODE_ID, NEW_DIGEST): merged_windows(windows),
        ("p-2", NEW_DIGEST): second(0),
        (NODE_ID, OLD_DIGEST): second(0),
    }


def test_the_same_interval_counts_once_however_often_it_is_sent(metrics: Metrics):
    for interval in (1, 2, 1, 2, 2):
        metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=NEW_DIGEST, interval=interval, window=second(interval))
        metrics.add(**SERIES, node_id=NODE_ID, digest=NEW_DIGEST, interval=interval, window=second(interval))

    whole = merged_windows((second(1), second(2)))
    assert metrics.bake(BAKE) == {(NODE_ID, NEW_DIGEST): whole}
    assert metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 10_000) == ((NODE_ID, NEW_DIGEST, whole),)


def test_bakes_do_not_mix(metrics: Metrics):
    metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=NEW_DIGEST, interval=1, window=second(1))

    assert metrics.bake(BAKE + "0") == {}


def test_a_window_without_requests_covers_its_time(metrics: Metrics):
    quiet = second(0, requests=0, latency=Histogram(), cpu_ms=0, memory_byte_ms=0)

    metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=NEW_DIGEST, interval=1, window=quiet)

    assert metrics.bake(BAKE) == {(NODE_ID, NEW_DIGEST): quiet}


def test_the_widest_histogram_is_kept_whole_and_counted_once(metrics: Metrics):
    latency = Histogram(counts=tuple((bucket, 2) for bucket in range(512)))
    wide = second(0, requests=1024, errors=1000, latency=latency)

    for _ in range(2):
        metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=NEW_DIGEST, interval=1, window=wide)

    found = metrics.bake(BAKE)[NODE_ID, NEW_DIGEST]
    assert found == wide


def test_the_series_has_a_row_for_every_ten_seconds_oldest_first(metrics: Metrics):
    for interval, number in enumerate((3, 4, 13, 25)):
        metrics.add(**SERIES, node_id=NODE_ID, digest=NEW_DIGEST, interval=interval, window=second(number))
    metrics.add(**SERIES, node_id="p-2", digest=NEW_DIGEST, interval=1, window=second(13))

    rows = metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 30_000)

    assert [(node, window) for node, _, window in rows] == [
        (NODE_ID, second(3).merge(second(4))),
        (NODE_ID, second(13)),
        ("p-2", second(13)),
        (NODE_ID, second(25)),
    ]


def test_the_series_is_cut_at_both_instants(metrics: Metrics):
    for number in (0, 10, 20):
        metrics.add(**SERIES, node_id=NODE_ID, digest=NEW_DIGEST, interval=number, window=second(number))

    rows = metrics.series(**SERIES, from_ms=NOW_MS + 1, to_ms=NOW_MS + 20_000)

    assert [window for _, _, window in rows] == [second(10)]


def test_the_series_goes_on_over_the_hour(metrics: Metrics):
    last_second = (NOW_MS // 3_600_000 + 1) * 3_600 - NOW_MS // 1_000 - 1
    for number in (last_second, last_second + 1):
        metrics.add(**SERIES, node_id=NODE_ID, digest=NEW_DIGEST, interval=number, window=second(number))

    rows = metrics.series(**SERIES, from_ms=NOW_MS, to_ms=NOW_MS + 2 * 3_600_000)

    assert [window for _, _, window in rows] == [second(last_second), second(last_second + 1)]


def test_another_module_and_another_environment_have_series_of_their_own(metrics: Metrics):
    metrics.add(**SERIES, node_id=NODE_ID, digest=NEW_DIGEST, interval=1, window=second(1))

    span = {"from_ms": NOW_MS, "to_ms": NOW_MS + 60_000}
    assert metrics.series(environment="Production", module="ledger", **span) == ()
    assert metrics.series(environment="Staging", module="payment-processor", **span) == ()


def test_a_report_that_comes_several_times_at_once_counts_once(metrics: Metrics):
    def report(_: int) -> None:
        metrics.add_to_bake(bake=BAKE, node_id=NODE_ID, digest=NEW_DIGEST, interval=1, window=second(1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(report, range(8)))

    assert metrics.bake(BAKE) == {(NODE_ID, NEW_DIGEST): second(1)}
