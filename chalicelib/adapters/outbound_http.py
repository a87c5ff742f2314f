"""Implements Outbound: one request to an address a user gave, that can reach nothing it should not and is bounded in every way.

The name is resolved once, everything it resolves to is checked, and the connection is made to the checked address: a
name that resolves to something else a moment later changes nothing. Redirects are answers, never followed. No proxy,
no cookie and no header but ours is used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping

from chalicelib.domain.errors import DestinationRefused, Unavailable
from chalicelib.domain.outbound import Destination, destination_of, may_connect
from chalicelib.usecases.outbound_ports import Reply

CONNECT_S = 5.0
MAX_BODY = 64 * 1024

Resolve = Callable[[str, int], tuple[str, ...]]


def system_resolve(host: str, port: int) -> tuple[str, ...]:
    """Every address of a name, as the system's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class SafeHttp:
    """Speaks to the public internet; with `loopback` (the cloud on your machine only) to this machine too."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve = system_resolve,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._loopback = loopback
        self._resolve = resolve
        self._context = context

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        """The answer: its status and at most 64 KiB of body, within `timeout_s` from connect to last byte.

        Raises:
            DestinationRefused: the URL, or what its name resolves to, may not be called.
            Unavailable: no answer, none in time, or none that can be read.
        """
        return self._exchange("POST", url, headers=headers, body=body, timeout_s=timeout_s)

    def get(self, url: str, *, timeout_s: float) -> Reply:
        """The same for a document that is asked for.

        Raises:
            DestinationRefused, Unavailable: as with `post`.
        """
        return self._exchange("GET", url, headers={"Accept": "application/json"}, body=None, timeout_s=timeout_s)

    def _exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Reply:
        destination = destination_of(url, loopback=self._loopback)
        connection = _Pinned(destination, self._checked(destination), self._tls(destination))
        watch = threading.Timer(timeout_s, connection.cut)
        watch.daemon = True
        try:
            watch.start()
            own = {"Host": destination.authority, "Connection": "close", "User-Agent": "hotswap"}
            connection.request(method, destination.path, body=body, headers={**headers, **own})
            response = connection.getresponse()
            content = response.read(MAX_BODY + 1)
            if connection.was_cut:
                raise Unavailable(f"{destination.host} did not answer within {timeout_s:g} s.")
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = f"did not answer within {timeout_s:g} s" if connection.was_cut else f"{type(error).__name__}"
            raise Unavailable(f"{destination.host}: {why}.") from error
        finally:
            watch.cancel()
            connection.close()
        if len(content) > MAX_BODY:
            raise Unavailable(f"{destination.host} answered more than {MAX_BODY} bytes.")
        return Reply(status=response.status, body=content)

    def _checked(self, destination: Destination) -> str:
        """The address to connect to. One forbidden address among several refuses all: nobody chooses for us."""
        try:
            addresses = self._resolve(destination.host, destination.port)
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{destination.host} does not resolve.") from error
        if not addresses or not all(may_connect(address, loopback=self._loopback) for address in addresses):
            raise DestinationRefused(f"{destination.host} does not resolve to public addresses only")
        return addresses[0]

    def _tls(self, destination: Destination) -> ssl.SSLContext | None:
        if not destination.secure:
            return None
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        return self._context


class _Pinned(http.client.HTTPConnection):
    """A connection to one address; the name is used for TLS and the Host header only."""

    def __init__(self, destination: Destination, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__(destination.host, destination.port, timeout=CONNECT_S)
        self._address = address
        self._context = context
        self._cut = threading.Event()

    @property
    def was_cut(self) -> bool:
        return self._cut.is_set()

    def connect(self) -> None:
        """Connect to the checked address, whatever the name says by now."""
        self.sock = socket.create_connection((self._address, self.port), timeout=CONNECT_S)
        # From here the watch bounds the whole exchange; a limit on each read would let a slow drip go on for ever.
        self.sock.settimeout(None)
        if self._cut.is_set():
            raise TimeoutError
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock.do_handshake()

    def cut(self) -> None:
        """End the exchange now, from another thread."""
        self._cut.set()
        sock = self.sock
        if sock is not None:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                sock.close()
