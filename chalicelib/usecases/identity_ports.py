"""What signing in needs of the world, beside `ports.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What an access token proves: who, in which session, under which generation of the user's rights."""

    username: str
    session: str
    generation: int


class Tokens(Protocol):
    """Signed access tokens."""

    def issue(self, claims: AccessClaims, *, now_ms: int, lifetime_s: int) -> str:
        """A signed token that says this from now on for `lifetime_s`."""
        ...

    def read(self, token: str, *, now_ms: int) -> AccessClaims:
        """What the token says.

        Raises:
            NotAuthenticated: it is not ours, not an access token, changed, expired or malformed.
        """
        ...

    def public_keys(self) -> dict[str, Any]:
        """The keys that verify our tokens, as a JSON Web Key Set (RFC 7517)."""
        ...


class Passwords(Protocol):
    """Slow hashes of passwords."""

    def hash(self, password: str) -> str:
        """What is kept instead of the password."""
        ...

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password behind the hash. None is nobody's: False, after the same time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPorts:
    """Everything of the above at once; `new_secret` gives 256 unguessable bits as URL-safe text."""

    tokens: Tokens
    passwords: Passwords
    new_secret: Callable[[], str]
