"""One node: its modules, its port and its conversation with the control plane."""

import asyncio
import fcntl
import os
import time

from aiohttp import web

from kernel import __version__
from kernel.artifact import TrustRoots, trust_roots_from
from kernel.control_plane import ControlPlane
from kernel.conversation import Conversation, Measured
from kernel.logs import log
from kernel.messages import MAX_MODULES, Answer, Json
from kernel.metrics import Meters
from kernel.orphans import ChildRecords
from kernel.provision import Provision
from kernel.proxy import Proxy
from kernel.resident import Resident
from kernel.settings import KernelSettings, NodeSettings
from kernel.state import Identity, ModuleRecord, NodeState
from kernel.swap import RunningModule
from kernel.usage import ProcessTable

# How long a starting node waits for what it ran before, until it opens its port all the same.
RESTORE_LIMIT_S = 15.0
SAMPLE_EVERY_S = 5.0
STOP_LIMIT_S = 5.0


class Node:
    """Runs until cancelled; then it stops serving, ends its children and returns.

    Raises:
        BlockingIOError: another kernel runs this node.
    """

    def __init__(
        self, settings: NodeSettings, kernel: KernelSettings, control_plane: ControlPlane, table: ProcessTable
    ) -> None:
        self.settings, self._kernel, self._control_plane, self._table = settings, kernel, control_plane, table
        self._state = NodeState(kernel.data_dir / settings.name)
        self._lock = _lock(self._state)
        self._records = ChildRecords(self._state.folder)
        self._meters = Meters()
        self._modules: dict[str, RunningModule] = {}
        self._identity = self._state.identity()
        self._provision: Provision | None = None
        self._conversation = Conversation(
            settings,
            kernel.patience,
            control_plane=control_plane,
            state=self._state,
            measure=self._measure,
            obey=self._obey,
        )

    async def run(self) -> None:
        """Serve, and do what the control plane asks."""
        server = web.Server(Proxy(active=self._active, describe=self.describe), access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=STOP_LIMIT_S)
        try:
            await runner.setup()
            if self._identity is not None:
                await self._restore(self._identity)
            site = web.TCPSite(runner, self._kernel.host, self.settings.port, backlog=1024)
            await site.start()
            log("node_serves", node=self.settings.name, port=self.settings.port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._converse())
                tasks.create_task(self._sample())
        finally:
            await self._close(runner)

    def describe(self) -> Json:
        """Who the node is and what it runs, for people and tests."""
        return {
            "node": self.settings.name,
            "nodeId": self._identity.node_id if self._identity else None,
            "environment": self._identity.environment if self._identity else None,
            "kernelVersion": __version__,
            "modules": [
                module.report().to_json() | {"version": module.active.ref.version if module.active else None}
                for module in self._modules.values()
            ],
        }

    def _active(self, module: str) -> Resident | None:
        running = self._modules.get(module)
        return running.active if running else None

    async def _converse(self) -> None:
        if self._identity is None:
            self._identity = await self._conversation.enrol(f"http://{self._kernel.host}:{self.settings.port}")
        self._provision = self._provision or self._provision_for(self._identity)
        await self._conversation.run(self._identity)

    async def _restore(self, identity: Identity) -> None:
        self._provision = self._provision_for(identity)
        for name, record in self._state.modules().items():
            self._add_module(name, record, self._provision)
        modules = self._modules.values()
        await asyncio.gather(*(module.restore() for module in modules))
        tries = [asyncio.create_task(module.active.first_try.wait()) for module in modules if module.active]
        if tries:
            _, waiting = await asyncio.wait(tries, timeout=RESTORE_LIMIT_S)
            for task in waiting:
                task.cancel()

    def _provision_for(self, identity: Identity) -> Provision:
        given = self._kernel.trust_roots
        roots: TrustRoots = given if given is not None else trust_roots_from(identity.trust_roots)
        return Provision(
            state=self._state,
            control_plane=self._control_plane,
            trust_roots=roots,
            node_id=identity.node_id,
            meters=self._meters,
            records=self._records,
            pace=self._kernel.pace,
        )

    def _add_module(self, name: str, record: ModuleRecord, provision: Provision) -> RunningModule:
        module = RunningModule(
            name, record, provision=provision, keep=self._keep_modules, finished=self._conversation.report_now
        )
        self._modules[name] = module
        return module

    def _keep_modules(self) -> None:
        records = {name: module.record for name, module in self._modules.items()}
        self._state.keep_modules(records)
        self._state.forget_except(set().union(*(module.needed for module in self._modules.values())))

    def _obey(self, answer: Answer) -> None:
        if self._provision is None:
            raise RuntimeError("orders before the node has enrolled")
        self._provision.distrust(answer.revoked_keys)
        for order in answer.orders:
            module = self._modules.get(order.module)
            if module is None and len(self._modules) < MAX_MODULES:
                module = self._add_module(order.module, ModuleRecord(), self._provision)
            if module is None:
                log("too_many_modules", node=self.settings.name, module=order.module)
                continue
            module.take(order)

    async def _measure(self) -> Measured:
        await self._read_usage()
        # No await from here: the report and its windows are of the same moment.
        reports = [module.report() for module in self._modules.values()]
        running = {(resident.ref.name, resident.ref.edition) for resident in self._residents()}
        return reports, self._meters.close(int(time.time() * 1000), running)

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            await self._read_usage()

    async def _read_usage(self) -> None:
        measured = {resident: resident.process for resident in self._residents()}
        pids = [child.pid for child in measured.values() if child]
        own = asyncio.gather(*(resident.ask_own_metrics() for resident in measured))
        usages = await asyncio.to_thread(self._table.read, pids) if pids else {}
        await own
        for resident, child in measured.items():
            if child is not None and child.pid in usages:
                resident.used(child, usages[child.pid])

    def _residents(self) -> list[Resident]:
        return [resident for module in self._modules.values() for resident in module.residents]

    async def _close(self, runner: web.ServerRunner) -> None:
        await runner.cleanup()
        await asyncio.gather(*(module.close() for module in self._modules.values()))
        self._records.close()
        os.close(self._lock)


def _lock(state: NodeState) -> int:
    """Held by the open file, so it ends with the process however that ends."""
    descriptor = os.open(state.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
