"""Change a user: what they may do and where, whether they may log in, and a new start for who forgot or was locked out.

What ends sessions raises the user's generation, so that it counts with their next request. Each change is committed
together with the next revision of whoever makes it: of two administrators who disable each other one comes first, and
the other is no administrator any more. As nobody may disable or demote themselves, one always remains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Action, Caller, Role, require
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotAllowed, NotAuthenticated, NotFound
from chalicelib.domain.identity import TEMPORARY_PASSWORD_MS, User
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.identity_ports import Passwords
from chalicelib.usecases.limit_guesses import forget_guesses
from chalicelib.usecases.ports import Change, Ports, Replace

Changed = tuple[User, dict[str, Any]]


def change_access(
    username: str,
    roles: tuple[Role, ...],
    environments: tuple[Environment, ...],
    *,
    caller: Caller,
    request_id: str = "",
    ports: Ports,
) -> User:
    """The user with these roles in these environments; their sessions are over. The same again changes nothing.

    Raises:
        NotFound: no such user.
        NotAllowed: it is the caller's own account, or the caller is no administrator any more.
    """

    def change(user: User) -> Changed:
        after = replace(user, roles=roles, environments=environments)
        detail = {"roles": [str(role) for role in roles], "environments": [str(each) for each in environments]}
        return after, detail

    return _changed(username, "AccessChanged", change, caller=caller, request_id=request_id, ports=ports)


def disable_user(username: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> User:
    """The user, who cannot log in any more; their sessions are over.

    Raises:
        NotFound: no such user.
        NotAllowed: it is the caller's own account, or the caller is no administrator any more.
    """

    def change(user: User) -> Changed:
        return replace(user, disabled=True), {"reason": reason}

    return _changed(username, "UserDisabled", change, caller=caller, request_id=request_id, ports=ports)


def enable_user(username: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> User:
    """The user, who may log in again.

    Raises:
        NotFound: no such user.
        NotAllowed: the caller is no administrator any more.
    """

    def change(user: User) -> Changed:
        return replace(user, disabled=False), {"reason": reason}

    return _changed(username, "UserEnabled", change, caller=caller, request_id=request_id, ports=ports)


def reset_password(
    username: str,
    *,
    reason: str,
    caller: Caller,
    request_id: str = "",
    new_secret: Callable[[], str],
    passwords: Passwords,
    ports: Ports,
) -> tuple[User, str]:
    """The user and a temporary password; the old one and every session are over, and so is a lock.

    Raises:
        NotFound: no such user.
        NotAllowed: it is the caller's own account (they change their password), or they are no administrator any more.
    """
    password = new_secret()
    hashed = passwords.hash(password)

    def change(user: User) -> Changed:
        until = ports.clock.machine_ms() + TEMPORARY_PASSWORD_MS
        return replace(user, password_hash=hashed, temporary_until_ms=until), {"reason": reason}

    user = _changed(username, "PasswordReset", change, caller=caller, request_id=request_id, unlock=True, ports=ports)
    return user, password


def unlock_user(username: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> User:
    """The user, whose wrong passwords are forgotten. One who is not locked stays as they are.

    Raises:
        NotFound: no such user.
    """

    def decide() -> tuple[User, tuple[Change, ...]]:
        user = _existing(username, ports=ports)
        forgotten = forget_guesses(username, ports=ports)
        if not forgotten:
            return user, ()
        deed = _deed(username, "UserUnlocked", {"reason": reason}, caller, request_id)
        return user, (*forgotten, audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)


def _changed(
    username: str,
    action: str,
    change: Callable[[User], Changed],
    *,
    caller: Caller,
    request_id: str,
    unlock: bool = False,
    ports: Ports,
) -> User:
    def decide() -> tuple[User, tuple[Change, ...]]:
        user = _existing(username, ports=ports)
        after, detail = change(user)
        if after == user:
            return user, ()
        guard = _still_administrator(caller, username, ports=ports)
        after = replace(after, generation=user.generation + 1, revision=user.revision + 1)
        forgotten = forget_guesses(username, ports=ports) if unlock else ()
        deed = _deed(username, action, detail, caller, request_id)
        return after, (Replace(after), *guard, *forgotten, audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)


def _still_administrator(caller: Caller, username: str, *, ports: Ports) -> tuple[Change, ...]:
    """The write that makes sure the caller is what they were when they were asked who they are."""
    if caller.name == username:
        raise NotAllowed("Nobody changes their own access; another administrator does.")
    acting = ports.store.get(User, caller.name)
    if acting is None or acting.disabled:
        raise NotAuthenticated("This session is over; log in again.")
    require(replace(caller, roles=frozenset(acting.roles), environments=frozenset(acting.environments)), _NEEDED)
    return (Replace(replace(acting, revision=acting.revision + 1)),)


_NEEDED = Action.MANAGE_USERS


def _existing(username: str, *, ports: Ports) -> User:
    user = ports.store.get(User, username)
    if user is None:
        raise NotFound("user", username)
    return user


def _deed(username: str, action: str, detail: dict[str, Any], caller: Caller, request_id: str) -> Deed:
    return Deed(subject=f"user:{username}", actor=caller.name, action=action, detail=detail, request_id=request_id)
