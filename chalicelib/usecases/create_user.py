"""Create a user; the first ones are made at set-up."""

from __future__ import annotations

from chalicelib.domain.access import Role
from chalicelib.domain.errors import AlreadyExists, StaleWrite
from chalicelib.domain.identity import User
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.identity_ports import Passwords
from chalicelib.usecases.ports import Add, Ports


def create_user(
    username: str,
    password: str,
    roles: tuple[Role, ...],
    *,
    email: str = "",
    created_by: str,
    passwords: Passwords,
    ports: Ports,
) -> User:
    """A user who may log in with this password.

    Raises:
        AlreadyExists: the name is taken.
        ValueError: a node is no user, or there is no role at all.
    """
    if not roles or Role.NODE in roles:
        raise ValueError("a user needs at least one role, and Node is none")
    user = User(
        username=username,
        password_hash=passwords.hash(password),
        roles=roles,
        email=email,
        created_at_ms=ports.clock.machine_ms(),
    )
    detail = {"roles": [str(role) for role in roles]}
    deed = Deed(subject=f"user:{username}", actor=created_by, action="UserCreated", detail=detail)
    try:
        ports.store.commit(Add(user), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise AlreadyExists("user", username) from lost
    return user
