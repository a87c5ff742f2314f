"""What the checker of tests/chaos looks at, read from a system of real processes: its log of every committed write.

The log holds each commit's items in their order, so it is the history of the table itself, whatever died meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chalicelib.adapters.dynamodb.items import record_of
from chalicelib.adapters.dynamodb.keys import ITEM_TYPE, LAYOUTS
from chalicelib.domain.approval import Approval
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.usecases.ports import Add
from infra.local.write_ahead_log import WriteAheadLog
from tests.chaos.checker import LEAST_ANSWERS
from tests.chaos.evidence import Evidence
from tests.chaos.history import Commit, Outcome
from tests.chaos.invariants import INVARIANTS
from tests.e2e.client import TestClient

R = TypeVar("R")
_KINDS = {layout.item_type: kind for kind, layout in LAYOUTS.items()}
ASKED = (
    "acknowledged_is_kept",
    "one_deployment_for_a_key",
    "a_refusal_leaves_nothing",
    "turns_follow_each_other",
    "queue_is_first_come",
    "transitions_are_legal",
    "one_execution_at_a_time",
    "approved_before_touched",
    "waves_are_judged_in_order",
    "fleet_is_uniform",
    "timeline_is_told",
    "audit_is_complete",
    "one_beginning_and_one_end",
    "every_deployment_ends",
    "outbox_is_empty",
    "nothing_is_left_behind",
    "second_pass_is_idle",
)
"""What can be asked of such a run: the others compare moments of calls with moments of commits, or need a simulation."""
RECONCILED = ("relayed", "woken", "continued", "expired", "failed")


@dataclass
class TableHistory:
    """Every commit of a table in order, what stands in it at the end, and what was removed again."""

    commits: list[Commit] = field(default_factory=list)
    last: dict[tuple[str, str], Any] = field(default_factory=dict)
    removed: list[Any] = field(default_factory=list)

    def of(self, kind: type[R]) -> list[R]:
        """The records of one kind at the end, in the order of their keys."""
        return [self.last[key] for key in sorted(self.last) if isinstance(self.last[key], kind)]


def violations(evidence: Evidence) -> list[str]:
    """What the invariants find wrong with a run, and why it proves nothing, if it does not."""
    checks = {check.__name__: check for check in INVARIANTS}
    found = [f"{name}: {wrong}" for name in ASKED for wrong in checks[name](evidence)]
    answers = sum(call.outcome is Outcome.OK for call in evidence.history.calls)
    if answers < LEAST_ANSWERS or not evidence.grants() or not evidence.published:
        found.append(f"{answers} answers, {len(evidence.grants())} turns, {len(evidence.published)} events: no load")
    return found


def table_history(folder: Path, scratch: Path) -> TableHistory:
    """What the log in the folder of a system says. It is read from a copy: reading cuts a torn tail off.

    Raises:
        AssertionError: the log was compacted, so that its beginning is gone.
    """
    copy = scratch / "log-of-the-table"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "state" / "tables", copy)
    assert not (copy / "snapshot.json").exists(), "the log was compacted; its beginning is gone"
    log = WriteAheadLog(copy)
    records = log.open().records
    log.close()
    history = TableHistory()
    for at, record in enumerate(records):
        changes = tuple(_changes(record, history))
        if changes:
            history.commits.append(Commit(at=at, changes=changes))
    return history


def _changes(record: Any, history: TableHistory) -> Iterator[Add]:
    for _, (hash_key, range_key), item in record:
        key = (hash_key["S"], (range_key or {"S": ""})["S"])
        if item is None:
            known = history.last.pop(key, None)
            if known is not None:
                history.removed.append(known)
            continue
        kind = _KINDS.get(item.get(ITEM_TYPE, {}).get("S", ""))
        if kind is None:
            continue  # a pointer, or a series of metrics
        history.last[key] = found = record_of(kind, item)
        yield Add(found)


def wire_evidence(client: TestClient, folder: Path, scratch: Path, *, module: str) -> Evidence:
    """Everything there is to know of a run in which one module was deployed to Development.

    Two sweeps are made first: the second has to find nothing. What was taken out of the outbox counts as published,
    because it is taken out when the bus has said that it has it.
    """
    client.sweep()
    second = client.sweep()
    history = table_history(folder, scratch)
    client.history.commits = [_about(commit, module) for commit in history.commits]
    deployments = history.of(Deployment)
    told = [m for m in history.removed if isinstance(m, OutboxMessage) and m.topic == "bus"]
    ours = {each.id for each in deployments}
    return Evidence(
        history=client.history,
        deployments=deployments,
        events={each.id: [e for e in history.of(Event) if e.deployment_id == each.id] for each in deployments},
        audits={each.id: [a for a in history.of(AuditRecord) if a.subject == each.id] for each in deployments},
        approvals=history.of(Approval),
        turns=[turn for turn in history.of(Turn) if turn.module == module],
        assignments=[a for a in history.of(Assignment) if a.module == module],
        outbox=history.of(OutboxMessage),
        published=[m.payload for m in told if m.payload["id"].partition("#")[0] in ours],
        executions=client.executions(),
        running=dict(client.running("Development", module)),
        versions={each.digest: each.version for each in history.of(ModuleVersion)},
        still_to_do={name: second[name] for name in RECONCILED if second.get(name)},
    )


def _about(commit: Commit, module: str) -> Commit:
    """A commit without turns and assignments of other modules and environments: the checker knows one of each."""
    kept = tuple(change for change in commit.changes if _is_about(change.record, module))
    return Commit(at=commit.at, changes=kept)


def _is_about(record: Any, module: str) -> bool:
    if isinstance(record, Turn | Assignment):
        return (record.environment, record.module) == (Environment.DEVELOPMENT, module)
    return True
