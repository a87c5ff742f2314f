"""Rotate the keys that sign access tokens: nobody is logged out, and a key that leaks is soon worth nothing."""

from __future__ import annotations

from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.identity_ports import TokenKeyRing
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import SYSTEM

ROTATED_EVERY_MS = 30 * 24 * 3600 * 1000


def rotate_token_keys(*, at_once: bool = False, actor: str, keys: TokenKeyRing, ports: Ports) -> str:
    """The id of the new key. `at_once` when a key may have been stolen: everybody logs in anew.

    The audit comes first: a rotation that cannot be recorded does not happen, one that fails afterwards is repeated.

    Raises:
        Unavailable: the keys cannot be reached.
    """
    deed = Deed(subject="token-keys", actor=actor, action="TokenKeysRotated", detail={"atOnce": at_once})
    ports.store.commit(audited(deed, ports=ports))
    return keys.rotate(at_once=at_once)


def rotate_when_due(*, keys: TokenKeyRing, ports: Ports) -> bool:
    """Whether the newest key was old enough and there is a newer one now."""
    if ports.clock.machine_ms() - keys.newest_since_ms() < ROTATED_EVERY_MS:
        return False
    rotate_token_keys(actor=SYSTEM, keys=keys, ports=ports)
    return True
