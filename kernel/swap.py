"""Carrying out orders for one module: prepare beside the old, switch, then drain or park the old.

Everything that can fail comes before the switch, and the switch is one assignment: a request sees the old version or
the new one, never neither.
"""

import asyncio
from collections.abc import Callable

from kernel.artifact import ArtifactRef
from kernel.logs import log
from kernel.messages import Ack, Action, Json, ModuleReport, Order, Wanted
from kernel.provision import NoLinkError, Provision
from kernel.reasons import TRANSIENT, OrderError, Reason
from kernel.resident import Resident
from kernel.state import ModuleRecord

RETRY_AFTER_S = 30.0
HEAL_AFTER_S = 300.0


class RunningModule:
    """One module on one node.

    Args:
        record: what was obeyed so far; changed in place.
        keep: writes all records to disk; OSError when it cannot.
        finished: called with the order's correlation id when it ended, so that the node reports at once.
    """

    def __init__(
        self,
        name: str,
        record: ModuleRecord,
        *,
        provision: Provision,
        keep: Callable[[], None],
        finished: Callable[[str], None],
    ) -> None:
        self.name, self.record = name, record
        self.active: Resident | None = None
        self.staged: dict[str, Resident] = {}
        self._provision, self._keep, self._finished = provision, keep, finished
        self._task: asyncio.Task[None] | None = None
        self._doing: Order | None = None
        self._retry_at: float | None = None
        self._without_link: str | None = None
        self._leaving: dict[asyncio.Task[None], Resident] = {}

    @property
    def residents(self) -> list[Resident]:
        """Every version with a process, those being drained included."""
        active = [self.active] if self.active else []
        return active + list(self.staged.values()) + list(self._leaving.values())

    @property
    def needed(self) -> set[ArtifactRef]:
        """What must be kept on the disk: what would be restored, and what an order is just bringing."""
        refs = [self.record.active, *self.record.staged]
        if self._doing is not None:
            refs += [wanted.ref for wanted in (self._doing.active, *self._doing.staged) if wanted]
        return {ref for ref in refs if ref}

    def report(self) -> ModuleReport:
        """What is."""
        return ModuleReport(
            module=self.name,
            fence=self.record.fence,
            active=self.active.ref.edition if self.active else None,
            staged=tuple(sorted(digest for digest, resident in self.staged.items() if resident.child)),
            healthy=self.active.healthy if self.active else self.record.active is None,
            ack=self.record.ack,
        )

    async def restore(self) -> None:
        """Start again what ran before the kernel ended. What cannot be started is asked for again."""
        for ref in (self.record.active, *self.record.staged):
            if ref is None:
                continue
            try:
                resident = await self._provision.remembered(ref)
            except OrderError as error:
                log("not_restored", module=self.name, digest=ref.edition, reason=error.reason, detail=error.detail)
                self.record.settled = None
                continue
            resident.restore()
            if ref is self.record.active:
                self.active = resident
            else:
                self.staged[ref.edition] = resident

    def take(self, order: Order) -> None:
        """Carry out an order, unless it is done, under way or older than one obeyed. Returns at once."""
        if order.fence < self.record.fence:
            log("order_ignored", module=self.name, fence=order.fence, obeyed=self.record.fence)
            return
        if self._task is not None and not self._task.done():
            if self._doing is None or self._doing.key != order.key:
                self._begin(order, instead_of=self._task)
        elif self.record.settled != order.key or self._may_retry():
            self._begin(order, instead_of=None)

    async def close(self) -> None:
        """End all children; orders under way are given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        residents = [resident for resident in (self.active, *self.staged.values()) if resident]
        self.active, self.staged = None, {}
        await asyncio.gather(*(resident.retire(drain=False) for resident in residents), *self._leaving)

    def _may_retry(self) -> bool:
        return self._retry_at is not None and asyncio.get_running_loop().time() >= self._retry_at

    def _begin(self, order: Order, *, instead_of: asyncio.Task[None] | None) -> None:
        self._doing, self._retry_at = order, None
        self._task = asyncio.create_task(self._obey(order, instead_of))

    async def _obey(self, order: Order, instead_of: asyncio.Task[None] | None) -> None:
        if instead_of is not None:
            instead_of.cancel()
            await asyncio.wait((instead_of,))
        action, digest = self._asked(order)
        about: dict[str, object] = {"module": self.name, "fence": order.fence, "correlation_id": order.correlation_id}
        log("order_begun", **about, action=action, digest=digest)
        failure: OrderError | None = None
        try:
            self._remember_fence(order.fence)
            await self._carry_out(order, action)
        except NoLinkError as error:
            if self._without_link != order.key:
                # The answer to a report that was repeated after a restart; the one to the next report has the link.
                self._without_link = order.key
                self._finished(order.correlation_id)
                return
            failure = error
            self._retry_later()
        except OrderError as error:
            failure = error
            # What failed for good is tried again too, though seldom: nothing else would ever heal this node.
            self._retry_later(RETRY_AFTER_S if error.reason in TRANSIENT else HEAL_AFTER_S)
        except Exception as error:  # noqa: BLE001  an order without an ack would hold up a whole wave
            log("order_broke", **about, error=repr(error))
            failure = OrderError(Reason.START_FAILED, f"the kernel failed: {error!r}")
        self.record.ack = _ack(order.fence, action, digest, failure)
        self.record.settled, self._doing = order.key, None
        self._keep_or_log()
        log("order_ended", **about, ack=self.record.ack)
        self._finished(order.correlation_id)

    def _asked(self, order: Order) -> tuple[Action, str | None]:
        """What the order comes down to for this node; its ack names one action and one digest."""
        wanted = order.active.ref.edition if order.active else None
        running = self.active.ref.edition if self.active else None
        acked = self.record.ack or {}
        last = str(acked["digest"]) if acked else None
        if wanted == running:
            repeated = last if acked.get("action") == Action.STAGE else None
            for one in order.staged:
                if one.ref.edition not in self.staged or one.ref.edition == repeated:
                    return Action.STAGE, one.ref.edition
        # Where nothing runs, what is undone is the order before, which failed.
        return (Action.ACTIVATE, wanted) if wanted else (Action.DEACTIVATE, running or last)

    async def _carry_out(self, order: Order, action: Action) -> None:
        if action is Action.STAGE:
            await self._stage_missing(order)
            self._switch(order, self.active)
            return
        self._switch(order, await self._ready(order.active))
        if action is Action.DEACTIVATE and self._leaving:
            # Whoever drains a node relies on the answer: it is given when the last request has been.
            await asyncio.wait(tuple(self._leaving))
        try:
            await self._stage_missing(order)
        except OrderError as error:
            # The order's main part is done and must not be called failed; what is missing shows in the report.
            log("not_staged", module=self.name, reason=error.reason, detail=error.detail)
            self._retry_later()

    async def _ready(self, wanted: Wanted | None) -> Resident | None:
        """The version to switch to, healthy."""
        if wanted is None:
            return None
        if self.active and self.active.ref.edition == wanted.ref.edition:
            return self.active
        parked = self.staged.get(wanted.ref.edition)
        if parked is not None:
            await parked.wait_until_up()
            return parked
        resident = await self._provision.ordered(wanted)
        await resident.start()
        return resident

    def _switch(self, order: Order, new: Resident | None) -> None:
        """Not a coroutine: nothing else may run, and no cancellation arrive, while the state is half changed."""
        wanted = {one.ref.edition for one in order.staged}
        old, self.active = self.active, new
        if new is not None:
            self.staged.pop(new.ref.edition, None)
        if old is not None and old is not new:
            self.staged[old.ref.edition] = old
        for digest in [digest for digest in self.staged if digest not in wanted]:
            self._let_go(self.staged.pop(digest))
        self._remember_what_runs()

    async def _stage_missing(self, order: Order) -> None:
        active = order.active.ref.edition if order.active else None
        for wanted in order.staged:
            if wanted.ref.edition in self.staged or wanted.ref.edition == active:
                continue
            resident = await self._provision.ordered(wanted)
            await resident.start()
            try:
                await resident.smoke_test()
            except BaseException:
                await resident.retire(drain=False)
                raise
            self.staged[wanted.ref.edition] = resident
            self._remember_what_runs()

    def _let_go(self, resident: Resident) -> None:
        task = asyncio.create_task(resident.retire())
        self._leaving[task] = resident
        task.add_done_callback(lambda ended: self._leaving.pop(ended, None))

    def _remember_fence(self, fence: int) -> None:
        self.record.fence = fence
        try:
            self._keep()
        except OSError as error:
            raise OrderError(Reason.DISK_FULL, f"the order could not be kept: {error.strerror}") from error

    def _remember_what_runs(self) -> None:
        self.record.active = self.active.ref if self.active else None
        self.record.staged = [resident.ref for resident in self.staged.values()]
        self._keep_or_log()

    def _keep_or_log(self) -> None:
        try:
            self._keep()
        except OSError as error:
            log("state_not_kept", module=self.name, error=str(error))

    def _retry_later(self, pause_s: float = RETRY_AFTER_S) -> None:
        self._retry_at = asyncio.get_running_loop().time() + pause_s


def _ack(fence: int, action: Action, digest: str | None, failure: OrderError | None) -> Json | None:
    if digest is None:
        return None  # asked to run nothing, where nothing ever ran: there is no digest an ack could name
    reason, detail = (failure.reason, failure.detail) if failure else (None, None)
    return Ack(fence=fence, digest=digest, action=action, reason=reason, detail=detail).to_json()
