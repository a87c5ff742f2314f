"""Joins use cases and adapters: everything is made on first use, once per process, and nothing at import.

Whoever runs the program elsewhere (the local cloud, tests) brings adapters of its own: `install(clock=...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.parts import install as install
from chalicelib.parts import later, part
from chalicelib.parts import reset as reset

if TYPE_CHECKING:
    from chalicelib.adapters.aws_clients import AwsClients
    from chalicelib.adapters.checkpoint_keys import PublishedKeys
    from chalicelib.adapters.id_tokens import IdTokens
    from chalicelib.adapters.passwords import Passwords
    from chalicelib.adapters.secret_keys import SecretKeys
    from chalicelib.adapters.tokens import Tokens
    from chalicelib.domain.analysis.evidence import Source
    from chalicelib.domain.seal import MasterKey
    from chalicelib.settings import Settings
    from chalicelib.usecases.alias_ports import AliasPorts
    from chalicelib.usecases.decide_by_link import ApprovalLinks
    from chalicelib.usecases.outbound_ports import Outbound, OutboundPorts
    from chalicelib.usecases.ports import (
        AliasOrders,
        Artifacts,
        Bus,
        Calls,
        CheckpointSigner,
        Clock,
        DeadLetters,
        Executions,
        Metrics,
        MetricSource,
        Ports,
        Signatures,
        Store,
        Telemetry,
    )


@part
def settings() -> Settings:
    """The settings of this process.

    Raises:
        BadSettings: the environment lacks some.
    """
    from chalicelib.settings import Settings

    return Settings.from_env()


@part
def clients() -> AwsClients:
    """The AWS clients of this process."""
    from chalicelib.adapters.aws_clients import AwsClients

    return AwsClients()


@part
def clock() -> Clock:
    """Both kinds of time."""
    from chalicelib.adapters.clock import MachineClock

    return MachineClock()


@part
def store() -> Store:
    """The one table."""
    from chalicelib.adapters.dynamodb.table import DynamoStore

    return DynamoStore(clients().get("dynamodb"), settings().table)


@part
def metrics() -> Metrics:
    """Measured windows."""
    from chalicelib.adapters.dynamodb.metrics import DynamoMetrics

    return DynamoMetrics(clients().get("dynamodb"), settings().table)


@part
def executions() -> Executions:
    """The state machine."""
    from chalicelib.adapters.step_functions import StepFunctionsExecutions

    return StepFunctionsExecutions(clients().get("stepfunctions"), settings().state_machine_arn)


@part
def artifacts() -> Artifacts:
    """The bytes of module versions."""
    from chalicelib.adapters.s3_artifacts import S3Artifacts

    links = clients().get("s3", endpoint=settings().s3_endpoint)
    return S3Artifacts(clients().get("s3"), settings().artifact_bucket, links=links)


@part
def bus() -> Bus:
    """Events to the outside world."""
    from chalicelib.adapters.event_bridge import EventBridgeBus

    return EventBridgeBus(clients().get("events"), settings().bus)


@part
def calls() -> Calls:
    """Orders to the function that calls users' addresses."""
    from chalicelib.adapters.function_calls import FunctionQueue

    return FunctionQueue(clients().get("lambda"), settings().hooks_function)


@part
def aliases() -> AliasOrders:
    """Orders to the function that may touch users' functions."""
    from chalicelib.adapters.function_calls import FunctionQueue

    return FunctionQueue(clients().get("lambda"), settings().lambda_nodes_function)


@part
def alias_ports() -> AliasPorts:
    """Everything the function `lambda_nodes` may ask for, beside the table."""
    from chalicelib.adapters.cloudwatch import CloudWatchAlarms, CloudWatchAliasMetrics
    from chalicelib.adapters.lambda_nodes import LambdaFunctions
    from chalicelib.usecases.alias_ports import AliasPorts

    period_ms, settles_ms = settings().metrics_period_ms, settings().metrics_settle_ms
    return AliasPorts(
        functions=LambdaFunctions(clients().get("lambda"), settings().artifact_bucket),
        metrics=CloudWatchAliasMetrics(clients().get("cloudwatch"), period_ms=period_ms),
        alarms=CloudWatchAlarms(clients().get("cloudwatch")),
        period_ms=period_ms,
        settles_ms=settles_ms,
    )


@part
def master_key() -> Callable[[], MasterKey]:
    """Where callback tokens and receivers' secrets come from; read when first asked."""
    from chalicelib.adapters.master_key import SecretMasterKey

    return SecretMasterKey(clients().get("secretsmanager"), settings().master_secret)


