"""Who does an access token speak for, now?"""

from __future__ import annotations

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.identity import Session, User
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.ports import Ports


def authenticate_user(token: str, *, identity: IdentityPorts, ports: Ports) -> Caller:
    """The user, with the roles they have now. Two consistent reads make a revocation count at once.

    Raises:
        NotAuthenticated: the token is not good, its session is over, or the user's rights changed since.
    """
    now = ports.clock.machine_ms()
    claims = identity.tokens.read(token)
    session = ports.store.get(Session, claims.session)
    user = None if session is None else ports.store.get(User, session.username)
    if session is None or user is None or not is_good(session, user, now_ms=now):
        raise NotAuthenticated("This session is over; log in again.")
    if claims.subject != user.username or claims.generation != user.generation:
        raise NotAuthenticated("This session is over; log in again.")
    return Caller(name=user.username, roles=frozenset(user.roles), session=session.id)


def is_good(session: Session, user: User, *, now_ms: int) -> bool:
    """Whether a session still counts: neither revoked nor expired, of an enabled user whose rights are the same."""
    return (
        not session.revoked
        and now_ms < session.expires_at_ms
        and not user.disabled
        and session.username == user.username
        and session.generation == user.generation
    )
