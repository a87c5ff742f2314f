"""Deployments caught in the middle, so that an update of the code finds them there: recorded under one release, finished under the next.

A recording holds, for every state an execution passes, what the table holds, where each execution stands and with which
machine file it was started, and what the nodes run. `make recordings` records today's release; recordings of earlier
ones are never changed.
"""

from __future__ import annotations

import argparse
import base64
import json
import lzma
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.usecases.control_deployment import pause_deployment
from chalicelib.usecases.ports import Ports
from tests.e2e.finishing import play_on
from tests.fakes import FakeArtifacts, FakeClock, FakeStore, fake_ports
from tests.usecases.driver import STATES, Driver, Run
from tests.usecases.scene import DANA, ANode, Scene, a_scene, runs_already, with_store

FOLDER = Path(__file__).parent / "recordings"
ROOT = Path(__file__).parents[2]
STEPS = tuple(Step(percent=percent, bake_seconds=30) for percent in (25, 100))
CANARY = StrategySpec(kind=Strategy.CANARY, bake_seconds=30, steps=STEPS)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One instant of a deployment: `at` says which state of the machine is next, or waits."""

    at: str
    machine_ms: int
    policy_ms: int
    items: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    nodes: list[dict[str, Any]]


@dataclass(kw_only=True)
class Recording:
    """The moments of one deployment under one release, and how it ended then."""

    release: str
    scenario: str
    deployment_id: str
    ended: str
    states: dict[str, Any]
    artifacts: dict[str, str]
    digests: dict[str, str]
    moments: list[Moment] = field(default_factory=list)


class RecordingDriver(Driver):
    """Tells of every Task that is about to run, and of every wait that has begun."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.tell: Callable[[str], None] = lambda _: None

    def _step(self, run: Run, ports: Ports) -> None:
        state = run.state
        if run.states[state]["Type"] == "Task":
            self.tell(f"before {state}")
        super()._step(run, ports)
        if run.state == state and run.token is not None:
            self.tell(f"{state} waits")


def _canary(scene: Scene) -> Deployment:
    scene.set_policy(strategy=CANARY)
    runs_already(scene)
    return scene.create()


def _approved(scene: Scene) -> Deployment:
    scene.set_policy(approval=ApprovalPolicy(required=True))
    runs_already(scene)
    return scene.create()


def _restored(scene: Scene) -> Deployment:
    scene.set_policy(strategy=CANARY)
    runs_already(scene)
    scene.nodes[2].cannot_start.add(scene.digests["2.0.0"])
    return scene.create()


def _paused(scene: Scene) -> Deployment:
    deployment = _canary(scene)

    def bakes(found: Deployment) -> bool:
        return found.current is not None and found.current.phase is Phase.BAKING

    scene.run(deployment, until=bakes)
    pause_deployment(deployment.id, reason="lunch", caller=DANA, ports=scene.ports)
    return deployment


def _queued(scene: Scene) -> Deployment:
    scene.set_policy(strategy=CANARY)
    runs_already(scene)
    scene.create()
    scene.settle()
    return scene.create("3.0.0")


SCENARIOS: Mapping[str, Callable[[Scene], Deployment]] = {
    "canary": _canary,
    "approved": _approved,
    "restored": _restored,
    "paused": _paused,
    "queued": _queued,
}


def record(scenario: str, *, release: str) -> Recording:
    """Play a scenario to its end under today's code, and keep every moment."""
    scene = a_scene(nodes=4)
    driver = RecordingDriver(scene.clock)
    scene.driver, scene.ports = driver, replace(scene.ports, executions=driver)
    with_store(scene, scene.store)
    moments: list[Moment] = []
    driver.tell = lambda at: moments.append(_moment(at, scene))
    deployment = SCENARIOS[scenario](scene)
    play_on(scene)
    artifacts: Any = scene.ports.artifacts
    return Recording(
        release=release,
        scenario=scenario,
        deployment_id=deployment.id,
        ended=str(scene.now(deployment).status),
        states=STATES,
        artifacts={digest: base64.b64encode(content).decode() for digest, content in artifacts.contents.items()},
        digests=dict(scene.digests),
        # In some of the first the deployment had not been asked for yet.
        moments=[moment for moment in moments if deployment.id in json.dumps(moment.items)],
    )


def _moment(at: str, scene: Scene) -> Moment:
    runs = [
        {name: getattr(run, name) for name in ("name", "state", "data", "token", "due_ms", "attempts", "tokens")}
        for run in scene.driver.runs.values()
    ]
    nodes = [
        {name: getattr(node, name) for name in ("id", "name", "active", "staged", "fence", "interval", "at_ms")}
        | {"cannot_start": sorted(node.cannot_start), "ack": None}
        for node in scene.nodes
    ]
    return Moment(
        at=at,
        machine_ms=scene.clock.machine_ms(),
        policy_ms=scene.clock.policy_ms(),
        items=json.loads(json.dumps(scene.store.items())),
        runs=json.loads(json.dumps(runs)),
        nodes=json.loads(json.dumps(nodes)),
    )


def scene_at(recording: Recording, moment: Moment, *, store: Any = None) -> Scene:
    """The world as it was at that moment, under today's code; executions go on with the file they were started with.

    `store` holds the items of the moment already; without one they are put into a fake.
    """
    clock = FakeClock(moment.machine_ms, moment.policy_ms)
    driver, artifacts = Driver(clock), FakeArtifacts()
    if store is None:
        store = FakeStore()
        store.load(moment.items)
    for digest, content in recording.artifacts.items():
        artifacts.put(digest, base64.b64decode(content))
    driver.runs = {run["name"]: Run(**run, states=recording.states) for run in moment.runs}
    numbers = iter(range(1, 1_000))
    ports = fake_ports(
        clock=clock,
        executions=driver,
        store=store,
        artifacts=artifacts,
        new_id=lambda: f"01K{next(numbers):023d}",
    )
    scene = Scene(ports=ports, store=store, clock=clock, driver=driver, nodes=[], digests=dict(recording.digests))
    for node in moment.nodes:
        told = {**node, "staged": tuple(node["staged"]), "cannot_start": set(node["cannot_start"])}
        scene.nodes.append(ANode(**told, ports=ports))
    return with_store(scene, store)


def recordings() -> Iterator[Recording]:
    """Those of every release, the oldest first."""
    for file in sorted(FOLDER.glob("*.json.xz")):
        for one in json.loads(lzma.decompress(file.read_bytes())):
            yield Recording(**{**one, "moments": [Moment(**moment) for moment in one["moments"]]})


def this_release() -> str:
    """The version of the program in this tree."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def main(arguments: list[str] | None = None) -> int:
    """Record this release. One that is recorded stays as it is, unless it has not been released yet and it is said so."""
    parser = argparse.ArgumentParser(prog="make recordings", description=__doc__)
    parser.add_argument("--again", action="store_true", help="replace the recording of a version not yet released")
    told = parser.parse_args(arguments)
    release = this_release()
    file = FOLDER / f"{release}.json.xz"
    if file.exists() and not told.again:
        print(f"{release} is recorded; raise the version in pyproject.toml, or say AGAIN=1 before it is released")
        return 1
    found = [record(scenario, release=release) for scenario in SCENARIOS]
    plain = [{**vars(one), "moments": [vars(moment) for moment in one.moments]} for one in found]
    FOLDER.mkdir(exist_ok=True)
    file.write_bytes(lzma.compress(json.dumps(plain, sort_keys=True).encode(), preset=9))
    for one in found:
        print(f"{one.scenario}: {len(one.moments)} moments, ended {one.ended}")
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
