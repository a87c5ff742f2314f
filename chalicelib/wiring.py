"""Joins use cases and adapters: everything is made on first use, once per process, and nothing at import.

Whoever runs the program elsewhere (the local cloud, tests) brings adapters of its own: `install(clock=...)`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

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

T = TypeVar("T")

REPLACEABLE: Final = frozenset(
    {
        "aliases",
        "alias_ports",
        "approval_links",
        "artifacts",
        "bus",
        "checkpoint_signer",
        "calls",
        "clients",
        "clock",
        "dead_letters",
        "executions",
        "id_tokens",
        "metric_sources",
        "metrics",
        "master_key",
        "new_id",
        "outbound",
        "pause",
        "passwords",
        "settings",
        "signatures",
        "store",
        "telemetry",
        "tokens",
    }
)

_lock = threading.RLock()
_made: dict[str, Any] = {}
_installed: dict[str, Any] = {}


def install(**adapters: Any) -> None:
    """Use these from now on instead of what would be made; `new_id` is a function, the others are what they implement.

    What was made before is forgotten, so that nothing goes on with what has been replaced; AWS clients are kept.

    Raises:
        TypeError: there is no such part.
    """
    unknown = set(adapters) - REPLACEABLE
    if unknown:
        raise TypeError(f"nothing is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(REPLACEABLE))}")
    with _lock:
        _installed.update(adapters)
        for name in set(_made) - ({"clients"} - set(adapters)):
            del _made[name]


def reset() -> None:
    """Forget everything that was installed and made; the next call makes it anew from the environment."""
    with _lock:
        _installed.clear()
        _made.clear()


def settings() -> Settings:
    """The settings of this process.

    Raises:
        BadSettings: the environment lacks some.
    """

    def make() -> Settings:
        from chalicelib.settings import Settings

        return Settings.from_env()

    return _once("settings", make)


def clients() -> AwsClients:
    """The AWS clients of this process."""

    def make() -> AwsClients:
        from chalicelib.adapters.aws_clients import AwsClients

        return AwsClients()

    return _once("clients", make)


def clock() -> Clock:
    """Both kinds of time."""

    def make() -> Clock:
        from chalicelib.adapters.clock import MachineClock

        return MachineClock()

    return _once("clock", make)


def store() -> Store:
    """The one table."""

    def make() -> Store:
        from chalicelib.adapters.dynamodb.table import DynamoStore

        return DynamoStore(clients().get("dynamodb"), settings().table)

    return _once("store", make)


def metrics() -> Metrics:
    """Measured windows."""

    def make() -> Metrics:
        from chalicelib.adapters.dynamodb.metrics import DynamoMetrics

        return DynamoMetrics(clients().get("dynamodb"), settings().table)

    return _once("metrics", make)


def executions() -> Executions:
    """The state machine."""

    def make() -> Executions:
        from chalicelib.adapters.step_functions import StepFunctionsExecutions

        return StepFunctionsExecutions(clients().get("stepfunctions"), settings().state_machine_arn)

    return _once("executions", make)


def artifacts() -> Artifacts:
    """The bytes of module versions."""

    def make() -> Artifacts:
        from chalicelib.adapters.s3_artifacts import S3Artifacts

        links = clients().get("s3", endpoint=settings().s3_endpoint)
        return S3Artifacts(clients().get("s3"), settings().artifact_bucket, links=links)

    return _once("artifacts", make)


def bus() -> Bus:
    """Events to the outside world."""

    def make() -> Bus:
        from chalicelib.adapters.event_bridge import EventBridgeBus

        return EventBridgeBus(clients().get("events"), settings().bus)

    return _once("bus", make)


def calls() -> Calls:
    """Orders to the function that calls users' addresses."""

    def make() -> Calls:
        from chalicelib.adapters.function_calls import FunctionQueue

        return FunctionQueue(clients().get("lambda"), settings().hooks_function)

    return _once("calls", make)


def aliases() -> AliasOrders:
    """Orders to the function that may touch users' functions."""

    def make() -> AliasOrders:
        from chalicelib.adapters.function_calls import FunctionQueue

        return FunctionQueue(clients().get("lambda"), settings().lambda_nodes_function)

    return _once("aliases", make)


def alias_ports() -> AliasPorts:
    """Everything the function `lambda_nodes` may ask for, beside the table."""

    def make() -> AliasPorts:
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

    return _once("alias_ports", make)


def master_key() -> Callable[[], MasterKey]:
    """Where callback tokens and receivers' secrets come from; read when first asked."""

    def make() -> Callable[[], MasterKey]:
        from chalicelib.adapters.master_key import SecretMasterKey

        return SecretMasterKey(clients().get("secretsmanager"), settings().master_secret)

    return _once("master_key", make)


def outbound() -> Outbound:
    """The way out to users' addresses."""

    def make() -> Outbound:
        from chalicelib.adapters.outbound_http import SafeHttp

        return SafeHttp(loopback=settings().outbound_loopback)

    return _once("outbound", make)


def pause() -> Callable[[float], None]:
    """Lets time go by between two tries."""

    def make() -> Callable[[float], None]:
        from time import sleep

        return sleep

    return _once("pause", make)


def outbound_ports() -> OutboundPorts:
    """Everything the function `hooks` may ask for."""

    def make() -> OutboundPorts:
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

    return _once("outbound_ports", make)