@part
def outbound() -> Outbound:
    """The way out to users' addresses."""
    from chalicelib.adapters.outbound_http import SafeHttp

    return SafeHttp(loopback=settings().outbound_loopback)


@part
def pause() -> Callable[[float], None]:
    """Lets time go by between two tries."""
    from time import sleep

    return sleep


@part
def outbound_ports() -> OutboundPorts:
    """Everything the function `hooks` may ask for."""
    from chalicelib.adapters.function_calls import FunctionQueue, LambdaUserFunctions
    from chalicelib.usecases.outbound_ports import OutboundPorts

    return OutboundPorts(
        http=outbound(),
        functions=LambdaUserFunctions(clients().get("lambda")),
        results=FunctionQueue(clients().get("lambda"), settings().events_function),
        clock=clock(),
        master_key=master_key(),
        public_url=settings().public_url,
        pause=pause(),
    )


@part
def dead_letters() -> DeadLetters:
    """Where refused events go.

    Raises:
        RuntimeError: the installation names no queue; only the function that takes events needs one.
    """
    from chalicelib.adapters.sqs_dead_letters import SqsDeadLetters

    queue = settings().dead_letters
    if queue is None:
        raise RuntimeError("HOTSWAP_DEAD_LETTERS is not set")
    return SqsDeadLetters(clients().get("sqs"), queue)


@part
def signatures() -> Signatures:
    """Checking artifact signatures."""
    from chalicelib.adapters.signatures import Ed25519Signatures

    return Ed25519Signatures()


@part
def telemetry() -> Telemetry:
    """What operators see."""
    from chalicelib.adapters.log_telemetry import LogTelemetry

    return LogTelemetry(settings().stage)


@part
def checkpoint_signer() -> CheckpointSigner:
    """The key that seals the audit."""
    from chalicelib.adapters.checkpoint_keys import SecretCheckpointKeys
    from chalicelib.adapters.secret_keys import SecretKeys

    keys = SecretKeys(clients().get("secretsmanager"), settings().audit_secret, clock())
    return SecretCheckpointKeys(keys, audit_keys())


@part
def audit_keys() -> PublishedKeys:
    """Which keys may have sealed the audit."""
    from chalicelib.adapters.checkpoint_keys import PublishedKeys

    return PublishedKeys(clients().get("secretsmanager"), settings().audit_public_secret)


@part
def metric_sources() -> Mapping[Source, MetricSource]:
    """Where user-declared metrics come from; Prometheus where the installation names a server."""
    from chalicelib.adapters.heartbeat_metrics import HeartbeatMetrics
    from chalicelib.domain.analysis.evidence import Source

    sources: dict[Source, MetricSource] = {Source.HEARTBEAT: HeartbeatMetrics()}
    server = settings().prometheus_url
    if server is not None:
        from chalicelib.adapters.prometheus import PrometheusMetrics

        sources[Source.PROMETHEUS] = PrometheusMetrics(server)
    return sources


@part
def passwords() -> Passwords:
    """Password hashes."""
    from chalicelib.adapters.passwords import Passwords

    return Passwords()


@part
def approval_links() -> ApprovalLinks:
    """Links that decide, signed with the keys of access tokens."""
    from chalicelib.adapters.approval_links import SignedApprovalLinks

    return SignedApprovalLinks(token_keys(), clock())


@part
def token_keys() -> SecretKeys:
    """The keys that sign access tokens."""
    from chalicelib.adapters.secret_keys import SecretKeys

    return SecretKeys(clients().get("secretsmanager"), settings().signing_secret, clock())


@part
def tokens() -> Tokens:
    """Access tokens."""
    from chalicelib.adapters.tokens import Tokens

    return Tokens(token_keys(), clock())


@part
def id_tokens() -> IdTokens:
    """Identity tokens of trusted issuers."""
    from chalicelib.adapters.id_tokens import IdTokens
    from chalicelib.adapters.outbound_http import SafeHttp

    return IdTokens(SafeHttp(loopback=settings().loopback_issuers), clock())


@part
def new_id() -> Callable[[], str]:
    """Makes ids nobody has; they sort by the time they were made."""
    from chalicelib.adapters.ids import Ulids

    return Ulids(clock()).new


@part
def ports() -> Ports:
    """Everything a use case may ask for."""
    from chalicelib.usecases.ports import Ports

    return Ports(
        store=store(),
        metrics=metrics(),
        clock=clock(),
        executions=later(executions),
        artifacts=later(artifacts),
        bus=later(bus),
        calls=later(calls),
        aliases=later(aliases),
        signatures=later(signatures),
        telemetry=telemetry(),
        metric_sources=metric_sources(),
        new_id=new_id(),
    )
