"""Who may do what, and where: one table of roles, actions and environments, read by every route."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotAllowed, NotAuthenticated


class Role(StrEnum):
    """What a user may be. Node is no user's role: it is what a node's credential carries."""

    VIEWER = "Viewer"
    DEPLOYER = "Deployer"
    APPROVER = "Approver"
    ADMIN = "Admin"
    NODE = "Node"


class Action(StrEnum):
    """Everything a route may ask permission for."""

    OWN_ACCOUNT = "ownAccount"
    READ = "read"
    DEPLOY = "deploy"
    CONTROL = "control"
    DECIDE = "decide"
    ANSWER = "answer"
    """Take part where people are asked: comment, and decide where one's role or a delegation allows it."""
    STOP_LINE = "stopLine"
    REGISTER_MODULE = "registerModule"
    MANAGE_KEYS = "manageKeys"
    MANAGE_POLICY = "managePolicy"
    MANAGE_NODES = "manageNodes"
    MANAGE_HOOKS = "manageHooks"
    MANAGE_USERS = "manageUsers"
    READ_AUDIT = "readAudit"
    HEARTBEAT = "heartbeat"


class Scope(StrEnum):
    """Where a permission counts."""

    ANYWHERE = "anywhere"
    """No environment is asked for: looking, one's own account, bytes that run nowhere yet."""

    ENVIRONMENT = "environment"
    """In each environment that the request touches."""

    INSTALLATION = "installation"
    """What holds in every environment, so only for whoever may act in all of them."""


_LOOK = frozenset({Action.OWN_ACCOUNT, Action.READ})
_PEOPLE = frozenset(Action) - {Action.HEARTBEAT}
ALL_ENVIRONMENTS: Final = tuple(Environment)

PERMISSIONS: Final = MappingProxyType[Role, frozenset[Action]](
    {
        Role.VIEWER: _LOOK,
        Role.DEPLOYER: _LOOK | {Action.ANSWER, Action.DEPLOY, Action.CONTROL, Action.REGISTER_MODULE},
        Role.APPROVER: _LOOK | {Action.ANSWER, Action.DECIDE, Action.STOP_LINE},
        Role.ADMIN: _PEOPLE,
        Role.NODE: frozenset({Action.HEARTBEAT}),
    }
)
"""What each role permits."""

SCOPES: Final = MappingProxyType[Action, Scope](
    {
        Action.OWN_ACCOUNT: Scope.ANYWHERE,
        Action.READ: Scope.ANYWHERE,
        Action.DEPLOY: Scope.ENVIRONMENT,
        Action.CONTROL: Scope.ENVIRONMENT,
        Action.DECIDE: Scope.ENVIRONMENT,
        Action.ANSWER: Scope.ANYWHERE,
        Action.STOP_LINE: Scope.INSTALLATION,
        Action.REGISTER_MODULE: Scope.ANYWHERE,
        Action.MANAGE_KEYS: Scope.INSTALLATION,
        Action.MANAGE_POLICY: Scope.ENVIRONMENT,
        Action.MANAGE_NODES: Scope.ENVIRONMENT,
        Action.MANAGE_HOOKS: Scope.INSTALLATION,
        Action.MANAGE_USERS: Scope.INSTALLATION,
        Action.READ_AUDIT: Scope.ANYWHERE,
        Action.HEARTBEAT: Scope.ANYWHERE,
    }
)
"""Where each action is permitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking: `name` is the user's (or node's) identity as their token proves it, `environments` where their
    roles count, `request_id` the request they ask in, `correlation_id` what it belongs to. With a temporary password they
    may do nothing but choose one of their own."""

    name: str
    roles: frozenset[Role] = frozenset()
    environments: frozenset[Environment] = frozenset(Environment)
    node_id: str | None = None
    session: str = ""
    has_temporary_password: bool = False
    request_id: str = ""
    correlation_id: str = ""


ANONYMOUS = Caller(name="anonymous")


def may(caller: Caller, action: Action) -> bool:
    """Whether the caller may do it at all, wherever that is asked."""
    try:
        require(caller, action)
    except (NotAuthenticated, NotAllowed):
        return False
    return True


def require(caller: Caller, action: Action, *environments: Environment) -> None:
    """Nothing, if the caller may do it in these environments (where its scope asks for any).

    Raises:
        NotAuthenticated: nobody is asking.
        NotAllowed: none of the caller's roles permits it, or not there, or their password is a temporary one.
    """
    if caller is ANONYMOUS:
        raise NotAuthenticated("This call needs a bearer token.")
    if caller.has_temporary_password and action is not Action.OWN_ACCOUNT:
        raise NotAllowed("Your password is a temporary one; choose your own first.")
    if not any(action in PERMISSIONS[role] for role in caller.roles):
        raise NotAllowed(f"None of your roles permits '{action}'.")
    asked = {Scope.ANYWHERE: (), Scope.ENVIRONMENT: environments, Scope.INSTALLATION: ALL_ENVIRONMENTS}
    missing = [each for each in asked[SCOPES[action]] if each not in caller.environments]
    if missing:
        raise NotAllowed(f"Your roles do not permit '{action}' in {', '.join(missing)}.")
