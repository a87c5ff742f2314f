"""Reading JSON Web Tokens more strictly than the library does, before it checks the signature."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.errors import NotAuthenticated

LONGEST_TOKEN: Final = 8 * 1024
FORBIDDEN_HEADERS: Final = frozenset({"crit", "b64", "jwk", "jku", "x5u", "zip", "enc"})
"""Keys and rules a token would bring along itself, and what we do not implement."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says. Nobody has checked yet that it may."""

    header: dict[str, Any]
    claims: dict[str, Any]


def unverified(token: str) -> Unverified:
    """Header and claims of a token in the one spelling it may have.

    Raises:
        NotAuthenticated: too long, not three segments of canonical base64url, not JSON objects, a name twice, numbers
            that are none.
    """
    segments = token.split(".")
    if len(token) > LONGEST_TOKEN or len(segments) != 3 or not token.isascii():
        raise _malformed()
    header, claims = (_object(segment) for segment in segments[:2])
    _decoded(segments[2])
    return Unverified(header, claims)


def _object(segment: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(segment).decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(found, dict):
        raise _malformed()
    return found


def _decoded(segment: str) -> bytes:
    try:
        content = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed() from error
    # Several texts decode to the same bytes; one of them is right.
    if not content or base64.urlsafe_b64encode(content).decode().rstrip("=") != segment:
        raise _malformed()
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _malformed() -> NotAuthenticated:
    return NotAuthenticated("The token is not valid.")
