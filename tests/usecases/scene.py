"""A small world for use cases: ports in memory, registered versions, nodes that report and obey, and a way to run it all."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.analysis.policy import AnalysisMode, AnalysisPolicy
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metering import Measured
from chalicelib.domain.metrics import Window, own_metrics
from chalicelib.domain.module import ModuleVersion, signed_text
from chalicelib.domain.node import Ack, ModuleReport, Node, node_id
from chalicelib.domain.policy import Policy
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.timeline import Event
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.recording import get_deployment
from chalicelib.usecases.report_heartbeat import Heartbeat, HeartbeatAnswer, report_heartbeat
from tests.builders import MODULE, a_policy, a_signing_key
from tests.fakes import FakeClock, fake_ports, fake_signature
from tests.usecases.driver import Driver

DANA = Caller(name="dana", roles=frozenset({Role.DEPLOYER}))
ERIN = Caller(name="erin", roles=frozenset({Role.APPROVER}))
HEALTH_ONLY = AnalysisPolicy(mode=AnalysisMode.HEALTH_ONLY)
TWO_WAVES = StrategySpec(kind=Strategy.ROLLING, batch=2, bake_seconds=30)


@dataclass(kw_only=True)
class ANode:
    """One node: it sends what it runs and does what it is told; `cannot_start` holds digests that fail here."""

    id: str
    name: str
    ports: Ports
    active: str | None = None
    staged: tuple[str, ...] = ()
    fence: int = 0
    interval: int = 0
    ack: Ack | None = None
    cannot_start: set[str] = field(default_factory=set)
    errors: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    ran: list[str | None] = field(default_factory=list)
    at_ms: int = 0

    def beat(self) -> None:
        """Report and obey, until there is nothing more to do; a report that got no answer is sent again next time."""
        for _ in range(4):
            self.interval += 1
            try:
                answer = self.report()
            except Unavailable:
                self.interval -= 1
                return
            if not self._obeys(answer):
                return

    def report(self) -> HeartbeatAnswer:
        """One report as things are."""
        now = self.ports.clock.machine_ms()
        heartbeat = Heartbeat(
            interval=self.interval, kernel_version="test", modules=(self.says(),), windows=self._windows(now)
        )
        answer = report_heartbeat(self.id, "h" * 64, heartbeat, ports=self.ports)
        self.at_ms = now
        return answer

    def says(self) -> ModuleReport:
        return ModuleReport(module=MODULE, fence=self.fence, active=self.active, staged=self.staged, ack=self.ack)

    def _windows(self, now: int) -> tuple[Measured, ...]:
        if not self.requests or self.active is None or now <= self.at_ms:
            return ()
        window = Window(
            started_at_ms=self.at_ms,
            ended_at_ms=now,
            duration_ms=now - self.at_ms,
            requests=self.requests,
            errors=self.errors.get(self.active, 0),
            latency=Histogram(counts=((190, self.requests),)),
            cpu_ms=10,
            memory_byte_ms=40_000_000 * (now - self.at_ms),
            own=own_metrics(
                {},
                {"queueDepth": self.levels[self.active]} if self.active in self.levels else {},
                covered_ms=now - self.at_ms,
            ),
        )
        return (Measured(module=MODULE, digest=self.active, window=window),)

    def _obeys(self, answer: HeartbeatAnswer) -> bool:
        before = (self.fence, self.active, self.staged, self.ack)
        for wanted in answer.wanted:
            if wanted.fence < self.fence:
                continue
            self.fence = wanted.fence
            self.staged = tuple(digest for digest in wanted.desired.staged if digest not in self.cannot_start)
            digest = wanted.desired.active
            broken = [d for d in (*((digest,) if digest else ()), *wanted.desired.staged) if d in self.cannot_start]
            if broken:
                action = "activate" if broken[0] == digest else "stage"
                self.ack = Ack(
                    fence=self.fence, digest=broken[0], action=action, succeeded=False, reason="START_FAILED"
                )
            if digest not in self.cannot_start and digest != self.active:
                self.active = digest
                self.ran.append(digest)
        return before != (self.fence, self.active, self.staged, self.ack)


@dataclass(kw_only=True)
class Scene:
    """Everything a test may look at."""

    ports: Ports
    store: Any
    clock: FakeClock
    driver: Driver
    nodes: list[ANode]
    digests: dict[str, str]

    def create(self, version: str = "2.0.0", target: Environment = Environment.DEVELOPMENT, **more: Any) -> Deployment:
        """A deployment as Dana asks for it."""
        key = more.pop("idempotency_key", "")
        request = DeploymentRequest(module=MODULE, version=version, target=target, **more)
        return create_deployment(request, caller=DANA, idempotency_key=key, ports=self.ports)

    def settle(self) -> None:
        self.driver.settle(ports=self.ports)

    def pass_time(self, seconds: int = 1) -> None:
        """Time goes on, what is overdue times out, every node reports, and every execution goes as far as it can."""
        self.clock.advance(seconds=seconds)
        self.driver.time_out()
        self.settle()
        for node in self.nodes:
            node.beat()
        self.settle()

    def beat_for(self, seconds: int) -> None:
        """Time goes on and nodes report, but nothing happens in the machine."""
        for _ in range(0, seconds, 5):
            self.clock.advance(seconds=5)
            for node in self.nodes:
                node.beat()

    def run(
        self, deployment: Deployment, *, until: Callable[[Deployment], bool] = lambda d: d.has_ended, rounds: int = 200
    ) -> Deployment:
        """Pass time until it is so."""
        self.settle()
        for _ in range(rounds):
            now = self.now(deployment)
            if until(now):
                return now
            self.pass_time(5)
        raise AssertionError(f"it never came to that: {self.events(deployment)} {self.now(deployment)}")

    def now(self, deployment: Deployment) -> Deployment:
        return get_deployment(deployment.id, ports=self.ports)

    def events(self, deployment: Deployment) -> list[str]:
        return [str(event.type) for event in self.store.list(Event, deployment.id)]

    def assignment(self, environment: Environment = Environment.DEVELOPMENT) -> Assignment | None:
        found: Assignment | None = self.store.get(Assignment, environment, MODULE)
        return found

    def set_policy(self, **changes: Any) -> Policy:
        """The next revision of an environment's policy; health only, no approval, unless the test says more."""
        environment = changes.pop("environment", Environment.DEVELOPMENT)
        latest = self.store.list(Policy, environment, newest_first=True, limit=1)
        given: dict[str, Any] = {
            "environment": environment,
            "strategy": TWO_WAVES,
            "analysis": HEALTH_ONLY,
            "revision": latest[0].revision + 1 if latest else 1,
        }
        policy = a_policy(**(given | changes))
        self.store.commit(Add(policy))
        return policy


