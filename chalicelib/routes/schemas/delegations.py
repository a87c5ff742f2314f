"""Deciding in somebody else's place, as callers see it."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.domain.delegation import Delegation
from chalicelib.routes.fields import Instant, QueryInstant, Reason, iso
from chalicelib.routes.schemas.approvals import Person
from chalicelib.routes.validation import Answered, Received


class Delegate(Received):
    """Who decides in one's place, and for how long: at most 90 days; `from` is now where it is left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"to": "frank", "until": "2026-12-01T08:00:00Z", "reason": "Holiday"}]}
    )

    to: Person
    begins_at: Annotated[QueryInstant | None, Field(alias="from")] = None
    until: QueryInstant
    reason: Reason = ""


class DelegationBody(Answered):
    """Who may decide for whom, and when."""

    delegator: str
    delegate: str
    begins_at: Annotated[Instant, Field(serialization_alias="from")]
    until: Instant
    reason: str


class DelegationsBody(Answered):
    """Delegations that are on or to come."""

    delegations: list[DelegationBody]


def delegation_body(delegation: Delegation) -> DelegationBody:
    """One delegation."""
    return DelegationBody(
        delegator=delegation.delegator,
        delegate=delegation.delegate,
        begins_at=iso(delegation.from_ms),
        until=iso(delegation.until_ms),
        reason=delegation.reason,
    )
