"""The timeline of a deployment (events, gap-free) and the audit chain that stands beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib.domain.environment import Environment


class EventType(StrEnum):
    """What may stand in a timeline; docs/contracts/events.md has the details of each."""

    DEPLOYMENT_CREATED = "DeploymentCreated"
    STAGE_ENDED = "StageEnded"
    HOOK_CALLED = "HookCalled"
    HOOK_ENDED = "HookEnded"
    ENVIRONMENT_SKIPPED = "EnvironmentSkipped"
    APPROVAL_REQUESTED = "ApprovalRequested"
    APPROVAL_DECIDED = "ApprovalDecided"
    APPROVAL_COMMENTED = "ApprovalCommented"
    APPROVAL_REMINDER = "ApprovalReminder"
    DECISION_WITHDRAWN = "DecisionWithdrawn"
    TURN_QUEUED = "TurnQueued"
    TURN_GRANTED = "TurnGranted"
    PLAN_MADE = "PlanMade"
    PLAN_CHANGED = "PlanChanged"
    FREEZE_MET = "FreezeMet"
    FREEZE_OVER = "FreezeOver"
    FREEZE_BROKEN = "FreezeBroken"
    WAVE_STARTED = "WaveStarted"
    NODE_FAILED = "NodeFailed"
    WAVE_DEPLOYED = "WaveDeployed"
    VERDICT_REACHED = "VerdictReached"
    PAUSE_REQUESTED = "PauseRequested"
    PAUSED = "Paused"
    RESUMED = "Resumed"
    PROMOTED = "Promoted"
    CANCEL_REQUESTED = "CancelRequested"
    RESTORE_STARTED = "RestoreStarted"
    RESTORE_ENDED = "RestoreEnded"
    DIGEST_QUARANTINED = "DigestQuarantined"
    ENVIRONMENT_ENDED = "EnvironmentEnded"
    EXECUTION_REPLACED = "ExecutionReplaced"
    DEPLOYMENT_ENDED = "DeploymentEnded"
    LINE_STOPPED = "LineStopped"
    LINE_RESUMED = "LineResumed"
    LINE_LIMITED = "LineLimited"


MOST_NAMED = 200
"""Nodes an event names. It is kept in the table (400 KB) and goes over the bus (256 KB), however large the fleet is."""


def named(**lists: Sequence[Any]) -> dict[str, Any]:
    """Lists of nodes for an event's detail, each cut off after MOST_NAMED; `more` is how many are left out, if any are."""
    more = sum(max(len(each) - MOST_NAMED, 0) for each in lists.values())
    shown = {name: list(each[:MOST_NAMED]) for name, each in lists.items()}
    return shown | ({"more": more} if more else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a deployment's timeline. `seq` counts from 1 without gaps."""

    deployment_id: str
    seq: int
    type: EventType
    at_ms: int
    status: str
    environment: Environment | None = None
    wave: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.deployment_id, f"{self.seq:08d}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Who did what, chained: `hash` covers this record and `previous_hash`, SHA-256 in hexadecimal.

    `subject` is what the record is about (a deployment, a user, a policy); each subject has a chain of its own.
    """

    subject: str
    seq: int
    at_ms: int
    actor: str
    action: str
    outcome: str = "allowed"
    detail: dict[str, Any] = field(default_factory=dict)
    request_id: str = ""
    previous_hash: str = ""
    hash: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.subject, f"{self.seq:08d}")


def audit_hash(record: AuditRecord) -> str:
    """The hash a record must carry: over its fields in canonical JSON, the previous hash included."""
    fields = {
        "subject": record.subject,
        "seq": record.seq,
        "atMs": record.at_ms,
        "actor": record.actor,
        "action": record.action,
        "outcome": record.outcome,
        "detail": record.detail,
        "requestId": record.request_id,
        "previousHash": record.previous_hash,
    }
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """Something to be told elsewhere, written with the change that causes it and removed once told.

    `topic` is `execution` (start the state machine), `bus` (publish the event) or `call` (call a user's address);
    telling twice does no harm.
    """

    id: str
    topic: str
    created_at_ms: int
    payload: dict[str, Any] = field(default_factory=dict)
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)
