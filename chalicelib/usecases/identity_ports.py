"""What signing in needs of the world, beside `ports.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.access import Role


class AccessClaims(Protocol):
    """What an access token proves: who, in which session, under which generation of the user's rights."""

    @property
    def subject(self) -> str: ...

    @property
    def session(self) -> str: ...

    @property
    def generation(self) -> int: ...


class Tokens(Protocol):
    """Signed access tokens."""

    def issue(self, *, subject: str, roles: Iterable[Role], session: str, generation: int, lives_s: int = ...) -> str:
        """A token for one login, good from now on for `lives_s`."""
        ...

    def read(self, token: str) -> AccessClaims:
        """What a token proves now.

        Raises:
            NotAuthenticated: it is not one of ours, not for us, changed, or its time is over.
        """
        ...

    def jwks(self) -> dict[str, Any]:
        """The keys that verify our tokens, as a JSON Web Key Set (RFC 7517)."""
        ...


class TokenKeyRing(Protocol):
    """The keys that sign access tokens."""

    def newest_since_ms(self) -> int:
        """Since when the newest key signs, or when it will begin (machine time)."""
        ...

    def rotate(self, *, at_once: bool = False) -> str:
        """Make a new key and return its id; the others verify until the last token they signed has expired, or, with
        `at_once`, no more."""
        ...


class Passwords(Protocol):
    """Slow hashes of passwords."""

    def hash(self, password: str) -> str:
        """What is kept instead of the password."""
        ...

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password behind the hash. None is nobody's: False, after the same time."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash is due to be made again with today's parameters."""
        ...

    def is_common(self, password: str) -> bool:
        """Whether many people use it, so that it would be guessed early."""
        ...


class IdTokens(Protocol):
    """Identity tokens that others issue (OpenID Connect)."""

    def addressed(self, token: str) -> tuple[str, tuple[str, ...]]:
        """The issuer and audiences a token names. Nothing is checked yet: it only says whom to look up.

        Raises:
            NotAuthenticated: it is no token, or names none.
        """
        ...

    def read(self, token: str, *, issuer: str, audience: str) -> Mapping[str, Any]:
        """The claims of a token that this issuer made for this audience and that is good now.

        Raises:
            NotAuthenticated: it is not.
            Unavailable: the issuer's keys cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPorts:
    """Everything of the above at once; `new_secret` gives 256 unguessable bits as URL-safe text."""

    tokens: Tokens
    id_tokens: IdTokens
    passwords: Passwords
    new_secret: Callable[[], str]
