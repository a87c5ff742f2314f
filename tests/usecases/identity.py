"""Signing in, in memory: tokens anybody can read and passwords anybody can see."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.access import Role
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.usecases.identity_ports import IdentityPorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What one token says."""

    subject: str
    session: str
    generation: int


@dataclass
class FakeTokens:
    """Keeps what each token it issued says."""

    issued: dict[str, Claims] = field(default_factory=dict)

    def issue(self, *, subject: str, roles: Iterable[Role], session: str, generation: int, lives_s: int = 900) -> str:
        token = f"access-{len(self.issued)}"
        self.issued[token] = Claims(subject=subject, session=session, generation=generation)
        return token

    def read(self, token: str) -> Claims:
        if token not in self.issued:
            raise NotAuthenticated("Not one of ours.")
        return self.issued[token]

    def jwks(self) -> dict[str, Any]:
        return {"keys": []}


class FakePasswords:
    """Hides nothing."""

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, password: str, stored: str | None) -> bool:
        return stored == self.hash(password)

    def is_outdated(self, stored: str) -> bool:
        return False

    def is_common(self, password: str) -> bool:
        return password.startswith("password")


@dataclass
class FakeIdTokens:
    """Identity tokens as text: what each says. One that is not here is no token."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def addressed(self, token: str) -> tuple[str, tuple[str, ...]]:
        if token not in self.known:
            raise NotAuthenticated("Not a token.")
        return self.known[token]["iss"], (self.known[token]["aud"],)

    def read(self, token: str, *, issuer: str, audience: str) -> Mapping[str, Any]:
        return self.known[token]


def fake_identity() -> IdentityPorts:
    """All of it."""
    numbers = itertools.count(1)
    return IdentityPorts(
        tokens=FakeTokens(),
        id_tokens=FakeIdTokens(),
        passwords=FakePasswords(),
        new_secret=lambda: f"secret-{next(numbers)}",
    )
