"""Bodies of signing in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.environment import Environment
from chalicelib.routes.fields import Instant, iso
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.exchange_token import Exchanged
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


class ChangePassword(Received):
    """One's password, and the one it shall be: at least 12 characters, and none that many people use."""

    current_password: Annotated[str, Field(min_length=1, max_length=256)]
    new_password: Annotated[str, Field(min_length=1, max_length=256)]


class ExchangeToken(Received):
    """An identity token (OpenID Connect) of a trusted issuer, made for the audience it is trusted with."""

    id_token: Annotated[str, Field(min_length=1, max_length=8_192)]


class UserBody(Answered):
    """Who is calling, what they may be, and where."""

    username: str
    roles: list[Role]
    environments: list[Environment]
    must_change_password: bool = False


class ExchangedBody(Answered):
    """An access token for the Authorization header. When it has expired, exchange a new identity token."""

    token_type: str = "Bearer"  # noqa: S105  # the scheme's name
    access_token: str
    expires_at: Instant
    user: UserBody


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
    user = logged_in.user
    return TokensBody(
        access_token=logged_in.access_token,
        expires_at=iso(logged_in.access_expires_at_ms),
        refresh_token=logged_in.refresh_token,
        session_expires_at=iso(logged_in.session.expires_at_ms),
        user=UserBody(
            username=user.username,
            roles=sorted(user.roles),
            environments=in_order(user.environments),
            must_change_password=user.temporary_until_ms is not None,
        ),
    )


def exchanged_body(exchanged: Exchanged) -> ExchangedBody:
    """What a job is answered that a trusted issuer vouched for."""
    return ExchangedBody(
        access_token=exchanged.access_token,
        expires_at=iso(exchanged.access_expires_at_ms),
        user=UserBody(
            username=exchanged.name,
            roles=sorted(exchanged.roles),
            environments=in_order(exchanged.environments),
        ),
    )


def user_body(caller: Caller) -> UserBody:
    """The caller."""
    return UserBody(
        username=caller.name,
        roles=sorted(caller.roles),
        environments=in_order(caller.environments),
        must_change_password=caller.has_temporary_password,
    )


def in_order(environments: Iterable[Environment]) -> list[Environment]:
    """Environments in the order of promotion."""
    return sorted(environments, key=lambda each: each.rank)
