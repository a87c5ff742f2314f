"""Users, their sessions, and the limits on guessing."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.access import Role

MAX_FAILED_LOGINS = 5
LOCKED_MS = 15 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in. `generation` rises with every change that must end their sessions at once."""

    username: str
    password_hash: str
    roles: tuple[Role, ...]
    email: str = ""
    disabled: bool = False
    generation: int = 0
    failed_logins: int = 0
    locked_until_ms: int = 0
    created_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.username,)

    def is_locked(self, now_ms: int) -> bool:
        """Whether too many wrong passwords came lately (machine time)."""
        return now_ms < self.locked_until_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login: the current refresh token's hash and number; a reused older one revokes the session."""

    id: str
    username: str
    generation: int
    refresh_hash: str
    rotation: int = 0
    revoked: bool = False
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
