"""Numbers for operators: few series, each from an event that was written, and silence where there is nothing to say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.deployment import ENDS, Status
from chalicelib.domain.telemetry import (
    LATE_MS,
    MEASURES,
    Measure,
    Measurement,
    correlation_id_of,
    lag_of,
    measurements_of,
    series,
    waiting,
)
from chalicelib.domain.timeline import Event, EventType
from tests.builders import DEPLOYMENT_ID, a_deployment, a_node

MOST_SERIES = 50
"""A series costs $0.30 a month: however many modules, nodes and users there are, no installation has more."""


def an_event(kind: EventType, **detail: object) -> Event:
    return Event(deployment_id=DEPLOYMENT_ID, seq=1, type=kind, at_ms=9_000, status="Running", detail=detail)


def told(measurements: tuple[Measurement, ...]) -> list[tuple[str, str, int]]:
    return [(str(each.measure), each.of, each.value) for each in measurements]


@pytest.mark.parametrize("end", sorted(ENDS))
def test_an_end_is_counted_by_its_status_with_how_long_it_took(end: Status) -> None:
    deployment = replace(a_deployment(), status=end, created_at_ms=1_000, ended_at_ms=62_500, correlation_id="c-0001-x")

    found = measurements_of(deployment, [an_event(EventType.DEPLOYMENT_ENDED, status=str(end))])

    assert told(found) == [("DeploymentsEnded", end, 1), ("DeploymentDuration", end, 61)]
    assert all(each.about == {"executionId": DEPLOYMENT_ID, "correlationId": "c-0001-x"} for each in found)


def test_only_what_was_taken_back_for_being_worse_has_a_rollback_latency() -> None:
    restored = an_event(EventType.RESTORE_ENDED, milliseconds=1_700)

    for status in Status:
        found = told(measurements_of(replace(a_deployment(), status=status), [restored]))
        assert found == ([("RollbackLatency", "", 1_700)] if status is Status.ROLLED_BACK else [])


def test_verdicts_are_counted_by_decision_and_other_events_give_nothing() -> None:
    events = [an_event(EventType.VERDICT_REACHED, decision="hold"), an_event(EventType.PAUSED)]

    assert told(measurements_of(a_deployment(), events)) == [("Verdicts", "hold", 1)]


def test_a_series_that_is_not_in_the_table_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="no series 'payment-processor'"):
        Measurement(measure=Measure.VERDICTS, value=1, of="payment-processor")
    with pytest.raises(ValueError, match="no series"):
        Measurement(measure=Measure.QUEUE_LENGTH, value=1, of="Production")


def test_there_are_few_series_whatever_happens() -> None:
    assert set(MEASURES) == set(Measure)
    assert series() == sum(max(len(shape.values), 1) for shape in MEASURES.values()) <= MOST_SERIES


@given(last=st.integers(1, 10**13), told_ms=st.integers(1, 3_600_000), late=st.integers(-3_600_000, 3_600_000))
def test_a_report_is_late_by_what_it_came_after_it_was_due(last: int, told_ms: int, late: int) -> None:
    node = replace(a_node(), interval=1, last_heartbeat_ms=last, heartbeat_ms=told_ms)

    found = lag_of(node, now_ms=last + told_ms + late)

    assert told(found) == ([("HeartbeatLag", "", late)] if late > LATE_MS else [])


def test_the_first_report_of_a_node_is_never_late() -> None:
    assert lag_of(replace(a_node(), interval=0), now_ms=10**15) == ()


def test_what_waits_is_told_and_an_idle_installation_writes_nothing() -> None:
    assert waiting(approvals_asked_at_ms=[], queued=0, now_ms=10**12) == ()

    found = waiting(approvals_asked_at_ms=[5_000, 2_000], queued=3, now_ms=12_400)

    assert told(found) == [("ApprovalsPending", "", 2), ("OldestApprovalAge", "", 10), ("QueueLength", "", 3)]


@pytest.mark.parametrize("bad", ["", "short", "x" * 65, "a\r\nX-Evil: 1", "a b c d e f g", "-leading-hyphen", None, 7])
def test_what_may_not_go_into_a_header_is_no_correlation_id(bad: object) -> None:
    assert correlation_id_of(bad) == ""


@pytest.mark.parametrize("good", ["c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "pipeline:1234", "01J8ZQ5D0G"])
def test_ids_of_gateways_pipelines_and_buses_are_taken_as_they_are(good: str) -> None:
    assert correlation_id_of(good) == good
