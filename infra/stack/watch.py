"""Alarms, and one page to look at. docs/operations.md says of each alarm what to do; a test holds it to that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.naming import deployed
from infra.resources import Resources
from infra.stack.stage import Stage
from infra.stack.storage import Storage
from infra.stack.workflow import Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`metric` of `namespace`, `statistic` over each of `periods` times `period_s`: an alarm at `threshold`, or below
    it where `below`. Silence is an alarm only where `silence_is_bad`."""

    name: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Sum"
    period_s: int = 300
    periods: int = 1
    threshold: float = 1
    below: bool = False
    silence_is_bad: bool = False


def alarms(resources: Resources, stage: Stage, machine_arn: str) -> tuple[Alarm, ...]:
    """Every alarm of an installation."""
    table = {"TableName": deployed(resources.tables[0].name, stage.name)}
    queue = {"QueueName": deployed(resources.queues[0].name, stage.name)}
    machine, api = {"StateMachineArn": machine_arn}, {"ApiName": deployed("api", stage.name)}
    functions = {each.name: {"FunctionName": deployed(each.name, stage.name)} for each in resources.functions}
    sweeps = functions["sweeps"]
    return (
        *(Alarm(name=f"{name}-function-errors", namespace="AWS/Lambda", metric="Errors", dimensions=named, threshold=3)
          for name, named in functions.items()),
        *(Alarm(name=f"{name}-function-throttles", namespace="AWS/Lambda", metric="Throttles", dimensions=named)
          for name, named in functions.items()),
        Alarm(name="sweeps-missing", namespace="AWS/Lambda", metric="Invocations", dimensions=sweeps, below=True,
              silence_is_bad=True),
        Alarm(name="executions-failed", namespace="AWS/States", metric="ExecutionsFailed", dimensions=machine),
        Alarm(name="executions-aborted", namespace="AWS/States", metric="ExecutionsAborted", dimensions=machine),
        Alarm(name="executions-throttled", namespace="AWS/States", metric="ExecutionThrottled", dimensions=machine),
        Alarm(name="dead-letters", namespace="AWS/SQS", metric="ApproximateNumberOfMessagesVisible", dimensions=queue,
              statistic="Maximum"),
        Alarm(name="table-errors", namespace="AWS/DynamoDB", metric="SystemErrors", dimensions=table, periods=2,
              threshold=5),
        Alarm(name="table-throttles", namespace="AWS/DynamoDB", metric="ThrottledRequests", dimensions=table,
              threshold=10),
        Alarm(name="api-errors", namespace="AWS/ApiGateway", metric="5XXError", dimensions=api, threshold=5),
        Alarm(name="api-slow", namespace="AWS/ApiGateway", metric="Latency", dimensions=api, statistic="p99",
              periods=3, threshold=2_000),
    )  # fmt: skip


class Watch(Construct):
    """Alarms that tell a topic, and a dashboard."""

    def __init__(
        self, scope: Construct, resources: Resources, stage: Stage, storage: Storage, workflow: Workflow
    ) -> None:
        super().__init__(scope, "Watch")
        self.topic = sns.Topic(
            self, "Alarms", topic_name=deployed("alarms", stage.name), master_key=storage.key, enforce_ssl=True
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        if stage.alarm_email:
            sns.CfnSubscription(
                self, "Email", topic_arn=self.topic.topic_arn, protocol="email", endpoint=stage.alarm_email
            )
        every = alarms(resources, stage, workflow.machine.ref)
        for alarm in every:
            self._alarm(alarm, stage)
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=deployed("overview", stage.name),
            dashboard_body=json.dumps({"widgets": _widgets(every)}),
        )

    def _alarm(self, alarm: Alarm, stage: Stage) -> None:
        compared = "LessThanThreshold" if alarm.below else "GreaterThanOrEqualToThreshold"
        percentile = alarm.statistic.startswith("p")
        cloudwatch.CfnAlarm(
            self,
            "".join(part.capitalize() for part in alarm.name.split("-")),
            alarm_name=deployed(alarm.name, stage.name),
            alarm_description=f"docs/operations.md, {alarm.name}",
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in alarm.dimensions.items()
            ],
            statistic=None if percentile else alarm.statistic,
            extended_statistic=alarm.statistic if percentile else None,
            period=alarm.period_s,
            evaluation_periods=alarm.periods,
            threshold=alarm.threshold,
            comparison_operator=compared,
            treat_missing_data="breaching" if alarm.silence_is_bad else "notBreaching",
            alarm_actions=[self.topic.topic_arn],
            ok_actions=[self.topic.topic_arn],
        )


def _widgets(every: tuple[Alarm, ...]) -> list[dict[str, Any]]:
    """What the alarms look at, three in a row."""
    return [
        {
            "type": "metric",
            "x": number % 3 * 8,
            "y": number // 3 * 6,
            "width": 8,
            "height": 6,
            "properties": {
                "title": alarm.name,
                "region": cdk.Aws.REGION,
                "stat": alarm.statistic,
                "period": alarm.period_s,
                "metrics": [
                    [alarm.namespace, alarm.metric, *(each for pair in alarm.dimensions.items() for each in pair)]
                ],
                "annotations": {"horizontal": [{"label": "alarm", "value": alarm.threshold}]},
            },
        }
        for number, alarm in enumerate(every)
    ]
