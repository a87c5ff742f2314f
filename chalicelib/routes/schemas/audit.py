"""Bodies of the audit."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from chalicelib.domain.audit_check import Fault
from chalicelib.domain.checkpoint import Checkpoint, SealedHead
from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.timeline import AuditRecord
from chalicelib.routes.fields import Instant, QueryInt, iso, matching
from chalicelib.routes.validation import Answered, Received, broken_inside
from chalicelib.usecases.read_audit import AuditFilter, ChainCheck, CheckpointCheck


def _is_day(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Subject = Annotated[str, Field(min_length=1, max_length=300)]
Day = Annotated[str, matching("must be a day such as 2026-11-21", _is_day), Field(json_schema_extra={"format": "date"})]


class ReadAudit(Received):
    """Either what happened to one subject (from `after` on), or what happened on one day (with `cursor`, and filters)."""

    subject: Subject | None = None
    day: Day | None = None
    after: Annotated[QueryInt, Field(ge=0, le=99_999_999)] = 0
    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None
    actor: Subject | None = None
    action: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    outcome: Literal["allowed", "refused"] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.subject is None) == (self.day is None):
            raise broken_inside(InvalidInput(Violation("subject", "either subject or day must be given, and not both")))
        if self.day is None and (self.actor, self.action, self.outcome) != (None, None, None):
            raise broken_inside(InvalidInput(Violation("actor", "filters go with day")))
        return self

    def filter(self) -> AuditFilter:
        """The same for the use case."""
        return AuditFilter(actor=self.actor, action=self.action, outcome=self.outcome)


class ReadCheckpoints(Received):
    """Which checkpoints."""

    after: Annotated[QueryInt, Field(ge=0, le=99_999_999)] = 0
    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 20


class VerifyAudit(Received):
    """Whose chain to verify."""

    subject: Subject


class RecordBody(Answered):
    """Who did what; `hash` covers the record and `previousHash`."""

    subject: str
    seq: int
    at: Instant
    actor: str
    action: str
    outcome: str
    detail: dict[str, Any]
    request_id: str
    previous_hash: str
    hash: str


class AuditPage(Answered):
    """Records; of a subject oldest first (go on with `nextAfter`), of a day newest first (go on with `cursor`)."""

    records: list[RecordBody]
    next_after: int | None
    cursor: str | None


class FaultBody(Answered):
    """Something that is not as it was."""

    what: str
    subject: str
    seq: int
    detail: str


class ChainBody(Answered):
    """Whether a chain is what was written; `brokenAt` is the first record that is not what it must be (0: none of them).

    `sealedUpTo` is the newest record that a signed checkpoint vouches for; younger ones are sealed within two minutes.
    """

    subject: str
    is_whole: bool
    records: int
    broken_at: int | None
    last_hash: str
    sealed_up_to: int
    faults: list[FaultBody]


class HeadBody(Answered):
    """The newest record of one chain when a checkpoint was made."""

    index: int
    subject: str
    seq: int
    hash: str


class CheckpointBody(Answered):
    """A signed root over the heads of the chains that had grown. Source: docs/contracts/audit.md."""

    number: int
    at: Instant
    up_to: Instant
    leaves: int
    root: str
    previous: str
    hash: str
    key_id: str
    public_key: str
    signature: str


class SealBody(CheckpointBody):
    """A checkpoint with everything it sealed."""

    heads: list[HeadBody]


class CheckpointPage(Answered):
    """Checkpoints in order; go on with `nextAfter`."""

    checkpoints: list[SealBody]
    next_after: int


class SealingKeyBody(Answered):
    """A key that may seal the audit, as the service holds it outside of the table."""

    key_id: str
    public_key: str


class CheckpointsCheck(Answered):
    """Whether these checkpoints are what was signed by one of `keys`, each with all of its heads."""

    is_whole: bool
    keys: list[SealingKeyBody]
    checkpoints: list[CheckpointBody]
    faults: list[FaultBody]
    next_after: int


def record_body(record: AuditRecord) -> RecordBody:
    """One record."""
    return RecordBody(
        subject=record.subject,
        seq=record.seq,
        at=iso(record.at_ms),
        actor=record.actor,
        action=record.action,
        outcome=record.outcome,
        detail=record.detail,
        request_id=record.request_id,
        previous_hash=record.previous_hash,
        hash=record.hash,
    )


def chain_body(subject: str, check: ChainCheck) -> ChainBody:
    """What was found out about a chain."""
    return ChainBody(
        subject=subject,
        is_whole=check.is_whole,
        records=check.records,
        broken_at=check.broken_at,
        last_hash=check.last_hash,
        sealed_up_to=check.sealed_upto,
        faults=[fault_body(fault) for fault in check.faults],
    )


def fault_body(fault: Fault) -> FaultBody:
    """One fault."""
    return FaultBody(what=fault.what, subject=fault.subject, seq=fault.seq, detail=fault.detail)


def checkpoint_body(checkpoint: Checkpoint) -> CheckpointBody:
    """One checkpoint."""
    return CheckpointBody(
        number=checkpoint.number,
        at=iso(checkpoint.at_ms),
        up_to=iso(checkpoint.upto_ms),
        leaves=checkpoint.leaves,
        root=checkpoint.root,
        previous=checkpoint.previous,
        hash=checkpoint.hash,
        key_id=checkpoint.key_id,
        public_key=checkpoint.public_key,
        signature=checkpoint.signature,
    )


def seal_body(checkpoint: Checkpoint, heads: tuple[SealedHead, ...]) -> SealBody:
    """One checkpoint with its heads."""
    sealed = [HeadBody(index=each.index, subject=each.subject, seq=each.seq, hash=each.hash) for each in heads]
    return SealBody(**dict(checkpoint_body(checkpoint)), heads=sealed)


def checkpoints_check(check: CheckpointCheck, *, after: int) -> CheckpointsCheck:
    """What was found out about a run of checkpoints."""
    return CheckpointsCheck(
        is_whole=not check.faults,
        keys=[SealingKeyBody(key_id=key_id, public_key=key) for key_id, key in sorted(check.keys.items())],
        checkpoints=[checkpoint_body(each) for each in check.checkpoints],
        faults=[fault_body(fault) for fault in check.faults],
        next_after=check.checkpoints[-1].number if check.checkpoints else after,
    )
