"""What calls functions by itself: rules of the bus, and schedules."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.naming import deployed
from infra.resources import DEFAULT_BUS, Resources
from infra.stack.functions import Functions
from infra.stack.stage import Stage
from infra.stack.storage import Storage


class Calls(Construct):
    """The bus with its rules, and the clock."""

    def __init__(
        self, scope: Construct, resources: Resources, stage: Stage, storage: Storage, functions: Functions
    ) -> None:
        super().__init__(scope, "Calls")
        self._functions = functions
        buses = {
            bus.name: events.CfnEventBus(self, f"Bus{bus.name.capitalize()}", name=deployed(bus.name, stage.name))
            for bus in resources.buses
        }
        for rule in resources.rules:
            dead_letters = None
            if rule.dead_letter_queue is not None:
                dead_letters = events.CfnRule.DeadLetterConfigProperty(
                    arn=storage.queues[rule.dead_letter_queue].queue_arn
                )
            made = events.CfnRule(
                self,
                f"Rule{rule.name}",
                name=deployed(rule.name, stage.name),
                event_bus_name=DEFAULT_BUS if rule.bus == DEFAULT_BUS else buses[rule.bus].ref,
                event_pattern=rule.pattern,
                targets=[
                    events.CfnRule.TargetProperty(
                        id=rule.function, arn=functions.arn(rule.function), dead_letter_config=dead_letters
                    )
                ],
            )
            self._may_call(rule.function, made)
        for schedule in resources.schedules:
            made = events.CfnRule(
                self,
                f"Schedule{schedule.name}",
                name=deployed(schedule.name, stage.name),
                schedule_expression=rate(schedule.every_s),
                targets=[events.CfnRule.TargetProperty(id=schedule.function, arn=functions.arn(schedule.function))],
            )
            self._may_call(schedule.function, made)

    def _may_call(self, function: str, rule: events.CfnRule) -> None:
        lambda_.CfnPermission(
            self,
            f"May{rule.node.id}",
            action="lambda:InvokeFunction",
            function_name=self._functions.arn(function),
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )


def rate(every_s: int) -> str:
    """The schedule expression.

    Raises:
        ValueError: EventBridge counts in whole minutes.
    """
    minutes, rest = divmod(every_s, 60)
    if rest or not minutes:
        raise ValueError(f"a schedule every {every_s} s: only whole minutes")
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"
