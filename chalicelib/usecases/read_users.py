"""Who has an account, and whether it is locked."""

from __future__ import annotations

from chalicelib.domain.errors import NotFound
from chalicelib.domain.identity import User
from chalicelib.usecases.limit_guesses import locked_until_ms
from chalicelib.usecases.ports import Page, Ports


def list_users(*, limit: int, cursor: str | None, ports: Ports) -> Page:
    """Users by name.

    Raises:
        InvalidInput: the cursor was not given for this list.
    """
    return ports.store.page(User, "lists", "USERS", limit=limit, cursor=cursor)


def get_user(username: str, *, ports: Ports) -> tuple[User, int | None]:
    """One user, and until when they are locked out by wrong passwords.

    Raises:
        NotFound: no such user.
    """
    user = ports.store.get(User, username)
    if user is None:
        raise NotFound("user", username)
    return user, locked_until_ms(username, ports=ports)
