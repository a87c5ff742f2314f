"""CloudWatch that answers as fast as it is asked, knows every statistic we read, and tells of its alarms."""

# mypy: disable-error-code="attr-defined"
# (moto is typed in parts)
from __future__ import annotations

import bisect
import datetime
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.cloudwatch.models import CloudWatchBackend
from moto.events.models import events_backends

MOST_KEPT = 200_000
"""Values of one series; the oldest go first."""

_TRIMMED_COUNT = re.compile(r"TC\(([\d.]*):([\d.]*)\)")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")

Key = tuple[str, str, frozenset[tuple[str, str]]]


class Measurements:
    """Values by namespace, name and dimensions, in the order of their time."""

    def __init__(self) -> None:
        self._series: dict[Key, tuple[list[int], list[float]]] = {}
        self._lock = threading.Lock()

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], at_ms: int, *values: float) -> None:
        """Keep values that were measured at an instant."""
        with self._lock:
            times, kept = self._series.setdefault((namespace, name, frozenset(dimensions.items())), ([], []))
            place = len(times) if not times or times[-1] <= at_ms else bisect.bisect_right(times, at_ms)
            times[place:place] = [at_ms] * len(values)
            kept[place:place] = values
            if len(times) > MOST_KEPT:
                del times[: MOST_KEPT // 10], kept[: MOST_KEPT // 10]

    def periods(
        self, namespace: str, name: str, dimensions: Mapping[str, str], from_ms: int, to_ms: int, period_ms: int
    ) -> list[tuple[int, list[float]]]:
        """(start of a period, its values) for periods that have any, oldest first; periods begin at multiples."""
        with self._lock:
            times, kept = self._series.get((namespace, name, frozenset(dimensions.items())), ([], []))
            low, high = bisect.bisect_left(times, from_ms), bisect.bisect_left(times, to_ms)
            rows = list(zip(times[low:high], kept[low:high], strict=True))
        found: dict[int, list[float]] = {}
        for at_ms, value in rows:
            found.setdefault(at_ms // period_ms * period_ms, []).append(value)
        return sorted(found.items())


@contextmanager
def metric_queries_are_answered(measurements: Measurements) -> Iterator[None]:
    """Repair: GetMetricData looks at the series it is asked for, and knows percentiles and trimmed counts.

    moto goes through every value of every series for each query, mixes series of other namespaces in, and fails with
    TypeError at p99; periods begin where the request does and not at whole minutes.
    """
    put, get = CloudWatchBackend.put_metric_data, CloudWatchBackend.get_metric_data

    def put_metric_data(self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        put(self, namespace, metric_data)
        for each in metric_data:
            values = [float(value) for value in each.get("Values") or ([each["Value"]] if "Value" in each else [])]
            counts = [int(float(count)) for count in each.get("Counts") or [1] * len(values)]
            repeated = [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
            at = each.get("Timestamp") or datetime.datetime.now(datetime.UTC)
            at = at.replace(tzinfo=at.tzinfo or datetime.UTC)
            dimensions = {d["Name"]: d["Value"] for d in each.get("Dimensions") or ()}
            measurements.add(namespace, each["MetricName"], dimensions, round(at.timestamp() * 1000), *repeated)

    def get_metric_data(
        self: Any,
        queries: list[dict[str, Any]],
        start_time: datetime.datetime,
        end_time: datetime.datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        if any("MetricStat" not in query for query in queries):
            return get(self, queries, start_time, end_time, scan_by)
        from_ms, to_ms = (
            round(at.replace(tzinfo=at.tzinfo or datetime.UTC).timestamp() * 1000) for at in (start_time, end_time)
        )
        results = (_answered(measurements, query, from_ms, to_ms) for query in queries if query.get("ReturnData", True))
        return [_reversed(result) if scan_by == "TimestampDescending" else result for result in results]

    with (
        patch.object(CloudWatchBackend, "put_metric_data", put_metric_data),
        patch.object(CloudWatchBackend, "get_metric_data", get_metric_data),
    ):
        yield


def _answered(measurements: Measurements, query: Mapping[str, Any], from_ms: int, to_ms: int) -> dict[str, Any]:
    asked = query["MetricStat"]
    metric, statistic = asked["Metric"], asked["Stat"]
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions") or ()}
    periods = measurements.periods(
        metric["Namespace"], metric["MetricName"], dimensions, from_ms, to_ms, int(asked["Period"]) * 1000
    )
    return {
        "id": query["Id"],
        "label": query.get("Label") or metric["MetricName"],
        "values": [statistic_of(statistic, values) for _, values in periods],
        "timestamps": [datetime.datetime.fromtimestamp(at / 1000, datetime.UTC) for at, _ in periods],
        "status_code": "Complete",
    }


def _reversed(result: dict[str, Any]) -> dict[str, Any]:
    return result | {"values": result["values"][::-1], "timestamps": result["timestamps"][::-1]}


def statistic_of(statistic: str, values: Sequence[float]) -> float:
    """One statistic of the values of a period. `TC(a:b)` counts those above a and up to b.

    Raises:
        ValueError: CloudWatch knows no such statistic, or this place does not.
    """
    plain: dict[str, Callable[[Sequence[float]], float]] = {
        "SampleCount": len,
        "Sum": math.fsum,
        "Average": lambda several: math.fsum(several) / len(several),
        "Minimum": min,
        "Maximum": max,
    }
    if statistic in plain:
        return float(plain[statistic](values))
    trimmed = _TRIMMED_COUNT.fullmatch(statistic)
    if trimmed:
        low, high = float(trimmed[1] or "-inf"), float(trimmed[2] or "inf")
        return float(sum(1 for value in values if low < value <= high))
    percentile = _PERCENTILE.fullmatch(statistic)
    if percentile:
        place = max(1, math.ceil(float(percentile[1]) / 100 * len(values)))
        return sorted(values)[place - 1]
    raise ValueError(f"no statistic is called {statistic!r} here")


@contextmanager
def alarms_are_told_to_the_bus() -> Iterator[None]:
    """Repair: an alarm that changes its state is an event of the default bus, as in AWS. moto keeps it to itself."""
    set_state = CloudWatchBackend.set_alarm_state

    def set_alarm_state(self: Any, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
        known = self.alarms.get(alarm_name)
        before = known.state_value if known is not None else ""
        set_state(self, alarm_name, reason, reason_data, state_value)
        if before == state_value:
            return
        detail = {
            "alarmName": alarm_name,
            "state": {"value": state_value, "reason": reason},
            "previousState": {"value": before},
        }
        event = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Detail": json.dumps(detail),
            "Resources": [],
        }
        events_backends[self.account_id][self.region_name].put_events([event])

    with patch.object(CloudWatchBackend, "set_alarm_state", set_alarm_state):
        yield
