"""What each function may do, as data: the CDK stack makes policies of it, and a test compares it with what the code does.

A resource is written as it is called on one's own machine; `arn` makes of it what IAM wants, for a stage or locally.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from infra.naming import deployed, deployed_bucket
from infra.resources import DEAD_LETTERS


class Use(StrEnum):
    """Who makes the calls: our code; whoever follows a link our code signed; Lambda itself for the function."""

    CODE = "code"
    LINK = "link"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`actions` on `resources`, each `kind:name`. `why` gives the reason for every wildcard in the resources, and
    for what no code of ours calls."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    use: Use = Use.CODE
    why: str = ""


LOGS = Grant(
    sid="WriteLogs",
    actions=("logs:CreateLogStream", "logs:PutLogEvents"),
    resources=("logs:{function}",),
    use=Use.PLATFORM,
    why="Lambda makes a log stream for each instance; only this function's group is named.",
)
TRACES = Grant(
    sid="WriteTraces",
    actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    resources=("*",),
    use=Use.PLATFORM,
    why="X-Ray has no resources to name.",
)
READ_AND_WRITE = Grant(
    sid="UseTable",
    actions=(
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
    ),
    resources=("table:hotswap",),
)
"""Conditions of a transaction's own writes need no dynamodb:ConditionCheckItem."""
READ_TOGETHER = Grant(sid="ReadTogether", actions=("dynamodb:BatchGetItem",), resources=("table:hotswap",))
QUERY_LISTS = Grant(sid="QueryLists", actions=("dynamodb:Query",), resources=("index:hotswap/gsi1",))
QUERY_OPEN = Grant(sid="QueryOpen", actions=("dynamodb:Query",), resources=("index:hotswap/gsi2",))
ENCRYPTED = Grant(
    sid="UseKey",
    actions=("kms:Decrypt", "kms:GenerateDataKey"),
    resources=("key:hotswap",),
    use=Use.PLATFORM,
    why="Table, bucket, queue, logs and secrets are encrypted with one key, which their services use for the function.",
)
PUBLISH = Grant(sid="PublishEvents", actions=("events:PutEvents",), resources=("bus:hotswap",))
START = Grant(sid="StartExecutions", actions=("states:StartExecution",), resources=("machine:hotswap-deployment",))
ANSWER = Grant(
    sid="AnswerTokens",
    actions=("states:SendTaskFailure", "states:SendTaskSuccess"),
    resources=("machine:hotswap-deployment",),
)
ASK_FOR_TOKENS = Grant(
    sid="AskForTokens", actions=("states:SendTaskHeartbeat",), resources=("machine:hotswap-deployment",)
)
ORDER_CALLS = Grant(sid="OrderCalls", actions=("lambda:InvokeFunction",), resources=("function:hooks",))
ORDER_ALIASES = Grant(sid="OrderAliases", actions=("lambda:InvokeFunction",), resources=("function:lambda_nodes",))
KEEP_FAILED = Grant(
    sid="KeepWhatFailed",
    actions=("sqs:SendMessage",),
    resources=(f"queue:{DEAD_LETTERS}",),
    use=Use.PLATFORM,
    why="Lambda keeps what the function failed at three times.",
)


_OF_SECRETS = "Secrets Manager adds a hyphen and six random characters to the name."


