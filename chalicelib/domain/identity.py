"""Users and their sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.domain.access import ALL_ENVIRONMENTS, Role
from chalicelib.domain.environment import Environment

USERNAME_RULE = "must be 2 to 64 lower-case letters, digits, '.', '_', '-' or '@', beginning with a letter or digit"
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
RESERVED_USERNAMES = frozenset({"anonymous", "hotswap", "set-up", "system"})
"""What the audit calls the program itself."""

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
PASSWORD_RULE = f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
TEMPORARY_PASSWORD_MS = 72 * 3600 * 1000
"""How long somebody has to come in with the password they were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in; their roles count in `environments`.

    `generation` rises with every change that must end their sessions at once. `temporary_until_ms` is None once they
    have chosen a password of their own.
    """

    username: str
    password_hash: str
    roles: tuple[Role, ...]
    environments: tuple[Environment, ...] = ALL_ENVIRONMENTS
    email: str = ""
    disabled: bool = False
    generation: int = 0
    temporary_until_ms: int | None = None
    created_at_ms: int
    created_by: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.username,)

    def may_log_in(self, now_ms: int) -> bool:
        """Whether the account is enabled and its password has not expired (machine time)."""
        return not self.disabled and (self.temporary_until_ms is None or now_ms < self.temporary_until_ms)


def is_username(text: str) -> bool:
    """Whether somebody may be called so; names the program uses for itself are nobody's."""
    return _USERNAME.fullmatch(text) is not None and text not in RESERVED_USERNAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login. A reused older refresh token revokes it.

    Of a user, or, where `issuer` is named, of a job that a trusted issuer vouched for: then roles and environments are
    those its rule gave, and there is nothing to refresh.
    """

    id: str
    username: str
    generation: int
    refresh_hash: str = ""
    rotation: int = 0
    revoked: bool = False
    issuer: str = ""
    issuer_id: str = ""
    roles: tuple[Role, ...] = ()
    environments: tuple[Environment, ...] = ()
    created_at_ms: int
    expires_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentAnswer:
    """What was answered to a caller's Idempotency-Key: the same key and body get the same answer again."""

    caller: str
    idempotency_key: str
    request_hash: str
    subject: str
    expires_at_s: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.caller, self.idempotency_key)
