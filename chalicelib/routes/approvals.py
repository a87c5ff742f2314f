"""Approvals: what waits for people, and what they say."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.domain.approval import Approval
from chalicelib.domain.errors import DomainError
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.problems import problem_of
from chalicelib.routes.schemas.approvals import (
    ApprovalBody,
    ApprovalPage,
    CommentOn,
    Decide,
    DecideMany,
    OutcomeBody,
    OutcomesBody,
    QuestionBody,
    Say,
    approval_body,
    question_body,
)
from chalicelib.routes.schemas.modules import ListPage
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.discuss_approval import comment_on_approval, withdraw_from_approval
from chalicelib.usecases.read_approvals import read_question, read_questions

bp = Noun(__name__)

ALL = "/api/v1/approvals"
ONE = ALL + "/deployments/{executionId}"


@endpoint(
    bp,
    ALL + "/pending",
    "GET",
    action=Action.READ,
    query=ListPage,
    response=ApprovalPage,
    summary="List what waits for people, the one that expires first first",
)
def list_pending_approvals(call: Call, query: ListPage) -> ApprovalPage:
    ports = call.edge.ports
    page = read_questions(limit=query.limit, cursor=query.cursor, ports=ports)
    now = ports.clock.policy_ms()
    return ApprovalPage(approvals=[question_body(each, now_ms=now) for each in page.records], cursor=page.cursor)


@endpoint(
    bp,
    ONE,
    "GET",
    action=Action.READ,
    response=QuestionBody,
    errors=(404,),
    summary="What a deployment asks for, or asked for last, with plan and evidence",
)
def get_approval(call: Call, execution_id: str) -> QuestionBody:
    ports = call.edge.ports
    return question_body(read_question(execution_id, ports=ports), now_ms=ports.clock.policy_ms())


@endpoint(
    bp,
    ONE + "/approve",
    "POST",
    action=Action.ANSWER,
    body=Decide,
    response=ApprovalBody,
    errors=(404, 409),
    summary="Agree to the plan; never by whoever requested it",
)
def approve_deployment(call: Call, execution_id: str, body: Decide) -> ApprovalBody:
    return _shown(call, _decided(call, execution_id, body, approved=True))


@endpoint(
    bp,
    ONE + "/reject",
    "POST",
    action=Action.ANSWER,
    body=Decide,
    response=ApprovalBody,
    errors=(404, 409),
    summary="Refuse the plan; never by whoever requested it",
)
def reject_deployment(call: Call, execution_id: str, body: Decide) -> ApprovalBody:
    return _shown(call, _decided(call, execution_id, body, approved=False))


@endpoint(
    bp,
    ONE + "/withdraw",
    "POST",
    action=Action.ANSWER,
    body=Say,
    response=ApprovalBody,
    errors=(404, 409),
    summary="Take one's agreement back before enough have agreed",
)
def withdraw_decision(call: Call, execution_id: str, body: Say) -> ApprovalBody:
    approval = withdraw_from_approval(
        execution_id,
        reason=body.reason,
        approval_id=body.approval_id or "",
        caller=call.caller,
        ports=call.edge.ports,
    )
    return _shown(call, approval)


@endpoint(
    bp,
    ONE + "/comments",
    "POST",
    action=Action.ANSWER,
    body=CommentOn,
    response=ApprovalBody,
    errors=(404, 409),
    summary="Say something without deciding",
)
def comment_on_deployment(call: Call, execution_id: str, body: CommentOn) -> ApprovalBody:
    approval = comment_on_approval(
        execution_id, text=body.text, approval_id=body.approval_id or "", caller=call.caller, ports=call.edge.ports
    )
    return _shown(call, approval)


@endpoint(
    bp,
    ALL + "/decisions",
    "POST",
    action=Action.ANSWER,
    body=DecideMany,
    response=OutcomesBody,
    summary="Decide on several approvals; each has an outcome of its own",
)
def decide_approvals(call: Call, body: DecideMany) -> OutcomesBody:
    outcomes = []
    for each in body.decisions:
        try:
            approval = _decided(call, each.execution_id, each, approved=each.approved)
            outcome = OutcomeBody(
                execution_id=each.execution_id, status=200, approval=_shown(call, approval), problem=None
            )
        except DomainError as refused:
            path = f"{ALL}/deployments/{each.execution_id}"
            status, problem = problem_of(refused, instance=path, request_id=call.request_id)
            outcome = OutcomeBody(execution_id=each.execution_id, status=status, approval=None, problem=problem)
        outcomes.append(outcome)
    return OutcomesBody(outcomes=outcomes)


def _decided(call: Call, execution_id: str, body: Decide, *, approved: bool) -> Approval:
    said = body.said()
    return decide_approval(execution_id, approved=approved, **said, caller=call.caller, ports=call.edge.ports)


def _shown(call: Call, approval: Approval) -> ApprovalBody:
    return approval_body(approval, now_ms=call.edge.ports.clock.policy_ms())
