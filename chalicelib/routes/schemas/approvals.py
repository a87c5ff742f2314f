"""Bodies of approvals. Source: docs/contracts/control.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.domain.approval import Approval
from chalicelib.domain.environment import Environment
from chalicelib.routes.fields import Instant, Reason, iso, iso_or_none
from chalicelib.routes.validation import Answered, Received


class Decide(Received):
    """Why, and which question was read: another one asked by now is a conflict."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Looked right in Staging"}]})

    reason: Reason = ""
    approval_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class DecisionBody(Answered):
    """One person's answer."""

    by: str
    approved: bool
    reason: str
    at: Instant


class ApprovalBody(Answered):
    """One question: may this plan change `targetEnvironment`, the environment that would be changed next?"""

    approval_id: str
    execution_id: str
    target_environment: Environment
    module_name: str
    version: str
    digest: str
    from_version: str | None
    from_digest: str | None
    plan_hash: str
    policy_revision: int
    requested_by: str
    requested_at: Instant
    expires_at: Instant
    remaining_seconds: int
    approvers_needed: int
    status: str
    decided_at: Instant | None
    decisions: list[DecisionBody]


class ApprovalPage(Answered):
    """Questions nobody has answered, the one that expires first first."""

    approvals: list[ApprovalBody]
    cursor: str | None


def approval_body(approval: Approval, *, now_ms: int) -> ApprovalBody:
    """One approval; `now_ms` is policy time."""
    return ApprovalBody(
        approval_id=approval.id,
        execution_id=approval.deployment_id,
        target_environment=approval.environment,
        module_name=approval.module,
        version=approval.version,
        digest=approval.digest,
        from_version=approval.from_version,
        from_digest=approval.from_digest,
        plan_hash=approval.plan_hash,
        policy_revision=approval.policy_revision,
        requested_by=approval.requested_by,
        requested_at=iso(approval.requested_at_ms),
        expires_at=iso(approval.expires_at_ms),
        remaining_seconds=max(approval.expires_at_ms - now_ms, 0) // 1000,
        approvers_needed=approval.approvers_needed,
        status=approval.status,
        decided_at=iso_or_none(approval.decided_at_ms),
        decisions=[
            DecisionBody(by=each.by, approved=each.approved, reason=each.reason, at=iso(each.at_ms))
            for each in approval.decisions
        ],
    )