def _secret(name: str, sid: str) -> Grant:
    return Grant(
        sid=sid,
        actions=("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
        resources=(f"secret:hotswap/{name}",),
        why=_OF_SECRETS,
    )


_OBJECTS = "objects:hotswap-artifacts"
_OF_OBJECTS = "Objects are named by the digest of what is in them, which nobody knows beforehand."
READ_ARTIFACTS = (
    Grant(sid="ReadArtifacts", actions=("s3:GetObject",), resources=(_OBJECTS,), why=_OF_OBJECTS),
    Grant(
        sid="TellWhatIsMissing",
        actions=("s3:ListBucket",),
        resources=("bucket:hotswap-artifacts",),
        use=Use.PLATFORM,
        why="Without it S3 says of a missing object that it is forbidden.",
    ),
)
_EVERY_FUNCTION = (LOGS, TRACES, ENCRYPTED)

PERMISSIONS: Final[Mapping[str, tuple[Grant, ...]]] = {
    "api": (
        *_EVERY_FUNCTION,
        READ_AND_WRITE,
        READ_TOGETHER,
        QUERY_LISTS,
        QUERY_OPEN,
        PUBLISH,
        START,
        ANSWER,
        ORDER_CALLS,
        ORDER_ALIASES,
        Grant(
            sid="SignLinks",
            actions=("s3:GetObject", "s3:PutObject"),
            resources=(_OBJECTS,),
            use=Use.LINK,
            why=_OF_OBJECTS,
        ),
        _secret("signing-keys", "TokenKeys"),
        _secret("master-key", "MasterKey"),
        Grant(
            sid="AuditPublicKeys",
            actions=("secretsmanager:GetSecretValue",),
            resources=("secret:hotswap/audit-public-keys",),
            why=_OF_SECRETS,
        ),
    ),
    "steps": (
        *_EVERY_FUNCTION,
        READ_AND_WRITE,
        QUERY_OPEN,
        PUBLISH,
        ANSWER,
        ASK_FOR_TOKENS,
        ORDER_CALLS,
        ORDER_ALIASES,
        *READ_ARTIFACTS,
    ),
    "events": (
        *_EVERY_FUNCTION,
        READ_AND_WRITE,
        READ_TOGETHER,
        PUBLISH,
        START,
        ANSWER,
        ORDER_CALLS,
        ORDER_ALIASES,
        Grant(sid="KeepRefused", actions=("sqs:SendMessage",), resources=(f"queue:{DEAD_LETTERS}",)),
    ),
    "sweeps": (
        *_EVERY_FUNCTION,
        READ_AND_WRITE,
        QUERY_LISTS,
        QUERY_OPEN,
        PUBLISH,
        START,
        ANSWER,
        Grant(
            sid="SeeExecutions",
            actions=("states:DescribeExecution",),
            resources=("executions:hotswap-deployment",),
            why="An execution is named for its deployment.",
        ),
        ORDER_CALLS,
        ORDER_ALIASES,
        KEEP_FAILED,
        _secret("signing-keys", "TokenKeys"),
        _secret("audit-keys", "AuditKey"),
        _secret("audit-public-keys", "AuditPublicKeys"),
    ),
    "lambda_nodes": (
        *_EVERY_FUNCTION,
        Grant(
            sid="UseTable",
            actions=("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            resources=("table:hotswap",),
        ),
        READ_TOGETHER,
        PUBLISH,
        ANSWER,
        ORDER_CALLS,
        ORDER_ALIASES,
        KEEP_FAILED,
        *READ_ARTIFACTS,
        Grant(
            sid="ChangeNodes",
            actions=(
                "lambda:GetAlias",
                "lambda:GetFunctionConfiguration",
                "lambda:InvokeFunction",
                "lambda:PublishVersion",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ),
            resources=("users-function:hotswap-node-*",),
            why="Users' own functions, which they name so that this function and no other may change them.",
        ),
        Grant(
            sid="ReadMeasurements",
            actions=("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"),
            resources=("*",),
            why="CloudWatch names no resources for reading metrics, nor for alarms by a list of names.",
        ),
    ),
    "hooks": (
        *_EVERY_FUNCTION,
        _secret("master-key", "MasterKey"),
        Grant(sid="TellResults", actions=("lambda:InvokeFunction",), resources=("function:events",)),
        Grant(
            sid="AskUsersFunctions",
            actions=("lambda:InvokeFunction",),
            resources=("users-function:hotswap-hook-*",),
            why="Users' own functions, which they name so that this function and no other may call them.",
        ),
        KEEP_FAILED,
    ),
}
"""By function. s3:ListBucket makes a missing object "not there" instead of "forbidden"; it is never called as such."""

_ARNS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "table": lambda name, at: f"dynamodb:{at}:table/{name}",
    "index": lambda name, at: f"dynamodb:{at}:table/{name.replace('/', '/index/')}",
    "objects": lambda name, _at: f"s3:::{name}/artifacts/sha256/*",
    "bucket": lambda name, _at: f"s3:::{name}",
    "bus": lambda name, at: f"events:{at}:event-bus/{name}",
    "machine": lambda name, at: f"states:{at}:stateMachine:{name}",
    "executions": lambda name, at: f"states:{at}:execution:{name}:*",
    "function": lambda name, at: f"lambda:{at}:function:{name}",
    "users-function": lambda name, at: f"lambda:{at}:function:{name}",
    "queue": lambda name, at: f"sqs:{at}:{name}",
    "secret": lambda name, at: f"secretsmanager:{at}:secret:{name}-??????",
    "logs": lambda name, at: f"logs:{at}:log-group:/aws/lambda/{name}:*",
}
KEY: Final = "KEY"
"""Stands for the one key; it has an ARN of its own."""
_AT, _LOCALLY = "${AWS::Region}:${AWS::AccountId}", "us-east-1:123456789012"


def arn(resource: str, *, function: str, stage: str | None) -> str:
    """What IAM calls a resource: in a stage, for Fn::Sub; or, with no stage, on the cloud of one's own machine."""
    kind, _, name = resource.partition(":")
    if kind == "*":
        return "*"
    if kind == "key":
        return KEY
    name = name.format(function=function)
    if stage is None:
        return "arn:aws:" + _ARNS[kind](name, _LOCALLY)
    if kind in ("bucket", "objects"):
        name = deployed_bucket(name, stage)
    elif kind != "users-function":
        name = deployed(name, stage)
    return "arn:${AWS::Partition}:" + _ARNS[kind](name, _AT)


def policy_of(function: str, stage: str, *, key_arn: str, is_traced: bool) -> dict[str, object]:
    """The policy document of one function's role; it may write traces only where tracing is on."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": grant.sid,
                "Effect": "Allow",
                "Action": list(grant.actions),
                "Resource": [
                    {"Fn::Sub": text} if "${" in text else text
                    for text in (arn(each, function=function, stage=stage) for each in grant.resources)
                ]
                if grant is not ENCRYPTED
                else [key_arn],
            }
            for grant in PERMISSIONS[function]
            if is_traced or grant is not TRACES
        ],
    }
