"""Log in: a password for a session, its first access token and its first refresh token."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.domain.errors import NotAuthenticated, StaleWrite
from chalicelib.domain.identity import Session, User
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.limit_guesses import Attempt, count_wrong_guess, forget_guesses, require_tries_left
from chalicelib.usecases.ports import Add, Ports, Replace

ACCESS_SECONDS = 15 * 60
SESSION_MS = 12 * 3600 * 1000
"""A session ends after this, however often it is refreshed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """What a caller gets: both tokens, and how long each is good (machine time)."""

    user: User
    session: Session
    access_token: str
    access_expires_at_ms: int
    refresh_token: str


def log_in(
    username: str,
    password: str,
    *,
    source: str = "",
    request_id: str = "",
    identity: IdentityPorts,
    ports: Ports,
) -> LoggedIn:
    """A new session. An unknown user, a wrong password and a disabled account are answered alike.

    Raises:
        NotAuthenticated: any of these.
        TooManyRequests: too many wrong passwords for this name (known or not), from this source, or over all.
    """
    require_tries_left(username, source, ports=ports)
    user = ports.store.get(User, username)
    # Hashing comes first and always, so that the time taken says nothing about the account.
    is_right = identity.passwords.verify(password, None if user is None else user.password_hash)
    if user is None or not is_right or not user.may_log_in(ports.clock.machine_ms()):
        attempt = Attempt(username=username, is_known=user is not None, source=source, request_id=request_id)
        count_wrong_guess(attempt, ports=ports)
        raise _refused()
    require_tries_left(username, source, ports=ports)
    got = new_session(user, request_id=request_id, identity=identity, ports=ports)
    _after_success(user, password, identity=identity, ports=ports)
    return got


def new_session(user: User, *, request_id: str, identity: IdentityPorts, ports: Ports) -> LoggedIn:
    """A session for a user who has just proved who they are."""
    now = ports.clock.machine_ms()
    session_id, token = ports.new_id(), new_refresh_token(identity)
    session = Session(
        id=session_id,
        username=user.username,
        generation=user.generation,
        refresh_hash=secret_hash(token),
        created_at_ms=now,
        expires_at_ms=now + SESSION_MS,
    )
    ports.store.commit(Add(session), audited(_deed(session, request_id), ports=ports))
    return logged_in(user, session, token, identity=identity, ports=ports)


def logged_in(user: User, session: Session, secret: str, *, identity: IdentityPorts, ports: Ports) -> LoggedIn:
    """The tokens of a session whose current refresh secret is this one."""
    expires = ports.clock.machine_ms() + ACCESS_SECONDS * 1000
    token = identity.tokens.issue(
        subject=user.username,
        roles=user.roles,
        session=session.id,
        generation=user.generation,
        lives_s=ACCESS_SECONDS,
    )
    return LoggedIn(
        user=user,
        session=session,
        access_token=token,
        access_expires_at_ms=expires,
        refresh_token=f"hsr_{session.id}_{secret}",
    )


def new_refresh_token(identity: IdentityPorts) -> str:
    """The secret part of a refresh token; only its hash is kept."""
    return identity.new_secret()


def secret_hash(secret: str) -> str:
    """What is kept of a secret of 256 random bits: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _after_success(user: User, password: str, *, identity: IdentityPorts, ports: Ports) -> None:
    """Forget wrong guesses, and hash the password anew where today's parameters ask for it. Not worth failing for."""
    changes = forget_guesses(user.username, ports=ports)
    if identity.passwords.is_outdated(user.password_hash):
        anew = replace(user, password_hash=identity.passwords.hash(password), revision=user.revision + 1)
        changes = (*changes, Replace(anew))
    with suppress(StaleWrite):
        if changes:
            ports.store.commit(*changes)


def _deed(session: Session, request_id: str) -> Deed:
    # A chain for each session, so that many logins of one user do not wait for each other.
    return Deed(
        subject=f"session:{session.id}",
        actor=session.username,
        action="LoggedIn",
        detail={"username": session.username},
        request_id=request_id,
    )


def _refused() -> NotAuthenticated:
    return NotAuthenticated("The user name or the password is wrong, or the account may not log in.")
