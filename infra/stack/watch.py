"""Alarms that tell a topic, and one page to look at."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from chalicelib.domain.telemetry import MEASURES, Measure, Unit
from infra.naming import deployed
from infra.resources import Resources
from infra.stack.alarms import Alarm, alarms, overview
from infra.stack.stage import Stage
from infra.stack.storage import Storage
from infra.stack.workflow import Workflow


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
            dashboard_body=json.dumps({"widgets": _widgets(every, stage)}),
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


def _widgets(every: tuple[Alarm, ...], stage: Stage) -> list[dict[str, Any]]:
    """What the program measures, then what the alarms look at, three in a row."""
    shown = [_of_measure(name, series) for name, series in overview(stage).items()] + [_of_alarm(a) for a in every]
    return [
        {
            "type": "metric",
            "x": number % 3 * 8,
            "y": number // 3 * 6,
            "width": 8,
            "height": 6,
            "properties": properties | {"region": cdk.Aws.REGION},
        }
        for number, properties in enumerate(shown)
    ]


def _of_measure(name: str, series: list[list[str]]) -> dict[str, Any]:
    unit = MEASURES[Measure(name)].unit
    is_gauge = Measure(name) in (Measure.APPROVALS_PENDING, Measure.QUEUE_LENGTH)
    statistic = "Sum" if unit is Unit.COUNT and not is_gauge else "Maximum"
    return {"title": name, "stat": statistic, "period": 300, "metrics": series}


def _of_alarm(alarm: Alarm) -> dict[str, Any]:
    dimensions = [each for pair in alarm.dimensions.items() for each in pair]
    return {
        "title": alarm.name,
        "stat": alarm.statistic,
        "period": alarm.period_s,
        "metrics": [[alarm.namespace, alarm.metric, *dimensions]],
        "annotations": {"horizontal": [{"label": "alarm", "value": alarm.threshold}]},
    }
