"""Implements AliasMetrics and Alarms on CloudWatch.

Lambda measures calls through an alias under three dimensions: FunctionName, Resource (function:alias) and
ExecutedVersion. Latencies come as counts between bounds (the statistic TC, trimmed count), so what the judge gets is a
histogram as from a kernel. Four bounds to a doubling; where a version's shortest and longest call lie is asked first,
because every statistic asked for is paid for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.histogram import BUCKETS_PER_DOUBLING, LAST_BUCKET, Histogram, bucket_of, lower_bound_us
from chalicelib.domain.metrics import Window, own_metrics

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

MOST_QUERIES = 500
"""GetMetricData takes so many at once."""

MOST_PERIODS = 1_440
"""Looked at in one call; further back nobody asks."""

BUCKETS_A_BOUND = BUCKETS_PER_DOUBLING // 4
THROTTLES = "throttles"
"""Calls that were refused for want of concurrency, as a metric of the module's own: a policy may declare it."""

_METRICS = (
    ("Errors", "Sum"),
    ("Throttles", "Sum"),
    ("Duration", "SampleCount"),
    ("Duration", "Minimum"),
    ("Duration", "Maximum"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    version: str
    metric: str
    statistic: str


_Series = Mapping[_Query, Mapping[int, float]]


class CloudWatchAliasMetrics:
    """What CloudWatch measured, by period of `period_ms` (60 s in AWS)."""

    def __init__(self, client: CloudWatchClient, *, period_ms: int) -> None:
        self._client: Any = client
        self._period_ms = period_ms

    def windows(
        self, function: str, alias: str, versions: Sequence[str], *, from_ms: int, to_ms: int
    ) -> tuple[tuple[str, Window], ...]:
        """(version, window of one period) for the periods in [from, to), oldest first. Raises as `AliasMetrics.windows`."""
        from_ms = max(from_ms, to_ms - MOST_PERIODS * self._period_ms)
        resource = f"{function}:{alias}"
        queries = [_Query(version=v, metric=metric, statistic=stat) for v in versions for metric, stat in _METRICS]
        plain = self._ask(function, resource, queries, from_ms, to_ms)
        bounds = {version: _bounds(version, plain) for version in versions}
        counted = self._ask(
            function,
            resource,
            [_Query(version=v, metric="Duration", statistic=_between(k)) for v in versions for k in bounds[v]],
            from_ms,
            to_ms,
        )
        found = [
            (version, window)
            for version in versions
            for window in _windows(version, bounds[version], plain, counted, self._period_ms)
        ]
        return tuple(sorted(found, key=lambda each: (each[1].started_at_ms, each[0])))

    def _ask(self, function: str, resource: str, queries: Sequence[_Query], from_ms: int, to_ms: int) -> _Series:
        found: dict[_Query, dict[int, float]] = {query: {} for query in queries}
        for start in range(0, len(queries), MOST_QUERIES):
            part = queries[start : start + MOST_QUERIES]
            request = {
                "MetricDataQueries": [
                    self._query(f"q{number}", function, resource, query) for number, query in enumerate(part)
                ],
                "StartTime": datetime.fromtimestamp(from_ms / 1000, UTC),
                "EndTime": datetime.fromtimestamp(to_ms / 1000, UTC),
                "ScanBy": "TimestampAscending",
            }
            for result in self._results(request):
                series = found[part[int(result["Id"][1:])]]
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    series[round(at.timestamp() * 1000)] = float(value)
        return found

    def _query(self, name: str, function: str, resource: str, query: _Query) -> dict[str, Any]:
        dimensions = {"FunctionName": function, "Resource": resource, "ExecutedVersion": query.version}
        return {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": query.metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": self._period_ms // 1000,
                "Stat": query.statistic,
            },
        }

    def _results(self, request: Mapping[str, Any]) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            try:
                answer = self._client.get_metric_data(**request, **token)
            except (ClientError, BotoCoreError) as error:
                raise Unavailable(f"CloudWatch gives no metrics ({type(error).__name__}).") from error
            incomplete = [
                each["Id"]
                for each in answer["MetricDataResults"]
                if each["StatusCode"] in ("InternalError", "Forbidden")
            ]
            if incomplete:
                raise Unavailable("CloudWatch gives only some of the metrics.")
            yield from answer["MetricDataResults"]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}


