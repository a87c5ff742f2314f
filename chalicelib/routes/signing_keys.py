"""Signing keys: whose artifacts are accepted."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.modules import AddSigningKey, SigningKeyBody, SigningKeyList, Why, key_body
from chalicelib.usecases import reads
from chalicelib.usecases.add_signing_key import add_signing_key as added
from chalicelib.usecases.revoke_signing_key import revoke_signing_key as revoked

bp = Noun(__name__)

ALL = "/api/v1/signing-keys"


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.MANAGE_KEYS,
    body=AddSigningKey,
    response=SigningKeyBody,
    status=201,
    also=(200,),
    errors=(409,),
    summary="Accept artifacts signed by this key; 200 when they are already",
)
def add_signing_key(call: Call, body: AddSigningKey) -> Answer:
    key, is_new = added(
        body.public_key,
        owner=body.owner,
        limits=body.limits(),
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return Answer(body=key_body(key), status=201 if is_new else 200)


@endpoint(bp, ALL, "GET", action=Action.READ, response=SigningKeyList, summary="List signing keys")
def list_signing_keys(call: Call) -> SigningKeyList:
    return SigningKeyList(keys=[key_body(key) for key in reads.list_signing_keys(ports=call.edge.ports)])


@endpoint(
    bp,
    ALL + "/{keyId}/revoke",
    "POST",
    action=Action.MANAGE_KEYS,
    body=Why,
    response=SigningKeyBody,
    errors=(404,),
    summary="Refuse artifacts signed by this key from now on",
)
def revoke_signing_key(call: Call, key_id: str, body: Why) -> SigningKeyBody:
    key = revoked(key_id, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports)
    return key_body(key)
