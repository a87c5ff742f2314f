"""Approval links: what was signed comes back, and nothing else is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.adapters.approval_links import AUDIENCE, TYPE, SignedApprovalLinks
from chalicelib.adapters.tokens import Tokens
from chalicelib.domain.access import Role
from chalicelib.domain.approval_link import ApprovalLink
from chalicelib.domain.errors import NotAuthenticated
from tests.fakes import FakeClock


class OneKey:
    """A ring with one key."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def signing_key(self) -> tuple[str, Ed25519PrivateKey]:
        return "one", self._key

    def verifying_key(self, key_id: str) -> Ed25519PrivateKey | None:
        return self._key if key_id == "one" else None


CLOCK = FakeClock()
KEYS: Any = OneKey()
LINKS = SignedApprovalLinks(KEYS, CLOCK)
LINK = ApprovalLink(
    id="01J00000000000000000000001",
    person="erin",
    generation=2,
    deployment_id="01J00000000000000000000002",
    approval_id="apr-1",
    plan_hash="a" * 64,
    expires_at_s=CLOCK.machine_ms() // 1000 + 60,
)


def test_a_signed_link_is_read_as_it_was() -> None:
    assert LINKS.read(LINKS.sign(LINK)) == LINK


def test_a_link_whose_time_is_over_is_refused() -> None:
    late = LINKS.sign(replace(LINK, expires_at_s=CLOCK.machine_ms() // 1000))

    with pytest.raises(NotAuthenticated, match="over"):
        LINKS.read(late)


def forged(**changes: Any) -> str:
    headers = {"kid": "one", "typ": TYPE} | changes.pop("headers", {})
    key = changes.pop("key", KEYS.signing_key()[1])
    claims = jwt.decode(LINKS.sign(LINK), options={"verify_signature": False}) | changes
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm="EdDSA", headers=headers)


FORGED = {
    "nothing": "",
    "no token": "a.b.c",
    "too long": "a" * 3_000,
    "another key": forged(key=Ed25519PrivateKey.generate()),
    "an unknown key": forged(headers={"kid": "two"}),
    "another type": forged(headers={"typ": "at+jwt"}),
    "one header more": forged(headers={"jku": "https://evil.test"}),
    "another audience": forged(aud="hotswap-api"),
    "several audiences": forged(aud=[AUDIENCE, "other"]),
    "another issuer": forged(iss="evil"),
    "no plan": forged(pln=None),
    "a generation that is text": forged(gen="2"),
    "a generation that is a truth value": forged(gen=True),
    "an unsigned one": jwt.encode({"aud": AUDIENCE}, None, algorithm="none", headers={"kid": "one", "typ": TYPE}),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_what_was_not_signed_as_a_link_is_refused(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        LINKS.read(token)


def test_every_changed_character_is_noticed() -> None:
    token = LINKS.sign(LINK)

    for place in range(0, len(token) - 1, 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(NotAuthenticated):
            LINKS.read(changed)


def test_neither_an_access_token_nor_a_link_passes_for_the_other() -> None:
    tokens = Tokens(KEYS, CLOCK)
    access = tokens.issue(subject="erin", roles=[Role.ADMIN], session="s", generation=0)

    with pytest.raises(NotAuthenticated):
        LINKS.read(access)
    with pytest.raises(NotAuthenticated):
        tokens.read(LINKS.sign(LINK))
