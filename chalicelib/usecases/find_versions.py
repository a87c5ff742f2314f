"""Which version is this digest? Versions never change, so whoever asks at every heartbeat reads each once."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from chalicelib.domain.errors import NotFound
from chalicelib.domain.module import ModuleVersion
from chalicelib.usecases.ports import Ports

MOST_KEPT = 10_000


class KnownVersions:
    """Versions by module and digest, read when first asked for and then kept. What may change of one is not in it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], ModuleVersion] = {}
        self._lock = threading.Lock()

    def find(self, module: str, digests: Iterable[str], *, ports: Ports) -> dict[str, ModuleVersion]:
        """Digest -> version, for each of `digests`. Only digest, version, size and signature may be relied on.

        Raises:
            NotFound: a digest that was never registered for this module.
        """
        wanted = set(digests)
        if any((module, digest) not in self._known for digest in wanted):
            read = {(module, version.digest): version for version in ports.store.list(ModuleVersion, module)}
            with self._lock:
                if len(self._known) + len(read) > MOST_KEPT:
                    self._known.clear()
                self._known.update(read)
            missing = [digest for digest in wanted if (module, digest) not in read]
            if missing:
                raise NotFound("module version", f"{module} {missing[0]}")
            return {digest: read[module, digest] for digest in wanted}
        return {digest: self._known[module, digest] for digest in wanted}
