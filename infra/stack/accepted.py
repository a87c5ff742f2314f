"""What cdk-nag finds and we leave as it is, each with the reason. Whatever it finds beyond this fails the synthesis."""

from __future__ import annotations

from infra.permissions import PERMISSIONS, arn
from infra.stack.stage import Stage

_AS_SAM = "SAM makes this logical id when it publishes what the stack names."


def accepted(stage: Stage) -> dict[str, str]:
    """The reason for each finding that stays, by its id."""
    return {**_OTHERS, **_wildcards(stage), **({} if stage.is_traced else _UNTRACED)}


def _wildcards(stage: Stage) -> dict[str, str]:
    """Every wildcard of the functions' policies, with the reason that stands beside the permission."""
    found = {}
    for function, grants in PERMISSIONS.items():
        for grant in grants:
            for resource in grant.resources:
                shown = arn(resource, function=function, stage=stage.name).replace("${", "<").replace("}", ">")
                if "*" in shown:
                    found[f"AwsSolutions::AwsSolutions-IAM5[Resource::{shown}]"] = grant.why
    return found


_UNTRACED = {
    "AwsSolutions::AwsSolutions-SF2": (
        "Traces cost for each state; the correlation id finds the same in the logs, and `-c tracing=on` switches them on."
    ),
}
_OTHERS = {
    "AwsSolutions::AwsSolutions-IAM5[Resource::<Steps.Arn>:*]": (
        "Executions that run call the version they began with, whichever that is."
    ),
    "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
    "AmazonAPIGatewayPushToCloudWatchLogs]": "The policy that AWS keeps for this one purpose.",
    "AwsSolutions::AwsSolutions-S1": "Objects are fetched by links that the audit tells of; CloudTrail may log the rest.",
    "AwsSolutions::AwsSolutions-SQS3": "This is the dead-letter queue; EventBridge and Lambda know it, which nag does not see.",
    "AwsSolutions::AwsSolutions-SMG4": (
        "The sweeps rotate the token keys every month; the audit key and the master key are what old records stand on."
    ),
    "AwsSolutions::AwsSolutions-SF1": "Errors are logged; the timeline of a deployment is kept in the table, and ALL costs.",
    "CloudFormation-Validate::F1020": _AS_SAM,
}
