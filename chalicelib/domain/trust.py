"""Issuers of identity tokens that are trusted by policy, so that a CI job may deploy without a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.access import Role
from chalicelib.domain.environment import Environment

ISSUER_NAME_RULE = "must be 2 to 32 lower-case letters, digits and hyphens"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
RESERVED_ISSUER_NAMES = frozenset({"event", "hook", "node", "rule"})
"""What callers are called that no issuer vouches for."""

GRANTABLE = frozenset({Role.VIEWER, Role.DEPLOYER, Role.APPROVER})
"""What a rule may give. Administration stays with people."""

CLAIM_RULE = "a claim's value must be text of 1 to 500 characters; '*' may only end it, behind at least 4 others"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRule:
    """Whoever's token has all of these claims gets the roles, in the environments.

    Each claim has one or more accepted values; a value that ends in `*` accepts whatever begins like it.
    """

    claims: dict[str, tuple[str, ...]]
    roles: tuple[Role, ...]
    environments: tuple[Environment, ...]

    def accepts(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token with these claims meets every condition; a rule without conditions meets nobody."""
        return bool(self.claims) and all(
            _accepted(accepted, claims.get(name)) for name, accepted in self.claims.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An OpenID Connect issuer, the audience its tokens must be made for, and what its rules give.

    `id` is new each time a name is used again, so that sessions of a removed issuer stay over.
    """

    name: str
    id: str
    url: str
    audience: str
    rules: tuple[TrustRule, ...] = ()
    added_by: str
    added_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.name,)

    def grant(self, claims: Mapping[str, Any]) -> TrustRule | None:
        """The first rule a token meets."""
        return next((rule for rule in self.rules if rule.accepts(claims)), None)


def is_issuer_name(text: str) -> bool:
    """Whether an issuer may be called so."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED_ISSUER_NAMES


def is_claim_value(text: str) -> bool:
    """Whether a rule may ask for this value."""
    stem = text.removesuffix("*")
    return 1 <= len(text) <= 500 and "*" not in stem and (stem == text or len(stem) >= 4)


def _accepted(accepted: tuple[str, ...], found: Any) -> bool:
    if isinstance(found, bool):
        found = "true" if found else "false"
    if not isinstance(found, str):
        return False
    return any(
        found == value or (value.endswith("*") and found.startswith(value.removesuffix("*"))) for value in accepted
    )