def a_scene(*, nodes: int = 3, environment: Environment = Environment.DEVELOPMENT, **others: Any) -> Scene:
    """An environment of some nodes that run nothing yet, with versions 1.0.0 to 3.0.0 registered and uploaded."""
    clock = others.pop("clock", None) or FakeClock()
    driver = Driver(clock)
    ports = fake_ports(clock=clock, **({"executions": driver} | others))
    scene = Scene(ports=ports, store=ports.store, clock=clock, driver=driver, nodes=[], digests={})
    ports.store.commit(Add(a_signing_key()))
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        scene.digests[version] = register(version, ports=ports)
    scene.nodes += [a_node_in(environment, number, ports=ports) for number in range(nodes)]
    return scene


def register(version: str, *, module: str = MODULE, ports: Ports, **manifest: Any) -> str:
    """A version whose artifact is uploaded and signed; returns its digest."""
    told = {"name": module, "version": version, **(manifest or {"command": ["python3", "main.py"]})}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("hotswap.json")
        archive.writestr(info, json.dumps(told))
    content = file.getvalue()
    digest, size, key = "sha256:" + hashlib.sha256(content).hexdigest(), len(content), a_signing_key()
    ports.artifacts.put(digest, content)  # type: ignore[attr-defined]
    text = signed_text(module=module, version=version, digest=digest, size=size)
    given = {"module": module, "version": version, "digest": digest, "size": size, "key_id": key.key_id}
    signature = fake_signature(key.public_key, text)
    ports.store.commit(Add(ModuleVersion(**given, signature=signature, registered_by="ci", registered_at_ms=0)))
    return digest


def a_node_in(environment: Environment, number: int, *, ports: Ports) -> ANode:
    """An enrolled node that runs nothing."""
    name = f"node-{number:02d}"
    node = Node(
        id=node_id(environment, name),
        environment=environment,
        name=name,
        credential_hash="h" * 64,
        enrolled_at_ms=ports.clock.machine_ms(),
        last_heartbeat_ms=ports.clock.machine_ms(),
        heartbeat_ms=1_000,
    )
    ports.store.commit(Add(node))
    return ANode(id=node.id, name=name, ports=ports, at_ms=ports.clock.machine_ms())


def runs_already(scene: Scene, version: str = "1.0.0", environment: Environment = Environment.DEVELOPMENT) -> None:
    """Every node runs this version, and the environment's stable digest says so."""
    digest = scene.digests[version]
    stable = Assignment(environment=environment, module=MODULE, fence=1, stable_digest=digest, stable_version=version)
    scene.store.commit(Add(stable))
    for node in scene.nodes:
        node.beat()
        assert node.active == digest


def with_store(scene: Scene, store: Any) -> Scene:
    """The same scene, seen through another store."""
    ports = replace(scene.ports, store=store)
    for node in scene.nodes:
        node.ports = ports
    scene.ports = ports
    return scene
