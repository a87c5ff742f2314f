"""Enrol a node: a one-time token for an identity, a credential, and the trust roots it pins."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.domain.errors import InvalidInput, NotAuthenticated, StaleWrite, Violation
from chalicelib.domain.module import SigningKey
from chalicelib.domain.node import EnrolToken, Node, NodeKind, NodeStatus, node_id
from chalicelib.domain.node_history import Happening, What, noted
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Add, Ports, Replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What a node says of itself. `nonce` is a secret of its own making, with which it may ask again."""

    name: str
    address: str = ""
    kind: NodeKind = NodeKind.KERNEL
    labels: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""


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

    Whoever sends the nonce that came with the token before, until the node has reported, is the same node whose answer
    was lost: it gets a new credential, and the old one counts no more.

    Raises:
        InvalidInput: it is no kernel.
        NotAuthenticated: the token is unknown, used or expired.
    """
    if enrolment.kind is not NodeKind.KERNEL:
        raise InvalidInput(Violation("kind", "must be kernel: a function alias is registered by an administrator"))
    known = ports.store.get(EnrolToken, _hash(token))
    now = ports.clock.machine_ms()
    if known is None or now >= known.expires_at_ms:
        raise _refused()
    credential = f"hsn_{new_secret()}"
    if known.used_by is not None:
        node = _asked_again(known, enrolment.nonce, credential, request_id, ports=ports)
        return Enrolled(node=node, credential=credential, trust_roots=_trust_roots(node, ports=ports))
    node = Node(
        id=node_id(known.environment, ports.new_id()),
        environment=known.environment,
        name=enrolment.name,
        kind=enrolment.kind,
        address=enrolment.address,
        labels={**enrolment.labels, **known.labels},
        credential_hash=_hash(credential),
        enrolled_at_ms=now,
        last_heartbeat_ms=now,
        heartbeat_ms=heartbeat_ms,
    )
    node, entries = noted(node, Happening(what=What.ENROLLED, at_ms=now), by=known.created_by)
    nonce_hash = _hash(enrolment.nonce) if enrolment.nonce else ""
    used = replace(known, used_by=node.id, nonce_hash=nonce_hash, revision=known.revision + 1)
    deed = Deed(
        subject=f"node:{node.id}",
        actor=known.created_by,
        action="NodeEnrolled",
        detail={"name": node.name, "environment": str(node.environment), "kind": str(node.kind)},
        request_id=request_id,
    )
    try:
        ports.store.commit(Replace(used), Add(node), *map(Add, entries), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise _refused() from lost
    return Enrolled(node=node, credential=credential, trust_roots=_trust_roots(node, ports=ports))


def _asked_again(token: EnrolToken, nonce: str, credential: str, request_id: str, *, ports: Ports) -> Node:
    node = ports.store.get(Node, token.environment, token.used_by or "")
    same = nonce and token.nonce_hash and hmac.compare_digest(_hash(nonce), token.nonce_hash)
    if not same or node is None or node.interval or node.status is NodeStatus.REMOVED:
        raise _refused()
    again = replace(node, credential_hash=_hash(credential), revision=node.revision + 1)
    deed = Deed(
        subject=f"node:{node.id}",
        actor=token.created_by,
        action="NodeEnrolledAgain",
        detail={"name": node.name, "environment": str(node.environment)},
        request_id=request_id,
    )
    try:
        ports.store.commit(Replace(again), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise _refused() from lost
    return again


def _trust_roots(node: Node, *, ports: Ports) -> tuple[SigningKey, ...]:
    keys = ports.store.list(SigningKey)
    return tuple(key for key in keys if key.revoked_at_ms is None and key.counts_in(node.environment))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _refused() -> NotAuthenticated:
    return NotAuthenticated("This enrol token is unknown, used or expired.")
