"""One scenario under one plan of faults, in virtual time and one thread: the same plan gives the same history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import NotFound, StaleWrite, Unavailable
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.usecases.deliver_event import repeat_due_attempts
from chalicelib.usecases.reconcile import reconcile
from tests.chaos.actors import FaultyClock, FaultyDriver, FaultyNode
from tests.chaos.deliveries import DeadLetters, Deliveries
from tests.chaos.faults import Fault, Place
from tests.chaos.history import History
from tests.chaos.injector import Injector, Killed, Through
from tests.chaos.linearizable import Operation
from tests.chaos.people import People
from tests.chaos.recorded import RecordedStore, WatchedTurns
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.usecases.scene import Scene, a_scene, with_store

ROUND_S = 5
MOST_ROUNDS = 400
SWEEP_EVERY = 12
MEANWHILE_S = 40
TABLE = frozenset({"get", "list", "page", "commit", "add_many"})
MACHINE = frozenset({"start", "answer", "refuse", "is_running", "is_waiting"})


@dataclass(kw_only=True)
class Run:
    """What came of it: everything the checker may look at."""

    scenario: Scenario
    faults: tuple[Fault, ...]
    scene: Scene
    history: History
    turns: list[Operation]
    deliveries: Deliveries
    letters: DeadLetters
    places: list[Place] = field(default_factory=list)
    trouble: str = ""
    last_pass: dict[str, int] = field(default_factory=dict)
    settled_s: int | None = None
    """When everything was over and told, in seconds of the run; None: never."""

    @property
    def calls(self) -> list[str]:
        """The calls there were, in order."""
        return [place.call for place in self.places]

    def deployments(self) -> list[Deployment]:
        """Those that the table has, by id."""
        ids = sorted({c.record.id for w in self.history.commits for c in w.changes if isinstance(c.record, Deployment)})
        found = [self.scene.store.get(Deployment, each) for each in ids]
        return [each for each in found if each is not None]


class Simulation:
    """Plays one run."""

    def __init__(self, scenario: Scenario, faults: Sequence[Fault]) -> None:
        self.scenario = scenario
        self.faults = tuple(faults)
        self.history = History()
        self.injector = Injector(faults, self.history, self)
        self.scene = scene = a_scene(nodes=scenario.nodes)
        scenario.prepare(scene)
        self._began_ms = scene.clock.machine_ms()
        self.clock = FaultyClock(scene.clock)
        self.driver = FaultyDriver(scene.clock)
        self.driver.injector = self.injector
        self.letters = DeadLetters()
        letters = Through("letters", self.letters, self.injector, only=frozenset({"put"}))
        bus, calls = scene.ports.bus, scene.ports.calls
        self.deliveries = Deliveries(self.injector, bus, calls, letters)  # type: ignore[arg-type]  # the fakes they are
        self.table = scene.store
        self.turns = WatchedTurns(
            Through("table", RecordedStore(scene.store, self.history), self.injector, only=TABLE), self.history
        )
        self._join()
        self.people = People(scenario, scene, self.history, self.injector, self.deliveries)

    def _join(self) -> None:
        scene, injector = self.scene, self.injector
        ports = scene.ports
        scene.driver = self.driver
        scene.ports = replace(
            ports,
            clock=self.clock,
            executions=Through("machine", self.driver, injector, only=MACHINE),
            bus=Through("bus", ports.bus, injector, only=frozenset({"publish"})),
            calls=Through("calls", ports.calls, injector, only=frozenset({"order"})),
            artifacts=Through("artifacts", ports.artifacts, injector, only=frozenset({"read"})),
            metrics=Through("metrics", ports.metrics, injector, only=frozenset({"keep", "series"})),
        )
        faulty = [
            FaultyNode(**vars(node), injector=injector, history=self.history, clock=scene.clock) for node in scene.nodes
        ]
        scene.nodes[:] = faulty
        with_store(scene, self.turns)

    # --- what the injector asks for

    def elapsed_s(self) -> int:
        """How long the run has lasted, by a clock nothing happens to."""
        return (self.scene.clock.machine_ms() - self._began_ms) // 1000

    def others_get_on(self) -> None:
        """While one stands still: time passes, nodes report, the sweep runs."""
        for _ in range(0, MEANWHILE_S, ROUND_S):
            self.scene.clock.advance(seconds=ROUND_S)
            for node in self.scene.nodes:
                node.beat()
        reconcile(ports=self.scene.ports)

    def poison(self) -> None:
        """An event comes that nobody can read."""
        self.deliveries.poison()

    # --- the run

    def play(self) -> Run:
        """To the end of everything that was asked for, told and healed; then once more through the reconciler."""
        run = Run(
            scenario=self.scenario,
            faults=self.faults,
            scene=self.scene,
            history=self.history,
            turns=self.turns.operations,
            deliveries=self.deliveries,
            letters=self.letters,
        )
        try:
            self._to_the_end(run)
            run.last_pass = self._aftermath()
        except Exception as error:  # noqa: BLE001 (what nobody handled is a finding of the checker)
            run.trouble = f"{type(error).__name__}: {error}"
        self.scene.store = self.table
        run.places = self.injector.places()
        return run

    def _to_the_end(self, run: Run) -> None:
        for number in range(MOST_ROUNDS):
            self.people.act(number)
            if self.scenario.is_told:
                self.deliveries.pump(ports=self.scene.ports)
            self.scene.pass_time(ROUND_S)
            if number % SWEEP_EVERY == SWEEP_EVERY - 1:
                self._sweep()
            if self._is_settled(number):
                run.settled_s = self.elapsed_s()
                return

    def _aftermath(self) -> dict[str, int]:
        """What comes late comes now, without more faults; then one more pass of the sweep, and what it still did."""
        self.injector.finish()
        ports = self.scene.ports
        for number in range(2):
            self.people.act(MOST_ROUNDS + number)
            reconcile(ports=ports)
            repeat_due_attempts(ports=ports)
            if self.scenario.is_told:
                self.deliveries.pump(ports=ports)
                self.deliveries.pump(ports=ports)
            self.scene.pass_time(ROUND_S)
        return asdict(reconcile(ports=ports)) | {"repeated": repeat_due_attempts(ports=ports)}

    def _is_settled(self, number: int) -> bool:
        if any(self.driver.is_running(name) for name in self.driver.runs):
            return False
        if not self.people.is_content(number) or not self.injector.is_calm:
            return False
        if not all(node.is_well for node in self.scene.nodes):  # type: ignore[attr-defined]  # all of them are faulty
            return False
        if self.scenario.is_told and not self.deliveries.is_empty:
            return False
        return not self.table.page(OutboxMessage, "open", "OUTBOX", limit=1).records

    def _sweep(self) -> None:
        ports = self.scene.ports

        def once() -> None:
            reconcile(ports=ports)
            repeat_due_attempts(ports=ports)

        try:
            self.injector.through("sweep", once)
        except (Killed, Unavailable, NotFound, StaleWrite):
            return


def play(scenario: Scenario, faults: Sequence[Fault] = ()) -> Run:
    """The scenario under these faults."""
    return Simulation(scenario, faults).play()


@cache
def undisturbed_s(name: str) -> int:
    """How long a scenario takes when nothing goes wrong."""
    settled = play(SCENARIOS[name]).settled_s
    assert settled is not None, f"{name} does not come to an end by itself"
    return settled
