"""A module version that is on a node: kept running, measured, drained and ended."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kernel.artifact import ArtifactRef
from kernel.child import Child, ChildSpec, start_child
from kernel.logs import log
from kernel.manifest import Manifest
from kernel.metrics import Meter, Meters
from kernel.orphans import ChildRecords
from kernel.own_metrics import MAX_BYTES, BadDocumentError, parse_own, since
from kernel.reasons import OrderError, Reason
from kernel.usage import Usage

NEVER_SERVED_GRACE_MS = 500
# Reports wait for it, so a module that hangs may not delay them for long.
OWN_METRICS_LIMIT_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast children are looked after. Seconds."""

    restart_min_s: float = 0.1
    restart_max_s: float = 10.0
    # A child that lived this long is not in a loop of deaths; its next restart is a quick one again.
    stable_after_s: float = 10.0
    health_every_s: float = 5.0
    # How long a replaced version may take over its last requests before it is told to end.
    drain_limit_s: float = 30.0


class Resident:
    """One unpacked version and its child. Use `start` or `restore` once, `retire` at the end."""

    def __init__(
        self,
        ref: ArtifactRef,
        manifest: Manifest,
        folder: Path,
        *,
        node_id: str,
        meters: Meters,
        records: ChildRecords,
        pace: Pace,
        configuration: Path | None = None,
    ) -> None:
        self.ref, self.manifest, self._meters = ref, manifest, meters
        self._configuration = configuration
        self.healthy = False
        self.first_try = asyncio.Event()
        self._folder, self._node_id, self._records, self._pace = folder, node_id, records, pace
        self._child: Child | None = None
        self._up = False
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def child(self) -> Child | None:
        """The process to send requests to, or None while it is down."""
        return self._child if self._up else None

    @property
    def meter(self) -> Meter:
        """Where its requests and deaths are counted now."""
        return self._meters.of(self.ref.name, self.ref.edition, int(time.time() * 1000))

    @property
    def process(self) -> Child | None:
        """The process to measure, healthy or not."""
        return self._child

    async def start(self) -> None:
        """Start the child and wait until it is healthy; from then on it is started again whenever it dies.

        Raises:
            OrderError: START_FAILED or HEALTH_CHECK_FAILED; nothing is left running.
        """
        try:
            await self._begin()
        except BaseException:
            # It never served anybody, and the next order may be waiting for it to be gone.
            await self._end_child(min(self.manifest.shutdown_grace_ms, NEVER_SERVED_GRACE_MS))
            await self.retire(drain=False)
            raise
        self._keeper = asyncio.create_task(self._keep_running())

    def restore(self) -> None:
        """Keep the child running, without asking first whether it can become healthy: it did before."""
        self._keeper = asyncio.create_task(self._keep_running())

    async def wait_until_up(self) -> None:
        """Return when the child takes requests, at once if it does.

        Raises:
            OrderError: HEALTH_CHECK_FAILED after the start timeout of the manifest.
        """
        timeout_ms = self.manifest.start_timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while self.child is None:
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise OrderError(Reason.HEALTH_CHECK_FAILED, f"down, and not up again within {timeout_ms} ms") from error

    async def smoke_test(self) -> None:
        """Ask the smoke path once.

        Raises:
            OrderError: SMOKE_TEST_FAILED.
        """
        status = await self._child.status_of(self.manifest.smoke_path) if self._child else None
        if status != 200:
            told = "no answer" if status is None else str(status)
            raise OrderError(Reason.SMOKE_TEST_FAILED, f"{told} from {self.manifest.smoke_path}")

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Hold this around a request: the child is not ended before, unless draining takes too long."""
        self._requests += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if self._requests == 0:
                self._idle.set()

    def used(self, child: Child, usage: Usage) -> None:
        """Take a sample of what the child and its descendants use."""
        self.meter.used(cpu_s=usage.cpu_s - child.cpu_s_seen, memory_bytes=usage.memory_bytes)
        child.cpu_s_seen = max(usage.cpu_s, child.cpu_s_seen)

    async def ask_own_metrics(self) -> None:
        """Ask the module what it says of itself. No answer in time, or a bad one, says nothing; it is told once."""
        child, path = self.child, self.manifest.metrics_path
        if child is None or path is None:
            return
        body = await child.read(path, limit_bytes=MAX_BYTES, limit_s=OWN_METRICS_LIMIT_S)
        complaint = "no answer of 200 in time" if body is None else ""
        try:
            own = parse_own(body) if body is not None else None
        except BadDocumentError as error:
            own, complaint = None, str(error)
        if complaint and complaint != child.complaint:
            log("own_metrics_unread", module=self.ref.name, digest=self.ref.digest, why=complaint)
        child.complaint = complaint
        if own is None:
            child.counts_seen = None
            return
        counts = {} if child.counts_seen is None else since(child.counts_seen, own.counts)
        child.counts_seen = own.counts
        self.meter.said(counts=counts, levels=own.levels)

    async def retire(self, *, drain: bool = True) -> None:
        """End the child, after its last request, and remove its files. New requests must go elsewhere already."""
        if drain:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.drain_limit_s):
                    await self._idle.wait()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,))
        await self._end_child(self.manifest.shutdown_grace_ms)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _begin(self) -> None:
        spec = ChildSpec(
            command=self.manifest.command, folder=self._folder, socket=self._records.next_socket(), told=self._told()
        )
        self._child = await start_child(spec)
        self._records.started(self._child.pid)
        await self._child.become_healthy(self.manifest.health_path, self.manifest.start_timeout_ms)
        self._up = self.healthy = True

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while True:
            if self._child is None:
                failure = await self._try_to_begin()
                self.first_try.set()
            else:
                failure = None
            if failure is None:
                up_since = loop.time()
                failure = await self._until_death()
                if loop.time() - up_since >= self._pace.stable_after_s:
                    deaths = 0
            pause_s = min(self._pace.restart_min_s * 2**deaths, self._pace.restart_max_s)
            deaths = min(deaths + 1, 20)
            self.meter.crashed()
            log("child_died", module=self.ref.name, digest=self.ref.digest, cause=failure, restart_in_s=pause_s)
            await self._end_child(0)
            await asyncio.sleep(pause_s)

    async def _try_to_begin(self) -> str | None:
        try:
            await self._begin()
        except OrderError as error:
            return str(error)
        return None

    async def _until_death(self) -> str:
        child = self._child
        if child is None:
            raise RuntimeError("nothing to watch")
        while not child.ended.done():
            await asyncio.wait((child.ended,), timeout=self._pace.health_every_s)
            if not child.ended.done():
                self.healthy = await child.status_of(self.manifest.health_path) == 200
        return f"exit {child.ended.result()}"

    async def _end_child(self, grace_ms: int) -> None:
        self._up = self.healthy = False
        child = self._child
        if child is None:
            return
        # Shielded: whoever waits may be cancelled, the process must end all the same.
        await asyncio.shield(asyncio.ensure_future(child.stop(grace_ms)))
        self._records.ended(child.pid)
        self._child = None

    def _told(self) -> Mapping[str, str]:
        return {
            "HOTSWAP_MODULE": self.ref.name,
            "HOTSWAP_VERSION": self.ref.version,
            "HOTSWAP_DIGEST": self.ref.digest,
            "HOTSWAP_NODE_ID": self._node_id,
        } | self._configured()

    def _configured(self) -> dict[str, str]:
        if self._configuration is None:
            return {}
        return {
            "HOTSWAP_CONFIGURATION": str(self._configuration.absolute()),
            "HOTSWAP_CONFIGURATION_REVISION": str(self.ref.configuration),
        }
