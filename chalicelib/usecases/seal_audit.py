"""Seal the audit: a signed checkpoint over the heads of all chains that grew since the last one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from chalicelib.domain.checkpoint import FIRST, Checkpoint, Head, SealedHead, head_of, merkle_paths, merkle_root
from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.ports import Add, CheckpointSigner, Ports

SETTLES_MS = 5_000
"""Younger records are left to the next checkpoint: the list of a day may lag behind the table."""
OVERLAP_MS = 10 * 60_000
"""How long after its instant a record may turn up in the list and still be sealed."""
FIRST_LOOKS_BACK_MS = 7 * 24 * 3_600_000
READ_AT_ONCE = 500


def seal_audit(*, signer: CheckpointSigner, ports: Ports) -> Checkpoint | None:
    """The new checkpoint; None when nothing grew, or when another sweep was faster.

    Raises:
        Unavailable: the table or the key does not answer; the next sweep seals what this one did not.
    """
    newest = ports.store.list(Checkpoint, newest_first=True, limit=1)
    last = newest[0] if newest else None
    now = ports.clock.machine_ms()
    heads = _grown(last, upto_ms=now - SETTLES_MS, ports=ports)
    if not heads:
        return None
    made = Checkpoint(
        number=1 if last is None else last.number + 1,
        at_ms=now,
        upto_ms=now - SETTLES_MS,
        leaves=len(heads),
        root=merkle_root(heads),
        previous=FIRST if last is None else last.hash,
    )
    by = signer.sign(made.signed_text)
    checkpoint = replace(made, key_id=by.key_id, public_key=by.public_key, signature=by.signature)
    paths = merkle_paths(heads)
    sealed = [
        SealedHead(seal=checkpoint.seal, index=index, subject=subject, seq=seq, hash=digest, path=paths[index])
        for index, (subject, seq, digest) in enumerate(heads)
    ]
    # The heads first: a checkpoint must never stand without them, heads without a checkpoint belong to nothing.
    ports.store.add_many(sealed)
    try:
        ports.store.commit(Add(checkpoint))
    except StaleWrite:
        return None
    return checkpoint


def _grown(last: Checkpoint | None, *, upto_ms: int, ports: Ports) -> tuple[Head, ...]:
    since = upto_ms - FIRST_LOOKS_BACK_MS if last is None else last.upto_ms - OVERLAP_MS
    heads: dict[str, AuditRecord] = {}
    for record in _records(since, upto_ms, ports=ports):
        known = heads.get(record.subject)
        if known is None or known.seq < record.seq:
            heads[record.subject] = record
    sealed_upto = 0 if last is None else last.upto_ms
    return tuple(
        head_of(record)
        for _, record in sorted(heads.items())
        if record.at_ms > sealed_upto or not _is_sealed(record, ports=ports)
    )


def _is_sealed(record: AuditRecord, *, ports: Ports) -> bool:
    found = ports.store.page(SealedHead, "lists", f"SEALED#{record.subject}", limit=1, newest_first=True)
    return bool(found.records) and found.records[0].seq >= record.seq


def _records(since_ms: int, upto_ms: int, *, ports: Ports) -> Iterator[AuditRecord]:
    first, day = _day(since_ms), _day(upto_ms)
    while day >= first:
        cursor: str | None = None
        while True:
            page = ports.store.page(
                AuditRecord,
                "lists",
                f"AUDIT#{day.isoformat()}",
                limit=READ_AT_ONCE,
                cursor=cursor,
                newest_first=True,
                upto=f"{upto_ms:013d}",
            )
            fresh = [record for record in page.records if record.at_ms >= since_ms]
            yield from fresh
            cursor = page.cursor
            if cursor is None or len(fresh) < len(page.records):
                break
        day -= timedelta(days=1)


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms // 1000, UTC).date()
