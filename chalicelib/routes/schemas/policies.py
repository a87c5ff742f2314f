"""The policy of an environment: what may be put, and what is answered.

A field that is left out has the value of a policy nobody has changed, not the one in force.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, create_model, field_validator, model_validator
from pydantic.alias_generators import to_camel

from chalicelib.domain.access import Role
from chalicelib.domain.analysis.evidence import Direction, Missing, Source
from chalicelib.domain.analysis.policy import MOST_QUERIES, AnalysisMode, AnalysisPolicy, DeclaredMetric
from chalicelib.domain.approval import RoleNeeded
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.freeze import FreezeThen, FreezeWindow, Once, Verb, Weekday, Weekly
from chalicelib.domain.hook import HookTarget
from chalicelib.domain.policy import ApprovalPolicy, Concurrency, HoldPolicy, HoldThen, Overridable, Policy
from chalicelib.domain.strategies import StrategySpec
from chalicelib.routes.fields import LONGEST_SECONDS, Instant, ModuleName, Reason, Seconds, iso, one_of
from chalicelib.routes.schemas.hooks import HookTargetBody
from chalicelib.routes.schemas.strategies import StrategyBody
from chalicelib.routes.validation import Answered, Received, broken, broken_inside

LONGEST_WORK_S = 24 * 3600


class DeclaredBody(Received):
    """A metric of the modules' own: what they report to their node, or what a Prometheus server knows of them."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    direction: Annotated[Direction, one_of(Direction)] = Direction.INCREASE
    change_pct: Annotated[int, Field(ge=1, le=100_000)] = 20
    floor_micros: Annotated[int, Field(ge=0, le=10**15)] = 0
    critical: bool = False
    missing: Annotated[Missing, one_of(Missing)] = Missing.NO_DATA
    min_samples: Annotated[int, Field(ge=1, le=100_000)] = 5
    source: Annotated[Source, one_of(Source)] = Source.HEARTBEAT
    query: Annotated[str, Field(max_length=2_000)] = ""
    modules: Annotated[list[ModuleName], Field(max_length=100)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits_its_source(self) -> Self:
        try:
            self.metric()
        except InvalidInput as error:
            raise broken_inside(error) from error
        return self

    def metric(self) -> DeclaredMetric:
        """The same for the domain."""
        return DeclaredMetric(**{**dict(self), "modules": tuple(self.modules)})


_DELIVERED = AnalysisPolicy()


class AnalysisWords(Received):
    """The judge's settings that are no numbers."""

    mode: Annotated[AnalysisMode, one_of(AnalysisMode)] = AnalysisMode.REQUIRED
    declared: Annotated[list[DeclaredBody], Field(max_length=20)] = Field(default_factory=list)

    @field_validator("declared")
    @classmethod
    def _are_declared_once(cls, declared: list[DeclaredBody]) -> list[DeclaredBody]:
        if len({metric.name for metric in declared}) != len(declared):
            raise broken("each metric may be declared once")
        if sum(metric.source is Source.PROMETHEUS for metric in declared) > MOST_QUERIES:
            raise broken(f"at most {MOST_QUERIES} metrics may come from Prometheus")
        return declared

    def policy(self) -> AnalysisPolicy:
        """The same for the domain."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        declared = tuple(metric.metric() for metric in self.declared)
        return AnalysisPolicy(mode=self.mode, declared=declared, **numbers)


def _allowed(name: str) -> AfterValidator:
    """The domain's own rule for one of the judge's numbers."""

    def check(value: int) -> int:
        number: dict[str, Any] = {name: value}
        try:
            AnalysisPolicy(**number)
        except InvalidInput as error:
            raise broken(error.violations[0].rule) from error
        return value

    return AfterValidator(check)


_NUMBERS = tuple(each.name for each in fields(AnalysisPolicy) if each.name not in ("mode", "declared"))
_NUMBER_FIELDS: dict[str, Any] = {
    name: (Annotated[int, _allowed(name)], getattr(_DELIVERED, name)) for name in _NUMBERS
}
AnalysisBody = create_model(
    "AnalysisBody",
    __base__=AnalysisWords,
    __doc__="The judge's settings; docs/judge.md explains each.",
    **_NUMBER_FIELDS,
)
"""One field for each number of `AnalysisPolicy`, with its default and its rule."""


class RoleRule(Received):
    """How many of those who agree must have a role."""

    role: Annotated[Role, one_of(Role)]
    count: Annotated[int, Field(ge=1, le=10)] = 1


class ApprovalRules(Received):
    """Whether people must agree, how many of which roles, and for how long they may be asked.

    `excludePusher`: who registered the version may not answer. `remindSeconds` 0 reminds nobody.
    """

    required: bool = False
    approvers: Annotated[int, Field(ge=1, le=10)] = 1
    roles: Annotated[list[RoleRule], Field(max_length=2)] = Field(default_factory=list)
    exclude_pusher: bool = True
    reason_required: bool = False
    expires_seconds: Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] = 86_400
    remind_seconds: Seconds = 14_400

    @field_validator("roles")
    @classmethod
    def _can_be_met(cls, roles: list[RoleRule], info: ValidationInfo) -> list[RoleRule]:
        named = [rule.role for rule in roles]
        if any(role not in (Role.APPROVER, Role.ADMIN) for role in named) or len(set(named)) != len(named):
            raise broken("must name Approver and Admin at most, each once")
        if any(rule.count > info.data.get("approvers", 10) for rule in roles):
            raise broken("must ask for at most as many of a role as there are approvers")
        return roles

    def policy(self) -> ApprovalPolicy:
        """The same for the domain."""
        given = dict(self) | {"roles": tuple(RoleNeeded(role=rule.role, count=rule.count) for rule in self.roles)}
        return ApprovalPolicy(**given)


class HoldRules(Received):
    """What happens to a wave that cannot be judged yet."""

    step_seconds: Annotated[int, Field(ge=1, le=LONGEST_WORK_S)] = 60
    max_holds: Annotated[int, Field(ge=0, le=10_000)] = 10
    max_requests: Annotated[int, Field(ge=0, le=10**9)] = 0
    then: Annotated[HoldThen, one_of(HoldThen)] = HoldThen.PAUSE


class OnceBody(Received):
    """From one wall-clock time until another, such as 2026-12-20T18:00."""

    begins: Annotated[str, Field(max_length=16)]
    ends: Annotated[str, Field(max_length=16)]


class WeeklyBody(Received):
    """On these days; an end that is not after the beginning is the next day's."""

    days: Annotated[list[Annotated[Weekday, one_of(Weekday)]], Field(min_length=1, max_length=7)]
    begins: Annotated[str, Field(max_length=5)] = "00:00"
    ends: Annotated[str, Field(max_length=5)] = "24:00"


class FreezeBody(Received):
    """When an environment may not be changed: `once` or `weekly`, in the wall clock of `timeZone`."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Reason = ""
    verbs: Annotated[list[Annotated[Verb, one_of(Verb)]], Field(min_length=1, max_length=3)] = Field(
        default_factory=lambda: [Verb.START, Verb.PROMOTE]
    )
    then: Annotated[FreezeThen, one_of(FreezeThen)] = FreezeThen.WAIT
    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    once: OnceBody | None = None
    weekly: WeeklyBody | None = None

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        try:
            self.window()
        except InvalidInput as wrong:
            raise broken_inside(wrong) from wrong
        return self

    def window(self) -> FreezeWindow:
        """The same for the domain."""
        once, weekly = self.once, self.weekly
        return FreezeWindow(
            name=self.name,
            reason=self.reason,
            verbs=tuple(verb for verb in Verb if verb in self.verbs),
            then=self.then,
            time_zone=self.time_zone,
            once=None if once is None else Once(begins=once.begins, ends=once.ends),
            weekly=None if weekly is None else Weekly(days=tuple(weekly.days), begins=weekly.begins, ends=weekly.ends),
        )


OverridableName = Annotated[Overridable, one_of(Overridable)]


class PutPolicy(Received):
    """The whole policy; `expectedRevision` (or If-Match) refuses it when somebody else changed it meanwhile."""

    strategy: StrategyBody
    analysis: AnalysisBody = Field(default_factory=AnalysisBody)
    approval: ApprovalRules = Field(default_factory=ApprovalRules)
    hold: HoldRules = Field(default_factory=HoldRules)
    concurrency: Annotated[Concurrency, one_of(Concurrency)] = Concurrency.QUEUE
    queue_limit: Annotated[int, Field(ge=0, le=1_000)] = 10
    queue_seconds: Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] = 86_400
    pause_seconds: Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] = 86_400
    deploy_seconds: Annotated[int, Field(ge=1, le=LONGEST_WORK_S)] = 300
    restore_seconds: Annotated[int, Field(ge=1, le=LONGEST_WORK_S)] = 300
    idle_heartbeat_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 60_000
    retention_seconds: Seconds = 3_600
    rollback_window_seconds: Seconds = 0
    overridable: Annotated[list[OverridableName], Field(max_length=len(Overridable))] = Field(default_factory=list)
    freezes: Annotated[list[FreezeBody], Field(max_length=50)] = Field(default_factory=list)
    freeze_wait_seconds: Annotated[int, Field(ge=0, le=300 * 24 * 3600)] = 604_800
    smoke: HookTargetBody | None = None
    expected_revision: Annotated[int, Field(ge=0, le=99_999_999)] | None = None

    def policy(self, environment: Environment) -> Policy:
        """The same for the use case, which gives it its revision."""
        analysis: AnalysisWords = self.analysis
        return Policy(
            environment=environment,
            strategy=self.strategy.spec(),
            analysis=analysis.policy(),
            approval=self.approval.policy(),
            smoke=None if self.smoke is None else self.smoke.target(),
            hold=HoldPolicy(**dict(self.hold)),
            freezes=tuple(freeze.window() for freeze in self.freezes),
            overridable=tuple(name for name in Overridable if name in self.overridable),
            **{name: getattr(self, name) for name in _PLAIN},
        )


_PLAIN = (
    "concurrency",
    "queue_limit",
    "queue_seconds",
    "pause_seconds",
    "deploy_seconds",
    "restore_seconds",
    "idle_heartbeat_ms",
    "retention_seconds",
    "freeze_wait_seconds",
    "rollback_window_seconds",
)


class PolicyBody(Answered):
    """One revision of an environment's policy; without the first four fields it can be put as it is."""

    environment: Environment
    revision: int
    changed_by: str
    changed_at: Instant | None
    strategy: dict[str, Any]
    analysis: dict[str, Any]
    approval: dict[str, Any]
    hold: dict[str, Any]
    concurrency: Concurrency
    queue_limit: int
    queue_seconds: int
    pause_seconds: int
    deploy_seconds: int
    restore_seconds: int
    idle_heartbeat_ms: int
    retention_seconds: int
    rollback_window_seconds: int
    overridable: list[Overridable]
    freezes: list[dict[str, Any]]
    freeze_wait_seconds: int
    smoke: dict[str, Any] | None


def policy_body(policy: Policy) -> PolicyBody:
    """One revision."""
    return PolicyBody(
        environment=policy.environment,
        revision=policy.revision,
        changed_by=policy.changed_by,
        changed_at=iso(policy.changed_at_ms) if policy.changed_at_ms else None,
        strategy=_strategy(policy.strategy),
        analysis=_in_camel(asdict(policy.analysis)),
        approval=_in_camel(asdict(policy.approval)),
        smoke=None if policy.smoke is None else _smoke_body(policy.smoke),
        hold=_in_camel(asdict(policy.hold)),
        overridable=list(policy.overridable),
        freezes=[_in_camel(asdict(freeze)) for freeze in policy.freezes],
        **{name: getattr(policy, name) for name in _PLAIN},
    )


def _strategy(spec: StrategySpec) -> dict[str, Any]:
    """A strategy as it may be put again: each step with the one size it has."""
    sizes = {"percent", "nodes"}
    steps = [{k: v for k, v in asdict(step).items() if k not in sizes or v} for step in spec.steps]
    shown: dict[str, Any] = _in_camel(asdict(spec) | {"steps": steps})
    return shown


def _smoke_body(target: HookTarget) -> dict[str, Any]:
    return {name: each for name, each in _in_camel(asdict(target)).items() if each != ""}


def _in_camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _in_camel(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_camel(each) for each in value]
    return value
