"""Users: who may log in, what they may do, and where."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.modules import ListPage, Why
from chalicelib.routes.schemas.users import (
    AccountBody,
    AccountPage,
    ChangeAccess,
    CreateUser,
    TemporaryPasswordBody,
    account_body,
    account_page,
    temporary_body,
)
from chalicelib.usecases import change_user, read_users
from chalicelib.usecases.create_user import invite_user

bp = Noun(__name__)

ALL = "/api/v1/users"
ONE = ALL + "/{username}"


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.MANAGE_USERS,
    body=CreateUser,
    response=TemporaryPasswordBody,
    status=201,
    errors=(409,),
    summary="Create a user; the answer holds their temporary password, once",
)
def create_user(call: Call, body: CreateUser) -> Answer:
    edge = call.edge
    user, password = invite_user(
        body.username,
        tuple(dict.fromkeys(body.roles)),
        environments=tuple(dict.fromkeys(body.environments)),
        email=body.email or "",
        caller=call.caller,
        request_id=call.request_id,
        new_secret=edge.identity.new_secret,
        passwords=edge.identity.passwords,
        ports=edge.ports,
    )
    return Answer(body=temporary_body(user, password), headers={"Location": f"{ALL}/{user.username}"})


@endpoint(
    bp,
    ALL,
    "GET",
    action=Action.MANAGE_USERS,
    query=ListPage,
    response=AccountPage,
    summary="List users by name",
)
def list_users(call: Call, query: ListPage) -> AccountPage:
    return account_page(read_users.list_users(limit=query.limit, cursor=query.cursor, ports=call.edge.ports))


@endpoint(
    bp,
    ONE,
    "GET",
    action=Action.MANAGE_USERS,
    response=AccountBody,
    errors=(404,),
    summary="One user, and whether wrong passwords lock them out",
)
def get_user(call: Call, username: str) -> AccountBody:
    return account_body(*read_users.get_user(username, ports=call.edge.ports))


@endpoint(
    bp,
    ONE + "/access",
    "PUT",
    action=Action.MANAGE_USERS,
    body=ChangeAccess,
    response=AccountBody,
    errors=(404,),
    summary="Change what a user may do, and where; their sessions end",
)
def change_access(call: Call, username: str, body: ChangeAccess) -> AccountBody:
    user = change_user.change_access(
        username,
        tuple(dict.fromkeys(body.roles)),
        tuple(dict.fromkeys(body.environments)),
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return account_body(user)


@endpoint(
    bp,
    ONE + "/disable",
    "POST",
    action=Action.MANAGE_USERS,
    body=Why,
    response=AccountBody,
    errors=(404,),
    summary="Keep a user out; their sessions end",
)
def disable_user(call: Call, username: str, body: Why) -> AccountBody:
    user = change_user.disable_user(
        username, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return account_body(user)


@endpoint(
    bp,
    ONE + "/enable",
    "POST",
    action=Action.MANAGE_USERS,
    body=Why,
    response=AccountBody,
    errors=(404,),
    summary="Let a user log in again",
)
def enable_user(call: Call, username: str, body: Why) -> AccountBody:
    user = change_user.enable_user(
        username, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return account_body(user)


@endpoint(
    bp,
    ONE + "/unlock",
    "POST",
    action=Action.MANAGE_USERS,
    body=Why,
    response=AccountBody,
    errors=(404,),
    summary="Forget a user's wrong passwords",
)
def unlock_user(call: Call, username: str, body: Why) -> AccountBody:
    user = change_user.unlock_user(
        username, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return account_body(user)


@endpoint(
    bp,
    ONE + "/reset-password",
    "POST",
    action=Action.MANAGE_USERS,
    body=Why,
    response=TemporaryPasswordBody,
    errors=(404,),
    summary="Give a user a temporary password, once in the answer; their sessions and a lock end",
)
def reset_password(call: Call, username: str, body: Why) -> TemporaryPasswordBody:
    edge = call.edge
    user, password = change_user.reset_password(
        username,
        reason=body.reason,
        caller=call.caller,
        request_id=call.request_id,
        new_secret=edge.identity.new_secret,
        passwords=edge.identity.passwords,
        ports=edge.ports,
    )
    return temporary_body(user, password)
