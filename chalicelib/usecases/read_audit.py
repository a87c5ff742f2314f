"""Who did what: the records of one subject or of one day, and whether what stands there is what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.domain.audit_check import Fault, chain_faults, checkpoint_faults, seal_faults
from chalicelib.domain.checkpoint import Checkpoint, SealedHead
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.ports import AuditKeys, Page, Ports

READ_AT_ONCE = 500
MOST_READ = 5_000
"""A day's filtered list looks at so many records at most for one answer, and gives a cursor to go on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """Whether a chain is what was written; `sealed_upto` is the newest record a checkpoint vouches for."""

    records: int
    faults: tuple[Fault, ...]
    last_hash: str
    sealed_upto: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.faults

    @property
    def broken_at(self) -> int | None:
        return self.faults[0].seq if self.faults else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointCheck:
    """Whether a run of checkpoints is what was signed; `keys` are those it was held against, by id."""

    checkpoints: tuple[Checkpoint, ...]
    faults: tuple[Fault, ...]
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which records of a day; None: all."""

    actor: str | None = None
    action: str | None = None
    outcome: str | None = None

    def lets_through(self, record: AuditRecord) -> bool:
        """Whether a record is wanted."""
        pairs = ((self.actor, record.actor), (self.action, record.action), (self.outcome, record.outcome))
        return all(wanted is None or wanted == given for wanted, given in pairs)


EVERYTHING = AuditFilter()


def read_subject(subject: str, *, after: int, limit: int, ports: Ports) -> tuple[AuditRecord, ...]:
    """The records about one subject behind number `after`, oldest first."""
    return ports.store.list(AuditRecord, subject, after=f"{after:08d}", limit=limit)


def read_day(
    day: str, *, only: AuditFilter = EVERYTHING, limit: int, cursor: str | None, newest_first: bool = True, ports: Ports
) -> Page:
    """What happened on a day (UTC, YYYY-MM-DD), newest first; may lag a moment behind, and a page may be short.

    Raises:
        InvalidInput: the cursor was not given for this list.
    """
    found: list[AuditRecord] = []
    looked_at = 0
    while True:
        # Never more than are wanted, so that the cursor stands exactly behind the last one that is given.
        page = ports.store.page(
            AuditRecord,
            "lists",
            f"AUDIT#{day}",
            limit=limit - len(found),
            cursor=cursor,
            newest_first=newest_first,
        )
        found += [record for record in page.records if only.lets_through(record)]
        looked_at += len(page.records)
        cursor = page.cursor
        if cursor is None or len(found) >= limit or looked_at >= MOST_READ:
            return Page(records=tuple(found), cursor=cursor)


def verify_chain(subject: str, *, keys: AuditKeys, ports: Ports) -> ChainCheck:
    """Every hash of a subject's chain worked out again, and held against every checkpoint that sealed it.

    Raises:
        Unavailable: the keys that may seal cannot be had.
    """
    records = tuple(_chain(subject, ports=ports))
    sealed = tuple(_seals(subject, ports=ports))
    numbers = {each.checkpoint for each in sealed}
    checkpoints = {number: found for number in numbers if (found := _checkpoint(number, ports=ports)) is not None}
    held = keys.public_keys() if checkpoints else {}
    forged = {number for number, each in checkpoints.items() if not _is_signed(each, held, ports=ports)}
    faults = (
        *chain_faults(subject, records),
        *seal_faults(records, sealed, checkpoints),
        *(_forged(checkpoints[number]) for number in sorted(forged)),
    )
    vouched = (each.seq for each in sealed if (found := checkpoints.get(each.checkpoint)) and found.seal == each.seal)
    return ChainCheck(
        records=len(records),
        faults=faults,
        last_hash=records[-1].hash if records else "",
        sealed_upto=max(vouched, default=0),
    )


def verify_checkpoints(*, after: int, limit: int, keys: AuditKeys, ports: Ports) -> CheckpointCheck:
    """The checkpoints behind number `after`, that a key the service holds signed each, and that each has all its heads.

    Raises:
        Unavailable: the keys that may seal cannot be had.
    """
    held = keys.public_keys()
    before = _checkpoint(after, ports=ports) if after else None
    checkpoints = checkpoints_after(after, limit=limit, ports=ports)
    sealed = [head for each in checkpoints for head in heads_of(each, ports=ports)]
    faults = checkpoint_faults(checkpoints, sealed, lambda each: _is_signed(each, held, ports=ports), after=before)
    return CheckpointCheck(checkpoints=checkpoints, faults=faults, keys=held)


def checkpoints_after(number: int, *, limit: int, ports: Ports) -> tuple[Checkpoint, ...]:
    """The checkpoints behind this number, in order."""
    return ports.store.list(Checkpoint, after=f"{number:08d}", limit=limit)


def heads_of(checkpoint: Checkpoint, *, ports: Ports) -> tuple[SealedHead, ...]:
    """What a checkpoint sealed."""
    return ports.store.list(SealedHead, checkpoint.seal)


def _chain(subject: str, *, ports: Ports) -> Iterator[AuditRecord]:
    after = ""
    while True:
        records = ports.store.list(AuditRecord, subject, after=after or None, limit=READ_AT_ONCE)
        yield from records
        if len(records) < READ_AT_ONCE:
            return
        after = f"{records[-1].seq:08d}"


def _seals(subject: str, *, ports: Ports) -> Iterator[SealedHead]:
    cursor: str | None = None
    while True:
        page = ports.store.page(SealedHead, "lists", f"SEALED#{subject}", limit=READ_AT_ONCE, cursor=cursor)
        yield from page.records
        cursor = page.cursor
        if cursor is None:
            return


def _checkpoint(number: int, *, ports: Ports) -> Checkpoint | None:
    return ports.store.get(Checkpoint, f"{number:08d}")


def _is_signed(checkpoint: Checkpoint, held: Mapping[str, str], *, ports: Ports) -> bool:
    # The key inside a checkpoint proves nothing: whoever writes one may put any key there.
    return held.get(checkpoint.key_id) == checkpoint.public_key and ports.signatures.verifies(
        public_key=checkpoint.public_key, signature=checkpoint.signature, message=checkpoint.signed_text
    )


def _forged(checkpoint: Checkpoint) -> Fault:
    detail = "its signature is by no key that may seal"
    return Fault(what="CHECKPOINT_FORGED", subject=f"checkpoint {checkpoint.number}", seq=0, detail=detail)
