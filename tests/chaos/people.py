"""Clients that write while faults happen: who says nothing back to them is asked again, with the same key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment, resume_deployment, roll_back
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.read_timeline import read_timeline
from chalicelib.usecases.recording import get_deployment
from tests.builders import MODULE
from tests.chaos.deliveries import Deliveries
from tests.chaos.history import Call, History, Outcome
from tests.chaos.injector import Injector, Killed
from tests.chaos.scenarios import BY_EVENT, WHERE, Scenario, Wish
from tests.usecases.scene import Scene

UNDO = "undo"


class People:
    """Everybody of a scenario. `answered` holds the answer to each wish."""

    def __init__(
        self, scenario: Scenario, scene: Scene, history: History, injector: Injector, deliveries: Deliveries
    ) -> None:
        self._scenario = scenario
        self._scene = scene
        self._history = history
        self._injector = injector
        self._deliveries = deliveries
        self._asked_by_event: set[str] = set()
        self._said: set[tuple[str, str]] = set()
        self.answered: dict[str, Call] = {}

    def act(self, number: int) -> None:
        """What they do in this round."""
        for wish in self._unanswered(number):
            self._ask_for(wish)
        for key, call in list(self.answered.items()):
            if key != UNDO:
                self._answer_for(str(call.result))

    def is_content(self, number: int) -> bool:
        """Whether everything they want was answered, and has ended."""
        if number < max(wish.since for wish in self._scenario.wishes) or self._unanswered(number):
            return False
        mine = [self._now(call) for call in self.answered.values()]
        if any(each is None or not each.has_ended for each in mine):
            return False
        undo = self._scenario.roll_back
        return undo is None or UNDO in self.answered or not any(undo(each) for each in mine if each is not None)

    def _now(self, call: Call) -> Deployment | None:
        found: Deployment | None = self._scene.store.get(Deployment, str(call.result))
        return found

    def _unanswered(self, number: int) -> list[Wish]:
        return [wish for wish in self._scenario.wishes if wish.since <= number and wish.key not in self.answered]

    def _ask_for(self, wish: Wish) -> None:
        # Whoever comes later may bring the older version: that is no fault.
        request = DeploymentRequest(module=MODULE, version=wish.version, target=WHERE, allow_downgrade=True)
        ports = self._scene.ports
        if wish.caller is BY_EVENT:
            self._put_on_the_bus(wish)
            return
        call = self._ask(
            wish.caller.name,
            "create",
            wish.key,
            lambda: create_deployment(request, caller=wish.caller, idempotency_key=wish.key, ports=ports).id,
        )
        if call.outcome is Outcome.OK:
            self.answered[wish.key] = call

    def _put_on_the_bus(self, wish: Wish) -> None:
        """Once; the bus delivers it at least once."""
        if wish.key in self._asked_by_event:
            return
        self._asked_by_event.add(wish.key)
        call = Call(client=wish.caller.name, op="create", key=wish.key, invoked=self._history.tick())
        self._history.calls.append(call)

        def answered(result: Any) -> None:
            call.ended, call.outcome, call.result = self._history.tick(), Outcome.OK, result["executionId"]
            self.answered[wish.key] = call

        detail = {
            "moduleName": MODULE,
            "version": wish.version,
            "targetEnvironment": str(WHERE),
            "allowDowngrade": True,
        }
        event = {"source": "hotswap.requests", "detail-type": "DeploymentRequested", "id": wish.key, "detail": detail}
        self._deliveries.request(event, answered)

    def _answer_for(self, deployment_id: str) -> None:
        seen = self._ask("vic", "get", deployment_id, lambda: get_deployment(deployment_id, ports=self._scene.ports))
        if seen.outcome is not Outcome.OK:
            return
        deployment: Deployment = seen.result
        seen.result, seen.argument = str(deployment.status), deployment.revision
        told = self._ask("ada", "events", deployment_id, lambda: self._timeline_of(deployment_id))
        told.argument = told.result
        if deployment.status is Status.PENDING_APPROVAL:
            self._decide(deployment_id)
        first = self._scenario.wishes[0].caller
        signals: tuple[tuple[str, Any, Callable[..., Deployment]], ...] = (
            ("cancel", self._scenario.cancel, cancel_deployment),
            ("pause", self._scenario.pause, pause_deployment),
            ("resume", self._scenario.resume, resume_deployment),
        )
        for op, due, use_case in signals:
            said_before = op != "resume" and (op, deployment_id) in self._said
            if due is not None and not said_before and due(deployment):
                self._signal(op, deployment_id, first, use_case)
        if self._scenario.roll_back is not None and self._scenario.roll_back(deployment) and UNDO not in self.answered:
            self._undo(deployment_id, first)

    def _timeline_of(self, deployment_id: str) -> int:
        read = read_timeline(deployment_id, after=0, wait_seconds=0, pause=lambda _: None, ports=self._scene.ports)
        return len(read.events)

    def _signal(self, op: str, deployment_id: str, caller: Caller, use_case: Callable[..., Deployment]) -> None:
        ports = self._scene.ports
        said = self._ask(
            caller.name, op, deployment_id, lambda: use_case(deployment_id, reason="", caller=caller, ports=ports).id
        )
        if said.outcome is Outcome.OK:
            self._said.add((op, deployment_id))

    def _undo(self, deployment_id: str, caller: Caller) -> None:
        ports = self._scene.ports
        undo = self._ask(
            caller.name,
            "roll_back",
            UNDO,
            lambda: roll_back(deployment_id, reason="", caller=caller, idempotency_key=UNDO, ports=ports).id,
        )
        if undo.outcome is Outcome.OK:
            self.answered[UNDO] = undo

    def _decide(self, deployment_id: str) -> None:
        for caller, approves in self._scenario.deciders:
            op = "approve" if approves else "reject"
            self._ask(
                caller.name, op, deployment_id, lambda c=caller, a=approves: self._decided(deployment_id, c, a).id
            )

    def _decided(self, deployment_id: str, caller: Caller, approves: bool) -> Approval:
        reason = "" if approves else "not now"
        return decide_approval(deployment_id, approved=approves, reason=reason, caller=caller, ports=self._scene.ports)

    def _ask(self, client: str, op: str, key: str, do: Any) -> Call:
        def once() -> Any:
            try:
                return self._injector.through(f"api.{op}", do)
            except Killed:
                raise Unavailable("No answer came.") from None

        return self._history.ask(client, op, key, once)
