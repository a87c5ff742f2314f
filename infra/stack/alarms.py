"""When somebody must look. docs/operations.md says of each alarm what to do; a test holds it to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.telemetry import MEASURES, NAMESPACE, STAGE, Measure
from infra.naming import deployed
from infra.resources import Resources
from infra.stack.stage import Stage


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

    def own(name: str, measure: Measure, of: str = "", **told: Any) -> Alarm:
        dimensions = {STAGE: stage.name} | ({MEASURES[measure].dimension: of} if of else {})
        return Alarm(name=name, namespace=NAMESPACE, metric=str(measure), dimensions=dimensions, **told)

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
        own("rollback-failed", Measure.DEPLOYMENTS_ENDED, "RollbackFailed"),
        own("rollback-slow", Measure.ROLLBACK_LATENCY, statistic="Maximum", threshold=60_000),
        own("deployments-failed", Measure.DEPLOYMENTS_ENDED, "Failed", period_s=900, threshold=3),
        own("approval-waiting", Measure.OLDEST_APPROVAL_AGE, statistic="Maximum", threshold=12 * 3_600),
        own("queue-long", Measure.QUEUE_LENGTH, statistic="Minimum", period_s=900, threshold=10),
        own("heartbeats-late", Measure.HEARTBEAT_LAG, statistic="SampleCount", periods=2, threshold=100),
    )  # fmt: skip


def overview(stage: Stage) -> dict[str, list[list[str]]]:
    """By measure, the series the dashboard shows of it, as CloudWatch names them."""
    found: dict[str, list[list[str]]] = {}
    for measure, shape in MEASURES.items():
        common = [NAMESPACE, str(measure), STAGE, stage.name]
        of_each = [[*common, shape.dimension, value] for value in shape.values]
        found[str(measure)] = of_each or [common]
    return found
