"""What the checker looks at: a run's history and what stood in the table, on the nodes and on the bus at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.approval import Approval
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.policy import Policy
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.domain.webhook import Webhook
from tests.chaos.faults import Fault, Mode, keeps_the_end
from tests.chaos.history import History, Outcome
from tests.chaos.linearizable import Operation
from tests.chaos.scenarios import WHERE
from tests.chaos.simulation import Run, undisturbed_s


@dataclass(kw_only=True)
class Evidence:
    """Plain data, so that a bad history can be written by hand."""

    history: History = field(default_factory=History)
    turn_operations: list[Operation] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=dict)
    audits: dict[str, list[AuditRecord]] = field(default_factory=dict)
    approvals: list[Approval] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    outbox: list[OutboxMessage] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    executions: dict[str, bool] = field(default_factory=dict)
    """Every execution there was, and whether it still runs."""
    running: dict[str, str | None] = field(default_factory=dict)
    """The digest each node really runs."""
    versions: dict[str, str] = field(default_factory=dict)
    """Registered digests and their versions."""
    wished: dict[str, frozenset[Status]] = field(default_factory=dict)
    """How a deployment may end; nothing is said of those that met more than one fault."""
    planned: tuple[Fault, ...] = ()
    still_to_do: dict[str, int] = field(default_factory=dict)
    """What one more pass of the reconciler did."""
    policy: Policy | None = None
    tokens: list[str] = field(default_factory=list)
    """Every task token there was: secrets."""
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(webhook, event) and how often its receiver heard it; nothing where nobody subscribed."""
    asked: Counter[str] = field(default_factory=Counter)
    """Calls of hooks, and how often their receiver got them."""
    subscribed: tuple[str, ...] = ()
    poisoned: list[str] = field(default_factory=list)
    letters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What lies in the dead letters, by the event's id, and why."""
    settled_s: int | None = None
    """When everything was over, in seconds of the run; None: never."""
    undisturbed_s: int = 0
    """When it would have been without a fault."""
    trouble: str = ""

    def changes(self, kind: type[Any]) -> list[tuple[int, Any]]:
        """Every write of records of one kind, in order: (moment, record)."""
        return [(w.at, c.record) for w in self.history.commits for c in w.changes if isinstance(c.record, kind)]

    @property
    def recovery_s(self) -> int | None:
        """How much later everything was over than without the fault, counted from the fault's own end; None: never."""
        if self.settled_s is None:
            return None
        over = max((fault.over_s for fault in self.history.fired), default=0)
        return max(0, self.settled_s - max(over, self.undisturbed_s))

    def grants(self) -> list[tuple[int, str, int]]:
        """(moment, holder, fence) of every grant of the turn, as the table took them."""
        found: list[tuple[int, str, int]] = []
        for at, turn in self.changes(Turn):
            if turn.holder is not None and (not found or found[-1][2] != turn.fence):
                found.append((at, turn.holder, turn.fence))
        return found


def evidence_of(run: Run) -> Evidence:
    """Everything there is to know of a simulated run."""
    store, driver = run.scene.store, run.scene.driver
    deployments = run.deployments()
    harmless = all(keeps_the_end(Mode(each.mode), each.call) for each in run.history.fired)
    bus = run.scene.ports.bus
    return Evidence(
        history=run.history,
        turn_operations=run.turns,
        deployments=deployments,
        events={each.id: list(store.list(Event, each.id)) for each in deployments},
        audits={each.id: list(store.list(AuditRecord, each.id)) for each in deployments},
        approvals=[approval for each in deployments for approval in store.list(Approval, each.id)],
        turns=[turn for turn in (store.get(Turn, WHERE, each.module) for each in deployments[:1]) if turn],
        assignments=[a for a in (store.get(Assignment, WHERE, each.module) for each in deployments[:1]) if a],
        outbox=list(store.page(OutboxMessage, "open", "OUTBOX", limit=100).records),
        published=list(bus.published),
        executions={name: driver.is_running(name) for name in driver.runs},
        running={node.name: node.active for node in run.scene.nodes},
        versions={digest: version for version, digest in run.scene.digests.items()},
        wished=_wished(run) if len(run.faults) <= 1 and harmless else {},
        planned=run.faults,
        still_to_do={kind: count for kind, count in run.last_pass.items() if count},
        policy=next(iter(store.list(Policy, WHERE, newest_first=True, limit=1)), None),
        tokens=[f"{name}#{number + 1}" for name, each in driver.runs.items() for number in range(each.tokens)],
        told=run.deliveries.receiver.told,
        asked=run.deliveries.receiver.asked,
        subscribed=tuple(webhook.id for webhook in store.list(Webhook)),
        poisoned=run.deliveries.poisoned,
        letters={str(event["id"]): reason for event, reason in run.letters.letters},
        settled_s=run.settled_s,
        undisturbed_s=undisturbed_s(run.scenario.name) if run.faults else run.settled_s or 0,
        trouble=run.trouble,
    )


def _wished(run: Run) -> dict[str, frozenset[Status]]:
    ends = {wish.key: wish.ends for wish in run.scenario.wishes} | {"undo": frozenset({Status.COMPLETED})}
    answered = [call for op in ("create", "roll_back") for call in run.history.asked(op, Outcome.OK)]
    return {str(call.result): ends[call.key] for call in answered}
