"""Approvals: who is asked what, who may answer, and the one outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyDecided, NotAllowed


class ApprovalStatus(StrEnum):
    """Where an approval stands; all but Pending are ends."""

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    WITHDRAWN = "Withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's answer."""

    by: str
    approved: bool
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One question: may this plan be carried out in this environment? Bound to the plan's hash; instants are policy time."""

    id: str
    deployment_id: str
    environment: Environment
    module: str
    version: str
    digest: str
    from_digest: str | None
    from_version: str | None
    plan_hash: str
    policy_revision: int
    requested_by: str
    requested_at_ms: int
    expires_at_ms: int
    approvers_needed: int = 1
    status: ApprovalStatus = ApprovalStatus.PENDING
    decisions: tuple[Decision, ...] = ()
    decided_at_ms: int | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.deployment_id, self.id)


def decide(approval: Approval, decision: Decision) -> Approval:
    """The approval after one answer: one rejection ends it, enough agreements end it.

    Raises:
        AlreadyDecided: it has an outcome, or its time is up.
        NotAllowed: the requester answers, or somebody answers twice.
    """
    if approval.status is not ApprovalStatus.PENDING:
        raise AlreadyDecided("approval", approval.status)
    if decision.at_ms >= approval.expires_at_ms:
        raise AlreadyDecided("approval", ApprovalStatus.EXPIRED)
    if decision.by == approval.requested_by:
        raise NotAllowed("Whoever requested a deployment may not decide on it.")
    if any(earlier.by == decision.by for earlier in approval.decisions):
        raise NotAllowed("You have answered already.")
    answered = replace(approval, decisions=(*approval.decisions, decision), revision=approval.revision + 1)
    if not decision.approved:
        return replace(answered, status=ApprovalStatus.REJECTED, decided_at_ms=decision.at_ms)
    if len(answered.decisions) >= approval.approvers_needed:
        return replace(answered, status=ApprovalStatus.APPROVED, decided_at_ms=decision.at_ms)
    return answered


def expire(approval: Approval, *, now_ms: int) -> Approval:
    """The approval after its time is up; one that is decided, or has time left, stays as it is."""
    if approval.status is not ApprovalStatus.PENDING or now_ms < approval.expires_at_ms:
        return approval
    return replace(approval, status=ApprovalStatus.EXPIRED, decided_at_ms=now_ms, revision=approval.revision + 1)


def withdraw(approval: Approval, *, now_ms: int) -> Approval:
    """The approval after its deployment ended without it."""
    if approval.status is not ApprovalStatus.PENDING:
        return approval
    return replace(approval, status=ApprovalStatus.WITHDRAWN, decided_at_ms=now_ms, revision=approval.revision + 1)
