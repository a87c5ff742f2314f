"""A deployment: one request to bring one module version to one environment, and the states it may pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import IllegalTransition
from chalicelib.domain.hook import HookCall
from chalicelib.domain.rollout import Phase, Rollout


class Status(StrEnum):
    """Where a deployment stands, in the words everybody uses."""

    PENDING = "Pending"
    PENDING_APPROVAL = "PendingApproval"
    QUEUED = "Queued"
    RUNNING = "Running"
    PAUSED = "Paused"
    ROLLING_BACK = "RollingBack"
    COMPLETED = "Completed"
    ROLLED_BACK = "RolledBack"
    ROLLBACK_FAILED = "RollbackFailed"
    FAILED = "Failed"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    CANCELLED = "Cancelled"
    SUPERSEDED = "Superseded"


ENDS: frozenset[Status] = frozenset(
    {
        Status.COMPLETED,
        Status.ROLLED_BACK,
        Status.ROLLBACK_FAILED,
        Status.FAILED,
        Status.REJECTED,
        Status.EXPIRED,
        Status.CANCELLED,
        Status.SUPERSEDED,
    }
)

_BEFORE_NODES = frozenset({Status.FAILED, Status.CANCELLED, Status.SUPERSEDED})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING}) | _BEFORE_NODES,
    Status.PENDING_APPROVAL: frozenset({Status.RUNNING, Status.QUEUED, Status.REJECTED, Status.EXPIRED})
    | _BEFORE_NODES,
    Status.QUEUED: frozenset({Status.RUNNING, Status.PENDING_APPROVAL, Status.EXPIRED}) | _BEFORE_NODES,
    Status.RUNNING: frozenset(
        {Status.PENDING_APPROVAL, Status.QUEUED, Status.PAUSED, Status.ROLLING_BACK, Status.COMPLETED}
    )
    | _BEFORE_NODES,
    Status.PAUSED: frozenset({Status.RUNNING, Status.ROLLING_BACK}),
    Status.ROLLING_BACK: frozenset(
        {Status.ROLLED_BACK, Status.ROLLBACK_FAILED, Status.CANCELLED, Status.FAILED, Status.SUPERSEDED}
    ),
    **{end: frozenset() for end in ENDS},
}
"""The authority on what may follow what. Ends absorb."""


class Kind(StrEnum):
    """Forward, or undoing a deployment that has ended."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class StageName(StrEnum):
    """The stages before and after the environments."""

    BUILD = "Build"
    TEST = "Test"
    SECURITY_SCAN = "SecurityScan"
    VALIDATION = "Validation"


