"""Outbound calls, row by row of the list of attacks (W01 to W08): a user's address reaches only what anybody may reach."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.adapters.outbound_http import MAX_BODY, SafeHttp
from chalicelib.domain.errors import DestinationRefused, NotAuthenticated, Unavailable
from chalicelib.domain.hook import HookStatus, outcome_of
from chalicelib.domain.outbound import destination_of, may_connect
from chalicelib.domain.seal import MasterKey, signed_headers, verify


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0",
        "0.0.0.0",  # noqa: S104 (nothing listens: it is refused)
        "[::1]",
        "[::]",
        "localhost",
        "localhost.",
        "a.localhost",
        "\uff11\uff12\uff17.0.0.1",
        "127。0。0。1",
        "db.internal",
        "printer.local",
        "example.com.",
    ],
)
def test_w01_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(DestinationRefused):
        destination_of(f"https://{host}/hook")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "2001:0:a9fe:a9fe::1",
        "::a9fe:a9fe",
        "fe80::1%eth0",
        "100.64.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "255.255.255.255",
        "0.0.0.0",  # noqa: S104
        "192.0.2.1",
        "not an address",
        "",
    ],
)
def test_w02_private_link_local_and_metadata_addresses_are_refused_in_every_form(address: str) -> None:
    assert not may_connect(address)
    assert not may_connect(address, loopback=True)
    http = SafeHttp(resolve=lambda *_: (address,))
    with pytest.raises(DestinationRefused):
        http.post("https://hooks.example.com/", headers={}, body=b"", timeout_s=1)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700:4700::1111"])
def test_w02_public_addresses_are_allowed(address: str) -> None:
    assert may_connect(address)


def test_w02_one_forbidden_address_among_public_ones_refuses_all() -> None:
    http = SafeHttp(resolve=lambda *_: ("93.184.215.14", "10.0.0.1"))

    with pytest.raises(DestinationRefused):
        http.post("https://hooks.example.com/", headers={}, body=b"", timeout_s=1)


@pytest.mark.parametrize(
    "url",
    [
        "https://ok@169.254.169.254/",
        "https://user:pass@example.com/",
        "https://example.com#@169.254.169.254/",
        "https://example.com/#part",
        "https://example.com/#",
        "https://example.com\\@169.254.169.254/",
        "https://exam\tple.com/",
        "https://example.com/\r\nX-Evil: 1",
        "https://exa mple.com/",
        "https://example.com:443:22/",
        "https:///path",
        "https:example.com",
        "//example.com/",
        "https://[::1",
        "https://[v1.x]/",
        "https://ex%61mple.com/",
        "https://example.com:/x:@",
        "",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_w03_what_parsers_could_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(DestinationRefused):
        destination_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "http://example.com/",
        "HTTP://example.com/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "http://127.0.0.1:8000/",
        "javascript:alert(1)",
    ],
)
def test_w04_only_https_on_its_ports_is_called(url: str) -> None:
    with pytest.raises(DestinationRefused):
        destination_of(url)


@pytest.mark.parametrize("url", ["http://10.0.0.1:8080/", "http://example.com/", "https://example.com:22/"])
def test_w04_the_local_setting_opens_this_machine_and_nothing_more(url: str) -> None:
    assert destination_of("http://127.0.0.1:8080/x", loopback=True).port == 8080
    with pytest.raises(DestinationRefused):
        destination_of(url, loopback=True)


# --- what answers


class Listener:
    """One socket on this machine; `answer` does what it likes with each connection."""

    def __init__(self, answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self.received = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            try:
                with accepted if self._context is None else self._context.wrap_socket(accepted, server_side=True) as s:
                    while b"\r\n\r\n" not in self.received:
                        self.received += s.recv(65_536)
                    self._answer(s)
            except OSError:
                continue

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    listener = Listener(answer, context)
    try:
        yield listener
    finally:
        listener.close()


def says(text: str) -> Callable[[socket.socket], None]:
    return lambda s: s.sendall(text.encode())


def post(listener: Listener, *, timeout_s: float = 5, **more: Any) -> Any:
    url = f"http://127.0.0.1:{listener.port}/hook"
    return SafeHttp(loopback=True).post(url, headers=more.get("headers", {}), body=b"{}", timeout_s=timeout_s)


def a_certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server for `name`, certified by itself; its certificate is in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "certificate.pem"))


def test_w05_a_name_that_changes_between_check_and_use_is_connected_at_the_checked_address(monkeypatch: Any) -> None:
    answers = iter([("93.184.215.14",), ("127.0.0.1",)])
    connected: list[str] = []

    def refuse(address: tuple[str, int], **_: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    http = SafeHttp(resolve=lambda *_: next(answers))

    with pytest.raises(Unavailable):
        http.post("https://rebinding.example.com/", headers={}, body=b"", timeout_s=1)

    assert connected == ["93.184.215.14"]
    assert next(answers) == ("127.0.0.1",), "the name was asked once"


def test_w05_the_pinned_connection_still_demands_the_certificate_of_the_name(tmp_path: Path) -> None:
    server = a_certificate(tmp_path, "hooks.example.com")
    ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with listening(says(ok), server) as listener:
        http = SafeHttp(loopback=True, resolve=lambda *_: ("127.0.0.1",), context=trusting(tmp_path))
        http_url = f"https://hooks.example.com:{listener.port}/"
        with pytest.raises(DestinationRefused):
            http.post(http_url, headers={}, body=b"", timeout_s=5)
        with pytest.raises(Unavailable, match="SSL"):
            http.post(f"https://127.0.0.1:{listener.port}/", headers={}, body=b"", timeout_s=5)


def test_w06_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with listening(lambda s: None) as inside:
        redirect = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside.port}/\r\nContent-Length: 0\r\n\r\n"
        with listening(says(redirect)) as listener:
            reply = post(listener)

        assert reply.status == 302
        assert (listener.connections, inside.connections) == (1, 0)
        assert outcome_of(reply.status, reply.body)[0] is HookStatus.FAILED


def test_w06_a_body_without_end_is_cut_at_the_limit() -> None:
    def flood(s: socket.socket) -> None:
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            s.sendall(b"x" * 65_536)

    with listening(flood) as listener, pytest.raises(Unavailable, match=str(MAX_BODY)):
        post(listener)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_w06_an_answer_that_drips_is_cut_when_its_time_is_up(first: bytes) -> None:
    stop = threading.Event()

    def drip(s: socket.socket) -> None:
        s.sendall(first)
        while not stop.wait(0.05):
            s.sendall(b"x")

    with listening(drip) as listener:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="within"):
            post(listener, timeout_s=0.4)
        stop.set()

    assert time.monotonic() - began < 4


def test_w06_nothing_of_ours_is_sent_along(monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ours")
    with listening(says("HTTP/1.1 204 No Content\r\n\r\n")) as listener:
        post(listener, headers={"webhook-id": "1"})

    lines = listener.received.decode().split("\r\n\r\n")[0].lower().split("\r\n")[1:]
    assert {line.partition(":")[0] for line in lines} == {
        "host",
        "connection",
        "user-agent",
        "webhook-id",
        "accept-encoding",
        "content-length",
    }


# --- what we sign

NOW = 1_790_000_000
SECRET = MasterKey(b"m" * 32).secret("whk-1", 1)
BODY = b'{"type":"WaveStarted"}'


def signed(**changes: str) -> dict[str, str]:
    return signed_headers([SECRET], message_id="evt-1", at_s=NOW, body=BODY) | changes


def test_w07_a_message_of_ours_is_accepted_and_tells_its_id() -> None:
    assert verify(SECRET, signed(), BODY, now_s=NOW + 299) == "evt-1"
    assert verify(SECRET, {name.title(): value for name, value in signed().items()}, BODY, now_s=NOW) == "evt-1"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_w07_a_message_without_one_of_its_headers_is_refused(missing: str) -> None:
    headers = {name: value for name, value in signed().items() if name != missing}

    with pytest.raises(NotAuthenticated):
        verify(SECRET, headers, BODY, now_s=NOW)


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (signed(), BODY + b" ", NOW),
        (signed(), BODY, NOW + 301),
        (signed(), BODY, NOW - 301),
        (signed(**{"webhook-timestamp": str(NOW + 1)}), BODY, NOW),
        (signed(**{"webhook-timestamp": "soon"}), BODY, NOW),
        (signed(**{"webhook-id": "evt-2"}), BODY, NOW),
        (signed(**{"webhook-signature": "v1,é"}), BODY, NOW),
        (signed(**{"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")}), BODY, NOW),
        (signed_headers([MasterKey(b"o" * 32).secret("whk-1", 1)], message_id="evt-1", at_s=NOW, body=BODY), BODY, NOW),
    ],
)
def test_w07_a_changed_old_or_forged_message_is_refused(headers: dict[str, str], body: bytes, now: int) -> None:
    with pytest.raises(NotAuthenticated):
        verify(SECRET, headers, body, now_s=now)


def test_w07_while_two_secrets_are_valid_either_of_them_verifies() -> None:
    key = MasterKey(b"m" * 32)
    old, new = key.secret("whk-1", 1), key.secret("whk-1", 2)
    headers = signed_headers([new, old], message_id="evt-1", at_s=NOW, body=BODY)

    assert old != new
    assert verify(old, headers, BODY, now_s=NOW) == verify(new, headers, BODY, now_s=NOW) == "evt-1"


def test_w07_the_signature_is_that_of_the_standard() -> None:
    # Source: the test vector of the Standard Webhooks reference libraries.
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    headers = signed_headers([secret], message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at_s=1_614_265_330, body=body)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_w08_huge_headers_and_senseless_answers_are_no_answers() -> None:
    for text in ("HTTP/1.1 200 OK\r\nX: " + "a" * 70_000 + "\r\n\r\n", "HELLO\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", ""):
        with listening(says(text)) as listener, pytest.raises(Unavailable):
            post(listener)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>sign in</html>"),
        (200, b"\xff\xfe"),
        (200, b'{"status": "Succeeded"'),
        (200, b'["Succeeded"]'),
        (200, b'{"status": true}'),
        (200, b'{"status": "succeeded "}'),
        (200, b'{"error": "no", "message": "Succeeded"}'),
        (200, b"[" * 60_000),
        (404, b'{"status": "Succeeded"}'),
        (302, b'{"status": "Succeeded"}'),
        (500, b'{"status": "Succeeded"}'),
    ],
)
def test_w08_only_a_success_that_says_so_is_one(status: int, body: bytes) -> None:
    assert outcome_of(status, body)[0] is HookStatus.FAILED


def test_w08_a_long_or_strange_message_is_shortened_and_kept_as_text() -> None:
    status, message = outcome_of(200, b'{"status": "Succeeded", "message": "' + b"a" * 5_000 + b'\\u0000\\n"}')

    assert status is HookStatus.SUCCEEDED
    assert message == "a" * 500
