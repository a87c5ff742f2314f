"""Serve HTTP/1.1 on the Unix socket the node gave us, until SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

from .charging import ChargeRefusedError, charge
from .health import health
from .ledger import Ledger

MAX_BODY_BYTES = 64 * 1024
IDLE_CONNECTION_S = 30.0


class Requests(BaseHTTPRequestHandler):
    """One connection; several requests may follow each other on it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    timeout = IDLE_CONNECTION_S
    server: Server

    def do_GET(self) -> None:
        """Answer the health check, and what the node asks about us."""
        if self.path == "/health":
            self._answer(*health())
        elif self.path == "/metrics":
            with self.server.counting:
                self._answer(200, {"counts": dict(self.server.counts)})
        else:
            self._answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        """Charge a card."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(411 if not length else 413, {"error": "a body with a length up to 64 KiB is needed"})
            return
        body = self.rfile.read(int(length))
        if self.path != "/charge":
            self._answer(404, {"error": "not found"})
            return
        try:
            charged = charge(json.loads(body), ledger=self.server.ledger)
            self.server.count("charges")
            self._answer(200, charged)
        except (ChargeRefusedError, ValueError) as refused:
            self.server.count("refusals")
            self._answer(422, {"error": str(refused)})
        except Exception as failure:  # noqa: BLE001  a server answers a bug with 500 and takes the next charge
            print(f"charge failed: {failure!r}", flush=True)
            self._answer(500, {"error": "internal error"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing per request: the node measures them."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread per connection; the node keeps a few connections and reuses them."""

    address_family = socket.AF_UNIX
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str) -> None:
        self.ledger = Ledger()
        self.counting = threading.Lock()
        self.counts = {"charges": 0, "refusals": 0}
        super().__init__(path, Requests)  # type: ignore[arg-type]  # typeshed knows TCP addresses only

    def count(self, what: str) -> None:
        """One more of it."""
        with self.counting:
            self.counts[what] += 1


def main() -> None:
    """Serve until the node says stop."""
    with Server(os.environ["HOTSWAP_SOCKET"]) as server:
        # shutdown() waits for the loop it ends, so it may not be called from that loop's own thread.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
