"""A user's function in a story: created as its owner would, called as its callers do, and its alias as a node."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.stories.world import World

FUNCTION, ALIAS, ALARM = "hotswap-node-payments", "live", "payments-errors"
HANDLER = "work.handle"

WELL = "def handle(event, context):\n    return {'statusCode': 200, 'version': context.function_version}\n"
FAILS_EVERY_FOURTH = """
calls = 0

def handle(event, context):
    global calls
    if event.get("source") == "hotswap.check":
        return {"statusCode": 200}
    calls += 1
    if calls % 4 == 0:
        raise ValueError("no such currency")
    return {"statusCode": 200}
"""
FAILS_ITS_CHECK = "def handle(event, context):\n    raise RuntimeError('no database')\n"


def zipped(code: str, **files: str) -> bytes:
    """A zip with this handler; the same code gives the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in {"work.py": code, **files}.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


class Function:
    """The function `payments` with its alias, whose owner published a version 1 by hand."""

    def __init__(self, world: World, *, name: str = FUNCTION, code: str = WELL) -> None:
        self._world = world
        self.name = name
        self.client = world.cloud.client("lambda")
        role = "arn:aws:iam::123456789012:role/theirs"
        iam = world.cloud.client("iam")
        iam.create_role(RoleName=f"role-{name}", AssumeRolePolicyDocument="{}")
        role = iam.get_role(RoleName=f"role-{name}")["Role"]["Arn"]
        self.client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler=HANDLER,
            Role=role,
            Code={"ZipFile": zipped(code)},
            Timeout=5,
        )
        version = self.client.publish_version(FunctionName=name)["Version"]
        self.client.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def becomes_a_node(
        self, environment: str = "Production", *, module: str = "payment-processor", alarms: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The alias registered by ada, and looked at."""
        body = {
            "kind": "lambda",
            "name": "payments-live",
            "moduleName": module,
            "functionName": self.name,
            "alias": ALIAS,
            "alarms": list(alarms),
        }
        node: dict[str, Any] = self._world.ok("ada", "POST", f"/api/v1/clusters/{environment}/nodes", body)
        self._world.nodes.setdefault(environment, [])
        self._world.settle()
        return node

    def call(self, count: int = 1) -> list[bool]:
        """Call the alias so often; whether each call went well."""
        answers = (self.client.invoke(FunctionName=self.name, Qualifier=ALIAS, Payload=b"{}") for _ in range(count))
        return ["FunctionError" not in answer for answer in answers]

    @property
    def weights(self) -> dict[str, int]:
        """Version -> percent, as Lambda has it."""
        alias = self.client.get_alias(FunctionName=self.name, Name=ALIAS)
        others = dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})
        shares = {version: round(weight * 100) for version, weight in others.items()}
        return {alias["FunctionVersion"]: 100 - sum(shares.values()), **shares}

    def has_alarm(self, name: str = ALARM) -> None:
        """An alarm of the owner's, quiet for now."""
        self._world.cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="Errors",
            Namespace="AWS/Lambda",
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
        self.alarm_is("OK", name)

    def alarm_is(self, state: str, name: str = ALARM) -> None:
        """The alarm says so from now on."""
        self._world.cloud.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="story", StateReasonData=json.dumps({})
        )
        self._world.settle()
