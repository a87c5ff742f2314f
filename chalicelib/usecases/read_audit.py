"""Who did what: the records of one subject or of one day, and whether a subject's chain is whole."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.timeline import AuditRecord, audit_hash
from chalicelib.usecases.ports import Page, Ports

READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """Whether every record of a chain carries the hash it must; `broken_at` is the first number that does not.

    What a chain alone cannot show is that its end was cut off, or that all of it was written anew.
    """

    records: int
    broken_at: int | None
    last_hash: str

    @property
    def is_whole(self) -> bool:
        return self.broken_at is None


def read_subject(subject: str, *, after: int, limit: int, ports: Ports) -> tuple[AuditRecord, ...]:
    """The records about one subject behind number `after`, oldest first."""
    return ports.store.list(AuditRecord, subject, after=f"{after:08d}", limit=limit)


def read_day(day: str, *, limit: int, cursor: str | None, ports: Ports) -> Page:
    """Everything that happened on a day (UTC, YYYY-MM-DD), newest first; may lag a moment behind.

    Raises:
        InvalidInput: the cursor was not given for this list.
    """
    return ports.store.page(AuditRecord, "lists", f"AUDIT#{day}", limit=limit, cursor=cursor, newest_first=True)


def verify_chain(subject: str, *, ports: Ports) -> ChainCheck:
    """Every hash of a subject's chain, worked out again."""
    previous, seq = "", 0
    while True:
        records = ports.store.list(AuditRecord, subject, after=f"{seq:08d}", limit=READ_AT_ONCE)
        for record in records:
            seq += 1
            if record.seq != seq or record.previous_hash != previous or record.hash != audit_hash(record):
                return ChainCheck(records=seq, broken_at=seq, last_hash=previous)
            previous = record.hash
        if len(records) < READ_AT_ONCE:
            return ChainCheck(records=seq, broken_at=None, last_hash=previous)
