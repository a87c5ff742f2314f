"""Enrol a node: a one-time token for an identity, a credential, and the trust roots it pins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.domain.errors import NotAuthenticated, StaleWrite
from chalicelib.domain.module import SigningKey
from chalicelib.domain.node import EnrolToken, Node, NodeKind, node_id
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Add, Ports, Replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What a node says of itself."""

    name: str
    address: str = ""
    kind: NodeKind = NodeKind.KERNEL
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What the node gets. `credential` is told once; only its hash is kept."""

    node: Node
    credential: str
    trust_roots: tuple[SigningKey, ...]


def enrol_node(
    token: str,
    enrolment: Enrolment,
    *,
    heartbeat_ms: int,
    request_id: str = "",
    new_secret: Callable[[], str],
    ports: Ports,
) -> Enrolled:
    """The node, made in the write that uses the token up; of two that send one token, one is enrolled.

    Raises:
        NotAuthenticated: the token is unknown, used or expired.
    """
    known = ports.store.get(EnrolToken, hashlib.sha256(token.encode()).hexdigest())
    now = ports.clock.machine_ms()
    if known is None or known.used_by is not None or now >= known.expires_at_ms:
        raise _refused()
    credential = f"hsn_{new_secret()}"
    node = Node(
        id=node_id(known.environment, ports.new_id()),
        environment=known.environment,
        name=enrolment.name,
        kind=enrolment.kind,
        address=enrolment.address,
        labels=dict(enrolment.labels),
        credential_hash=hashlib.sha256(credential.encode()).hexdigest(),
        enrolled_at_ms=now,
        last_heartbeat_ms=now,
        heartbeat_ms=heartbeat_ms,
    )
    used = replace(known, used_by=node.id, revision=known.revision + 1)
    deed = Deed(
        subject=f"node:{node.id}",
        actor=known.created_by,
        action="NodeEnrolled",
        detail={"name": node.name, "environment": str(node.environment), "kind": str(node.kind)},
        request_id=request_id,
    )
    try:
        ports.store.commit(Replace(used), Add(node), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise _refused() from lost
    roots = tuple(
        key for key in ports.store.list(SigningKey) if key.revoked_at_ms is None and key.counts_in(known.environment)
    )
    return Enrolled(node=node, credential=credential, trust_roots=roots)


def _refused() -> NotAuthenticated:
    return NotAuthenticated("This enrol token is unknown, used or expired.")
