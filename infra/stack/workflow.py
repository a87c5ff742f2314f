"""The state machine: a version for each definition, and an alias that new deployments start with."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.naming import LIVE, deployed
from infra.resources import StateMachine
from infra.stack.functions import Functions, logical_id
from infra.stack.stage import Stage
from infra.stack.storage import Storage


class Workflow(Construct):
    """Executions that run keep their definition and, as it names versions of functions, their code."""

    def __init__(
        self, scope: Construct, machine: StateMachine, stage: Stage, storage: Storage, functions: Functions
    ) -> None:
        super().__init__(scope, "Workflow")
        name = deployed(machine.name, stage.name)
        group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=logs.RetentionDays.THREE_MONTHS if stage.keeps_data else logs.RetentionDays.TWO_WEEKS,
            encryption_key=storage.key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = self._role(machine, functions, is_traced=stage.is_traced)
        self.machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            role_arn=role.role_arn,
            definition_string=machine.definition.read_text(encoding="utf-8"),
            definition_substitutions={},
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=stage.is_traced),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ERROR",
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=group.log_group_arn
                        )
                    )
                ],
            ),
        )
        self.machine.node.add_dependency(role)
        for placeholder, function in machine.function_arns.items():
            # The version that SAM publishes of the code in this stack.
            code = {"Ref": f"{logical_id(function)}.Version"}
            self.machine.add_property_override(f"DefinitionSubstitutions.{placeholder}", code)
        version = sfn.CfnStateMachineVersion(
            self,
            "Version",
            state_machine_arn=self.machine.ref,
            state_machine_revision_id=self.machine.attr_state_machine_revision_id,
        )
        version.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        alias = sfn.CfnStateMachineAlias(
            self,
            "Live",
            name=LIVE,
            deployment_preference=sfn.CfnStateMachineAlias.DeploymentPreferenceProperty(
                type="ALL_AT_ONCE", state_machine_version_arn=version.ref
            ),
        )
        alias.apply_removal_policy(cdk.RemovalPolicy.DESTROY)

    def _role(self, machine: StateMachine, functions: Functions, *, is_traced: bool) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        for function in sorted(set(machine.function_arns.values())):
            role.add_to_policy(
                iam.PolicyStatement(
                    sid="CallVersions",
                    actions=["lambda:InvokeFunction"],
                    resources=[f"{functions.arn(function)}:*"],
                )
            )
        if is_traced:
            role.add_to_policy(_trace())
        role.add_to_policy(
            iam.PolicyStatement(
                sid="DeliverLogs",
                actions=[
                    "logs:CreateLogDelivery",
                    "logs:DeleteLogDelivery",
                    "logs:DescribeLogGroups",
                    "logs:DescribeResourcePolicies",
                    "logs:GetLogDelivery",
                    "logs:ListLogDeliveries",
                    "logs:PutResourcePolicy",
                    "logs:UpdateLogDelivery",
                ],
                resources=["*"],
            )
        )
        return role


def _trace() -> iam.PolicyStatement:
    """X-Ray has no resources to name."""
    return iam.PolicyStatement(
        sid="Trace",
        actions=[
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        resources=["*"],
    )