class StageStatus(StrEnum):
    """How a stage went; what is not configured is Skipped, never Succeeded."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage and its outcome; instants are policy time."""

    name: StageName
    status: StageStatus
    started_at_ms: int
    ended_at_ms: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a deployment failed: a code a program can read and a sentence a person can."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One request and all that became of it. `id` is the executionId; `run` counts executions, 0 for the first.

    Where a deploy rule asked, `rule_made_by` is the person behind it.
    `correlation_id` goes along wherever the deployment does: logs, executions, events, calls, nodes.
    """

    id: str
    kind: Kind = Kind.DEPLOY
    module: str
    version: str
    target: Environment
    status: Status = Status.PENDING
    run: int = 0
    digest: str | None = None
    requested_by: str
    requester_email: str = ""
    rule_made_by: str = ""
    correlation_id: str = ""
    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    require_approval: bool = False
    irreversible: bool = False
    undoes: str = ""
    retries: str = ""
    hotfix_reason: str = ""
    break_glass_reason: str = ""
    allow_downgrade: bool = False
    superseded_by: str = ""
    created_at_ms: int
    updated_at_ms: int
    ended_at_ms: int | None = None
    stages: tuple[Stage, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    hooks: tuple[HookCall, ...] = ()
    cancel_requested_by: str = ""
    failure: Failure | None = None
    event_seq: int = 0
    audit_hash: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)

    @property
    def execution_name(self) -> str:
        """The name of the execution that carries it now; derived, so that starting twice starts once."""
        return self.id if self.run == 0 else f"{self.id}-r{self.run}"

    @property
    def has_ended(self) -> bool:
        return self.status in ENDS

    @property
    def current(self) -> Rollout | None:
        """The rollout that has begun and not ended; at most one does."""
        return next((r for r in self.rollouts if not r.has_ended and r.phase is not Phase.PENDING), None)

    def is_older_than(self, other: Deployment) -> bool:
        """Whether it was asked for before the other one; of two in the same instant the smaller id is."""
        return (self.created_at_ms, self.id) < (other.created_at_ms, other.id)

    @property
    def may_succeed(self) -> bool:
        """Whether it has neither ended nor is being taken back."""
        return not self.has_ended and self.status is not Status.ROLLING_BACK

    @property
    def touched_nodes(self) -> bool:
        """Whether the current rollout has told any node to change."""
        return self.current is not None and self.current.touched_upto > 0

    def rollout(self, environment: Environment) -> Rollout:
        """The rollout in `environment`, which must be on the path."""
        return next(r for r in self.rollouts if r.environment is environment)

    def stage(self, name: StageName) -> Stage | None:
        return next((stage for stage in self.stages if stage.name is name), None)

    def hook(self, position: str) -> HookCall | None:
        """The call at a position, None when nothing was asked there."""
        return next((call for call in self.hooks if call.position == position), None)

    @property
    def awaits_smoke(self) -> bool:
        """Whether the environment being changed waits for the word of its smoke hook."""
        current = self.current
        return current is not None and any(
            call.is_pending and call.position == smoke_position(current.environment) for call in self.hooks
        )

    def with_hook(self, call: HookCall) -> Deployment:
        """The same deployment with one call added or replaced."""
        others = tuple(each for each in self.hooks if each.position != call.position)
        return replace(self, hooks=(*others, call))

    def become(self, wanted: Status) -> Deployment:
        """The same deployment in another status.

        Raises:
            IllegalTransition: the table does not allow it.
        """
        if wanted is self.status:
            return self
        if wanted not in TRANSITIONS[self.status]:
            raise IllegalTransition(self.status, wanted)
        return replace(self, status=wanted)

    def with_rollout(self, rollout: Rollout) -> Deployment:
        """The same deployment with one rollout replaced, and the status that follows from it."""
        rollouts = tuple(rollout if r.environment is rollout.environment else r for r in self.rollouts)
        changed = replace(self, rollouts=rollouts)
        wanted = STATUS_OF_PHASE.get(rollout.phase)
        return changed if wanted is None else changed.become(wanted)

    def with_stage(self, stage: Stage) -> Deployment:
        """The same deployment with one stage added or replaced."""
        others = tuple(s for s in self.stages if s.name is not stage.name)
        return replace(self, stages=(*others, stage))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDeployment:
    """What a list says of a deployment: the same fields, without all that became of it."""

    id: str
    kind: Kind = Kind.DEPLOY
    module: str
    version: str
    target: Environment
    status: Status = Status.PENDING
    requested_by: str
    created_at_ms: int
    updated_at_ms: int
    ended_at_ms: int | None = None
    failure: Failure | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)


STATUS_OF_PHASE: dict[Phase, Status] = {
    Phase.AWAITING_APPROVAL: Status.PENDING_APPROVAL,
    Phase.FROZEN: Status.QUEUED,
    Phase.DEPLOYING: Status.RUNNING,
    Phase.BAKING: Status.RUNNING,
    Phase.PAUSED: Status.PAUSED,
    Phase.PROMOTED: Status.RUNNING,
    Phase.RESTORING: Status.ROLLING_BACK,
}
"""What a rollout's phase means for its deployment; the other phases leave the status as it is."""


def environments_left(deployment: Deployment) -> Iterable[Rollout]:
    """The rollouts that have not ended, in promotion order."""
    return (rollout for rollout in deployment.rollouts if not rollout.has_ended)


def smoke_position(environment: Environment) -> str:
    """Where an environment's smoke hook is called: once for its first wave."""
    return f"{environment.lower()}-smoke.1"
