"""Who may do what: one table of roles and actions, read by every route."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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

    READ = "read"
    DEPLOY = "deploy"
    CONTROL = "control"
    DECIDE = "decide"
    REGISTER_MODULE = "registerModule"
    MANAGE_KEYS = "manageKeys"
    MANAGE_POLICY = "managePolicy"
    MANAGE_NODES = "manageNodes"
    MANAGE_USERS = "manageUsers"
    READ_AUDIT = "readAudit"
    HEARTBEAT = "heartbeat"


_DEPLOYER = frozenset({Action.READ, Action.DEPLOY, Action.CONTROL, Action.REGISTER_MODULE})
_PEOPLE = frozenset(Action) - {Action.HEARTBEAT}

PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ}),
    Role.DEPLOYER: _DEPLOYER,
    Role.APPROVER: frozenset({Action.READ, Action.DECIDE}),
    Role.ADMIN: _PEOPLE,
    Role.NODE: frozenset({Action.HEARTBEAT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking: `name` is the user's (or node's) identity as their token proves it."""

    name: str
    roles: frozenset[Role] = frozenset()
    node_id: str | None = None
    session: str = ""


ANONYMOUS = Caller(name="anonymous")


def require(caller: Caller, action: Action) -> None:
    """Nothing, if the caller may.

    Raises:
        NotAuthenticated: nobody is asking.
        NotAllowed: none of the caller's roles permits it.
    """
    if caller is ANONYMOUS:
        raise NotAuthenticated("This call needs a bearer token.")
    if not any(action in PERMISSIONS[role] for role in caller.roles):
        raise NotAllowed(f"None of your roles permits '{action}'.")
