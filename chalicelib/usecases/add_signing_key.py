"""Add a signing key: artifacts signed by it are accepted from now on, and nodes that enrol pin it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from chalicelib.domain.access import Caller
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyExists
from chalicelib.domain.module import SigningKey
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when until when (machine time), and in which environments a key counts; no limit where none is given."""

    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    environments: tuple[Environment, ...] = ()


ANYWHERE = Limits()


def add_signing_key(
    public_key: str, *, owner: str, limits: Limits = ANYWHERE, caller: Caller, request_id: str = "", ports: Ports
) -> tuple[SigningKey, bool]:
    """The key, and whether it is new. Adding it again changes nothing.

    Raises:
        AlreadyExists: it was revoked, belongs to somebody else or has other limits; a revoked key never comes back.
    """
    key_id = key_id_of(public_key)
    environments = tuple(each for each in Environment if each in limits.environments)

    def decide() -> tuple[tuple[SigningKey, bool], tuple[Change, ...]]:
        known = ports.store.get(SigningKey, key_id)
        if known is not None:
            given = (owner, limits.valid_from_ms, limits.valid_until_ms, environments)
            same = (known.owner, known.valid_from_ms, known.valid_until_ms, known.environments)
            if known.revoked_at_ms is not None or same != given:
                raise AlreadyExists("signing key", key_id)
            return (known, False), ()
        key = SigningKey(
            key_id=key_id,
            public_key=public_key,
            owner=owner,
            added_by=caller.name,
            added_at_ms=ports.clock.machine_ms(),
            valid_from_ms=limits.valid_from_ms,
            valid_until_ms=limits.valid_until_ms,
            environments=environments,
        )
        deed = Deed(
            subject=f"signing-key:{key_id}",
            actor=caller.name,
            action="SigningKeyAdded",
            detail={
                "owner": owner,
                "validFromMs": limits.valid_from_ms,
                "validUntilMs": limits.valid_until_ms,
                "environments": [str(each) for each in environments],
            },
            request_id=request_id,
        )
        return (key, True), (Add(key), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)


def key_id_of(public_key: str) -> str:
    """The id of a public key in base64. Source: docs/contracts/artifact.md."""
    return "ed25519:" + hashlib.sha256(base64.b64decode(public_key)).hexdigest()[:32]
