"""CloudWatch: statistics, periods, and alarms that are heard of."""

from __future__ import annotations

import datetime
import json
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.cloud import LocalCloud
from infra.local.repairs.cloudwatch import (
    Measurements,
    alarms_are_told_to_the_bus,
    metric_queries_are_answered,
    statistic_of,
)
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import STORES, bare_moto

START = datetime.datetime(2026, 1, 5, 9, 0, 30, tzinfo=datetime.UTC)
NAMED = [{"Name": "FunctionName", "Value": "work"}]


def put(client: Any, *values: float, namespace: str = "Ours", after_s: int = 0) -> None:
    at = START + datetime.timedelta(seconds=after_s)
    data = [{"MetricName": "Duration", "Dimensions": NAMED, "Timestamp": at, "Values": list(values)}]
    client.put_metric_data(Namespace=namespace, MetricData=data)


def get(client: Any, statistic: str, period: int = 60) -> list[tuple[datetime.datetime, float]]:
    metric = {"Namespace": "Ours", "MetricName": "Duration", "Dimensions": NAMED}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}
    begins = START.replace(second=0)
    answer = client.get_metric_data(
        MetricDataQueries=[query],
        StartTime=begins,
        EndTime=begins + datetime.timedelta(minutes=5),
        ScanBy="TimestampAscending",
    )
    (result,) = answer["MetricDataResults"]
    return list(zip(result["Timestamps"], result["Values"], strict=True))


def a_client() -> Any:
    return boto3.client("cloudwatch", region_name="us-east-1")


@pytest.mark.parametrize("statistic", ["p99", "TC(10:100)"])
def test_moto_does_not_know_the_statistics_we_read(statistic: str) -> None:
    with bare_moto():
        client = a_client()
        put(client, 5.0, 50.0)
        try:
            found = [value for _, value in get(client, statistic)]
        except Exception as failed:  # noqa: BLE001 (in whatever way it fails)
            found = [failed]

    assert found not in ([50.0], [1.0])


def test_moto_mixes_the_series_of_two_namespaces() -> None:
    with bare_moto():
        client = a_client()
        put(client, 5.0)
        put(client, 7.0, namespace="Theirs")

        assert [value for _, value in get(client, "Sum")] == [12.0]


def test_a_query_is_answered_by_whole_periods_of_its_own_series() -> None:
    with bare_moto(), metric_queries_are_answered(Measurements()):
        client = a_client()
        put(client, 5.0, 50.0, 500.0)
        put(client, 7.0, namespace="Theirs")
        put(client, 9.0, after_s=60)

        minute = datetime.timedelta(minutes=1)
        first = START.replace(second=0)
        assert get(client, "Sum") == [(first, 555.0), (first + minute, 9.0)]
        assert get(client, "TC(5:50)")[0] == (first, 1.0)
        assert get(client, "SampleCount", period=120)[0] == (first, 4.0)


@given(values=st.lists(st.floats(0.1, 1000.0), min_size=1, max_size=50), bound=st.floats(0.1, 1000.0))
def test_trimmed_counts_on_both_sides_of_a_bound_are_all_there_is(values: list[float], bound: float) -> None:
    both = statistic_of(f"TC(0:{bound:.6f})", values) + statistic_of(f"TC({bound:.6f}:5000)", values)

    assert both == statistic_of("SampleCount", values)


def test_a_percentile_is_the_smallest_value_with_that_share_below_it() -> None:
    assert [statistic_of(name, [4.0, 1.0, 3.0, 2.0]) for name in ("p50", "p75", "p99", "p100")] == [2.0, 3.0, 4.0, 4.0]


def test_a_statistic_nobody_knows_is_no_number() -> None:
    with pytest.raises(ValueError, match="IQM"):
        statistic_of("IQM", [1.0])


def an_alarm(client: Any) -> None:
    client.put_metric_alarm(
        AlarmName="errors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Period=60,
        Statistic="Sum",
        Threshold=0,
    )


def heard(client_for: Any) -> list[dict[str, Any]]:
    """What a queue behind the default bus gets when an alarm says the same twice."""
    queue = client_for("sqs").create_queue(QueueName="heard")["QueueUrl"]
    arn = client_for("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client_for("events").put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    client_for("events").put_targets(Rule="alarms", Targets=[{"Id": "heard", "Arn": arn}])
    an_alarm(client_for("cloudwatch"))
    for _ in range(2):
        client_for("cloudwatch").set_alarm_state(
            AlarmName="errors", StateValue="ALARM", StateReason="test", StateReasonData="{}"
        )
    messages = client_for("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def test_moto_tells_nobody_of_an_alarm() -> None:
    with bare_moto():
        assert heard(lambda name: boto3.client(name, region_name="us-east-1")) == []


def test_an_alarm_that_changes_is_an_event_and_one_that_stays_is_none() -> None:
    with bare_moto(), alarms_are_told_to_the_bus():
        (event,) = heard(lambda name: boto3.client(name, region_name="us-east-1"))

    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert (event["detail"]["alarmName"], event["detail"]["state"]["value"]) == ("errors", "ALARM")


def test_what_the_cloud_measures_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.repairs.cloudwatch.MOST_KEPT", 100)
    kept = Measurements()
    for at in range(1_000):
        kept.add("AWS/Lambda", "Duration", {}, at, float(at))

    ((_, values),) = kept.periods("AWS/Lambda", "Duration", {}, 0, 2_000, 10_000)
    assert len(values) <= 100
    assert values[-1] == 999.0


def test_the_repairs_are_part_of_the_cloud() -> None:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        put(cloud.client("cloudwatch"), 5.0)

        assert [value for _, value in get(cloud.client("cloudwatch"), "p50")] == [5.0]
