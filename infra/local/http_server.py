"""The gateway on a loopback port, and the same without a socket for tests."""

from __future__ import annotations

import http
import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from infra.local.gateway import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    ErrorRenderer,
    Gateway,
    Headers,
    HttpRequest,
    HttpResponse,
    problem_json,
)

THREADS = 64
_CONNECTIONS = 1_000
_IDLE_CONNECTION_S = 60


class LocalHttp:
    """The app behind its gateway, in process: what a socket would carry, without the socket."""

    def __init__(self, app: Any, *, render_error: ErrorRenderer = problem_json) -> None:
        self.gateway = Gateway(app, render_error=render_error)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        source_ip: str = "127.0.0.1",
    ) -> HttpResponse:
        """Send one request; `path` may carry a query and is encoded by the caller. `json` sets the content type."""
        sent: Headers = list((headers or {}).items())
        content = body or b""
        if json is not None:
            content = _to_json(json)
            if not any(name.lower() == "content-type" for name, _ in sent):
                sent.append(("Content-Type", "application/json"))
        return self.gateway.handle(
            HttpRequest(method=method.upper(), target=path, headers=sent, body=content, source_ip=source_ip)
        )


def _to_json(value: Any) -> bytes:
    return json.dumps(value).encode()


class HttpServer:
    """The app on a loopback port, for other processes. `port` 0 takes a free one."""

    def __init__(
        self, app: Any, port: int, *, threads: int = THREADS, render_error: ErrorRenderer = problem_json
    ) -> None:
        self.gateway = Gateway(app, render_error=render_error)
        self._server: Any = create_server(
            self._serve,
            host="127.0.0.1",
            port=port,
            threads=threads,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_CONNECTION_S,
            # Longer bodies and headers are refused while they are read, chunked ones without an end included.
            max_request_body_size=MAX_BODY_BYTES,
            max_request_header_size=MAX_HEADER_BYTES,
            ident=None,
            asyncore_use_poll=True,
            # Read on while a request waits for a thread, to see who hangs up meanwhile.
            channel_request_lookahead=1,
        )
        self._server.channel_class = _channel_class(self.gateway)
        # 64 threads and a short queue are normal under load; waitress warns about each queued request.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="http server")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.effective_port}"

    def start(self) -> HttpServer:
        """Begin to answer; returns self."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer what is in hand, then close the port. Returns when no thread of the server is left."""
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join()

    def _run(self) -> None:
        sockets = self._server._map
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, map=sockets, use_poll=True, count=1)
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)

    def _serve(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["waitress.client_disconnected"]():
            # Nobody waits for the answer any more. After a time of too many requests, answering those who have gone
            # would leave no time for those who have come.
            start_response("499 Client Closed Request", [("Content-Length", "0")])
            return []
        response = self.gateway.handle(_request_from(environ))
        reason = http.HTTPStatus(response.status).phrase if response.status in _KNOWN else "Unknown"
        headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
        start_response(f"{response.status} {reason}", [*headers, ("Content-Length", str(len(response.body)))])
        return [response.body] if environ["REQUEST_METHOD"] != "HEAD" else []


_KNOWN = {int(status) for status in http.HTTPStatus}


def _request_from(environ: Mapping[str, Any]) -> HttpRequest:
    headers: Headers = [
        (name.removeprefix("HTTP_").replace("_", "-").title(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    ]
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        target=environ["REQUEST_URI"],
        headers=headers,
        body=environ["wsgi.input"].read(),
        source_ip=environ["REMOTE_ADDR"],
    )


def _channel_class(gateway: Gateway) -> type:
    """A channel whose own errors (unreadable, too large) look like the gateway's."""

    class GatewayErrorTask(ErrorTask):  # type: ignore[misc]
        def execute(self) -> None:
            error = self.request.error
            refusal = gateway.refuse(error.code, error.reason)
            self.status = f"{error.code} {error.reason}"
            self.response_headers.extend(refusal.headers)
            self.set_close_on_finish()
            self.content_length = len(refusal.body)
            self.write(refusal.body)

    class GatewayChannel(HTTPChannel):  # type: ignore[misc]
        error_task_class = GatewayErrorTask

    return GatewayChannel
