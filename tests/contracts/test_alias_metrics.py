"""What AliasMetrics promises, on the fake and on CloudWatch as the cloud on this machine answers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.adapters.cloudwatch import THROTTLES, CloudWatchAliasMetrics
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import Window, own_metrics
from chalicelib.usecases.alias_ports import AliasMetrics
from infra.local.cloud import LocalCloud
from infra.local.repairs.lambda_aliases import MeasuredCall
from infra.local.virtual_time import VirtualTime
from tests.contracts.conftest import STORES
from tests.fake_functions import FakeAliasMetrics

FUNCTION, ALIAS, PERIOD_MS = "hotswap-node-payments", "live", 60_000

Call = Callable[..., None]


class Measured:
    """A port, and calls through the alias at an instant."""

    def __init__(self, metrics: AliasMetrics, call: Call, now_ms: int) -> None:
        self.metrics = metrics
        self.call = call
        self.start_ms = now_ms // PERIOD_MS * PERIOD_MS

    def windows(self, *versions: str, periods: int = 3) -> tuple[tuple[str, Window], ...]:
        to_ms = self.start_ms + periods * PERIOD_MS
        return self.metrics.windows(FUNCTION, ALIAS, versions or ("1", "2"), from_ms=self.start_ms, to_ms=to_ms)


@pytest.fixture(params=["fake", "cloudwatch"])
def measured(request: pytest.FixtureRequest) -> Iterator[Measured]:
    if request.param == "fake":
        fake = FakeAliasMetrics()
        start_ms = 1_790_000_000_000 // PERIOD_MS * PERIOD_MS

        def call(version: str, *, period: int = 0, count: int = 1, ms: float = 50.0, errors: int = 0) -> None:
            at = start_ms + period * PERIOD_MS
            window = Window(
                started_at_ms=at,
                ended_at_ms=at + PERIOD_MS,
                duration_ms=PERIOD_MS,
                requests=count,
                errors=errors,
                latency=Histogram.from_latencies([round(ms * 1000)] * count),
                own=own_metrics({THROTTLES: 0}, {}, covered_ms=PERIOD_MS),
            )
            fake.measured.append((version, window))

        yield Measured(fake, call, start_ms)
        return
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        begun_ms = cloud.timers.now_ms() // PERIOD_MS * PERIOD_MS

        def called(version: str, *, period: int = 0, count: int = 1, ms: float = 50.0, errors: int = 0) -> None:
            _go_to(cloud, begun_ms + period * PERIOD_MS)
            for number in range(count):
                failed = number < errors
                cloud.calls.record(
                    MeasuredCall(function=FUNCTION, alias=ALIAS, version=version, duration_ms=ms, failed=failed)
                )

        yield Measured(
            CloudWatchAliasMetrics(cloud.client("cloudwatch"), period_ms=PERIOD_MS), called, cloud.timers.now_ms()
        )


def _go_to(cloud: Any, at_ms: int) -> None:
    if at_ms > cloud.timers.now_ms():
        cloud.timers.advance(at_ms - cloud.timers.now_ms())


def test_where_nothing_was_measured_there_is_no_window(measured: Measured) -> None:
    assert measured.windows() == ()


def test_calls_are_told_by_executed_version_and_period_oldest_first(measured: Measured) -> None:
    measured.call("1", count=9, errors=1)
    measured.call("2", count=1)
    measured.call("1", period=1, count=5)

    found = measured.windows()

    assert [(version, window.requests, window.errors) for version, window in found] == [
        ("1", 9, 1),
        ("2", 1, 0),
        ("1", 5, 0),
    ]
    assert [window.started_at_ms - measured.start_ms for _, window in found] == [0, 0, PERIOD_MS]
    assert {window.duration_ms for _, window in found} == {PERIOD_MS}


def test_only_what_was_asked_for_is_told(measured: Measured) -> None:
    measured.call("1")
    measured.call("3")
    measured.call("1", period=2)

    assert [version for version, _ in measured.windows("1", periods=2)] == ["1"]


@pytest.mark.parametrize("ms", [0.9, 4.0, 50.0, 1234.5, 29_000.0])
def test_a_latency_is_known_to_a_fifth(measured: Measured, ms: float) -> None:
    measured.call("1", count=8, ms=ms)

    ((_, window),) = measured.windows()

    assert window.latency.total == window.requests == 8
    assert window.latency.quantile_us(5_000) == pytest.approx(ms * 1000, rel=0.2)


@pytest.fixture
def cloud_of_its_own() -> Iterator[LocalCloud]:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        yield cloud


def test_refused_calls_are_a_metric_of_the_modules_own(cloud_of_its_own: LocalCloud) -> None:
    now = cloud_of_its_own.timers.now_ms() // PERIOD_MS * PERIOD_MS
    cloud_of_its_own.calls.record(MeasuredCall(function=FUNCTION, alias=ALIAS, version="1", throttled=True))
    metrics = CloudWatchAliasMetrics(cloud_of_its_own.client("cloudwatch"), period_ms=PERIOD_MS)

    ((_, window),) = metrics.windows(FUNCTION, ALIAS, ("1",), from_ms=now, to_ms=now + PERIOD_MS)

    assert (window.requests, window.own) == (0, own_metrics({THROTTLES: 1}, {}, covered_ms=PERIOD_MS))


def test_slow_calls_among_quick_ones_are_seen(cloud_of_its_own: LocalCloud) -> None:
    now = cloud_of_its_own.timers.now_ms() // PERIOD_MS * PERIOD_MS
    for number in range(100):
        ms = 2_000.0 if number < 10 else 20.0
        cloud_of_its_own.calls.record(MeasuredCall(function=FUNCTION, alias=ALIAS, version="1", duration_ms=ms))
    metrics = CloudWatchAliasMetrics(cloud_of_its_own.client("cloudwatch"), period_ms=PERIOD_MS)

    ((_, window),) = metrics.windows(FUNCTION, ALIAS, ("1",), from_ms=now, to_ms=now + PERIOD_MS)

    assert window.latency.quantile_us(5_000) == pytest.approx(20_000, rel=0.2)
    assert window.latency.quantile_us(9_900) == pytest.approx(2_000_000, rel=0.2)


def test_more_statistics_than_one_call_takes_are_asked_for_in_several(cloud_of_its_own: LocalCloud) -> None:
    now = cloud_of_its_own.timers.now_ms() // PERIOD_MS * PERIOD_MS
    versions = tuple(str(number) for number in range(1, 12))
    for version in versions:
        for ms in (0.5, 60_000.0):
            cloud_of_its_own.calls.record(MeasuredCall(function=FUNCTION, alias=ALIAS, version=version, duration_ms=ms))
    metrics = CloudWatchAliasMetrics(cloud_of_its_own.client("cloudwatch"), period_ms=PERIOD_MS)

    found = metrics.windows(FUNCTION, ALIAS, versions, from_ms=now, to_ms=now + PERIOD_MS)

    assert {version: window.requests for version, window in found} == dict.fromkeys(versions, 2)


class _Refusing:
    """CloudWatch that cannot answer one of the questions."""

    def get_metric_data(self, **_request: Any) -> dict[str, Any]:
        return {"MetricDataResults": [{"Id": "q0", "Timestamps": [], "Values": [], "StatusCode": "InternalError"}]}


def test_half_an_answer_is_none() -> None:
    metrics = CloudWatchAliasMetrics(_Refusing(), period_ms=PERIOD_MS)  # type: ignore[arg-type]

    with pytest.raises(Unavailable):
        metrics.windows(FUNCTION, ALIAS, ("1",), from_ms=0, to_ms=PERIOD_MS)
