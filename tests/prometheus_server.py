"""A real Prometheus server with samples that were there before it started, and a loopback one that answers alike."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

READY = "Server is ready to receive web requests"
READY_WITHIN_S = 60.0


@contextmanager
def a_prometheus(folder: Path, lines: Sequence[str]) -> Iterator[str]:
    """The address of a real server that knows these lines of OpenMetrics text; skips where none is installed."""
    program, tool = shutil.which("prometheus"), shutil.which("promtool")
    if program is None or tool is None:
        pytest.skip("prometheus is not installed (apt-get install prometheus)")
    text, data = folder / "samples.txt", folder / "data"
    text.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    subprocess.run([tool, "tsdb", "create-blocks-from", "openmetrics", text, data], check=True, capture_output=True)
    config = folder / "prometheus.yml"
    config.write_text("scrape_configs: []\n", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
    arguments += ["--storage.tsdb.retention.time=10y"]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # Whoever reads its words waits for it without sleeping; the alarm ends a wait that would never end.
    alarm = threading.Timer(READY_WITHIN_S, server.kill)
    alarm.start()
    try:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if READY in line:
                break
        else:
            raise AssertionError(f"Prometheus did not become ready: {''.join(said)[-2000:]}")
        alarm.cancel()
        threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop it
        yield f"http://{address}"
    finally:
        alarm.cancel()
        server.terminate()
        server.wait(10)


@contextmanager
def a_server(answer: Callable[[dict[str, str]], tuple[int, bytes, dict[str, str]]]) -> Iterator[str]:
    """The address of a loopback HTTP server; `answer` gets a query's parameters: status, body and headers."""

    class Queries(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            status, body, headers = answer(asked | {"path": urlsplit(self.path).path})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Queries)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def a_matrix(*series: Sequence[tuple[float, str]]) -> bytes:
    """An answer as Prometheus gives it to a range query."""
    result = [{"metric": {}, "values": values} for values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()
