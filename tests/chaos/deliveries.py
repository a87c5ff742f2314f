"""What is on its way to the functions `events` and `hooks`: at least once each, in any order, tried until it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.errors import StaleWrite, Unavailable
from chalicelib.domain.hook import HookStatus
from chalicelib.routes import events_in
from chalicelib.usecases.ports import Ports
from tests.chaos.injector import Injector, Killed
from tests.fakes import FakeBus, FakeCalls

MOST_TRIES = 100
POISON: tuple[Mapping[str, Any], ...] = (
    {"source": "hotswap.requests", "detail-type": "DeploymentRequested", "id": "poison-1", "detail": "not an object"},
    {"source": "hotswap.requests", "detail-type": "Nonsense", "id": "poison-2", "detail": {}},
)


@dataclass
class DeadLetters:
    """Keeps what was refused, and why."""

    letters: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def put(self, event: Mapping[str, Any], *, reason: Mapping[str, Any]) -> None:
        self.letters.append((dict(event), dict(reason)))


@dataclass
class Receiver:
    """A user's address: what it was told, how often, and `Succeeded` for every hook."""

    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def take(self, order: Mapping[str, Any]) -> dict[str, Any]:
        if order["kind"] == "hook":
            self.asked[order["id"]] += 1
            return {"kind": "hook", "id": order["id"], "status": str(HookStatus.SUCCEEDED), "message": ""}
        self.told[order["webhookId"], order["id"]] += 1
        said = {"webhookId": order["webhookId"], "id": order["id"], "attempt": order["attempt"]}
        return {"kind": "delivery", **said, "delivered": True, "message": "Status 200."}


@dataclass(frozen=True)
class _Item:
    name: str
    event: Mapping[str, Any]
    answered: Callable[[Any], None] = lambda _: None


class Deliveries:
    """The bus, the queue and the functions behind them."""

    def __init__(self, injector: Injector, bus: FakeBus, calls: FakeCalls, letters: Any) -> None:
        self.receiver = Receiver()
        self.poisoned: list[str] = []
        self._injector = injector
        self._bus = bus
        self._calls = calls
        self._letters = letters
        self._waiting: list[_Item] = []
        self._seen = {"bus": 0, "calls": 0}

    @property
    def is_empty(self) -> bool:
        return not self._waiting and self._seen == {"bus": len(self._bus.published), "calls": len(self._calls.ordered)}

    def request(self, event: Mapping[str, Any], answered: Callable[[Any], None]) -> None:
        """Somebody puts a request on the bus; `answered` is told what the function returned."""
        self._waiting.append(_Item("deliver.request", event, answered))

    def poison(self) -> None:
        """Events that nobody can read come with the others."""
        for event in POISON:
            self.poisoned.append(event["id"])
            self._waiting.append(_Item("deliver.request", event))

    def pump(self, *, ports: Ports) -> None:
        """Deliver what is there; what is not taken comes again next time."""
        self._collect()
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            try:
                self._injector.through(item.name, lambda item=item: self._take(item, ports))
            except (Unavailable, Killed):
                self._waiting.append(item)

    def _collect(self) -> None:
        for message in self._bus.published[self._seen["bus"] :]:
            detail = {**message["detail"], "id": message["id"]}
            event = {"source": events_in.OUR_EVENTS, "detail-type": message["detailType"], "detail": detail}
            self._waiting.append(_Item("deliver.event", event))
        for order in self._calls.ordered[self._seen["calls"] :]:
            self._waiting.append(_Item("deliver.call", order))
        self._seen = {"bus": len(self._bus.published), "calls": len(self._calls.ordered)}

    def _take(self, item: _Item, ports: Ports) -> None:
        """Late or not: what fails for now comes again."""
        try:
            if item.name == "deliver.call":
                result = self.receiver.take(item.event)
                self._waiting.append(_Item("deliver.result", {"source": events_in.CALLS, "detail": result}))
                return
            item.answered(events_in.handle(item.event, ports=ports, dead_letters=self._letters))
        except (Unavailable, StaleWrite):
            self._waiting.append(item)
