"""An OpenID Connect issuer on this machine: discovery, keys that roll over, tokens of any shape, and its bad days."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key


@dataclass
class SigningPair:
    """A key the issuer signs with, and how it publishes it."""

    key_id: str
    private: Any
    algorithm: str

    @classmethod
    def es256(cls, key_id: str) -> SigningPair:
        return cls(key_id, ec_key(SECP256R1()), "ES256")

    @classmethod
    def rs256(cls, key_id: str, bits: int = 2_048) -> SigningPair:
        return cls(key_id, rsa_key(65_537, bits), "RS256")

    def published(self) -> dict[str, Any]:
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        jwk = json.loads(algorithm.to_jwk(self.private.public_key()))
        return {**jwk, "kid": self.key_id, "use": "sig", "alg": self.algorithm}


@dataclass
class OidcIssuer:
    """Use it as a context manager; `asked` counts requests by path."""

    now_s: Callable[[], int]
    keys: list[SigningPair] = field(default_factory=lambda: [SigningPair.es256("one")])
    asked: list[str] = field(default_factory=list)
    is_down: bool = False
    discovery: dict[str, Any] = field(default_factory=dict)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> OidcIssuer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    def token(self, *, key: SigningPair | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token for `hotswap`, good for five minutes, but for the changes; None takes a claim away."""
        now, pair = self.now_s(), key or self.keys[-1]
        usual = {
            "iss": self.url,
            "aud": "hotswap",
            "sub": "repo:acme/payments:ref:refs/heads/main",
            "iat": now,
            "exp": now + 300,
            "repository": "acme/payments",
        }
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(said, pair.private, algorithm=pair.algorithm, headers={"kid": pair.key_id} | (header or {}))

    def answer(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        if self.is_down:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.discovery}
        if path == "/keys":
            return 200, {"keys": [pair.published() for pair in self.keys]}
        return 404, {}


def _handler(issuer: OidcIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's spelling
            status, body = issuer.answer(self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    return Handler
