"""A node's conversation with the control plane: enrol once, then report, obey, wait; patiently when nobody answers."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from kernel import __version__
from kernel.control_plane import AwayError, ControlPlane, ControlPlaneError, ReportRefusedError, RevokedError
from kernel.logs import log
from kernel.messages import Answer, ModuleReport, report_json
from kernel.metrics import Window
from kernel.settings import NodeSettings, Patience
from kernel.state import Identity, NodeState, PendingReport

Measured = tuple[Sequence[ModuleReport], Sequence[Window]]
SHORTEST_PAUSE_S = 0.05


class Conversation:
    """The calls of one node.

    Args:
        measure: closes the windows and says what is; called once per report number, never for a repeated report.
        obey: takes an answer and returns at once.
    """

    def __init__(
        self,
        settings: NodeSettings,
        patience: Patience,
        *,
        control_plane: ControlPlane,
        state: NodeState,
        measure: Callable[[], Awaitable[Measured]],
        obey: Callable[[Answer], None],
    ) -> None:
        self._settings, self._patience = settings, patience
        self._control_plane, self._state = control_plane, state
        self._measure, self._obey = measure, obey
        # After a restart nobody knows whether the last report was counted. Sent again unchanged it is counted once.
        self._unanswered = state.report()
        self._interval = self._unanswered.interval if self._unanswered else 0
        self._news = asyncio.Event()
        self._failures = 0
        self._about = ""

    def report_now(self, correlation_id: str = "") -> None:
        """An order has ended: do not wait for the next beat to say so, and say what it belonged to."""
        self._about = correlation_id
        self._news.set()

    async def enrol(self, address: str) -> Identity:
        """Enrol, however long it takes, and remember the identity."""
        while True:
            try:
                identity = await self._control_plane.enrol(
                    token=self._settings.token or "",
                    name=self._settings.name,
                    address=address,
                    labels=self._settings.labels,
                    nonce=self._state.enrol_nonce(),
                )
                self._state.keep_identity(identity)
            except (ControlPlaneError, OSError) as error:
                await asyncio.sleep(self._pause_after(error))
                continue
            self._failures = 0
            log("node_enrolled", node=self._settings.name, node_id=identity.node_id, environment=identity.environment)
            return identity

    async def run(self, identity: Identity) -> None:
        """Report and obey until cancelled."""
        while True:
            pause_s = await self._heartbeat(identity)
            # While nobody answers, news must not shorten the back-off.
            if self._failures:
                await asyncio.sleep(pause_s)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._news.wait()

    async def _heartbeat(self, identity: Identity) -> float:
        """Send one report, or the last one again; seconds until the next."""
        try:
            if self._unanswered is None:
                self._unanswered = await self._next_report()
            about = self._about
            answer = await self._control_plane.heartbeat(identity, self._unanswered.body, correlation_id=about)
        except ReportRefusedError as error:
            # Its windows are lost. Kept, it would stand in the way of every order for ever.
            self._unanswered = None
            return self._pause_after(error)
        except Exception as error:  # noqa: BLE001  whatever goes wrong while talking, the node goes on serving
            return self._pause_after(error)
        self._unanswered, self._failures = None, 0
        if self._about == about:
            self._about = ""
        self._obey(answer)
        return self._until_next(answer.next_heartbeat_ms / 1000)

    async def _next_report(self) -> PendingReport:
        self._news.clear()  # whatever happened until here is in this report
        modules, windows = await self._measure()
        body = report_json(
            interval=self._interval + 1,
            sent_at_ms=int(time.time() * 1000),
            kernel_version=__version__,
            modules=modules,
            windows=windows,
        )
        report = PendingReport(interval=self._interval + 1, body=json.dumps(body, separators=(",", ":")).encode())
        self._interval = report.interval
        # Held before it is written: when the disk is full the report goes out all the same.
        self._unanswered = report
        await asyncio.to_thread(self._state.keep_report, report)
        return report

    def _until_next(self, asked_s: float) -> float:
        if asked_s > self._patience.jitter_above_s:
            asked_s *= 1 + random.uniform(0, self._patience.idle_jitter)  # noqa: S311  spreads load, guards nothing
        return max(asked_s, SHORTEST_PAUSE_S)

    def _pause_after(self, error: Exception) -> float:
        self._failures += 1
        pause_s = min(self._patience.retry_min_s * 2.0 ** min(self._failures - 1, 16), self._patience.retry_max_s)
        if isinstance(error, RevokedError):
            pause_s = self._patience.revoked_s
        if not isinstance(error, AwayError) or self._failures == 1:
            log("call_failed", node=self._settings.name, error=repr(error), next_try_in_s=pause_s)
        return pause_s
