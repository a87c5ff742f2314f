"""Log in: a password for a session, its first access token and its first refresh token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.identity import LOCKED_MS, MAX_FAILED_LOGINS, Session, User
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.ports import Add, Change, Ports, Replace

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


def log_in(username: str, password: str, *, request_id: str = "", identity: IdentityPorts, ports: Ports) -> LoggedIn:
    """A new session. An unknown user, a wrong password, a locked and a disabled account are answered alike.

    Raises:
        NotAuthenticated: any of these.
    """
    user = ports.store.get(User, username)
    # Hashing comes first and always, so that the time taken says nothing about the account.
    is_right = identity.passwords.verify(password, None if user is None else user.password_hash)
    now = ports.clock.machine_ms()
    if user is None or user.disabled or user.is_locked(now):
        raise _refused()
    if not is_right:
        _count_failure(username, request_id, ports=ports)
        raise _refused()
    session_id, token = ports.new_id(), new_refresh_token(identity)
    session = Session(
        id=session_id,
        username=username,
        generation=user.generation,
        refresh_hash=secret_hash(token),
        created_at_ms=now,
        expires_at_ms=now + SESSION_MS,
    )
    ports.store.commit(Add(session), audited(_deed(session, request_id), ports=ports))
    if user.failed_logins:
        _forget_failures(username, ports=ports)
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


def _count_failure(username: str, request_id: str, *, ports: Ports) -> None:
    def decide() -> tuple[None, tuple[Change, ...]]:
        user = ports.store.get(User, username)
        now = ports.clock.machine_ms()
        if user is None or user.is_locked(now):
            return None, ()
        # Whoever comes back after the lock is over has all tries again.
        failed = 1 if user.failed_logins >= MAX_FAILED_LOGINS else user.failed_logins + 1
        locked_until = now + LOCKED_MS if failed >= MAX_FAILED_LOGINS else 0
        after = replace(user, failed_logins=failed, locked_until_ms=locked_until, revision=user.revision + 1)
        deed = Deed(
            subject=f"user:{username}",
            actor=username,
            action="LoginFailed",
            outcome="refused",
            detail={"failed": failed, "locked": bool(locked_until)},
            request_id=request_id,
        )
        return None, (Replace(after), audited(deed, ports=ports))

    decide_and_commit(decide, ports=ports)


def _forget_failures(username: str, *, ports: Ports) -> None:
    def decide() -> tuple[None, tuple[Change, ...]]:
        user = ports.store.get(User, username)
        if user is None or not user.failed_logins:
            return None, ()
        return None, (Replace(replace(user, failed_logins=0, locked_until_ms=0, revision=user.revision + 1)),)

    decide_and_commit(decide, ports=ports)


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
    return NotAuthenticated("The user name or the password is wrong, or the account is locked.")
