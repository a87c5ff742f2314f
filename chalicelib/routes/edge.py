"""What the routes are served with: the ports, who may call, and the numbers of the installation."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.seal import MasterKey
from chalicelib.parts import later
from chalicelib.routes.console_files import ConsoleFiles
from chalicelib.routes.limits import Limits
from chalicelib.usecases.find_versions import KnownVersions
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.ports import AuditKeys, Ports
from chalicelib.usecases.record_refusal import RefusalBudget
from chalicelib.usecases.revoked_keys import RevokedKeys

if TYPE_CHECKING:
    from chalicelib.usecases.decide_by_link import ApprovalLinks


class Patience:
    """How many callers may wait at once for something to happen; the others are answered at once."""

    def __init__(self, most: int) -> None:
        self._places = threading.BoundedSemaphore(max(most, 1))

    @contextmanager
    def place(self, *, wanted: bool = True) -> Iterator[bool]:
        """Whether there was a place to wait in; it is free again at the end. Whoever wants none takes none."""
        got = wanted and self._places.acquire(blocking=False)
        try:
            yield got
        finally:
            if got:
                self._places.release()


def no_master_key() -> MasterKey:
    """For an edge that was given none.

    Raises:
        Unavailable: always.
    """
    raise Unavailable("There is no master key.")


class NoAuditKeys:
    """For an edge that was given none."""

    def public_keys(self) -> Mapping[str, str]:
        """Nothing.

        Raises:
            Unavailable: always.
        """
        raise Unavailable("The keys that seal the audit are not known here.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Everything a view may use.

    `origins` are the sites whose scripts may call the API. `pause` lets time go by while a caller waits. At most a
    quarter of the server's threads wait (`patience`), so that waiting never keeps others from being answered.
    `heartbeat_ms` is how often a node reports that has just enrolled, or whose environment changes. `loopback` lets hooks and webhooks call this
    machine; only the cloud on your machine sets it. `loopback_issuers` lets trusted issuers be there.
    """

    ports: Ports
    identity: IdentityPorts
    links: ApprovalLinks
    version: str = "0.1.0"
    stage: str = "local"
    origins: frozenset[str] = frozenset()
    pause: Callable[[float], None] = time.sleep
    patience: Patience = field(default_factory=lambda: Patience(16))
    heartbeat_ms: int = 1_000
    limits: Limits = field(default_factory=Limits)
    master_key: Callable[[], MasterKey] = no_master_key
    loopback: bool = False
    loopback_issuers: bool = False
    audit_keys: AuditKeys = field(default_factory=NoAuditKeys)
    known_versions: KnownVersions = field(default_factory=KnownVersions)
    revoked_keys: RevokedKeys = field(default_factory=RevokedKeys)
    refusals: RefusalBudget = field(default_factory=RefusalBudget)
    console: ConsoleFiles = field(default_factory=ConsoleFiles)


_made: list[Edge] = []


def wired() -> Edge:
    """The edge of this process, made anew when other adapters were installed since."""
    from chalicelib import wiring

    ports = wiring.ports()
    if not _made or _made[-1].ports is not ports:
        settings = wiring.settings()
        identity = IdentityPorts(
            tokens=later(wiring.tokens),
            id_tokens=later(wiring.id_tokens),
            passwords=later(wiring.passwords),
            new_secret=lambda: secrets.token_urlsafe(32),
        )
        _made[:] = [
            Edge(
                ports=ports,
                identity=identity,
                links=later(wiring.approval_links),
                stage=settings.stage,
                origins=frozenset(settings.cors_origins),
                heartbeat_ms=settings.heartbeat_ms,
                limits=Limits(settings.limits_percent),
                master_key=wiring.master_key(),
                audit_keys=later(wiring.audit_keys),
                loopback=settings.outbound_loopback,
                loopback_issuers=settings.loopback_issuers,
            )
        ]
    return _made[-1]
