"""A module for tests of the proxy: says what it was asked, slowly, in pieces, or not to the end. Standard library only."""

import json
import os
import socket
import socketserver
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        verb, _, argument = self.path.partition("?")[0].strip("/").partition("/")
        ways = {"slow": self.slow, "pieces": self.pieces, "half": self.half, "status": self.status, "spawn": self.spawn}
        if verb in ways:
            ways[verb](argument)
        else:
            self.echo()

    do_POST = do_PUT = do_HEAD = do_OPTIONS = do_GET  # noqa: N815  http.server looks them up by these names

    def echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        told = {"method": self.command, "path": self.path, "headers": self.headers.items(), "length": len(body)}
        self.answer(
            json.dumps(told | {"version": os.environ["HOTSWAP_VERSION"], "environment": dict(os.environ)}).encode()
        )

    def chunk(self) -> bytes:
        data = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return data

    def slow(self, milliseconds: str) -> None:
        time.sleep(int(milliseconds) / 1000)
        self.answer(os.environ["HOTSWAP_VERSION"].encode())

    def pieces(self, count: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(int(count)):
            self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def half(self, size: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", size)
        self.end_headers()
        self.wfile.write(b"x" * (int(size) // 2))
        self.close_connection = True

    def status(self, code: str) -> None:
        self.send_response(int(code))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def spawn(self, _: str) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.answer(str(child.pid).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    address_family = socket.AF_UNIX
    daemon_threads = True


Server(os.environ["HOTSWAP_SOCKET"], Requests).serve_forever()  # type: ignore[arg-type]  # typeshed: TCP only
