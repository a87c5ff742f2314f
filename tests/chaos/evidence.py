"""What the checker looks at: a run's history and what stood in the table, on the nodes and on the bus at its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from chalicelib.domain.approval import Approval
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage
from chalicelib.domain.turn import Turn
from tests.chaos.history import History, Outcome
from tests.chaos.injector import Fault
from tests.chaos.linearizable import Operation
from tests.chaos.scenarios import WHERE
from tests.chaos.simulation import Run


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
    trouble: str = ""

    def changes(self, kind: type[Any]) -> list[tuple[int, Any]]:
        """Every write of records of one kind, in order: (moment, record)."""
        return [(w.at, c.record) for w in self.history.commits for c in w.changes if isinstance(c.record, kind)]

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
        wished=_wished(run) if len(run.faults) <= 1 else {},
        planned=run.faults,
        still_to_do={} if run.last_pass is None else {k: v for k, v in asdict(run.last_pass).items() if v},
        trouble=run.trouble,
    )


def _wished(run: Run) -> dict[str, frozenset[Status]]:
    ends = {wish.key: wish.ends for wish in run.scenario.wishes} | {"undo": frozenset({Status.COMPLETED})}
    answered = [call for op in ("create", "roll_back") for call in run.history.asked(op, Outcome.OK)]
    return {str(call.result): ends[call.key] for call in answered}
