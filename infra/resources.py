"""What HotSwap needs in an AWS account, as plain data.

The CDK stack and the cloud on your machine both read `HOTSWAP` below, so a table, rule or schedule cannot exist in one
and be missing in the other. Nothing here knows how a resource is created.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

_HERE = Path(__file__).parent

COMPRESSED_FROM_BYTES = 4_096
"""The gateway compresses longer answers for callers that take gzip: the console's files, and long lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A global secondary index; it projects every attribute."""

    name: str
    partition_key: str
    sort_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An on-demand DynamoDB table whose keys are strings."""

    name: str
    partition_key: str = "pk"
    sort_key: str = "sk"
    indexes: tuple[Index, ...] = ()
    ttl_attribute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A private S3 bucket."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A standard SQS queue."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBus:
    """A custom EventBridge bus."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function; `handler` names what runs, in app.py."""

    name: str
    handler: str
    timeout_s: int
    memory_mb: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Events on `bus` whose `source` is one of `sources` (and whose `detail-type`, where some are named, is one of
    those) go to `function`; what it cannot handle goes to the queue. Every account has a bus `default`."""

    name: str
    bus: str
    sources: tuple[str, ...]
    function: str
    dead_letter_queue: str | None = None
    detail_types: tuple[str, ...] = ()

    @property
    def pattern(self) -> dict[str, list[str]]:
        """What EventBridge matches events with."""
        found = {"source": list(self.sources)}
        return found | {"detail-type": list(self.detail_types)} if self.detail_types else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`function` is called every `every_s` seconds of machine time."""

    name: str
    function: str
    every_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """A Standard state machine; each `${Name}` in the file becomes the ARN of the function named for it."""

    name: str
    definition: Path
    function_arns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A Secrets Manager secret; its value is written by the program that needs it, never by a template."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything of one installation."""

    tables: tuple[Table, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    queues: tuple[Queue, ...] = ()
    buses: tuple[EventBus, ...] = ()
    functions: tuple[Function, ...] = ()
    rules: tuple[Rule, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    state_machines: tuple[StateMachine, ...] = ()
    secrets: tuple[Secret, ...] = ()


DEAD_LETTERS = "hotswap-dead-letters"
DEFAULT_BUS = "default"
"""Of the account; what AWS services say of themselves is there."""

HOTSWAP = Resources(
    tables=(
        Table(
            name="hotswap",
            indexes=(
                Index(name="gsi1", partition_key="gsi1pk", sort_key="gsi1sk"),
                Index(name="gsi2", partition_key="gsi2pk", sort_key="gsi2sk"),
            ),
            ttl_attribute="expiresAt",
        ),
    ),
    buckets=(Bucket(name="hotswap-artifacts"),),
    queues=(Queue(name=DEAD_LETTERS),),
    buses=(EventBus(name="hotswap"),),
    functions=(
        Function(name="api", handler="app.app", timeout_s=29),
        Function(name="steps", handler="app.steps", timeout_s=60),
        Function(name="events", handler="app.events", timeout_s=60),
        Function(name="hooks", handler="app.hooks", timeout_s=120, memory_mb=256),
        Function(name="sweeps", handler="app.sweeps", timeout_s=120),
        Function(name="lambda_nodes", handler="app.lambda_nodes", timeout_s=180),
    ),
    rules=(
        Rule(
            name="hotswap-requests",
            bus="hotswap",
            sources=("hotswap.requests",),
            function="events",
            dead_letter_queue=DEAD_LETTERS,
        ),
        Rule(
            name="hotswap-webhooks",
            bus="hotswap",
            sources=("hotswap",),
            function="events",
            dead_letter_queue=DEAD_LETTERS,
        ),
        Rule(
            name="hotswap-alarms",
            bus=DEFAULT_BUS,
            sources=("aws.cloudwatch",),
            detail_types=("CloudWatch Alarm State Change",),
            function="lambda_nodes",
            dead_letter_queue=DEAD_LETTERS,
        ),
    ),
    schedules=(
        Schedule(name="hotswap-sweeps", function="sweeps", every_s=60),
        Schedule(name="hotswap-lambda-nodes", function="lambda_nodes", every_s=60),
    ),
    state_machines=(
        StateMachine(
            name="hotswap-deployment",
            definition=_HERE / "statemachines" / "deployment.asl.json",
            function_arns=MappingProxyType({"StepsFunctionArn": "steps"}),
        ),
    ),
    secrets=(
        Secret(name="hotswap/signing-keys", description="Keys that sign access tokens"),
        Secret(name="hotswap/audit-keys", description="The key that seals the audit; for the sweeps only"),
        Secret(
            name="hotswap/audit-public-keys",
            description="Which keys sealed the audit; no secret: written by the sweeps, read by the API",
        ),
        Secret(name="hotswap/master-key", description="What receivers' secrets and callback tokens are derived from"),
    ),
)
