"""Refresh a session: a new access token and a new refresh token; the old refresh token is good no more."""

from __future__ import annotations

import hmac
from dataclasses import replace

from chalicelib.domain.errors import NotAuthenticated, StaleWrite
from chalicelib.domain.identity import Session, User
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.authenticate_user import is_good
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.log_in import LoggedIn, logged_in, new_refresh_token, secret_hash
from chalicelib.usecases.log_out import end_session
from chalicelib.usecases.ports import Ports, Replace


def refresh_session(refresh_token: str, *, request_id: str = "", identity: IdentityPorts, ports: Ports) -> LoggedIn:
    """New tokens for the session. A refresh token that was used before ends the session: somebody has stolen one.

    Raises:
        NotAuthenticated: the token is not good (any more).
    """
    session_id, secret = _parts(refresh_token)
    session = ports.store.get(Session, session_id)
    user = None if session is None else ports.store.get(User, session.username)
    if session is None or user is None or not is_good(session, user, now_ms=ports.clock.machine_ms()):
        raise _refused()
    if not hmac.compare_digest(session.refresh_hash, secret_hash(secret)):
        end_session(session_id, actor=session.username, why="RefreshTokenReused", request_id=request_id, ports=ports)
        raise _refused()
    following = new_refresh_token(identity)
    rotated = replace(
        session,
        refresh_hash=secret_hash(following),
        rotation=session.rotation + 1,
        revision=session.revision + 1,
    )
    deed = Deed(
        subject=f"session:{session.id}",
        actor=session.username,
        action="SessionRefreshed",
        detail={"rotation": rotated.rotation},
        request_id=request_id,
    )
    try:
        ports.store.commit(Replace(rotated), audited(deed, ports=ports))
    except StaleWrite as lost:
        # Two calls with one token at the same moment: one of them has the new token, which is enough.
        raise _refused() from lost
    return logged_in(user, rotated, following, identity=identity, ports=ports)


def _parts(token: str) -> tuple[str, str]:
    prefix, _, rest = token.partition("_")
    session_id, _, secret = rest.partition("_")
    if prefix != "hsr" or not session_id or not secret:
        raise _refused()
    return session_id, secret


def _refused() -> NotAuthenticated:
    return NotAuthenticated("This refresh token is not good any more; log in again.")