def dead_letters() -> DeadLetters:
    """Where refused events go.

    Raises:
        RuntimeError: the installation names no queue; only the function that takes events needs one.
    """

    def make() -> DeadLetters:
        from chalicelib.adapters.sqs_dead_letters import SqsDeadLetters

        queue = settings().dead_letters
        if queue is None:
            raise RuntimeError("HOTSWAP_DEAD_LETTERS is not set")
        return SqsDeadLetters(clients().get("sqs"), queue)

    return _once("dead_letters", make)


def signatures() -> Signatures:
    """Checking artifact signatures."""

    def make() -> Signatures:
        from chalicelib.adapters.signatures import Ed25519Signatures

        return Ed25519Signatures()

    return _once("signatures", make)


def telemetry() -> Telemetry:
    """What operators see."""

    def make() -> Telemetry:
        from chalicelib.adapters.log_telemetry import LogTelemetry

        return LogTelemetry(settings().stage)

    return _once("telemetry", make)


def checkpoint_signer() -> CheckpointSigner:
    """The key that seals the audit."""

    def make() -> CheckpointSigner:
        from chalicelib.adapters.checkpoint_keys import SecretCheckpointKeys
        from chalicelib.adapters.secret_keys import SecretKeys

        keys = SecretKeys(clients().get("secretsmanager"), settings().audit_secret, clock())
        return SecretCheckpointKeys(keys, audit_keys())

    return _once("checkpoint_signer", make)


def audit_keys() -> PublishedKeys:
    """Which keys may have sealed the audit."""

    def make() -> PublishedKeys:
        from chalicelib.adapters.checkpoint_keys import PublishedKeys

        return PublishedKeys(clients().get("secretsmanager"), settings().audit_public_secret)

    return _once("audit_keys", make)


def metric_sources() -> Mapping[Source, MetricSource]:
    """Where user-declared metrics come from; Prometheus where the installation names a server."""

    def make() -> Mapping[Source, MetricSource]:
        from chalicelib.adapters.heartbeat_metrics import HeartbeatMetrics
        from chalicelib.domain.analysis.evidence import Source

        sources: dict[Source, MetricSource] = {Source.HEARTBEAT: HeartbeatMetrics()}
        server = settings().prometheus_url
        if server is not None:
            from chalicelib.adapters.prometheus import PrometheusMetrics

            sources[Source.PROMETHEUS] = PrometheusMetrics(server)
        return sources

    return _once("metric_sources", make)


def passwords() -> Passwords:
    """Password hashes."""

    def make() -> Passwords:
        from chalicelib.adapters.passwords import Passwords

        return Passwords()

    return _once("passwords", make)


def approval_links() -> ApprovalLinks:
    """Links that decide, signed with the keys of access tokens."""

    def make() -> ApprovalLinks:
        from chalicelib.adapters.approval_links import SignedApprovalLinks

        return SignedApprovalLinks(token_keys(), clock())

    return _once("approval_links", make)


def token_keys() -> SecretKeys:
    """The keys that sign access tokens."""

    def make() -> SecretKeys:
        from chalicelib.adapters.secret_keys import SecretKeys

        return SecretKeys(clients().get("secretsmanager"), settings().signing_secret, clock())

    return _once("token_keys", make)


def tokens() -> Tokens:
    """Access tokens."""

    def make() -> Tokens:
        from chalicelib.adapters.tokens import Tokens

        return Tokens(token_keys(), clock())

    return _once("tokens", make)


def id_tokens() -> IdTokens:
    """Identity tokens of trusted issuers."""

    def make() -> IdTokens:
        from chalicelib.adapters.id_tokens import IdTokens
        from chalicelib.adapters.outbound_http import SafeHttp

        return IdTokens(SafeHttp(loopback=settings().loopback_issuers), clock())

    return _once("id_tokens", make)


def new_id() -> str:
    """An id nobody has; ids sort by the time they were made."""

    def make() -> Callable[[], str]:
        from chalicelib.adapters.ids import Ulids

        return Ulids(clock()).new

    return _once("new_id", make)()


def ports() -> Ports:
    """Everything a use case may ask for."""

    def make() -> Ports:
        from chalicelib.usecases.ports import Ports

        return Ports(
            store=store(),
            metrics=metrics(),
            clock=clock(),
            executions=later("executions", executions),
            artifacts=later("artifacts", artifacts),
            bus=later("bus", bus),
            calls=later("calls", calls),
            aliases=later("aliases", aliases),
            signatures=later("signatures", signatures),
            telemetry=telemetry(),
            metric_sources=metric_sources(),
            new_id=new_id,
        )

    return _once("ports", make)


class _Later:
    """Stands for a part until somebody asks it for something."""

    def __init__(self, part: Callable[[], Any]) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part(), name)


def later(name: str, part: Callable[[], T]) -> T:
    """The part `name`, made when it is first asked for something: a cold start makes nothing that it does not use."""
    return cast(T, _installed[name] if name in _installed else _Later(part))


def _once(name: str, make: Callable[[], T]) -> T:
    found = _made.get(name)
    if found is not None:
        return cast(T, found)
    with _lock:
        if name not in _made:
            _made[name] = _installed[name] if name in _installed else make()
        return cast(T, _made[name])
