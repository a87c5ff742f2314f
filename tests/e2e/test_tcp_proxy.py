"""Every trouble of the network happens to real connections, and is counted when it did."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest

from tests.e2e.ports import Ports
from tests.e2e.tcp_proxy import TcpProxy, Trouble
from tests.loopback_server import serving

CONTENT = b"x" * 1_000


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:  # the library's spelling
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def asked() -> list[str]:
    Answers.asked.clear()
    return Answers.asked


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    ports = Ports()
    with serving(Answers) as server, TcpProxy(port=ports.claim(), target=server.server_port) as found:
        yield found
    ports.release()


def ask(proxy: TcpProxy, *, timeout_s: float = 20) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout_s)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_without_trouble_everything_passes(proxy: TcpProxy):
    assert ask(proxy) == CONTENT
    assert (proxy.connections, not proxy.fired) == (1, True)


def test_latency_delays_an_answer(proxy: TcpProxy):
    proxy.delay_s = 0.2
    proxy.begin(Trouble.LATENCY)
    began = time.monotonic()

    assert ask(proxy) == CONTENT
    assert time.monotonic() - began >= 0.2
    assert proxy.fired[Trouble.LATENCY] >= 1


def test_an_open_connection_is_reset_with_its_next_byte_and_a_new_one_at_once(proxy: TcpProxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    connection.request("GET", "/")
    connection.getresponse().read()
    proxy.begin(Trouble.RESET)

    connection.request("GET", "/")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        connection.getresponse()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(proxy)
    assert proxy.fired[Trouble.RESET] == 2


def test_a_black_hole_never_answers_and_lets_go_when_it_is_healed(proxy: TcpProxy):
    proxy.begin(Trouble.BLACK_HOLE)

    with pytest.raises(TimeoutError):
        ask(proxy, timeout_s=0.2)
    assert proxy.fired[Trouble.BLACK_HOLE] >= 1
    proxy.heal()
    assert ask(proxy) == CONTENT


def test_behind_a_partition_nobody_listens(proxy: TcpProxy):
    proxy.begin(Trouble.PARTITION)

    with pytest.raises(ConnectionRefusedError):
        ask(proxy)
    assert proxy.fired[Trouble.PARTITION] >= 1
    proxy.heal()
    assert ask(proxy) == CONTENT


def test_what_is_asked_arrives_and_its_answer_is_lost(proxy: TcpProxy, asked: list[str]):
    proxy.begin(Trouble.ANSWER_LOST)

    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(proxy)
    assert asked == ["/"]
    assert proxy.fired[Trouble.ANSWER_LOST] == 1


def test_an_answer_is_cut_short(proxy: TcpProxy):
    proxy.begin(Trouble.CUT)

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(proxy)
    assert proxy.fired[Trouble.CUT] == 1


def test_one_bit_of_an_answer_is_flipped(proxy: TcpProxy):
    proxy.begin(Trouble.CORRUPT)

    got = ask(proxy)

    assert len(got) == len(CONTENT)
    assert [position for position, byte in enumerate(got) if byte != CONTENT[position]] == [0]
    assert proxy.fired[Trouble.CORRUPT] == 1
