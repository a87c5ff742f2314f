"""How what a deployment costs grows with nodes and waves: real use cases and the real state machine's file, records in
memory that pass through the real codec, calls counted as DynamoDB would see them."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.adapters.dynamodb.items import item_of
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.usecases.ports import Address, Change, Ports, Record, Remove
from load.bench.tally import READ_BYTES, size_of
from tests.fake_store import FakeStore
from tests.fakes import FakeClock
from tests.usecases.driver import STATES, Driver
from tests.usecases.scene import Scene, a_scene, runs_already

R = TypeVar("R", bound=Record)

PAGE_BYTES, BATCH, TOGETHER = 1_048_576, 25, 100
"""What one query returns at most, what one batch writes, and what one reads."""

LIMITS = {
    "largestItem": 400 * 1024,
    "largestTransaction": 4 * 1024 * 1024,
    "largestState": 256 * 1024,
    "largestEvent": 256 * 1024,
    "historyEvents": 25_000,
}
"""Of DynamoDB, Step Functions and EventBridge. Source: their pages of quotas."""

EVENTS_OF_A_TASK, EVENTS_OF_A_CHOICE, EVENTS_OF_AN_EXECUTION = 6, 2, 2
"""Entered, scheduled, started, submitted or succeeded, exited, and one to spare for a time-out or a retry."""

BAKE_S = 2
CANARY = StrategySpec(
    kind=Strategy.CANARY,
    bake_seconds=BAKE_S,
    steps=tuple(Step(percent=share, bake_seconds=BAKE_S) for share in (10, 30, 50, 100)),
)


class CountingStore(FakeStore):
    """The store in memory, counting requests as the table would get them, and the biggest of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.read_units = 0
        self.largest_item = 0
        self.largest_transaction = 0

    def get(self, kind: type[R], *key: str) -> R | None:
        self.calls += 1
        self.read_units += 1
        return super().get(kind, *key)

    def get_many(self, *wanted: Address) -> tuple[Any, ...]:
        calls = self.calls
        found = super().get_many(*wanted)
        self.calls = calls + -(-len(wanted) // TOGETHER)
        return found

    def list(self, kind: type[R], *prefix: str, **how: Any) -> tuple[R, ...]:
        found = super().list(kind, *prefix, **how)
        # One record stands for all of them: they are of one kind.
        size = len(found) * (size_of(item_of(found[0])) if found else 0)
        self.calls += max(-(-size // PAGE_BYTES), 1)
        self.read_units += max(-(-size // READ_BYTES), 1)
        return found

    def commit(self, *changes: Change) -> None:
        self.calls += 1
        sizes = [size_of(item_of(change.record)) for change in changes if not isinstance(change, Remove)]
        self.largest_item = max(self.largest_item, *sizes, 0)
        self.largest_transaction = max(self.largest_transaction, sum(sizes))
        super().commit(*changes)

    def add_many(self, records: Sequence[Record]) -> None:
        self.calls += -(-len(records) // BATCH)
        super().add_many(records)


@dataclass(slots=True)
class Most:
    """The most one run of a step asked for."""

    calls: int = 0
    read_units: int = 0


class CountingDriver(Driver):
    """The state machine in memory; notes what each state asks for, and how big its input gets."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.states: dict[str, Most] = defaultdict(Most)
        self.largest_state = 0

    def invoke(self, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
        self.largest_state = max(self.largest_state, len(json.dumps(event["input"])))
        with counted(ports.store, self.states[event["state"]]):
            return super().invoke(event, ports)


@contextmanager
def counted(store: Any, most: Most) -> Iterator[None]:
    """What is asked of the store in here, if it is more than before."""
    calls, units = store.calls, store.read_units
    yield
    most.calls = max(most.calls, store.calls - calls)
    most.read_units = max(most.read_units, store.read_units - units)


@dataclass
class Run:
    """A deployment that ended, and everything that was counted on the way."""

    scene: Scene
    deployment: Deployment
    heartbeats: Most
    cpu_s: float
    rounds: int


def run(nodes: int, strategy: StrategySpec = CANARY, *, bad: bool = False) -> Run:
    """Bring a version to a fleet that runs another one already; a bad one starts on no node after the first wave."""
    clock, store = FakeClock(), CountingStore()
    driver = CountingDriver(clock)
    scene = a_scene(nodes=nodes, store=store, clock=clock, executions=driver)
    scene.driver = driver
    runs_already(scene)
    scene.set_policy(strategy=strategy)
    if bad:
        for node in scene.nodes[-1:]:
            node.cannot_start.add(scene.digests["2.0.0"])
    heartbeats, begun, rounds = Most(), time.process_time(), 0
    deployment = scene.create()
    scene.settle()
    while not scene.now(deployment).has_ended:
        rounds += 1
        clock.advance(seconds=1)
        driver.time_out()
        scene.settle()
        for node in scene.nodes:
            with counted(store, heartbeats):
                node.beat()
        scene.settle()
        if rounds > 60 + 15 * len(scene.now(deployment).rollouts[0].waves):
            raise RuntimeError(f"after {rounds} s it is still {scene.now(deployment).status}")
    return Run(scene, scene.now(deployment), heartbeats, time.process_time() - begun, rounds)


def told(done: Run) -> dict[str, Any]:
    """The counts of a run."""
    driver, store = done.scene.driver, done.scene.store
    (execution,) = driver.runs.values()
    passed = [*execution.passed, execution.state]
    choices = sum(STATES[state]["Type"] == "Choice" for state in passed)
    published = done.scene.ports.bus.published  # type: ignore[attr-defined]
    return {
        "status": str(done.deployment.status),
        "waves": len(done.deployment.rollouts[0].waves),
        "stateTransitions": len(passed),
        "historyEvents": EVENTS_OF_AN_EXECUTION
        + EVENTS_OF_A_CHOICE * choices
        + EVENTS_OF_A_TASK * (len(passed) - choices),
        "timelineEvents": len(done.scene.events(done.deployment)),
        "largestItem": store.largest_item,
        "largestTransaction": store.largest_transaction,
        "largestState": driver.largest_state,
        "largestEvent": max(len(json.dumps(event)) for event in published),
        "secondsWithoutBakes": done.rounds - sum(wave.bake_seconds for wave in done.deployment.rollouts[0].waves),
        "cpuSeconds": round(done.cpu_s, 1),
        "cpuMsPerNode": round(1000 * done.cpu_s / len(done.scene.nodes), 2),
        "heartbeat": {"mostCalls": done.heartbeats.calls, "mostReadUnits": done.heartbeats.read_units},
        "states": {
            name: {"mostCalls": most.calls, "mostReadUnits": most.read_units}
            for name, most in sorted(driver.states.items())
        },
    }


def measure() -> dict[str, Any]:
    """Fleets of 3 to 10,000 nodes in four waves; and up to three hundred waves of one node."""
    fleets = {str(nodes): told(run(nodes)) for nodes in (3, 20, 200, 2_000, 10_000)}
    rolling = StrategySpec(kind=Strategy.ROLLING, batch=1, bake_seconds=0)
    waves = {str(count): told(run(count, rolling)) for count in (10, 100, 300)}
    return {"limits": LIMITS, "fleets": fleets, "waves": waves}
