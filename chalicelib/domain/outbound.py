"""Where we may connect to when a user tells us an address: https, to the public internet, and nowhere else.

Two questions, asked at two moments: is this a URL we would ever call (when it is configured), and is this address one
we may connect to (each time, of what the name resolves to then). Sources: OWASP API7:2023, ASVS 5.0 1.3.6, RFC 6890.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from chalicelib.domain.errors import DestinationRefused

PORTS = frozenset({443, 8443})
MAX_URL_LENGTH = 2_000

_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Visible ASCII without the backslash: where parsers disagree about anything else, nobody gets to choose one."""
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_NOT_PUBLIC = (
    IPv6Network("fec0::/10"),  # site-local: given up, but some networks still lead there (RFC 3879)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv6Network("5f00::/16"),  # segment routing (RFC 9602)
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, given up (RFC 7526)
)
"""What some versions of Python call global."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A URL taken apart once, so that nobody has to read it a second time and may read it differently."""

    host: str
    port: int
    path: str
    secure: bool = True

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def destination_of(url: str, *, loopback: bool = False) -> Destination:
    """The destination of a URL that may be called. `loopback` (the cloud on your machine) also takes http to 127.0.0.1.

    Raises:
        DestinationRefused: says which rule the URL breaks.
    """
    if not 1 <= len(url) <= MAX_URL_LENGTH or not _PLAIN.fullmatch(url):
        raise DestinationRefused(f"must be 1 to {MAX_URL_LENGTH} visible ASCII characters without a backslash")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DestinationRefused("must be a URL") from error
    authority = _AUTHORITY.fullmatch(parts.netloc.lower())
    if parts.fragment or url.endswith("#") or authority is None:
        raise DestinationRefused("must be https://host/path, without user, password and fragment")
    host = authority["host"].strip("[]")
    is_local = loopback and _is_loopback(host)
    if parts.scheme != "https" and not (is_local and parts.scheme == "http"):
        raise DestinationRefused("must begin with https://")
    port = int(authority["port"] or (443 if parts.scheme == "https" else 80))
    if not (is_local or port in PORTS) or not 0 < port < 65_536:
        raise DestinationRefused(f"must use port {' or '.join(map(str, sorted(PORTS)))}")
    if not is_local:
        _check_host(host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(host=host, port=port, path=path, secure=parts.scheme == "https")


def shown_address(url: str) -> str:
    """A URL as anybody may see it: whom it leads to, and not the path, in which receivers like to hide a secret."""
    parts = urlsplit(url)
    is_whole = parts.path in ("", "/") and not parts.query
    return f"{parts.scheme}://{parts.netloc}{parts.path if is_whole else '/…'}"


def may_connect(address: str, *, loopback: bool = False) -> bool:
    """Whether an address a name resolved to may be connected to: public, also behind every IPv6 form of an IPv4 one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if loopback and found.is_loopback:
        return True
    return all(_is_public(each) for each in (found, *_embedded(found)))


def _is_public(address: Address) -> bool:
    unusable = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    listed = any(address.version == each.version and address in each for each in _NOT_PUBLIC)
    return address.is_global and not unusable and not listed


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses an IPv6 address stands for; Python calls some of these global whatever is inside."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in (*_NAT64, _COMPATIBLE)):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)


def _is_loopback(host: str) -> bool:
    return host in ("127.0.0.1", "::1")


def _check_host(host: str) -> None:
    if _is_literal(host):
        if not may_connect(host):
            raise DestinationRefused("must be a public address")
        return
    labels = host.split(".")
    if len(labels) < 2 or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise DestinationRefused("must name a host with its full domain")
    # 127.1, 0x7f.1 and their like are numbers to some resolvers, and no top-level domain begins with a digit.
    if labels[-1][0].isdigit() or labels[-1] in ("localhost", "local", "internal"):
        raise DestinationRefused("must name a public host")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
