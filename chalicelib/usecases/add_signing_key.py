"""Add a signing key: artifacts signed by it are accepted from now on, and nodes that enrol pin it."""

from __future__ import annotations

import base64
import hashlib

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import AlreadyExists
from chalicelib.domain.module import SigningKey
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports


def add_signing_key(
    public_key: str, *, owner: str, caller: Caller, request_id: str = "", ports: Ports
) -> tuple[SigningKey, bool]:
    """The key, and whether it is new. Adding it again changes nothing.

    Raises:
        AlreadyExists: it was revoked, or belongs to somebody else; a revoked key never comes back.
    """
    key_id = key_id_of(public_key)

    def decide() -> tuple[tuple[SigningKey, bool], tuple[Change, ...]]:
        known = ports.store.get(SigningKey, key_id)
        if known is not None:
            if known.revoked_at_ms is not None or known.owner != owner:
                raise AlreadyExists("signing key", key_id)
            return (known, False), ()
        key = SigningKey(
            key_id=key_id,
            public_key=public_key,
            owner=owner,
            added_by=caller.name,
            added_at_ms=ports.clock.machine_ms(),
        )
        deed = Deed(
            subject=f"signing-key:{key_id}",
            actor=caller.name,
            action="SigningKeyAdded",
            detail={"owner": owner},
            request_id=request_id,
        )
        return (key, True), (Add(key), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)


def key_id_of(public_key: str) -> str:
    """The id of a public key in base64. Source: docs/contracts/artifact.md."""
    return "ed25519:" + hashlib.sha256(base64.b64decode(public_key)).hexdigest()[:32]
