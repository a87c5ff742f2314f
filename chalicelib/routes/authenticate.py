"""Who is calling? A user's access token or a node's credential, from the one Authorization header."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.routes.edge import Edge
from chalicelib.usecases.authenticate_user import authenticate_user

LONGEST_TOKEN = 8_192


def authenticated_user(event: Mapping[str, Any], edge: Edge) -> Caller:
    """The user behind the bearer token, their session and rights read now, so that revoking counts at once.

    Raises:
        NotAuthenticated: no token, a bad one, or one that counts no longer.
    """
    return authenticate_user(bearer(event), identity=edge.identity, ports=edge.ports)


def authenticated_node(event: Mapping[str, Any], node_id: str) -> tuple[Caller, str]:
    """The node that claims to call, and the hash of its credential, which the use case compares.

    Raises:
        NotAuthenticated: no credential.
    """
    credential_hash = hashlib.sha256(bearer(event).encode()).hexdigest()
    return Caller(name=node_id, roles=frozenset({Role.NODE}), node_id=node_id), credential_hash


def authenticated_callback(event: Mapping[str, Any]) -> tuple[Caller, str]:
    """Whoever answers a hook call, and the hash of the token they bring, which is compared with the call's own.

    Raises:
        NotAuthenticated: no token.
    """
    return Caller(name="callback"), hashlib.sha256(bearer(event).encode()).hexdigest()


def bearer(event: Mapping[str, Any]) -> str:
    """The bearer token of a request.

    Raises:
        NotAuthenticated: none, several, another scheme, or longer than any of ours.
    """
    headers = event.get("multiValueHeaders") or {}
    given = [value for name, values in headers.items() if name.lower() == "authorization" for value in values]
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN or not token.isascii():
        raise NotAuthenticated("This call needs one bearer token in the Authorization header.")
    return token
