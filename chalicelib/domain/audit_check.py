"""Is an audit what it was? Every way to falsify it, found from the records and the signed checkpoints alone. Pure.

The API and the stand-alone verifier (infra/verify_audit.py) both ask here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from chalicelib.domain.checkpoint import FIRST, Checkpoint, Head, SealedHead, merkle_root, root_from
from chalicelib.domain.timeline import AuditRecord, audit_hash

Verifies = Callable[[Checkpoint], bool]
"""Whether a checkpoint's signature is by a key that may seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not as it was: `what` is for programs, `seq` the record (0: none of them)."""

    what: str
    subject: str
    seq: int
    detail: str


def chain_faults(subject: str, records: Sequence[AuditRecord]) -> tuple[Fault, ...]:
    """What is wrong with one chain by itself, records given in order: the first fault, or none."""
    previous = ""
    for seq, record in enumerate(records, start=1):
        if record.subject != subject:
            return (Fault(what="RECORD_OF_ANOTHER", subject=subject, seq=seq, detail=f"it is about {record.subject}"),)
        if record.seq != seq:
            return (Fault(what="RECORD_MISSING", subject=subject, seq=seq, detail=f"number {record.seq} is there"),)
        if record.previous_hash != previous:
            return (Fault(what="CHAIN_BROKEN", subject=subject, seq=seq, detail="it does not follow the one before"),)
        if record.hash != audit_hash(replace(record, hash="")):
            return (Fault(what="RECORD_CHANGED", subject=subject, seq=seq, detail="its hash is not its own"),)
        previous = record.hash
    return ()


def seal_faults(
    records: Sequence[AuditRecord], sealed: Iterable[SealedHead], checkpoints: Mapping[int, Checkpoint]
) -> tuple[Fault, ...]:
    """What the checkpoints say against a chain: an end that was cut off, or a chain that was written anew."""
    faults = []
    for each in sealed:
        head: Head = (each.subject, each.seq, each.hash)
        checkpoint = checkpoints.get(each.checkpoint)
        if checkpoint is None or checkpoint.seal != each.seal:
            continue  # of a sweep that came second; what is missing from a checkpoint shows in checkpoint_faults
        if root_from(head, each.index, each.path) != checkpoint.root:
            faults.append(_fault("SEAL_CHANGED", each, f"it does not lead to the root of {checkpoint.number}"))
        elif each.seq > len(records):
            faults.append(_fault("END_CUT_OFF", each, f"sealed by {checkpoint.number}, and not there"))
        elif records[each.seq - 1].hash != each.hash:
            faults.append(_fault("CHAIN_REWRITTEN", each, f"another record was sealed by {checkpoint.number}"))
    return tuple(faults)


def checkpoint_faults(
    checkpoints: Sequence[Checkpoint], sealed: Iterable[SealedHead], verifies: Verifies, *, after: Checkpoint | None
) -> tuple[Fault, ...]:
    """What is wrong with a run of checkpoints, given in order, and with their heads; `after` stands before them."""
    faults: list[Fault] = []
    number, previous = (after.number, after.hash) if after is not None else (0, FIRST)
    by_seal = {
        seal: sorted(group, key=lambda each: each.index)
        for seal, group in groupby(sorted(sealed, key=lambda each: each.seal), key=lambda each: each.seal)
    }
    for checkpoint in checkpoints:
        number += 1
        heads: list[Head] = [(each.subject, each.seq, each.hash) for each in by_seal.get(checkpoint.seal, ())]
        if checkpoint.number != number or checkpoint.previous != previous:
            faults.append(_of(checkpoint, "CHECKPOINT_MISSING", f"it does not follow number {number - 1}"))
            number = checkpoint.number
        if not verifies(checkpoint):
            faults.append(_of(checkpoint, "CHECKPOINT_FORGED", "its signature is by no key that may seal"))
        if len(heads) != checkpoint.leaves or not heads or merkle_root(heads) != checkpoint.root:
            faults.append(_of(checkpoint, "SEAL_MISSING", f"{len(heads)} of {checkpoint.leaves} heads lead to no root"))
        previous = checkpoint.hash
    return tuple(faults)


def _of(checkpoint: Checkpoint, what: str, detail: str) -> Fault:
    return Fault(what=what, subject=f"checkpoint {checkpoint.number}", seq=0, detail=detail)


def _fault(what: str, sealed: SealedHead, detail: str) -> Fault:
    return Fault(what=what, subject=sealed.subject, seq=sealed.seq, detail=detail)
