"""Bodies of approvals. Source: docs/contracts/control.md."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.domain.analysis.verdict import ComparedWith, Decision
from chalicelib.domain.approval import Approval, ApprovalStatus, RoleNeeded, still_needed
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import WaveStatus
from chalicelib.domain.strategies import Strategy, WaveKind
from chalicelib.routes.fields import Instant, Reason, iso, iso_or_none
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.read_approvals import Evidence, Question

ApprovalId = Annotated[str, Field(min_length=1, max_length=64)]
Person = Annotated[str, Field(min_length=1, max_length=128)]


class Say(Received):
    """Why, and which question was read: another one asked by now is a conflict."""

    reason: Reason = ""
    approval_id: ApprovalId | None = None


class Decide(Say):
    """The same for a decision; `onBehalfOf` is who delegated it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Looked right in Staging"}]})

    plan_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    on_behalf_of: Person | None = None

    def said(self) -> dict[str, Any]:
        """The same for the use case."""
        return {
            "reason": self.reason,
            "approval_id": self.approval_id or "",
            "plan_hash": self.plan_hash or "",
            "on_behalf_of": self.on_behalf_of or "",
        }


class DecideOne(Decide):
    """One of several decisions."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"executionId": "01J00000000000000000000001", "approved": True}]}
    )

    execution_id: Annotated[str, Field(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    approved: bool


class DecideMany(Received):
    """Decisions on several approvals, each taken by itself."""

    decisions: Annotated[list[DecideOne], Field(min_length=1, max_length=50)]


class CommentOn(Received):
    """What to say without deciding."""

    text: Annotated[str, Field(min_length=1, max_length=1_000)]
    approval_id: ApprovalId | None = None


class RoleNeededBody(Answered):
    """How many of those who agree must have a role."""

    role: str
    count: int


class StillNeededBody(Answered):
    """What is missing until the approval is given."""

    approvals: int
    roles: list[RoleNeededBody]
    sentence: str


class DecisionBody(Answered):
    """One person's answer."""

    by: str
    on_behalf_of: str | None
    roles: list[str]
    approved: bool
    reason: str
    at: Instant


class CommentBody(Answered):
    """What somebody said without deciding."""

    by: str
    text: str
    at: Instant


class ApprovalBody(Answered):
    """One question: may this plan change `targetEnvironment`, the environment that would be changed next?

    `mayNotDecide`: who asked, and who registered the version where the policy excludes them.
    """

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
    roles_needed: list[RoleNeededBody]
    still_needed: StillNeededBody
    may_not_decide: list[str]
    reason_required: bool
    reminders: int
    status: ApprovalStatus
    decided_at: Instant | None
    decisions: list[DecisionBody]
    comments: list[CommentBody]


class ApprovalWaveBody(Answered):
    """Nodes that would change together, and how long they would bake."""

    kind: WaveKind
    nodes: int
    bake_seconds: int


class ApprovalPlanBody(Answered):
    """What would happen in the environment with the nodes it has now."""

    strategy: Strategy
    fleet: int
    bake_seconds: int
    waves: list[ApprovalWaveBody]


class VerdictBody(Answered):
    """How one wave was judged."""

    wave: int
    decision: Decision | None
    compared_with: ComparedWith | None
    sentence: str | None


class EvidenceBody(Answered):
    """How an environment before this one took the version. `executionId`: the deployment that brought it there."""

    environment: Environment
    execution_id: str
    outcome: str
    message: str
    ended_at: Instant | None
    verdicts: list[VerdictBody]


class QuestionBody(ApprovalBody):
    """An approval with everything to decide it by; `plan` is null where the policy cannot move the fleet as it is."""

    description: str
    plan: ApprovalPlanBody | None
    evidence: list[EvidenceBody]


class ApprovalPage(Answered):
    """Questions nobody has answered, the one that expires first first."""

    approvals: list[QuestionBody]
    cursor: str | None


class OutcomeBody(Answered):
    """What became of one of several decisions: the approval, or the problem it was refused with."""

    execution_id: str
    status: int
    approval: ApprovalBody | None
    problem: dict[str, Any] | None


class OutcomesBody(Answered):
    """One outcome for each decision, in their order."""

    outcomes: list[OutcomeBody]


def approval_body(approval: Approval, *, now_ms: int) -> ApprovalBody:
    """One approval; `now_ms` is policy time."""
    return ApprovalBody(**_fields(approval, now_ms))


def question_body(question: Question, *, now_ms: int) -> QuestionBody:
    """One approval with plan and evidence; `now_ms` is policy time."""
    plan = question.plan
    shown = None
    if plan is not None:
        waves = [ApprovalWaveBody(kind=w.kind, nodes=w.nodes, bake_seconds=w.bake_seconds) for w in plan.waves]
        shown = ApprovalPlanBody(strategy=plan.strategy, fleet=plan.fleet, bake_seconds=plan.bake_seconds, waves=waves)
    return QuestionBody(
        **_fields(question.approval, now_ms),
        description=question.deployment.description,
        plan=shown,
        evidence=[_evidence_body(each) for each in question.evidence],
    )


def _fields(approval: Approval, now_ms: int) -> dict[str, Any]:
    needed = still_needed(approval)
    return {
        "approval_id": approval.id,
        "execution_id": approval.deployment_id,
        "target_environment": approval.environment,
        "module_name": approval.module,
        "version": approval.version,
        "digest": approval.digest,
        "from_version": approval.from_version,
        "from_digest": approval.from_digest,
        "plan_hash": approval.plan_hash,
        "policy_revision": approval.policy_revision,
        "requested_by": approval.requested_by,
        "requested_at": iso(approval.requested_at_ms),
        "expires_at": iso(approval.expires_at_ms),
        "remaining_seconds": max(approval.expires_at_ms - now_ms, 0) // 1000,
        "approvers_needed": approval.approvers_needed,
        "roles_needed": _roles(approval.roles_needed),
        "still_needed": StillNeededBody(
            approvals=needed.approvals, roles=_roles(needed.roles), sentence=needed.sentence
        ),
        "may_not_decide": sorted({approval.requested_by, *approval.excluded}),
        "reason_required": approval.reason_required,
        "reminders": approval.reminders,
        "status": approval.status,
        "decided_at": iso_or_none(approval.decided_at_ms),
        "decisions": [
            DecisionBody(
                by=each.by,
                on_behalf_of=each.on_behalf_of or None,
                roles=list(each.roles),
                approved=each.approved,
                reason=each.reason,
                at=iso(each.at_ms),
            )
            for each in approval.decisions
        ],
        "comments": [CommentBody(by=each.by, text=each.text, at=iso(each.at_ms)) for each in approval.comments],
    }


def _roles(needed: tuple[RoleNeeded, ...]) -> list[RoleNeededBody]:
    return [RoleNeededBody(role=each.role, count=each.count) for each in needed]


def _evidence_body(evidence: Evidence) -> EvidenceBody:
    rollout = evidence.rollout
    return EvidenceBody(
        environment=rollout.environment,
        execution_id=evidence.deployment_id,
        outcome=rollout.phase,
        message=rollout.message or rollout.why,
        ended_at=iso_or_none(rollout.ended_at_ms),
        verdicts=[
            VerdictBody(
                wave=wave.number,
                decision=wave.decision or None,
                compared_with=wave.compared_with or None,
                sentence=wave.sentence or None,
            )
            for wave in rollout.waves
            if wave.status is not WaveStatus.PENDING
        ],
    )
