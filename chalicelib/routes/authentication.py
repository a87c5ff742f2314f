"""Signing in and out."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.authenticate import LONGEST_TOKEN
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.authentication import (
    ChangePassword,
    ExchangedBody,
    ExchangeToken,
    KeySet,
    LogIn,
    LogOut,
    RefreshSession,
    TokensBody,
    UserBody,
    exchanged_body,
    tokens_body,
    user_body,
)
from chalicelib.usecases.change_password import change_password as changed
from chalicelib.usecases.exchange_token import exchange_token as exchanged
from chalicelib.usecases.log_in import log_in as logged_in
from chalicelib.usecases.log_out import log_out as logged_out
from chalicelib.usecases.refresh_session import refresh_session as refreshed

bp = Noun(__name__)

HERE = "/api/v1/authentication"
CREDENTIALS_BYTES = 4_096


@endpoint(
    bp,
    HERE + "/login",
    "POST",
    action=None,
    body=LogIn,
    response=TokensBody,
    errors=(401, 429),
    summary="Exchange a password for tokens",
    max_bytes=CREDENTIALS_BYTES,
)
def log_in(call: Call, body: LogIn) -> TokensBody:
    edge = call.edge
    made = logged_in(
        body.username,
        body.password,
        source=call.source,
        request_id=call.request_id,
        identity=edge.identity,
        ports=edge.ports,
    )
    return tokens_body(made)


@endpoint(
    bp,
    HERE + "/refresh",
    "POST",
    action=None,
    body=RefreshSession,
    response=TokensBody,
    errors=(401,),
    summary="Exchange a refresh token for new tokens; using one twice ends the session",
    max_bytes=CREDENTIALS_BYTES,
)
def refresh_session(call: Call, body: RefreshSession) -> TokensBody:
    edge = call.edge
    made = refreshed(body.refresh_token, request_id=call.request_id, identity=edge.identity, ports=edge.ports)
    return tokens_body(made)


@endpoint(
    bp,
    HERE + "/logout",
    "POST",
    action=Action.OWN_ACCOUNT,
    body=LogOut,
    status=204,
    summary="End the session; its tokens are good no more",
)
def log_out(call: Call, body: LogOut) -> Answer:  # noqa: ARG001  # that there is nothing in it was checked
    logged_out(caller=call.caller, request_id=call.request_id, ports=call.edge.ports)
    return Answer(body=None)


@endpoint(
    bp,
    HERE + "/exchange",
    "POST",
    action=None,
    body=ExchangeToken,
    response=ExchangedBody,
    errors=(401,),
    summary="Exchange the identity token of a trusted issuer for an access token; CI jobs need no password",
    max_bytes=2 * LONGEST_TOKEN,
)
def exchange_token(call: Call, body: ExchangeToken) -> ExchangedBody:
    edge = call.edge
    return exchanged_body(
        exchanged(body.id_token, request_id=call.request_id, identity=edge.identity, ports=edge.ports)
    )


@endpoint(
    bp,
    HERE + "/password",
    "POST",
    action=Action.OWN_ACCOUNT,
    body=ChangePassword,
    response=TokensBody,
    errors=(429,),
    summary="Change one's own password; every session ends, and the answer begins a new one",
    max_bytes=CREDENTIALS_BYTES,
)
def change_password(call: Call, body: ChangePassword) -> TokensBody:
    edge = call.edge
    made = changed(
        body.current_password,
        body.new_password,
        source=call.source,
        caller=call.caller,
        request_id=call.request_id,
        identity=edge.identity,
        ports=edge.ports,
    )
    return tokens_body(made)


@endpoint(bp, HERE + "/me", "GET", action=Action.OWN_ACCOUNT, response=UserBody, summary="Who am I, and what may I be?")
def get_me(call: Call) -> UserBody:
    return user_body(call.caller)


@endpoint(
    bp,
    "/.well-known/jwks.json",
    "GET",
    action=None,
    response=KeySet,
    summary="The public keys that verify access tokens",
)
def get_public_keys(call: Call) -> KeySet:
    return KeySet(keys=call.edge.identity.tokens.jwks()["keys"])
