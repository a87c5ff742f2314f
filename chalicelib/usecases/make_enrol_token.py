"""Make a one-time token with which one node may enrol in one environment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from chalicelib.domain.access import Caller
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import EnrolToken
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Add, Ports


def make_enrol_token(
    environment: Environment,
    *,
    lives_seconds: int,
    labels: Mapping[str, str] = MappingProxyType({}),
    caller: Caller,
    request_id: str = "",
    new_secret: Callable[[], str],
    ports: Ports,
) -> tuple[str, EnrolToken]:
    """The token as the node must send it, and the record of it, which holds only its hash.

    The node gets `labels`; of one it names itself too, these count.
    """
    token = f"hse_{new_secret()}"
    now = ports.clock.machine_ms()
    record = EnrolToken(
        token_hash=hashlib.sha256(token.encode()).hexdigest(),
        environment=environment,
        created_by=caller.name,
        expires_at_ms=now + lives_seconds * 1000,
        labels=dict(labels),
    )
    deed = Deed(
        subject=f"enrol-token:{record.token_hash}",
        actor=caller.name,
        action="EnrolTokenMade",
        detail={"environment": str(environment), "expiresAt": record.expires_at_ms, "labels": record.labels},
        request_id=request_id,
    )
    ports.store.commit(Add(record), audited(deed, ports=ports))
    return token, record
