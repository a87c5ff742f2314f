"""Revoke a signing key: nothing signed by it passes the security scan any more, and nodes take in nothing new of it."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import NotFound
from chalicelib.domain.module import SigningKey
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Change, Ports, Replace


def revoke_signing_key(key_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> SigningKey:
    """The key, revoked; a revoked one stays as it is. Nodes are told with their heartbeats; what
    they run already they go on running.

    Raises:
        NotFound: no such key.
    """

    def decide() -> tuple[SigningKey, tuple[Change, ...]]:
        known = ports.store.get(SigningKey, key_id)
        if known is None:
            raise NotFound("signing key", key_id)
        if known.revoked_at_ms is not None:
            return known, ()
        after = replace(known, revoked_at_ms=ports.clock.machine_ms(), revision=known.revision + 1)
        deed = Deed(
            subject=f"signing-key:{key_id}",
            actor=caller.name,
            action="SigningKeyRevoked",
            detail={"reason": reason},
            request_id=request_id,
        )
        return after, (Replace(after), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
