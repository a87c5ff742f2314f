"""One scenario under one plan of faults, in virtual time and one thread: the same plan gives the same history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.approval import ApprovalStatus
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import DomainError, NotFound, StaleWrite, Unavailable
from chalicelib.domain.turn import Turn
from chalicelib.usecases.control_deployment import cancel_deployment, roll_back
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.reconcile import Reconciled, reconcile
from chalicelib.usecases.recording import get_deployment
from chalicelib.usecases.report_heartbeat import Heartbeat, HeartbeatAnswer, report_heartbeat
from tests.builders import MODULE
from tests.chaos.history import Call, Commit, Effect, History, Outcome
from tests.chaos.injector import Fault, Injector, Killed, Through
from tests.chaos.linearizable import Operation
from tests.chaos.scenarios import ERIN, WHERE, Scenario
from tests.usecases.driver import Driver
from tests.usecases.scene import ANode, Scene, a_scene, with_store

ROUND_S = 5
MOST_ROUNDS = 1_500
SWEEP_EVERY = 12
MEANWHILE_S = 40
TABLE = frozenset({"get", "list", "page", "commit", "add_many"})
MACHINE = frozenset({"start", "answer", "refuse", "is_running", "is_waiting"})

RuntimeExit = type("Runtime.ExitError", (DomainError,), {})
"""What Step Functions calls a function whose process was gone; the name is what counts."""


class RecordedStore:
    """The table itself, and what it took, whoever wrote it."""

    def __init__(self, store: Any, history: History) -> None:
        self._store = store
        self._history = history

    def commit(self, *changes: Any) -> None:
        self._store.commit(*changes)
        self._history.commits.append(Commit(at=self._history.tick(), changes=changes))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class WatchedTurns:
    """The table as its users see it: every read and write of a turn, with what came back and when."""

    def __init__(self, store: Any, history: History) -> None:
        self._store = store
        self._history = history
        self.operations: list[Operation] = []

    def get(self, kind: type[Any], *key: str) -> Any:
        invoked = self._history.tick()
        found = self._store.get(kind, *key)
        if kind is Turn:
            self._note("read", invoked, answer=_value(found))
        return found

    def commit(self, *changes: Any) -> None:
        turns = [change for change in changes if isinstance(change.record, Turn)]
        invoked = self._history.tick()
        argument = _value(turns[0].record) if turns else None
        try:
            self._store.commit(*changes)
        except StaleWrite:
            if turns:
                self._note("write", invoked, argument=argument, answer="refused")
            raise
        except BaseException:
            if turns:
                self.operations.append(Operation(name="write", argument=argument, invoked=invoked))
            raise
        if turns:
            self._note("write", invoked, argument=argument)

    def _note(self, name: str, invoked: int, *, argument: Any = None, answer: Any = None) -> None:
        ended = self._history.tick()
        self.operations.append(Operation(name=name, argument=argument, answer=answer, invoked=invoked, ended=ended))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _value(turn: Turn | None) -> tuple[int, str | None, int, tuple[str, ...]] | None:
    return None if turn is None else (turn.revision, turn.holder, turn.fence, turn.queue)


class FaultyDriver(Driver):
    """The state machine, whose functions may be run twice, late or not to their end."""

    injector: Injector

    def invoke(self, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
        once = super().invoke
        try:
            return self.injector.through(f"step.{event['state']}", lambda: once(event, ports))
        except Killed as gone:
            raise RuntimeExit(f"The process was gone at {gone}.") from None


@dataclass(kw_only=True)
class FaultyNode(ANode):
    """A node whose reports may be lost, doubled or late; what it really runs is recorded."""

    injector: Injector
    history: History

    def report(self) -> HeartbeatAnswer:
        now = self.ports.clock.machine_ms()
        heartbeat = Heartbeat(
            interval=self.interval, kernel_version="test", modules=(self.says(),), windows=self._windows(now)
        )
        try:
            answer = self.injector.through(
                "node.heartbeat", lambda: report_heartbeat(self.id, "h" * 64, heartbeat, ports=self.ports)
            )
        except Killed:
            raise Unavailable("No answer came.") from None
        self.at_ms = now
        return answer

    def _obeys(self, answer: HeartbeatAnswer) -> bool:
        before = self.active
        changed = super()._obeys(answer)
        if self.active != before:
            at = self.history.tick()
            self.history.effects.append(Effect(at=at, node=self.name, fence=self.fence, digest=self.active))
        return changed


@dataclass(kw_only=True)
class Run:
    """What came of it: everything the checker may look at."""

    scenario: Scenario
    faults: tuple[Fault, ...]
    scene: Scene
    history: History
    turns: list[Operation]
    calls: list[str]
    trouble: str = ""
    last_pass: Reconciled | None = None
    rounds: int = 0

    def deployments(self) -> list[Deployment]:
        """Those that the table has, by id."""
        ids = sorted({c.record.id for w in self.history.commits for c in w.changes if isinstance(c.record, Deployment)})
        found = [self.scene.store.get(Deployment, each) for each in ids]
        return [each for each in found if each is not None]


class Simulation:
    """Plays one run."""

    def __init__(self, scenario: Scenario, faults: Sequence[Fault]) -> None:
        self.scenario = scenario
        self.history = History()
        self.injector = Injector(faults, self.history, meanwhile=self._meanwhile)
        self.scene = a_scene(nodes=scenario.nodes)
        scenario.prepare(self.scene)
        self.driver = FaultyDriver(self.scene.clock)
        self.driver.injector = self.injector
        self.turns = WatchedTurns(
            Through("table", RecordedStore(self.scene.store, self.history), self.injector, only=TABLE), self.history
        )
        self._join()
        self.answered: dict[str, Call] = {}
        self.faults = tuple(faults)

    def _join(self) -> None:
        scene, injector = self.scene, self.injector
        ports = scene.ports
        scene.driver = self.driver
        scene.ports = replace(
            ports,
            executions=Through("machine", self.driver, injector, only=MACHINE),
            bus=Through("bus", ports.bus, injector, only=frozenset({"publish"})),
            calls=Through("calls", ports.calls, injector, only=frozenset({"order"})),
            artifacts=Through("artifacts", ports.artifacts, injector, only=frozenset({"read"})),
        )
        scene.nodes[:] = [FaultyNode(**vars(node), injector=injector, history=self.history) for node in scene.nodes]
        with_store(scene, self.turns)

    def play(self) -> Run:
        """To the end of everything that was asked for, and until the sweep finds nothing more to do."""
        run = Run(
            scenario=self.scenario,
            faults=self.faults,
            scene=self.scene,
            history=self.history,
            turns=self.turns.operations,
            calls=self.injector.calls,
        )
        store = self.scene.store
        try:
            for number in range(MOST_ROUNDS):
                run.rounds = number + 1
                self._people(number)
                self.scene.pass_time(ROUND_S)
                swept = self._sweep() if number % SWEEP_EVERY == SWEEP_EVERY - 1 else None
                if swept == Reconciled() and self._is_over(number):
                    break
            self.injector.finish()
            reconcile(ports=self.scene.ports)
            self.scene.pass_time(ROUND_S)
            run.last_pass = reconcile(ports=self.scene.ports)
        except Exception as error:  # noqa: BLE001 (what nobody handled is a finding of the checker)
            run.trouble = f"{type(error).__name__}: {error}"
        self.scene.store = store
        return run

    def _is_over(self, number: int) -> bool:
        if number < max(wish.since for wish in self.scenario.wishes) or self._unanswered(number):
            return False
        mine = [self._now(call) for call in self.answered.values()]
        if any(each is None or not each.has_ended for each in mine):
            return False
        undo = self.scenario.roll_back
        if undo is not None and "undo" not in self.answered and any(each is not None and undo(each) for each in mine):
            return False
        return not any(self.driver.is_running(name) for name in self.driver.runs)

    def _now(self, call: Call) -> Deployment | None:
        found: Deployment | None = self.scene.store.get(Deployment, str(call.result))
        return found

    # --- people

    def _unanswered(self, number: int) -> list[Any]:
        return [wish for wish in self.scenario.wishes if wish.since <= number and wish.key not in self.answered]

    def _people(self, number: int) -> None:
        for wish in self._unanswered(number):
            # Whoever comes later may bring the older version: that is no fault.
            request = DeploymentRequest(module=MODULE, version=wish.version, target=WHERE, allow_downgrade=True)
            call = self._ask(
                wish.caller.name,
                "create",
                wish.key,
                lambda wish=wish, request=request: (
                    create_deployment(request, caller=wish.caller, idempotency_key=wish.key, ports=self.scene.ports).id
                ),
            )
            if call.outcome is Outcome.OK:
                self.answered[wish.key] = call
        for key, call in list(self.answered.items()):
            if key != "undo":
                self._answer_for(str(call.result))

    def _answer_for(self, deployment_id: str) -> None:
        seen = self._ask("vic", "get", deployment_id, lambda: get_deployment(deployment_id, ports=self.scene.ports))
        if seen.outcome is not Outcome.OK:
            return
        deployment: Deployment = seen.result
        seen.result = str(deployment.status)
        ports = self.scene.ports
        if deployment.status == "PendingApproval":
            self._ask("erin", "approve", deployment_id, lambda: self._approved(deployment_id))
        if self.scenario.cancel is not None and self.scenario.cancel(deployment):
            caller = self.scenario.wishes[0].caller
            self._ask(
                caller.name,
                "cancel",
                deployment_id,
                lambda: cancel_deployment(deployment_id, reason="", caller=caller, ports=ports).id,
            )
        if self.scenario.roll_back is not None and self.scenario.roll_back(deployment) and "undo" not in self.answered:
            caller = self.scenario.wishes[0].caller
            undo = self._ask(
                caller.name,
                "roll_back",
                "undo",
                lambda: roll_back(deployment_id, reason="", caller=caller, idempotency_key="undo", ports=ports).id,
            )
            if undo.outcome is Outcome.OK:
                self.answered["undo"] = undo

    def _approved(self, deployment_id: str) -> str:
        approval = decide_approval(deployment_id, approved=True, reason="", caller=ERIN, ports=self.scene.ports)
        assert approval.status is ApprovalStatus.APPROVED
        return approval.id

    def _ask(self, client: str, op: str, key: str, do: Any) -> Call:
        def once() -> Any:
            try:
                return self.injector.through(f"api.{op}", do)
            except Killed:
                raise Unavailable("No answer came.") from None

        return self.history.ask(client, op, key, once)

    # --- what goes on by itself

    def _sweep(self) -> Reconciled | None:
        try:
            return self.injector.through("sweep", lambda: reconcile(ports=self.scene.ports))
        except (Killed, Unavailable, NotFound, StaleWrite):
            return None

    def _meanwhile(self) -> None:
        """While one stands still, the others get on."""
        for _ in range(0, MEANWHILE_S, ROUND_S):
            self.scene.clock.advance(seconds=ROUND_S)
            for node in self.scene.nodes:
                node.beat()
        reconcile(ports=self.scene.ports)


def play(scenario: Scenario, faults: Sequence[Fault] = ()) -> Run:
    """The scenario under these faults."""
    return Simulation(scenario, faults).play()
