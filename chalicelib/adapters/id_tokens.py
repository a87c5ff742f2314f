"""Identity tokens of trusted issuers (OpenID Connect), checked with the keys the issuer publishes.

Keys are fetched when needed and kept for an hour. A key id nobody has seen makes us look again, at most twice a minute;
an issuer that does not answer leaves us with the keys we know, for a day.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Protocol

from chalicelib.adapters.jose import FORBIDDEN_HEADERS, unverified
from chalicelib.domain.errors import DestinationRefused, NotAuthenticated, Unavailable
from chalicelib.observability import log
from chalicelib.usecases.outbound_ports import Reply
from chalicelib.usecases.ports import Clock

FETCHED_AGAIN_AFTER_MS: Final = 3_600_000
LOOKED_AGAIN_AFTER_MS: Final = 30_000
GOOD_WITHOUT_ANSWER_MS: Final = 24 * 3_600_000
CLOCKS_DIFFER_S: Final = 30
LONGEST_LIFE_S: Final = 24 * 3_600
MOST_KEYS: Final = 50
SMALLEST_RSA_BITS: Final = 2_048
ALGORITHM_OF: Final = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}

ANSWER_S: Final = 4.0


class Documents(Protocol):
    """Whoever gets documents, as `outbound_http.SafeHttp` does."""

    def get(self, url: str, *, timeout_s: float) -> Reply: ...


@dataclass
class _Known:
    keys: dict[str, Any] = field(default_factory=dict)
    fetched_ms: int = -(10**15)
    looked_ms: int = -(10**15)


class IdTokens:
    """Reads tokens of others."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def addressed(self, token: str) -> tuple[str, tuple[str, ...]]:
        """The issuer and audiences a token names; nothing is proved yet.

        Raises:
            NotAuthenticated: it is no token, or names none.
        """
        claims = unverified(token).claims
        issuer, audience = claims.get("iss"), claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if not isinstance(issuer, str) or not all(isinstance(each, str) for each in audiences):
            raise _refused()
        return issuer, tuple(audiences)

    def read(self, token: str, *, issuer: str, audience: str) -> Mapping[str, Any]:
        """The claims of a token that this issuer made for this audience and that is good now.

        Raises:
            NotAuthenticated: it is not.
            Unavailable: the issuer's keys cannot be had.
        """
        import jwt

        header = unverified(token).header
        key_id, kind = header.get("kid"), header.get("typ", "JWT")
        if FORBIDDEN_HEADERS & set(header) or not isinstance(key_id, str) or str(kind).upper() != "JWT":
            raise _refused()
        key = self._key(issuer, key_id)
        if header.get("alg") != key.algorithm_name:
            raise _refused()
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=audience,
                issuer=issuer,
                options={
                    "require": ["iss", "aud", "sub", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise _refused() from error
        self._require_good_now(claims)
        return claims

    def _require_good_now(self, claims: Mapping[str, Any]) -> None:
        now_s = self._clock.machine_ms() // 1000
        issued, expires, begins = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
        if not all(type(each) is int for each in (issued, expires, begins)):
            raise _refused()
        if expires - issued > LONGEST_LIFE_S or not isinstance(claims["sub"], str):
            raise _refused()
        if not max(issued, begins) - CLOCKS_DIFFER_S <= now_s < expires + CLOCKS_DIFFER_S:
            raise NotAuthenticated("The token's time is over, or has not come.")

    def _key(self, issuer: str, key_id: str) -> Any:
        now = self._clock.machine_ms()
        with self._lock:
            known = self._known.setdefault(issuer, _Known())
            is_old = now - known.fetched_ms >= FETCHED_AGAIN_AFTER_MS
            if (is_old or key_id not in known.keys) and now - known.looked_ms >= LOOKED_AGAIN_AFTER_MS:
                known.looked_ms = now
                self._fetch_keys(issuer, known, now)
            if not known.keys or now - known.fetched_ms >= GOOD_WITHOUT_ANSWER_MS:
                raise Unavailable("The issuer's keys cannot be had; try again.")
            key = known.keys.get(key_id)
        if key is None:
            raise _refused()
        return key

    def _fetch_keys(self, issuer: str, known: _Known, now_ms: int) -> None:
        try:
            about = self._fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
            address = about.get("jwks_uri")
            if about.get("issuer") != issuer or not isinstance(address, str):
                raise Unavailable("The issuer does not say where its keys are.")
            known.keys = _usable(self._fetch(address).get("keys"))
            known.fetched_ms = now_ms
        except (Unavailable, DestinationRefused) as error:
            # What is known stays good for a while; who has nothing is told in `_key`.
            log("issuer_keys_unavailable", issuer=issuer, why=type(error).__name__)

    def _fetch(self, url: str) -> dict[str, Any]:
        reply = self._documents.get(url, timeout_s=ANSWER_S)
        try:
            found = json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            raise Unavailable("The issuer does not answer JSON.") from error
        if reply.status != HTTPStatus.OK or not isinstance(found, dict):
            raise Unavailable(f"The issuer answers {reply.status}.")
        return found


def _usable(published: Any) -> dict[str, Any]:
    """The keys that verify signatures, by id; what we cannot use is left out, and of two with one id both are."""
    import jwt

    usable: dict[str, Any] = {}
    twice: set[str] = set()
    for each in (published if isinstance(published, list) else [])[:MOST_KEYS]:
        if not isinstance(each, dict) or not isinstance(each.get("kid"), str) or each.get("use", "sig") != "sig":
            continue
        algorithm = ALGORITHM_OF.get(str(each.get("kty")))
        if algorithm is None or each.get("alg", algorithm) != algorithm:
            continue
        try:
            key = jwt.PyJWK.from_dict({name: value for name, value in each.items() if name != "d"}, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if getattr(key.key, "key_size", SMALLEST_RSA_BITS) < SMALLEST_RSA_BITS and algorithm == "RS256":
            continue
        twice |= {each["kid"]} & set(usable)
        usable[each["kid"]] = key
    return {name: key for name, key in usable.items() if name not in twice}


def _refused() -> NotAuthenticated:
    return NotAuthenticated("The identity token is not valid.")
