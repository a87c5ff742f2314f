"""Servers of other people, on this machine: the endpoint of a hook or a webhook. The issuer is in tests/security."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback_server import serving
from tests.security.oidc_issuer import OidcIssuer

__all__ = ["HookEndpoint", "OidcIssuer", "Received"]


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class HookEndpoint:
    """Answers as the test says, the last answer for ever: (status, body). Use it as a context manager."""

    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {"status": "Succeeded"})])
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> HookEndpoint:
        server = self._open.enter_context(serving(_handler(self)))
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def answer(self, received: Received) -> tuple[int, Any]:
        self.received.append(received)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(endpoint: HookEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's spelling
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = endpoint.answer(Received(headers=dict(self.headers.items()), raw=raw))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    return Handler
