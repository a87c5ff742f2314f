"""Hooks: whom the stages ask, and where the answer may be called back to."""

from __future__ import annotations

import hashlib
import hmac

from chalicelib.domain.access import Action, may
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.hook import EVERY_MODULE, StageHooks, plain_message
from chalicelib.domain.receiver import HOOKS
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.hooks import (
    CallbackBody,
    HookCallBody,
    HooksBody,
    PutHooks,
    RotateSecret,
    SecretBody,
    hook_call_body,
    hooks_body,
)
from chalicelib.usecases.answer_hook import answer_hook
from chalicelib.usecases.receiver_secrets import rotate_secret
from chalicelib.usecases.stage_hooks import change_hooks, current_hooks

bp = Noun(__name__)

ALL = "/api/v1/hooks"
OF_MODULE = "/api/v1/modules/{name}/hooks"


@endpoint(
    bp, ALL, "GET", action=Action.READ, response=HooksBody, summary="What the stages of every module ask by default"
)
def get_hooks(call: Call) -> HooksBody:
    return _shown(call, current_hooks(EVERY_MODULE, ports=call.edge.ports), None)


@endpoint(
    bp,
    ALL,
    "PUT",
    action=Action.MANAGE_HOOKS,
    body=PutHooks,
    response=HooksBody,
    summary="Let Build, Test and Validation of every module ask a URL or a function",
)
def put_hooks(call: Call, body: PutHooks) -> HooksBody:
    return _shown(call, _changed(call, body, EVERY_MODULE), None)


@endpoint(bp, OF_MODULE, "GET", action=Action.READ, response=HooksBody, summary="What the stages of one module ask")
def get_module_hooks(call: Call, name: str) -> HooksBody:
    return _shown(call, current_hooks(name, ports=call.edge.ports), name)


@endpoint(
    bp,
    OF_MODULE,
    "PUT",
    action=Action.MANAGE_HOOKS,
    body=PutHooks,
    response=HooksBody,
    summary="Let the stages of one module ask something else than those of the others",
)
def put_module_hooks(call: Call, name: str, body: PutHooks) -> HooksBody:
    return _shown(call, _changed(call, body, name), name)


@endpoint(
    bp,
    ALL + "/secret",
    "POST",
    action=Action.MANAGE_HOOKS,
    body=RotateSecret,
    response=SecretBody,
    summary="Make the next secret that hook calls are signed with, and show it once",
)
def rotate_hook_secret(call: Call, body: RotateSecret) -> SecretBody:
    key = call.edge.master_key()
    secret = rotate_secret(
        HOOKS,
        overlap_seconds=body.overlap_seconds,
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return SecretBody(secret=key.secret(HOOKS, secret.version))


@endpoint(
    bp,
    ALL + "/calls/{callId}",
    "POST",
    action="callback",
    body=CallbackBody,
    response=HookCallBody,
    errors=(404, 409),
    summary="Call back with the outcome of a hook call; the token is good for this call and one outcome",
)
def answer_hook_call(call: Call, call_id: str, body: CallbackBody) -> HookCallBody:
    expected = hashlib.sha256(call.edge.master_key().callback_token(call_id).encode()).hexdigest()
    if not hmac.compare_digest(expected, call.credential_hash):
        raise NotAuthenticated("This token does not answer this call.")
    message = plain_message(body.message)
    answered = answer_hook(call_id, body.status, message, request_id=call.request_id, ports=call.edge.ports)
    return hook_call_body(call_id, answered)


def _changed(call: Call, body: PutHooks, scope: str) -> StageHooks:
    hooks = body.hooks(scope, loopback=call.edge.loopback)
    return change_hooks(hooks, caller=call.caller, request_id=call.request_id, ports=call.edge.ports)


def _shown(call: Call, hooks: StageHooks, module: str | None) -> HooksBody:
    return hooks_body(hooks, module, whole=may(call.caller, Action.MANAGE_HOOKS))
