"""The audit record of a change that belongs to no deployment: the next link of its subject's chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.timeline import AuditRecord, audit_hash
from chalicelib.usecases.ports import Add, Change, Ports

MAX_TRIES = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Who did what to which subject, before it has a number in the chain."""

    subject: str
    actor: str
    action: str
    outcome: str = "allowed"
    detail: dict[str, Any]
    request_id: str = ""


def audited(deed: Deed, *, ports: Ports) -> Add:
    """The write that adds a deed to its chain; commit it together with the change it tells of."""
    last = ports.store.list(AuditRecord, deed.subject, newest_first=True, limit=1)
    record = AuditRecord(
        subject=deed.subject,
        seq=last[0].seq + 1 if last else 1,
        at_ms=ports.clock.machine_ms(),
        actor=deed.actor,
        action=deed.action,
        outcome=deed.outcome,
        detail=deed.detail,
        request_id=deed.request_id,
        previous_hash=last[0].hash if last else "",
    )
    return Add(replace(record, hash=audit_hash(record)))


def decide_and_commit(decide: Callable[[], tuple[T, tuple[Change, ...]]], *, ports: Ports) -> T:
    """Commit what `decide` decides and return its outcome; decided anew, on fresh reads, when somebody else was faster.

    Raises:
        StaleWrite: somebody else was faster every time.
    """
    for attempt in range(MAX_TRIES):
        outcome, changes = decide()
        if not changes:
            return outcome
        try:
            ports.store.commit(*changes)
        except StaleWrite:
            if attempt == MAX_TRIES - 1:
                raise
            continue
        return outcome
    raise AssertionError("unreachable")
