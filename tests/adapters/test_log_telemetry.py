"""What operators see is lines of the log; CloudWatch makes its metrics from those in its own format."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import observability
from chalicelib.adapters.log_telemetry import LogTelemetry
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.telemetry import MEASURES, Measure, Measurement


@pytest.fixture
def lines() -> Iterator[Any]:
    stream = io.StringIO()
    handler = observability.logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)


@pytest.mark.parametrize("measure", list(Measure))
def test_each_measure_is_written_as_the_table_says(measure: Measure, lines: Any) -> None:
    shape = MEASURES[measure]
    for of in shape.values or ("",):
        about = {"executionId": "01J", "correlationId": "c0ffee00"}
        LogTelemetry("prod").measured(Measurement(measure=measure, value=7, of=of, about=about))

    for line, of in zip(lines(), shape.values or ("",), strict=True):
        (told,) = line["_aws"]["CloudWatchMetrics"]
        assert told["Namespace"] == "HotSwap"
        assert told["Dimensions"] == [["Stage", shape.dimension] if shape.dimension else ["Stage"]]
        assert [(each["Name"], each["Unit"]) for each in told["Metrics"]] == [(measure, shape.unit)]
        assert (line[measure], line["Stage"], line["correlationId"]) == ([7.0], "prod", "c0ffee00")
        assert line.get(shape.dimension, "") == of


def test_lines_of_many_threads_are_whole_and_nothing_gets_into_another_ones(lines: Any) -> None:
    telemetry = LogTelemetry("prod")

    def write(number: int) -> None:
        about = {"executionId": str(number), "correlationId": ""}
        telemetry.measured(Measurement(measure=Measure.ROLLBACK_LATENCY, value=number, about=about))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(100)))

    assert sorted(int(line["executionId"]) for line in lines()) == list(range(100))
    assert all(line["RollbackLatency"] == [float(line["executionId"])] for line in lines())


def test_an_event_carries_what_it_belongs_to_and_the_request_it_happened_in(lines: Any) -> None:
    with observability.about(requestId="r1", correlationId="of-the-request"):
        LogTelemetry("prod").happened("WaveStarted", correlationId="of-the-deployment", wave=2)

    (line,) = lines()
    assert (line["message"], line["wave"], line["requestId"]) == ("WaveStarted", 2, "r1")
    assert line["correlationId"] == "of-the-deployment"


def test_what_cannot_be_shown_fails_nobody(lines: Any) -> None:
    LogTelemetry("prod").happened("NodeAnswered", name="a name that lines have already")

    (line,) = lines()
    assert (line["message"], line["level"]) == ("telemetry_broke", "ERROR")


def test_what_breaks_in_a_function_is_written_once_and_goes_on_and_our_own_answers_are_not(lines: Any) -> None:
    with pytest.raises(ZeroDivisionError), observability.telling(correlationId="c0ffee00", state="Build"):
        _ = 1 / 0
    with pytest.raises(Unavailable), observability.telling(correlationId="c0ffee00"):
        raise Unavailable("The table does not answer.")

    (line,) = lines()
    assert (line["message"], line["correlationId"], line["state"]) == ("function_broke", "c0ffee00", "Build")
    assert "ZeroDivisionError" in line["exception"]
