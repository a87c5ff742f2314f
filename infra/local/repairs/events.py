"""EventBridge that delivers, to functions, state machines and queues, in the background."""

# mypy: disable-error-code="attr-defined,arg-type"
# (moto is typed in parts)
from __future__ import annotations

import copy
import datetime
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import boto3
from moto.awslambda.models import lambda_backends
from moto.events.models import EventTemplateParser, Rule

from infra.local.deliveries import Deliveries
from infra.local.repairs.lambda_functions import invoke_or_raise

_DELIVERED_HERE = ("lambda", "states", "sqs")


@contextmanager
def events_reach_their_targets(deliveries: Deliveries) -> Iterator[None]:
    """Repair: PutEvents answers at once; each target is tried apart from the others, a bounded number of times.

    What still fails goes to the target's dead-letter queue, with the reason, or is logged as lost. In moto a function
    or state machine as target makes PutEvents itself fail with NotImplementedError.

    In AWS a function's own error is retried by Lambda's asynchronous queue and ends in the function's failure
    destination; here both failures end in the rule's queue.
    """
    send_to_targets = Rule.send_to_targets

    def send(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if self.state == "DISABLED" or not self.event_pattern.matches_event(original_event):
            return
        for target in self.targets:
            if target["Arn"].split(":")[2] in _DELIVERED_HERE:
                _deliver(deliveries, self, target, _event_for(target, _with_iso_time(original_event)))
            else:
                alone = copy.copy(self)
                alone.targets = [target]
                send_to_targets(alone, original_event, transform_input)

    with patch.object(Rule, "send_to_targets", send):
        yield


def _with_iso_time(event: Mapping[str, Any]) -> dict[str, Any]:
    time = event.get("time")
    if isinstance(time, int | float) or (isinstance(time, str) and re.fullmatch(r"[\d.]+", time)):
        moment = datetime.datetime.fromtimestamp(float(time), tz=datetime.UTC)
        return {**event, "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return dict(event)


def _event_for(target: Mapping[str, Any], event: dict[str, Any]) -> Any:
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        selected: Any = event
        for name in target["InputPath"].split(".")[1:]:
            selected = selected[name]
        return selected
    transformer = target.get("InputTransformer")
    if transformer is None:
        return {name: value for name, value in event.items() if name != "ingestion-time"}
    return EventTemplateParser.parse(
        input_template=transformer.get("InputTemplate"),
        input_paths_map=transformer.get("InputPathsMap", {}),
        event=event,
    )


def _deliver(deliveries: Deliveries, rule: Any, target: Mapping[str, Any], event: Any) -> None:
    arn = target["Arn"]
    region, account = rule.region_name, rule.account_id

    def call() -> object:
        kind, name = arn.split(":")[2], arn.split(":", 5)[5]
        if kind == "lambda":
            function = lambda_backends[account][region].get_function(arn)
            return invoke_or_raise(function, event)
        if kind == "states":
            client = boto3.client("stepfunctions", region_name=region)
            return client.start_execution(stateMachineArn=arn, input=json.dumps(event))
        return _send(region, name, json.dumps(event), {})

    def give_up(error: Exception) -> None:
        queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
        if queue_arn is None:
            raise error
        reason = {
            "RULE_ARN": rule.arn,
            "TARGET_ARN": arn,
            "ERROR_CODE": type(error).__name__,
            "ERROR_MESSAGE": str(error)[:1024] or type(error).__name__,
        }
        _send(region, queue_arn.split(":", 5)[5], json.dumps(event), reason)

    deliveries.submit(f"event for {arn.rsplit(':', 1)[-1]}", call, give_up)


def _send(region: str, queue_name: str, body: str, attributes: Mapping[str, str]) -> object:
    client = boto3.client("sqs", region_name=region)
    url = client.get_queue_url(QueueName=queue_name)["QueueUrl"]
    return client.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )
