"""What Lambda sends to CloudWatch of the calls of users' functions: under the function, the alias, and the version that ran."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.repairs.cloudwatch import Measurements
from infra.local.repairs.lambda_aliases import MeasuredCall
from infra.local.timers import Timers

NAMESPACE = "AWS/Lambda"


class MeasuredCalls:
    """Keeps what was measured at the time of these timers."""

    def __init__(self, timers: Timers) -> None:
        self.measurements = Measurements()
        self._timers = timers

    def record(self, call: MeasuredCall) -> None:
        """Keep one call. Only a call through an alias is told by executed version."""
        at_ms = self._timers.now_ms()
        named = {"FunctionName": call.function}
        through = named | {"Resource": f"{call.function}:{call.alias or call.version}"}
        places = [named, through]
        if call.alias is not None:
            places.append(through | {"ExecutedVersion": call.version})
        values = {"Throttles": float(call.throttled)}
        if not call.throttled:
            values |= {"Invocations": 1.0, "Errors": float(call.failed), "Duration": call.duration_ms}
        for dimensions in places:
            for metric, value in values.items():
                self.measurements.add(NAMESPACE, metric, dimensions, at_ms, value)

    def total(self, metric: str, dimensions: Mapping[str, str]) -> float:
        """The sum of a metric since the start."""
        upto = self._timers.now_ms() + 1
        periods = self.measurements.periods(NAMESPACE, metric, dimensions, 0, upto, 10**13)
        return sum(sum(values) for _, values in periods)
