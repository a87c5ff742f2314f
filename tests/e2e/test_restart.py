"""The whole stack, killed with SIGKILL at random moments under load: what was answered with 202 is there, and ends well.

The history of every write and every answer is judged by the checker of tests/chaos.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from infra.local.api_client import ApiError
from tests.chaos.history import Outcome
from tests.e2e.client import TestClient
from tests.e2e.conditions import deployment_is, nodes_run
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import a_name
from tests.e2e.recovery import note, recovers
from tests.e2e.waiting import Missing, wait_for
from tests.e2e.wire_evidence import violations, wire_evidence

KILLS = int(os.environ.get("HOTSWAP_KILLS", "10"))
SEED = int(os.environ.get("HOTSWAP_SEED", "20261121"))
NODES = ("development-01", "development-02")


class Load(threading.Thread):
    """Asks for one deployment after the other, with a key each, until it is answered: as a CI job would."""

    def __init__(self, client: TestClient, module: str, versions: tuple[str, ...], *, pause_s: float) -> None:
        super().__init__(daemon=True, name="load")
        self._client, self._module, self._versions, self._pause_s = client, module, versions, pause_s
        self._stopping = threading.Event()
        self.accepted: list[str] = []
        self.refused = 0

    def run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            self._ask(number)
            number += 1
            self._stopping.wait(self._pause_s)

    def _ask(self, number: int) -> None:
        version = self._versions[number % len(self._versions)]
        while not self._stopping.is_set():
            try:
                asked = self._client.deploy(
                    self._module, version, "Development", key=f"load-{number}", allowDowngrade=True
                )
            except ApiError as error:
                if error.status < 500:
                    self.refused += 1
                    return
            except OSError:
                self._stopping.wait(0.1)
            else:
                self.accepted.append(asked)
                return

    def end(self) -> None:
        self._stopping.set()
        self.join(60)


@contextmanager
def under_load(client: TestClient, module: str, versions: tuple[str, ...], *, pause_s: float) -> Iterator[Load]:
    load = Load(client, module, versions, pause_s=pause_s)
    load.start()
    try:
        yield load
    finally:
        load.end()


def tear(folder: Path, chance: random.Random) -> None:
    """A write was under way when the process died: a part of a record is the last thing in the log."""
    (log,) = (folder / "state" / "tables").glob("log-*")
    beginning = log.read_bytes()[:40]
    with log.open("ab") as torn:
        torn.write(beginning[: chance.randint(1, 39)])


def kills_under_load(environment: TestEnvironment, scratch: Path, *, kills: int, seed: int) -> None:
    """Kill, start, and at the end judge everything that was written and answered."""
    client, module, chance = environment.client, a_name(), random.Random(seed)
    nodes, torn = [environment.add_node("Development", name) for name in NODES], 0
    versions = tuple(client.publish(module, f"1.{minor}.0").version for minor in range(3))
    client.set_policy("Development", queueLimit=50)
    with under_load(client, module, versions, pause_s=0.5) as load:
        wait_for(lambda: load.accepted or Missing("an accepted deployment"), because="the load begins")
        for number in range(kills):
            time.sleep(chance.uniform(0.2, 4.0))  # the random moment: there is nothing to wait for
            victim = nodes[number % len(nodes)] if chance.random() < 0.3 else None
            before = len(load.accepted)
            with environment.monitor.outage(f"SIGKILL {number + 1} of {kills}"):
                environment.kill()
                if number == 0 or chance.random() < 0.5:
                    tear(environment.folder, chance)
                    torn += 1
                if victim is not None:
                    victim.kill()
                with recovers(
                    "control plane killed", "SIGKILL of the control plane" + (" and a node" if victim else "")
                ):
                    environment.run_stack()
                    if victim is not None:
                        victim.start()
                    wait_for(
                        lambda before=before: len(load.accepted) > before or Missing("the next accepted deployment"),
                        because="the load goes on",
                    )
        wait_for(lambda: len(load.accepted) >= 5 or Missing("five accepted deployments"), because="there was a load")
    for deployment in load.accepted:
        # A killed node may fail a wave; everything else completes.
        wait_for(
            deployment_is(client, deployment, "Completed", "RolledBack", "Failed"),
            because="everything accepted ends",
            within_s=300,
        )
    assignment = client.store.get(Assignment, Environment.DEVELOPMENT, module)
    assert assignment is not None
    stable = assignment.stable_digest
    wait_for(nodes_run(client, "Development", module, stable, *NODES), because="the nodes agree")

    put_aside = list((environment.folder / "state" / "tables").glob("cut-*"))
    evidence = wire_evidence(client, environment.folder, scratch, module=module)
    assert violations(evidence) == []
    assert put_aside, "a torn tail was met"
    assert len(evidence.published) >= 5 * len(load.accepted), "and what was told of every deployment"
    assert {each.id for each in evidence.deployments} >= set(load.accepted)
    unknown = sum(call.outcome is Outcome.UNKNOWN for call in client.history.calls)
    note(
        kills=kills,
        torn=torn,
        put_aside=len(put_aside),
        accepted=len(load.accepted),
        unanswered=unknown,
        refused=load.refused,
        seed=seed,
    )


def test_a_kill_under_load_loses_nothing_that_was_acknowledged(environment: TestEnvironment, tmp_path: Path):
    kills_under_load(environment, tmp_path, kills=1, seed=SEED)


@pytest.mark.long
@pytest.mark.timeout(2_400)
def test_many_kills_under_load_lose_nothing_that_was_acknowledged(environment: TestEnvironment, tmp_path: Path):
    kills_under_load(environment, tmp_path, kills=KILLS, seed=SEED + 1)
