"""A scene whose one node is a function alias: orders are carried out by the code of `lambda_nodes`, on fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import Window
from chalicelib.domain.node import Node
from chalicelib.steps import lambda_nodes
from chalicelib.usecases.alias_ports import AliasPorts
from chalicelib.usecases.register_alias import AliasRegistration, register_alias
from tests.builders import MODULE
from tests.fake_functions import FakeAlarms, FakeAliasMetrics, FakeFunctions, fake_alias_ports
from tests.usecases.scene import Scene, a_scene, register

ADA = Caller(name="ada", roles=frozenset({Role.ADMIN}))
FUNCTION, ALIAS, ALARM = "hotswap-node-payments", "live", "payments-errors"
HERE = Environment.DEVELOPMENT


@dataclass
class Orders:
    """Carries orders out later, as Lambda's queue does; `lost` are forgotten."""

    waiting: list[dict[str, Any]] = field(default_factory=list)
    lost: bool = False

    def order(self, order: Mapping[str, Any]) -> None:
        if not self.lost:
            self.waiting.append(dict(order))


@dataclass(kw_only=True)
class AliasScene:
    """The scene, and what stands behind the ports of `lambda_nodes`."""

    scene: Scene
    orders: Orders
    aliases: AliasPorts
    functions: FakeFunctions
    metrics: FakeAliasMetrics
    alarms: FakeAlarms

    def tell(self, event: Mapping[str, Any] | None = None) -> dict[str, int]:
        """Call the function with an event; without one, as the clock does."""
        return lambda_nodes.handle(event or {"source": "aws.events"}, aliases=self.aliases, ports=self.scene.ports)

    def obey(self) -> None:
        """Carry out every order there is."""
        while self.orders.waiting:
            self.tell(self.orders.waiting.pop(0))
            self.scene.settle()

    def run(
        self,
        deployment: Deployment,
        *,
        until: Callable[[Deployment], bool] = lambda d: d.has_ended,
        each: Callable[[], object] = lambda: None,
        rounds: int = 80,
    ) -> Deployment:
        """Pass time, look every five seconds and carry out orders until it is so; `each` happens before each look."""
        self.scene.settle()
        for _ in range(rounds):
            self.obey()
            now = self.scene.now(deployment)
            if until(now):
                return now
            self.scene.pass_time(5)
            each()
            self.tell()
            self.scene.settle()
        raise AssertionError(f"it never came to that: {self.scene.events(deployment)} {self.scene.now(deployment)}")

    @property
    def node(self) -> Node:
        (node,) = self.scene.store.list(Node, HERE)
        found: Node = node
        return found

    @property
    def shares(self) -> dict[str, int]:
        """Where the traffic goes."""
        return self.functions.read(FUNCTION, ALIAS).split.shares

    def serves(self, version: str, *, requests: int = 100, errors: int = 0) -> None:
        """The version was called so often in the second that is over."""
        at = self.scene.clock.machine_ms() - 1_000
        window = Window(
            started_at_ms=at,
            ended_at_ms=at + 1_000,
            duration_ms=1_000,
            requests=requests,
            errors=errors,
            latency=Histogram(counts=((190, requests),)),
        )
        self.metrics.measured.append((version, window))


def an_alias_scene(*, alarms: tuple[str, ...] = (), **ports: Any) -> AliasScene:
    """Development with one alias that its owner points at version 1; versions 1.0.0 to 3.0.0 are functions."""
    orders, functions, metrics, known = Orders(), FakeFunctions(), FakeAliasMetrics(), FakeAlarms()
    functions.has(FUNCTION, ALIAS)
    known.known |= dict.fromkeys(alarms, "OK")
    scene = a_scene(nodes=0, aliases=orders)
    for version in ("4.0.0", "5.0.0"):
        scene.digests[version] = register(
            version, ports=scene.ports, **{"lambda": {"handler": "work.handle", "runtime": "python3.13"}}
        )
    aliases = fake_alias_ports(functions=functions, metrics=metrics, alarms=known, **ports)
    made = AliasScene(scene=scene, orders=orders, aliases=aliases, functions=functions, metrics=metrics, alarms=known)
    register_alias(a_registration(alarms=alarms), caller=ADA, ports=scene.ports)
    made.obey()
    return made


def a_registration(**changes: Any) -> AliasRegistration:
    given: dict[str, Any] = {
        "name": "payments-live",
        "environment": HERE,
        "module": MODULE,
        "function": FUNCTION,
        "alias": ALIAS,
    }
    return AliasRegistration(**(given | changes))
