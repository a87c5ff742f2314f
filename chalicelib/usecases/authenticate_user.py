"""Who does an access token speak for, now?"""

from __future__ import annotations

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.identity import Session, User
from chalicelib.domain.trust import TrustedIssuer
from chalicelib.usecases.identity_ports import AccessClaims, IdentityPorts
from chalicelib.usecases.ports import Ports


def authenticate_user(token: str, *, identity: IdentityPorts, ports: Ports) -> Caller:
    """The user, with the roles they have now. Both are read consistently, so a revocation counts at once.

    Raises:
        NotAuthenticated: the token is not good, its session is over, or the user's rights changed since.
    """
    now = ports.clock.machine_ms()
    claims = identity.tokens.read(token)
    # Of a session that an issuer vouches for there is no user, or one who has nothing to do with it.
    session, user = ports.store.get_many((Session, (claims.session,)), (User, (claims.subject,)))
    if session is None or claims.subject != session.username:
        raise _over()
    if session.issuer:
        return _vouched_for(session, now_ms=now, ports=ports)
    return _user(session, user, claims, now_ms=now)


def is_good(session: Session, user: User, *, now_ms: int) -> bool:
    """Whether a session still counts: neither revoked nor expired, of an enabled user whose rights are the same."""
    return (
        _is_on(session, now_ms)
        and not session.issuer
        and user.may_log_in(now_ms)
        and session.username == user.username
        and session.generation == user.generation
    )


def _user(session: Session, user: User | None, claims: AccessClaims, *, now_ms: int) -> Caller:
    if user is None or not is_good(session, user, now_ms=now_ms) or claims.generation != user.generation:
        raise _over()
    return Caller(
        name=user.username,
        roles=frozenset(user.roles),
        environments=frozenset(user.environments),
        session=session.id,
        has_temporary_password=user.temporary_until_ms is not None,
    )


def _vouched_for(session: Session, *, now_ms: int, ports: Ports) -> Caller:
    issuer = ports.store.get(TrustedIssuer, session.issuer)
    if issuer is None or issuer.id != session.issuer_id or not _is_on(session, now_ms):
        raise _over()
    return Caller(
        name=session.username,
        roles=frozenset(session.roles),
        environments=frozenset(session.environments),
        session=session.id,
    )


def _is_on(session: Session, now_ms: int) -> bool:
    return not session.revoked and now_ms < session.expires_at_ms


def _over() -> NotAuthenticated:
    return NotAuthenticated("This session is over; log in again.")