def _bounds(version: str, plain: _Series) -> range:
    """The places of the bounds (fours of buckets) between the shortest and the longest call of a version."""
    shortest = plain[_Query(version=version, metric="Duration", statistic="Minimum")].values()
    longest = plain[_Query(version=version, metric="Duration", statistic="Maximum")].values()
    if not shortest or not longest:
        return range(0)
    low, high = (bucket_of(math.ceil(ms * 1000)) // BUCKETS_A_BOUND for ms in (min(shortest), max(longest)))
    # A call as long as a bound is counted below it.
    return range(max(0, low - 1), high + 1)


def _between(place: int) -> str:
    """The statistic that counts the calls longer than one bound and no longer than the next, in milliseconds."""
    low, high = (lower_bound_us(each * BUCKETS_A_BOUND) / 1000 for each in (place, place + 1))
    return f"TC({low:.6f}:{high:.6f})"


def _windows(version: str, bounds: range, plain: _Series, counted: _Series, period_ms: int) -> Iterator[Window]:
    def of(metric: str, statistic: str) -> Mapping[int, float]:
        return plain[_Query(version=version, metric=metric, statistic=statistic)]

    samples, errors, throttles = of("Duration", "SampleCount"), of("Errors", "Sum"), of("Throttles", "Sum")
    between = {
        place: counted[_Query(version=version, metric="Duration", statistic=_between(place))] for place in bounds
    }
    for at in sorted({*samples, *throttles}):
        total = round(samples.get(at, 0))
        latency = _histogram({place: round(series.get(at, 0)) for place, series in between.items()}, total, bounds)
        yield Window(
            started_at_ms=at,
            ended_at_ms=at + period_ms,
            duration_ms=period_ms,
            requests=total,
            # An error may be told before the duration of its call is.
            errors=min(round(errors.get(at, 0)), total),
            latency=latency,
            own=own_metrics({THROTTLES: round(throttles.get(at, 0))}, {}, covered_ms=period_ms),
        )


def _histogram(counts: Mapping[int, int], total: int, bounds: range) -> Histogram:
    """Each count spread evenly over its buckets. What no bound counted lies beyond the last one: never better than it was."""
    buckets: dict[int, int] = {}
    left = total
    for place in bounds:
        count = min(counts[place], left)
        left -= count
        _spread(buckets, place, count)
    if left:
        _spread(buckets, bounds[-1] if bounds else LAST_BUCKET // BUCKETS_A_BOUND, left)
    return Histogram.from_mapping(buckets)


def _spread(buckets: dict[int, int], place: int, count: int) -> None:
    whole, rest = divmod(count, BUCKETS_A_BOUND)
    for number, offset in enumerate((1, 2, 0, 3)):
        share = whole + (number < rest)
        if share:
            bucket = min(LAST_BUCKET, place * BUCKETS_A_BOUND + offset)
            buckets[bucket] = buckets.get(bucket, 0) + share


class CloudWatchAlarms:
    """Implements Alarms: metric and composite alarms, by name."""

    def __init__(self, client: CloudWatchClient) -> None:
        self._client: Any = client

    def states(self, names: Sequence[str]) -> Mapping[str, str]:
        """OK, ALARM or INSUFFICIENT_DATA by name; alarms that do not exist are left out. Raises as `Alarms.states`."""
        try:
            answer = self._client.describe_alarms(
                AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=100
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(f"CloudWatch tells no alarms ({type(error).__name__}).") from error
        alarms = (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
