"""Change one's own password: the old one proves who asks, every session ends, and a new one begins."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import InvalidInput, NotAllowed, NotAuthenticated, StaleWrite, Violation
from chalicelib.domain.identity import LONGEST_PASSWORD, PASSWORD_RULE, SHORTEST_PASSWORD, User
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.identity_ports import IdentityPorts, Passwords
from chalicelib.usecases.limit_guesses import Attempt, count_wrong_guess, require_tries_left
from chalicelib.usecases.log_in import LoggedIn, new_session
from chalicelib.usecases.ports import Ports, Replace


def change_password(
    current: str,
    following: str,
    *,
    source: str = "",
    caller: Caller,
    request_id: str = "",
    identity: IdentityPorts,
    ports: Ports,
) -> LoggedIn:
    """A new session under the new password; all others are over.

    Raises:
        InvalidInput: the new password is too short, too long, common, the old one, or made of the user name.
        NotAllowed: the caller has no password: a trusted issuer vouched for them.
        NotAuthenticated: the current password is wrong.
        TooManyRequests: too many wrong ones came before.
    """
    user = ports.store.get(User, caller.name)
    if user is None:
        raise NotAllowed("This caller has no password.")
    require_tries_left(user.username, source, ports=ports)
    if not identity.passwords.verify(current, user.password_hash):
        attempt = Attempt(username=user.username, is_known=True, source=source, request_id=request_id)
        count_wrong_guess(attempt, ports=ports)
        raise NotAuthenticated("The current password is wrong.")
    require_good_password(following, user.username, passwords=identity.passwords)
    if identity.passwords.verify(following, user.password_hash):
        raise InvalidInput(Violation("newPassword", "must be another one than the current password"))
    after = replace(
        user,
        password_hash=identity.passwords.hash(following),
        temporary_until_ms=None,
        generation=user.generation + 1,
        revision=user.revision + 1,
    )
    deed = Deed(
        subject=f"user:{user.username}",
        actor=caller.name,
        action="PasswordChanged",
        detail={},
        request_id=request_id,
    )
    try:
        ports.store.commit(Replace(after), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise StaleWrite("user", user.username) from lost
    return new_session(after, request_id=request_id, identity=identity, ports=ports)


def require_good_password(password: str, username: str, *, passwords: Passwords) -> None:
    """Nothing, if somebody of this name may choose it. There are no rules about kinds of characters.

    Raises:
        InvalidInput: it is too short, too long, common, or made of the user name.
    """
    broken = []
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        broken.append(PASSWORD_RULE)
    if username and username.lower() in password.lower():
        broken.append("must not contain the user name")
    if passwords.is_common(password):
        broken.append("must not be a password that many people use")
    if broken:
        raise InvalidInput(*(Violation("newPassword", rule) for rule in broken))
