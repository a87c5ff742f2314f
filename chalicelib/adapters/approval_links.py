"""Approval links: JWTs of a type and an audience of their own, signed with the keys that sign access tokens."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.adapters.secret_keys import SecretKeys
from chalicelib.adapters.tokens import ALGORITHM, ISSUER
from chalicelib.domain.approval_link import ApprovalLink
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.usecases.ports import Clock

AUDIENCE: Final = "hotswap-approval-link"
TYPE: Final = "approval-link+jwt"
"""Neither type nor audience is an access token's, so neither passes for the other. Source: RFC 8725, 3.11 and 3.12."""

LONGEST_LINK: Final = 2_048
_TEXTS: Final = {"jti": "id", "sub": "person", "dep": "deployment_id", "apr": "approval_id", "pln": "plan_hash"}
_NUMBERS: Final = {"gen": "generation", "exp": "expires_at_s"}


class SignedApprovalLinks:
    """Signs and reads links. Time is the clock that was given, never the library's."""

    def __init__(self, keys: SecretKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def sign(self, link: ApprovalLink) -> str:
        """The link as a compact JWT."""
        import jwt

        key_id, key = self._keys.signing_key()
        claims: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE}
        claims |= {claim: getattr(link, name) for claim, name in (_TEXTS | _NUMBERS).items()}
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id, "typ": TYPE})

    def read(self, token: str) -> ApprovalLink:
        """What a link says now.

        Raises:
            NotAuthenticated: it is not one of ours, changed, or its time is over.
        """
        import jwt

        if len(token) > LONGEST_LINK:
            raise _bad()
        try:
            header = jwt.get_unverified_header(token)
            if set(header) != {"alg", "kid", "typ"} or header["typ"] != TYPE or not isinstance(header["kid"], str):
                raise _bad()
            key = self._keys.verifying_key(header["kid"])
            if key is None:
                raise _bad()
            claims = jwt.decode(
                token,
                key.public_key(),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": [*_TEXTS, *_NUMBERS], "strict_aud": True, "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise _bad() from error
        return self._read(claims)

    def _read(self, claims: dict[str, Any]) -> ApprovalLink:
        texts = {name: claims[claim] for claim, name in _TEXTS.items()}
        numbers = {name: claims[claim] for claim, name in _NUMBERS.items()}
        if not all(isinstance(text, str) for text in texts.values()):
            raise _bad()
        if not all(type(number) is int for number in numbers.values()):
            raise _bad()
        link = ApprovalLink(**texts, **numbers)
        if self._clock.machine_ms() // 1000 >= link.expires_at_s:
            raise NotAuthenticated("This link's time is over; ask for another one.")
        return link


def _bad() -> NotAuthenticated:
    return NotAuthenticated("This link is not valid.")
