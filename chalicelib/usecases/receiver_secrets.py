"""Secrets of receivers: which versions sign now, and the next one when it is asked for."""

from __future__ import annotations

from chalicelib.domain.access import Caller
from chalicelib.domain.receiver import ReceiverSecret, rotated
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Replace


def valid_versions(subject: str, *, ports: Ports) -> list[int]:
    """The versions of a receiver's secret to sign with; version 1 before anybody asked for one."""
    known = ports.store.get(ReceiverSecret, subject) or ReceiverSecret(subject=subject)
    return list(known.valid(ports.clock.machine_ms()))


def rotate_secret(
    subject: str, *, overlap_seconds: int, caller: Caller, request_id: str = "", ports: Ports
) -> ReceiverSecret:
    """The receiver's next secret; the one before stays valid for the overlap."""

    def decide() -> tuple[ReceiverSecret, tuple[Change, ...]]:
        known = ports.store.get(ReceiverSecret, subject)
        before = known or ReceiverSecret(subject=subject)
        after = rotated(before, overlap_seconds=overlap_seconds, now_ms=ports.clock.machine_ms())
        deed = Deed(
            subject=f"secret:{subject}",
            actor=caller.name,
            action="SecretRotated",
            detail={"version": after.version, "overlapSeconds": overlap_seconds},
            request_id=request_id,
        )
        if known is None:
            return after, (Add(after), audited(deed, ports=ports))
        return after, (Replace(after), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
