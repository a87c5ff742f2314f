"""Approvals: what waits for people, and what they say."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.approvals import ApprovalBody, ApprovalPage, Decide, approval_body
from chalicelib.routes.schemas.modules import ListPage
from chalicelib.usecases import reads
from chalicelib.usecases.decide_approval import decide_approval

bp = Noun(__name__)

ONE = "/api/v1/approvals/deployments/{executionId}"


@endpoint(
    bp,
    "/api/v1/approvals/pending",
    "GET",
    action=Action.READ,
    query=ListPage,
    response=ApprovalPage,
    summary="List what waits for people, the one that expires first first",
)
def list_pending_approvals(call: Call, query: ListPage) -> ApprovalPage:
    ports = call.edge.ports
    page = reads.pending_approvals(limit=query.limit, cursor=query.cursor, ports=ports)
    now = ports.clock.policy_ms()
    return ApprovalPage(approvals=[approval_body(each, now_ms=now) for each in page.records], cursor=page.cursor)


@endpoint(
    bp,
    ONE,
    "GET",
    action=Action.READ,
    response=ApprovalBody,
    errors=(404,),
    summary="What a deployment asks for, or asked for last",
)
def get_approval(call: Call, execution_id: str) -> ApprovalBody:
    ports = call.edge.ports
    return approval_body(reads.get_approval(execution_id, ports=ports), now_ms=ports.clock.policy_ms())


@endpoint(
    bp,
    ONE + "/approve",
    "POST",
    action=Action.DECIDE,
    body=Decide,
    response=ApprovalBody,
    errors=(404, 409),
    summary="Agree to the plan; never by whoever requested it",
)
def approve_deployment(call: Call, execution_id: str, body: Decide) -> ApprovalBody:
    return _decided(call, execution_id, body, approved=True)


@endpoint(
    bp,
    ONE + "/reject",
    "POST",
    action=Action.DECIDE,
    body=Decide,
    response=ApprovalBody,
    errors=(404, 409),
    summary="Refuse the plan; never by whoever requested it",
)
def reject_deployment(call: Call, execution_id: str, body: Decide) -> ApprovalBody:
    return _decided(call, execution_id, body, approved=False)


def _decided(call: Call, execution_id: str, body: Decide, *, approved: bool) -> ApprovalBody:
    ports = call.edge.ports
    approval = decide_approval(
        execution_id,
        approved=approved,
        reason=body.reason,
        approval_id=body.approval_id or "",
        caller=call.caller,
        ports=ports,
    )
    return approval_body(approval, now_ms=ports.clock.policy_ms())
