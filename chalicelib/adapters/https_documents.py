"""Small JSON documents from the internet: where trusted issuers publish their keys.

HTTPS only, to public addresses only, to the very address that was checked, without following anybody anywhere else,
and never more than a bounded answer in a bounded time.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import time
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from chalicelib.domain.errors import Unavailable

MOST_BYTES: Final = 256 * 1024
SECONDS: Final = 4.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class HttpsDocuments:
    """Gets JSON objects. `allows_loopback` is for issuers on one's own machine, over plain HTTP, and nothing else."""

    def __init__(self, *, allows_loopback: bool = False) -> None:
        self._allows_loopback = allows_loopback

    def fetch(self, url: str) -> dict[str, Any]:
        """The JSON object at a URL.

        Raises:
            Unavailable: it may not be asked for, does not answer in time, or answers something else.
        """
        try:
            parts = urlsplit(url)
            address = self._checked_address(parts)
            status, content = _get(parts, address)
            found = json.loads(content)
        except (OSError, ValueError, http.client.HTTPException, RecursionError) as error:
            raise Unavailable(f"{_shown(url)} does not answer as it should.") from error
        if status != http.client.OK or not isinstance(found, dict):
            raise Unavailable(f"{_shown(url)} does not answer as it should.")
        return found

    def _checked_address(self, parts: SplitResult) -> str:
        """An address of the host that may be connected to.

        Raises:
            ValueError, OSError: there is none, or the URL is of a kind that is not asked for.
        """
        if not parts.hostname or parts.username is not None or parts.password is not None or "\\" in parts.netloc:
            raise ValueError("the address has no host, or more than one")
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        if not addresses:
            raise ValueError("the host has no address")
        if self._allows_loopback and parts.scheme == "http" and all(each.is_loopback for each in addresses):
            return str(addresses[0])
        if parts.scheme != "https" or parts.port not in (None, 443) or not all(map(is_public, addresses)):
            raise ValueError("only https to public addresses")
        return str(addresses[0])


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is everybody's; one that wraps an IPv4 address is judged by that too."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inner = address.teredo[1]
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner is None or is_public(inner)


def _get(parts: SplitResult, address: str) -> tuple[int, bytes]:
    deadline = time.monotonic() + SECONDS
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    # Connected to what was checked: a name may mean something else a moment later.
    connection.sock = socket.create_connection((address, port), timeout=SECONDS)
    try:
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        content = bytearray()
        while chunk := answer.read1(16_384):
            content += chunk
            if len(content) > MOST_BYTES or time.monotonic() > deadline:
                raise ValueError("the answer is too long, or takes too long")
        return answer.status, bytes(content)
    finally:
        connection.close()


def _shown(url: str) -> str:
    return repr(url[:200])
