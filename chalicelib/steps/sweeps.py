"""The scheduled sweep: one pass of the reconciler, the seal of the audit, and what is due by the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.observability import log, log_failure
from chalicelib.usecases.deliver_event import repeat_due_attempts
from chalicelib.usecases.identity_ports import TokenKeyRing
from chalicelib.usecases.ports import CheckpointSigner, Ports
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.rotate_token_keys import rotate_when_due
from chalicelib.usecases.seal_audit import seal_audit


def handle(_event: Mapping[str, Any], *, signer: CheckpointSigner, keys: TokenKeyRing, ports: Ports) -> dict[str, int]:
    """Reconcile everything that is open, seal the audit, rotate token keys that are old; returns what was done, by kind."""
    done = asdict(reconcile(ports=ports)) | {"repeated": repeat_due_attempts(ports=ports)}
    return done | {"sealed": _seal(signer=signer, ports=ports), "rotated": _rotate(keys=keys, ports=ports)}


def _rotate(*, keys: TokenKeyRing, ports: Ports) -> int:
    try:
        return int(rotate_when_due(keys=keys, ports=ports))
    except Unavailable as error:
        log_failure("token_keys_not_rotated", error)
        return 0


def _seal(*, signer: CheckpointSigner, ports: Ports) -> int:
    try:
        checkpoint = seal_audit(signer=signer, ports=ports)
    except Unavailable as error:
        log_failure("audit_not_sealed", error)
        return 0
    if checkpoint is None:
        return 0
    # The log is kept elsewhere than the table: whoever removes the newest checkpoints there has not removed these lines.
    log(
        "audit_sealed",
        number=checkpoint.number,
        leaves=checkpoint.leaves,
        root=checkpoint.root,
        checkpointHash=checkpoint.hash,
        keyId=checkpoint.key_id,
    )
    return checkpoint.leaves
