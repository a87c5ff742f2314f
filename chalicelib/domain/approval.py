"""Approvals: who is asked what, who may answer, and the one outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.access import Role
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyDecided, Conflict, InvalidInput, NotAllowed, Violation

MOST_COMMENTS = 100


class ApprovalStatus(StrEnum):
    """Where an approval stands; all but Pending are ends."""

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    WITHDRAWN = "Withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNeeded:
    """How many of those who agree must have a role."""

    role: Role
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's answer, with the roles it counts for. A delegate answers for `on_behalf_of`, in their roles."""

    by: str
    approved: bool
    reason: str
    at_ms: int
    roles: tuple[Role, ...] = ()
    on_behalf_of: str = ""

    @property
    def people(self) -> frozenset[str]:
        """Everybody whose answer this is."""
        return frozenset({self.by, self.on_behalf_of}) - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What somebody said without deciding."""

    by: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One question: may this plan be carried out in this environment? Bound to the plan's hash; instants are policy time.

    `excluded` may not answer beside whoever asked: who registered the version, where the policy says so, and who made the
    deploy rule, where one asked.
    """

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
    roles_needed: tuple[RoleNeeded, ...] = ()
    excluded: tuple[str, ...] = ()
    reason_required: bool = False
    remind_every_ms: int | None = None
    reminders: int = 0
    status: ApprovalStatus = ApprovalStatus.PENDING
    decisions: tuple[Decision, ...] = ()
    comments: tuple[Comment, ...] = ()
    decided_at_ms: int | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.deployment_id, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StillNeeded:
    """What an approval lacks: `approvals` more, among them `roles`."""

    approvals: int
    roles: tuple[RoleNeeded, ...]

    @property
    def sentence(self) -> str:
        """The same for people."""
        if not self.approvals:
            return "Nobody is needed any more."
        more = f"{self.approvals} more {'approval' if self.approvals == 1 else 'approvals'}"
        mix = " and ".join(f"{need.count} by {_A[need.role]}" for need in self.roles)
        return f"{more}, {mix}." if mix else f"{more}."


_A = {role: f"an {role}" if role[0] in "AEIOU" else f"a {role}" for role in Role}


def still_needed(approval: Approval) -> StillNeeded:
    """Who has yet to agree; nobody once there is an outcome."""
    if approval.status is not ApprovalStatus.PENDING:
        return StillNeeded(approvals=0, roles=())
    agreed = [decision for decision in approval.decisions if decision.approved]
    roles = []
    for need in approval.roles_needed:
        missing = need.count - sum(need.role in decision.roles for decision in agreed)
        if missing > 0:
            roles.append(replace(need, count=missing))
    fewest = max((need.count for need in roles), default=0)
    return StillNeeded(approvals=max(approval.approvers_needed - len(agreed), fewest), roles=tuple(roles))


def decide(approval: Approval, decision: Decision) -> Approval:
    """The approval after one answer: one rejection ends it, enough agreements of the right roles end it.

    Raises:
        AlreadyDecided: it has an outcome, or its time is up.
        NotAllowed: whoever asked or registered the version answers, or somebody answers twice.
        InvalidInput: the policy asks for a reason, and there is none.
    """
    _require_open(approval, now_ms=decision.at_ms)
    if approval.requested_by in decision.people:
        raise NotAllowed("Whoever requested a deployment may not decide on it.")
    barred = decision.people & set(approval.excluded)
    if barred:
        whose = ", ".join(sorted(barred))
        raise NotAllowed(f"{whose} registered this version, or made the rule that asks, and may not decide on it.")
    if any(earlier.people & decision.people for earlier in approval.decisions):
        raise NotAllowed("You have answered already, or somebody has for you.")
    if approval.reason_required and not decision.reason.strip():
        rule = f"must be given; the policy of {approval.environment} asks for one"
        raise InvalidInput(Violation("reason", rule))
    answered = replace(approval, decisions=(*approval.decisions, decision), revision=approval.revision + 1)
    if not decision.approved:
        return replace(answered, status=ApprovalStatus.REJECTED, decided_at_ms=decision.at_ms)
    if not still_needed(answered).approvals:
        return replace(answered, status=ApprovalStatus.APPROVED, decided_at_ms=decision.at_ms)
    return answered


def withdraw_decision(approval: Approval, *, by: str, now_ms: int) -> Approval:
    """The approval without the agreement of somebody who thought again before enough had agreed.

    Raises:
        AlreadyDecided: it has an outcome, or its time is up.
        Conflict: they have not agreed.
    """
    _require_open(approval, now_ms=now_ms)
    left = tuple(decision for decision in approval.decisions if by not in decision.people)
    if left == approval.decisions:
        raise Conflict("You have not answered, so there is nothing to withdraw.")
    return replace(approval, decisions=left, revision=approval.revision + 1)


def comment(approval: Approval, said: Comment) -> Approval:
    """The approval with one more comment.

    Raises:
        AlreadyDecided: it has an outcome, or its time is up.
        Conflict: there are as many comments as there may be.
    """
    _require_open(approval, now_ms=said.at_ms)
    if len(approval.comments) >= MOST_COMMENTS:
        raise Conflict(f"There are {MOST_COMMENTS} comments, as many as there may be.")
    return replace(approval, comments=(*approval.comments, said), revision=approval.revision + 1)


def remind(approval: Approval, *, now_ms: int) -> Approval:
    """The approval after people were reminded, if that is due; reminders that were missed are not made up for."""
    if (
        approval.status is not ApprovalStatus.PENDING
        or not approval.remind_every_ms
        or now_ms >= approval.expires_at_ms
    ):
        return approval
    due = (now_ms - approval.requested_at_ms) // approval.remind_every_ms
    return approval if due <= approval.reminders else replace(approval, reminders=due, revision=approval.revision + 1)


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


def roles_in_order(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Roles as a decision keeps them."""
    return tuple(sorted(roles))


def _require_open(approval: Approval, *, now_ms: int) -> None:
    if approval.status is not ApprovalStatus.PENDING:
        raise AlreadyDecided("approval", approval.status)
    if now_ms >= approval.expires_at_ms:
        raise AlreadyDecided("approval", ApprovalStatus.EXPIRED)
