"""Bodies of signing in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.domain.access import Caller, Role
from chalicelib.routes.fields import Instant, iso
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.log_in import LoggedIn


class LogIn(Received):
    """A user name and its password."""

    username: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class RefreshSession(Received):
    """The newest refresh token of a session."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=512)]


class LogOut(Received):
    """Nothing to say."""


class UserBody(Answered):
    """Who is calling, and what they may be."""

    username: str
    roles: list[Role]


class TokensBody(Answered):
    """An access token for the Authorization header, and a refresh token that is good once."""

    token_type: str = "Bearer"  # noqa: S105  # the scheme's name
    access_token: str
    expires_at: Instant
    refresh_token: str
    session_expires_at: Instant
    user: UserBody


class KeySet(Answered):
    """A JSON Web Key Set (RFC 7517)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"keys": [{"kty": "OKP", "crv": "Ed25519"}]}]})

    keys: list[dict[str, Any]]


def tokens_body(logged_in: LoggedIn) -> TokensBody:
    """What somebody who logged in is answered."""
    return TokensBody(
        access_token=logged_in.access_token,
        expires_at=iso(logged_in.access_expires_at_ms),
        refresh_token=logged_in.refresh_token,
        session_expires_at=iso(logged_in.session.expires_at_ms),
        user=UserBody(username=logged_in.user.username, roles=sorted(logged_in.user.roles)),
    )


def user_body(caller: Caller) -> UserBody:
    """The caller."""
    return UserBody(username=caller.name, roles=sorted(caller.roles))
