"""What an environment demands of a deployment: strategy, analysis, approval, concurrency. Kept on the server, revisioned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.analysis.policy import AnalysisMode, AnalysisPolicy
from chalicelib.domain.approval import RoleNeeded
from chalicelib.domain.environment import Environment
from chalicelib.domain.freeze import FreezeWindow
from chalicelib.domain.hook import HookTarget
from chalicelib.domain.strategies import Step, Strategy, StrategySpec


class Concurrency(StrEnum):
    """What happens to a deployment that finds another one changing the same module in the same environment."""

    QUEUE = "queue"
    REJECT = "reject"
    SUPERSEDE = "supersede"


class HoldThen(StrEnum):
    """What follows when a wave was held as long as the policy allows."""

    PAUSE = "pause"
    ROLLBACK = "rollback"


class Overridable(StrEnum):
    """The numbers of a strategy that a request may bring, where the policy allows it."""

    KIND = "kind"
    BAKE_SECONDS = "bakeSeconds"
    BAKE_REQUESTS = "bakeRequests"
    BATCH = "batch"
    MINIMUM_HEALTHY = "minimumHealthy"
    MAX_UNAVAILABLE = "maxUnavailable"
    STEPS = "steps"
    BY_ZONE = "byZone"
    ZONE_BAKE_SECONDS = "zoneBakeSeconds"
    FIRST_ZONE_BAKE_SECONDS = "firstZoneBakeSeconds"
    MAX_FAILED_NODES = "maxFailedNodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """Whether people must agree, how many of which roles, and for how long they may be asked (policy time).

    `exclude_pusher`: who registered the version may not answer. `remind_seconds` 0 reminds nobody.
    """

    required: bool = False
    approvers: int = 1
    roles: tuple[RoleNeeded, ...] = ()
    exclude_pusher: bool = True
    reason_required: bool = False
    expires_seconds: int = 86_400
    remind_seconds: int = 14_400


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPolicy:
    """A wave that cannot be judged bakes on for `step_seconds` at a time, and then `then` follows.

    At most `max_holds` times, and no more once the new version has served `max_requests` in this bake (0: however many).
    """

    step_seconds: int = 60
    max_holds: int = 10
    max_requests: int = 0
    then: HoldThen = HoldThen.PAUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One revision of an environment's policy. A deployment keeps the revision it started with.

    `deploy_seconds` and `restore_seconds` are machine time: how long the nodes of a wave may take to answer.
    `idle_heartbeat_ms` is machine time too; `retention_seconds`, `pause_seconds`, `queue_seconds` and
    `rollback_window_seconds` are policy time.
    `overridable` are the numbers of the strategy that a request may bring. `freezes` hold for every deployment from the
    moment they are put, whatever revision it started with; one that would wait longer than `freeze_wait_seconds` of
    policy time is refused.
    """

    environment: Environment
    revision: int = 0
    strategy: StrategySpec
    analysis: AnalysisPolicy
    approval: ApprovalPolicy = ApprovalPolicy()
    hold: HoldPolicy = HoldPolicy()
    concurrency: Concurrency = Concurrency.QUEUE
    queue_limit: int = 10
    queue_seconds: int = 86_400
    pause_seconds: int = 86_400
    deploy_seconds: int = 300
    restore_seconds: int = 300
    idle_heartbeat_ms: int = 60_000
    retention_seconds: int = 3_600
    rollback_window_seconds: int = 0
    overridable: tuple[Overridable, ...] = ()
    freezes: tuple[FreezeWindow, ...] = ()
    freeze_wait_seconds: int = 604_800
    smoke: HookTarget | None = None
    changed_by: str = ""
    changed_at_ms: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, f"{self.revision:08d}")


_CANARY = tuple(Step(percent=percent, bake_seconds=900) for percent in (10, 30, 50, 100))
_HEALTH_ONLY = AnalysisPolicy(mode=AnalysisMode.HEALTH_ONLY)
_APPROVED = ApprovalPolicy(required=True)
_ANYTHING = tuple(Overridable)

DEFAULT_POLICIES: dict[Environment, Policy] = {
    Environment.DEVELOPMENT: Policy(
        environment=Environment.DEVELOPMENT,
        strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=10),
        analysis=_HEALTH_ONLY,
        overridable=_ANYTHING,
    ),
    Environment.QA: Policy(
        environment=Environment.QA,
        strategy=StrategySpec(kind=Strategy.ROLLING, batch=2, bake_seconds=30),
        analysis=_HEALTH_ONLY,
        overridable=_ANYTHING,
    ),
    Environment.STAGING: Policy(
        environment=Environment.STAGING,
        strategy=StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=300),
        analysis=AnalysisPolicy(),
        approval=_APPROVED,
    ),
    Environment.PRODUCTION: Policy(
        environment=Environment.PRODUCTION,
        strategy=StrategySpec(kind=Strategy.CANARY, bake_seconds=900, steps=_CANARY),
        analysis=AnalysisPolicy(),
        approval=_APPROVED,
    ),
}
"""Revision 0: in force until somebody changes it."""
