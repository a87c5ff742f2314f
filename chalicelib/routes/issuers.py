"""Trusted issuers: whose identity tokens let CI jobs act without a password."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.issuers import IssuerBody, IssuerList, TrustIssuer, issuer_body
from chalicelib.routes.schemas.modules import Why
from chalicelib.usecases import trust_issuer as trust

bp = Noun(__name__)

ALL = "/api/v1/issuers"
ONE = ALL + "/{issuerName}"


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.MANAGE_USERS,
    body=TrustIssuer,
    response=IssuerBody,
    status=201,
    errors=(409,),
    summary="Trust an issuer: who meets one of its rules may exchange an identity token for an access token",
)
def trust_issuer(call: Call, body: TrustIssuer) -> Answer:
    issuer = trust.trust_issuer(
        body.name,
        url=body.checked_url(loopback=call.edge.loopback_issuers),
        audience=body.audience,
        rules=body.trust_rules(),
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return Answer(body=issuer_body(issuer), headers={"Location": f"{ALL}/{issuer.name}"})


@endpoint(bp, ALL, "GET", action=Action.MANAGE_USERS, response=IssuerList, summary="List trusted issuers")
def list_issuers(call: Call) -> IssuerList:
    return IssuerList(issuers=[issuer_body(each) for each in trust.list_issuers(ports=call.edge.ports)])


@endpoint(bp, ONE, "GET", action=Action.MANAGE_USERS, response=IssuerBody, errors=(404,), summary="One trusted issuer")
def get_issuer(call: Call, issuer_name: str) -> IssuerBody:
    return issuer_body(trust.get_issuer(issuer_name, ports=call.edge.ports))


@endpoint(
    bp,
    ONE,
    "DELETE",
    action=Action.MANAGE_USERS,
    body=Why,
    status=204,
    errors=(404,),
    summary="Trust an issuer no more; sessions it vouched for end at once",
)
def distrust_issuer(call: Call, issuer_name: str, body: Why) -> Answer:
    trust.distrust_issuer(
        issuer_name, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return Answer(body=None)
