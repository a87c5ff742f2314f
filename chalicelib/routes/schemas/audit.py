"""Bodies of the audit."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.timeline import AuditRecord
from chalicelib.routes.fields import Instant, QueryInt, iso, matching
from chalicelib.routes.validation import Answered, Received, broken_inside


def _is_day(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Subject = Annotated[str, Field(min_length=1, max_length=300)]
Day = Annotated[str, matching("must be a day such as 2026-11-21", _is_day)]


class ReadAudit(Received):
    """Either what happened to one subject (from `after` on), or what happened on one day (with `cursor`)."""

    subject: Subject | None = None
    day: Day | None = None
    after: Annotated[QueryInt, Field(ge=0, le=99_999_999)] = 0
    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.subject is None) == (self.day is None):
            raise broken_inside(InvalidInput(Violation("subject", "either subject or day must be given, and not both")))
        return self


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


class ChainBody(Answered):
    """Whether a chain is whole; `brokenAt` is the first record that is not what it must be."""

    subject: str
    is_whole: bool
    records: int
    broken_at: int | None
    last_hash: str


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
