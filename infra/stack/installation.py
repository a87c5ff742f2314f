"""One installation of HotSwap in an AWS account."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from constructs import Construct

from infra.naming import LIVE, deployed, deployed_bucket
from infra.resources import Resources
from infra.stack.calls import Calls
from infra.stack.edge import Edge
from infra.stack.functions import REST_API, Functions
from infra.stack.stage import Stage
from infra.stack.storage import Storage
from infra.stack.watch import Watch
from infra.stack.workflow import Workflow


class Installation(cdk.Stack):
    """The stack. Chalice's stage is called as the stack is."""

    def __init__(self, scope: Construct, resources: Resources, stage: Stage) -> None:
        super().__init__(
            scope,
            deployed("hotswap", stage.name),
            description="HotSwap: progressive delivery",
            termination_protection=stage.keeps_data,
        )
        cdk.Tags.of(self).add("application", "hotswap")
        cdk.Tags.of(self).add("stage", stage.name)
        storage = Storage(self, resources, stage)
        functions = Functions(self, resources, stage, storage, settings(resources, stage, storage))
        workflow = Workflow(self, resources.state_machines[0], stage, storage, functions)
        Calls(self, resources, stage, storage, functions)
        Edge(self, stage, storage, functions)
        Watch(self, resources, stage, storage, workflow)
        # The API cannot know its own address before it exists; the function with the way out can.
        functions.resource("hooks").add_property_override(
            "Environment.Variables.HOTSWAP_PUBLIC_URL",
            {"Fn::Sub": f"https://${{{REST_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/api"},
        )
        cdk.CfnOutput(self, "TableName", value=deployed(resources.tables[0].name, stage.name))
        cdk.CfnOutput(self, "SigningSecret", value=deployed(resources.secrets[0].name, stage.name))


SECRETS: Final = {
    "hotswap/signing-keys": "HOTSWAP_SIGNING_SECRET",
    "hotswap/audit-keys": "HOTSWAP_AUDIT_SECRET",
    "hotswap/audit-public-keys": "HOTSWAP_AUDIT_PUBLIC_SECRET",
    "hotswap/master-key": "HOTSWAP_MASTER_SECRET",
}
"""By what each secret's name is told to the functions."""


def settings(resources: Resources, stage: Stage, storage: Storage) -> dict[str, str]:
    """What every function is told. The state machine by its name, which is known before it exists."""
    machine = deployed(resources.state_machines[0].name, stage.name)
    region = f"{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
    known = {secret.name for secret in resources.secrets}
    if known != set(SECRETS):
        raise ValueError(f"secrets that no function is told of, or that are missing: {sorted(known ^ set(SECRETS))}")
    told = {
        "HOTSWAP_STAGE": stage.name,
        "HOTSWAP_TABLE": deployed(resources.tables[0].name, stage.name),
        "HOTSWAP_ARTIFACT_BUCKET": cdk.Fn.sub(deployed_bucket(resources.buckets[0].name, stage.name)),
        "HOTSWAP_BUS": deployed(resources.buses[0].name, stage.name),
        "HOTSWAP_STATE_MACHINE_ARN": f"arn:{cdk.Aws.PARTITION}:states:{region}:stateMachine:{machine}:{LIVE}",
        "HOTSWAP_DEAD_LETTERS": storage.queues[resources.queues[0].name].queue_url,
        **{variable: deployed(name, stage.name) for name, variable in SECRETS.items()},
        "HOTSWAP_HOOKS_FUNCTION": deployed("hooks", stage.name),
        "HOTSWAP_EVENTS_FUNCTION": deployed("events", stage.name),
        "HOTSWAP_LAMBDA_NODES_FUNCTION": deployed("lambda_nodes", stage.name),
    }
    if stage.cors_origins:
        told["HOTSWAP_CORS_ORIGINS"] = stage.cors_origins
    return told
