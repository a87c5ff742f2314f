"""Delegations: who decides on approvals in whose place, and when."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.delegations import Delegate, DelegationBody, DelegationsBody, delegation_body
from chalicelib.usecases import delegate_approvals as delegating

bp = Noun(__name__)

ALL = "/api/v1/approvals/delegations"


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.DECIDE,
    body=Delegate,
    response=DelegationBody,
    status=201,
    summary="Let somebody decide on approvals in your place for a time",
)
def delegate_approvals(call: Call, body: Delegate) -> DelegationBody:
    given = delegating.delegate_approvals(
        body.to,
        from_ms=body.begins_at,
        until_ms=body.until,
        reason=body.reason,
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return delegation_body(given)


@endpoint(bp, ALL, "GET", action=Action.READ, response=DelegationsBody, summary="Who may decide for whom, now or later")
def list_delegations(call: Call) -> DelegationsBody:
    found = delegating.list_delegations(ports=call.edge.ports)
    return DelegationsBody(delegations=[delegation_body(each) for each in found])


@endpoint(
    bp,
    ALL + "/{delegator}/{delegate}",
    "DELETE",
    action=Action.ANSWER,
    status=204,
    errors=(404,),
    summary="End a delegation: one's own, or anybody's as an Admin",
)
def end_delegation(call: Call, delegator: str, delegate: str) -> Answer:
    delegating.end_delegation(
        delegator, delegate, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return Answer(body=None)
