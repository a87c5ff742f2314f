"""Create a user; the first ones are made at set-up."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.domain.access import ALL_ENVIRONMENTS, Caller, Role
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyExists, StaleWrite
from chalicelib.domain.identity import TEMPORARY_PASSWORD_MS, User
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.identity_ports import Passwords
from chalicelib.usecases.ports import Add, Ports


def create_user(
    username: str,
    password: str,
    roles: tuple[Role, ...],
    *,
    environments: tuple[Environment, ...] = ALL_ENVIRONMENTS,
    email: str = "",
    created_by: str,
    is_temporary: bool = False,
    request_id: str = "",
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
    now = ports.clock.machine_ms()
    user = User(
        username=username,
        password_hash=passwords.hash(password),
        roles=roles,
        environments=environments,
        email=email,
        temporary_until_ms=now + TEMPORARY_PASSWORD_MS if is_temporary else None,
        created_at_ms=now,
        created_by=created_by,
    )
    detail = {"roles": [str(role) for role in roles], "environments": [str(each) for each in environments]}
    deed = Deed(
        subject=f"user:{username}", actor=created_by, action="UserCreated", detail=detail, request_id=request_id
    )
    try:
        ports.store.commit(Add(user), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise AlreadyExists("user", username) from lost
    return user


def invite_user(
    username: str,
    roles: tuple[Role, ...],
    *,
    environments: tuple[Environment, ...],
    email: str,
    caller: Caller,
    request_id: str = "",
    new_secret: Callable[[], str],
    passwords: Passwords,
    ports: Ports,
) -> tuple[User, str]:
    """A user, and the temporary password they come in with: nobody chooses another's password.

    Raises:
        AlreadyExists: the name is taken.
    """
    password = new_secret()
    user = create_user(
        username,
        password,
        roles,
        environments=environments,
        email=email,
        created_by=caller.name,
        is_temporary=True,
        request_id=request_id,
        passwords=passwords,
        ports=ports,
    )
    return user, password
