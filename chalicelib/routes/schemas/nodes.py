"""Bodies of nodes as people see them, and of enrolment. Source: docs/contracts/node-protocol.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from chalicelib.domain.edition import configuration_of, digest_of
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import EnrolToken, Node, NodeKind, NodeStatus
from chalicelib.domain.node_history import NodeChange
from chalicelib.routes.fields import Instant, Reason, iso, one_of
from chalicelib.routes.schemas.aliases import AliasBody, alias_body
from chalicelib.routes.schemas.node_fields import Address, Labels, NodeName
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.enrol_node import Enrolled, Enrolment


class MakeEnrolToken(Received):
    """How long the token may be used, and the labels its node gets whatever it says of itself."""

    lives_seconds: Annotated[int, Field(ge=60, le=7 * 24 * 3600)] = 3_600
    labels: Labels = Field(default_factory=dict)


class EnrolNode(Received):
    """What a node says of itself, with its one-time token."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "hse_…",
                    "name": "production-01",
                    "address": "http://127.0.0.1:8101",
                    "kind": "kernel",
                    "labels": {"zone": "a"},
                }
            ]
        }
    )

    token: Annotated[str, Field(min_length=1, max_length=200)]
    name: NodeName
    address: Address = ""
    kind: Annotated[NodeKind, one_of(NodeKind)] = NodeKind.KERNEL
    labels: Labels = Field(default_factory=dict)
    # With it the same node may ask again, should it not get the answer.
    nonce: Annotated[str, Field(min_length=16, max_length=200)] | None = None

    def enrolment(self) -> Enrolment:
        """The same for the use case."""
        return Enrolment(
            name=self.name, address=self.address, kind=self.kind, labels=self.labels, nonce=self.nonce or ""
        )


class ChangeNode(Received):
    """Why an operator says this of a node."""

    reason: Reason = ""


class LabelNode(Received):
    """All the labels a node is to have."""

    labels: Labels
    reason: Reason = ""


class EnrolTokenBody(Answered):
    """A token for one node; it is told once."""

    token: str
    environment: Environment
    labels: dict[str, str]
    expires_at: Instant


class TrustRoot(Answered):
    """A key the node pins; it counts from `validFrom` until before `validUntil` (milliseconds since the epoch)."""

    key_id: str
    public_key: str
    valid_from: int | None
    valid_until: int | None


class EnrolledBody(Answered):
    """Who the node is from now on; the credential is told once."""

    node_id: str
    environment: Environment
    credential: str
    trust_roots: list[TrustRoot]
    heartbeat_ms: int


class RunningBody(Answered):
    """What a node reports of one module. A function alias gives `canaryPercent` of its traffic to `canary`."""

    module_name: str
    fence: int
    active: str | None
    configuration_revision: int
    staged: list[str]
    canary: str | None
    canary_percent: int
    healthy: bool
    last_outcome: str | None
    last_reason: str | None


class DriftBody(Answered):
    """A module that runs something else than it should, since when."""

    module_name: str
    since: Instant


class NodeBody(Answered):
    """A node as it last reported itself. `state` is Healthy, Unhealthy or Silent; `status` is what operators want."""

    node_id: str
    environment: Environment
    name: str
    kind: NodeKind
    address: str
    labels: dict[str, str]
    status: NodeStatus
    state: Literal["Healthy", "Unhealthy", "Silent"]
    enrolled_at: Instant
    last_heartbeat_at: Instant
    heartbeat_ms: int
    kernel_version: str
    modules: list[RunningBody]
    drift: list[DriftBody]
    alias: AliasBody | None


class NodeChangeBody(Answered):
    """Something that happened to a node; `by` names who said it, null what the node showed itself."""

    seq: int
    at: Instant
    what: str
    reason: str
    by: str | None


class NodeHistory(Answered):
    """The last changes of a node, the newest first; at most fifty are kept."""

    changes: list[NodeChangeBody]


class NodeList(Answered):
    """The nodes of an environment, by name."""

    nodes: list[NodeBody]


def token_body(token: str, record: EnrolToken) -> EnrolTokenBody:
    """A token that was just made."""
    return EnrolTokenBody(
        token=token, environment=record.environment, labels=record.labels, expires_at=iso(record.expires_at_ms)
    )


def enrolled_body(enrolled: Enrolled) -> EnrolledBody:
    """What a node that enrolled is told."""
    return EnrolledBody(
        node_id=enrolled.node.id,
        environment=enrolled.node.environment,
        credential=enrolled.credential,
        trust_roots=[
            TrustRoot(
                key_id=key.key_id,
                public_key=key.public_key,
                valid_from=key.valid_from_ms,
                valid_until=key.valid_until_ms,
            )
            for key in enrolled.trust_roots
        ],
        heartbeat_ms=enrolled.node.heartbeat_ms,
    )


def node_state(node: Node, *, now_ms: int) -> str:
    """Silent when it is not heard of, Unhealthy when it says that something is not well."""
    never_seen = node.alias is not None and not node.interval
    if never_seen or node.is_silent(now_ms):
        return "Silent"
    return "Healthy" if node.is_healthy else "Unhealthy"


def node_body(node: Node, *, now_ms: int) -> NodeBody:
    """One node; `now_ms` is machine time."""
    return NodeBody(
        node_id=node.id,
        environment=node.environment,
        name=node.name,
        kind=node.kind,
        address=node.address,
        labels=node.labels,
        status=node.status,
        state=node_state(node, now_ms=now_ms),
        enrolled_at=iso(node.enrolled_at_ms),
        last_heartbeat_at=iso(node.last_heartbeat_ms),
        heartbeat_ms=node.heartbeat_ms,
        kernel_version=node.kernel_version,
        modules=[
            RunningBody(
                module_name=report.module,
                fence=report.fence,
                active=None if report.active is None else digest_of(report.active),
                configuration_revision=configuration_of(report.active),
                staged=list(report.staged),
                canary=None if report.canary is None else digest_of(report.canary),
                canary_percent=report.weight,
                healthy=report.healthy,
                last_outcome=None if report.ack is None else "succeeded" if report.ack.succeeded else "failed",
                last_reason=None if report.ack is None else report.ack.reason or None,
            )
            for report in node.modules
        ],
        drift=[DriftBody(module_name=each.module, since=iso(each.since_ms)) for each in node.drifts],
        alias=None if node.alias is None else alias_body(node.alias),
    )


def history_body(changes: tuple[NodeChange, ...]) -> NodeHistory:
    """What became of a node."""
    return NodeHistory(
        changes=[
            NodeChangeBody(seq=each.seq, at=iso(each.at_ms), what=each.what, reason=each.reason, by=each.by or None)
            for each in changes
        ]
    )
