"""Access tokens: short-lived JWTs signed with Ed25519, read strictly.

One algorithm, one issuer, one audience, one type; no header but `alg`, `kid` and `typ` is understood, so none is
accepted. Time is the clock that was given, never the library's.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chalicelib.adapters.jose import unverified
from chalicelib.adapters.secret_keys import SecretKeys, base64url, public_bytes
from chalicelib.domain.access import Role
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.usecases.ports import Clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER: Final = "hotswap"
AUDIENCE: Final = "hotswap-api"
TYPE: Final = "at+jwt"
"""Source: RFC 9068."""

ALGORITHM: Final = "EdDSA"
LIVES_S: Final = 900
LONGEST_LIFE_S: Final = 3_600
CLOCKS_DIFFER_S: Final = 5
MOST_KNOWN: Final = 1_000
"""Tokens whose signature is remembered; then all are forgotten."""

CLAIMS: Final = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "gen", "roles")
"""Exactly these are in a token of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token proves: who, with which roles, in which session and generation of the user."""

    subject: str
    roles: frozenset[Role]
    session: str
    generation: int
    expires_at_s: int


class _Verified(NamedTuple):
    """What a token says, and the key that signed it."""

    key_id: str
    key: Ed25519PrivateKey
    claims: dict[str, Any]


class Tokens:
    """Makes and reads access tokens. A signature is checked once in each process, for it cannot become another one;
    whether its key still counts, and the token's time, each time. Remembered are hashes of tokens, not tokens."""

    def __init__(self, keys: SecretKeys, clock: Clock, *, most_known: int = MOST_KNOWN) -> None:
        self._keys = keys
        self._clock = clock
        self._most_known = most_known
        self._verified: dict[str, _Verified] = {}

    def issue(
        self, *, subject: str, roles: Iterable[Role], session: str, generation: int, lives_s: int = LIVES_S
    ) -> str:
        """A token for one login.

        Raises:
            ValueError: it would live longer than any token may.
        """
        import jwt

        if not 0 < lives_s <= LONGEST_LIFE_S:
            raise ValueError(f"a token may live 1 to {LONGEST_LIFE_S} seconds")
        key_id, key = self._keys.signing_key()
        now_s = self._clock.machine_ms() // 1000
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + lives_s,
            "jti": secrets.token_urlsafe(16),
            "sid": session,
            "gen": generation,
            "roles": sorted(roles),
        }
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id, "typ": TYPE})

    def read(self, token: str) -> Claims:
        """What a token proves now.

        Raises:
            NotAuthenticated: it is not one of ours, not for us, changed, or its time is over.
        """
        mark = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
        known = self._verified.get(mark)
        if known is None or self._keys.verifying_key(known.key_id) is not known.key:
            known = self._verify(token)
            if len(self._verified) >= self._most_known:
                self._verified.clear()
            self._verified[mark] = known
        return self._proved(known.claims)

    def jwks(self) -> dict[str, Any]:
        """The public keys, as `/.well-known/jwks.json` shows them."""
        keys = self._keys.verifying_keys()
        shared = {"kty": "OKP", "crv": "Ed25519", "alg": ALGORITHM, "use": "sig"}
        return {"keys": [shared | {"kid": name, "x": base64url(public_bytes(key))} for name, key in keys.items()]}

    def _verify(self, token: str) -> _Verified:
        import jwt

        key_id = _key_id(unverified(token).header)
        key = self._keys.verifying_key(key_id)
        if key is None:
            raise NotAuthenticated("The token is signed by a key that is not ours.")
        try:
            claims = jwt.decode(
                token,
                key.public_key(),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": list(CLAIMS),
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise NotAuthenticated("The token is not valid.") from error
        return _Verified(key_id, key, claims)

    def _proved(self, claims: dict[str, Any]) -> Claims:
        now_s = self._clock.machine_ms() // 1000
        issued, expires, roles = claims["iat"], claims["exp"], claims["roles"]
        if set(claims) != set(CLAIMS) or not all(type(claims[name]) is int for name in ("iat", "nbf", "exp", "gen")):
            raise NotAuthenticated("The token is not valid.")
        if not all(isinstance(claims[name], str) for name in ("sub", "sid", "jti")):
            raise NotAuthenticated("The token is not valid.")
        if not isinstance(roles, list) or not all(role in tuple(Role) for role in roles):
            raise NotAuthenticated("The token is not valid.")
        begins = max(issued, claims["nbf"])
        if not (begins - CLOCKS_DIFFER_S <= now_s < expires and expires - issued <= LONGEST_LIFE_S):
            raise NotAuthenticated("The token's time is over, or has not come.")
        return Claims(
            subject=claims["sub"],
            roles=frozenset(Role(role) for role in roles),
            session=claims["sid"],
            generation=claims["gen"],
            expires_at_s=expires,
        )


def _key_id(header: dict[str, Any]) -> str:
    if set(header) != {"alg", "kid", "typ"} or header["typ"] != TYPE or header["alg"] != ALGORITHM:
        raise NotAuthenticated("The token is not one of ours.")
    key_id = header["kid"]
    if not isinstance(key_id, str):
        raise NotAuthenticated("The token is not one of ours.")
    return key_id
