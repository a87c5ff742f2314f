"""Bodies of users' administration."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.domain.access import Role
from chalicelib.domain.environment import Environment
from chalicelib.domain.identity import User
from chalicelib.routes.fields import Email, EnvironmentName, Instant, Username, UserRole, iso, iso_or_none
from chalicelib.routes.schemas.authentication import in_order
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.ports import Page

Roles = Annotated[list[UserRole], Field(min_length=1, max_length=4)]
Environments = Annotated[list[EnvironmentName], Field(min_length=1, max_length=4)]


class CreateUser(Received):
    """Who may log in, what they may do, and where. They get a temporary password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"username": "erin", "roles": ["Deployer"]}]})

    username: Username
    roles: Roles
    environments: Environments = Field(default_factory=lambda: list(Environment))
    email: Email | None = None


class ChangeAccess(Received):
    """What a user may do from now on, and where."""

    roles: Roles
    environments: Environments


class AccountBody(Answered):
    """A user as administrators see them. `lockedUntil` is told of one user, not in lists."""

    username: str
    email: str | None
    roles: list[Role]
    environments: list[Environment]
    status: str
    must_change_password: bool
    created_by: str
    created_at: Instant
    locked_until: Instant | None = None


class TemporaryPasswordBody(Answered):
    """A user and the password to give them. It is told once, is good for 72 hours, and lets them do one thing: choose
    their own."""

    user: AccountBody
    temporary_password: str
    expires_at: Instant


class AccountPage(Answered):
    """Users by name."""

    users: list[AccountBody]
    cursor: str | None


def account_body(user: User, locked_until_ms: int | None = None) -> AccountBody:
    """One user."""
    return AccountBody(
        username=user.username,
        email=user.email or None,
        roles=sorted(user.roles),
        environments=in_order(user.environments),
        status="disabled" if user.disabled else "enabled",
        must_change_password=user.temporary_until_ms is not None,
        created_by=user.created_by,
        created_at=iso(user.created_at_ms),
        locked_until=iso_or_none(locked_until_ms),
    )


def temporary_body(user: User, password: str) -> TemporaryPasswordBody:
    """One user and what they come in with."""
    return TemporaryPasswordBody(
        user=account_body(user), temporary_password=password, expires_at=iso(user.temporary_until_ms or 0)
    )


def account_page(page: Page) -> AccountPage:
    """Some users."""
    return AccountPage(users=[account_body(user) for user in page.records], cursor=page.cursor)
