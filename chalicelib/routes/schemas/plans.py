"""The answer of a dry run. Source: docs/plans-and-policies.md."""

from __future__ import annotations

from chalicelib.domain.access import Role
from chalicelib.domain.alias import WHOLE
from chalicelib.domain.environment import Environment
from chalicelib.domain.estimate import FUNCTION_MB, FUNCTION_MS
from chalicelib.domain.forecast import LegTimes, Span, WaveTimes
from chalicelib.domain.freeze import Freeze
from chalicelib.domain.gate import Gate
from chalicelib.domain.node import Member
from chalicelib.domain.prices import PRICES, PRICES_AS_OF, PRICES_REGION, Item, cost_of
from chalicelib.domain.strategies import Strategy, WaveKind
from chalicelib.routes.fields import Instant, iso, iso_or_none
from chalicelib.routes.validation import Answered
from chalicelib.usecases.plan_deployment import DeploymentPlan, Prospect

MOST_NAMES = 100
"""Nodes named per wave; `nodes` counts all of them."""


class SpanBody(Answered):
    """The earliest and the latest instant; null: never, as the calendar stands."""

    earliest: Instant | None
    latest: Instant | None


class PlannedWaveBody(Answered):
    """Nodes that change together. `percent` of the fleet have the new version after it, in hundredths of a percent."""

    number: int
    kind: WaveKind
    zone: str | None
    nodes: int
    first: int
    upto: int
    percent_bp: int
    node_names: list[str]
    bake_seconds: int
    bake_requests: int
    begins: SpanBody
    ends: SpanBody


class GateRoleBody(Answered):
    """How many of those who agree must have a role."""

    role: Role
    count: int


class GateBody(Answered):
    """People who have to agree before the environment is changed; never the requester.

    `rolesNeeded`: how many of them must have a role. `excludesPusher`: whoever registered the version may not answer.
    """

    approvers: int
    roles_needed: list[GateRoleBody]
    excludes_pusher: bool
    reason_required: bool
    expires_seconds: int
    why: str


class FreezeBody(Answered):
    """A freeze that is met at the earliest times; `until` null: no end in sight."""

    name: str
    reason: str
    verb: str
    then: str
    begins: Instant
    until: Instant | None
    is_overridden: bool


class RefusalBody(Answered):
    """Why a deployment asked for now would not get through."""

    code: str
    environment: Environment
    message: str


class LeftOutBody(Answered):
    """A node of the environment that would not take part, and why."""

    name: str
    why: str


class PlannedEnvironmentBody(Answered):
    """One environment on the way. `action`: `change`, `skip` (says `why`) or `refuse`.

    `byWeight`: its nodes are function aliases that all move together; `first`, `upto` and `nodes` of its waves are
    percent of their traffic.

    `isReturn`: what it would go back to ran here within the rollback window, so it goes at once.
    """

    environment: Environment
    action: str
    why: str | None
    policy_revision: int
    strategy: Strategy | None
    fleet: int
    left_out: list[LeftOutBody]
    configuration: int
    is_return: bool
    from_digest: str | None
    plan_hash: str | None
    bake_seconds: int
    by_weight: bool
    gate: GateBody | None
    queued_behind: str | None
    freezes: list[FreezeBody]
    begins: SpanBody
    ends: SpanBody
    waves: list[PlannedWaveBody]


class CountBody(Answered):
    """When all goes well, and at most while nobody interferes."""

    expected: int
    at_most: int


class PriceBody(Answered):
    """One line of the price table, with what the deployment uses of it and what that costs. Dollars are text."""

    item: str
    unit: str
    usd_per_million: str
    source: str
    expected_quantity: int
    at_most_quantity: int
    expected_usd: str
    at_most_usd: str


class CostBody(Answered):
    """The estimate and the prices behind it; `assumptions` are what nobody can know beforehand."""

    expected_usd: str
    at_most_usd: str
    region: str
    prices_as_of: str
    assumptions: list[str]
    prices: list[PriceBody]


class PlanBody(Answered):
    """What would happen if this were asked for now. Nothing was changed. `wouldRun` is false where there are `refusals`.

    `waitsForLine`: it would wait for the stopped, or full, line; times are those of a line that runs.
    """

    module_name: str
    version: str
    digest: str
    target_environment: Environment
    planned_at: Instant
    would_run: bool
    refusals: list[RefusalBody]
    waits_for_line: str | None
    earliest_end: Instant | None
    worst_case_end: Instant | None
    state_transitions: CountBody
    cost: CostBody
    environments: list[PlannedEnvironmentBody]


def plan_body(plan: DeploymentPlan) -> PlanBody:
    """The whole of a dry run."""
    last = plan.environments[-1].ends
    transitions = CountBody(
        expected=plan.estimate.least[Item.STATE_TRANSITIONS], at_most=plan.estimate.most[Item.STATE_TRANSITIONS]
    )
    return PlanBody(
        module_name=plan.request.module,
        version=plan.request.version,
        digest=plan.digest,
        target_environment=plan.request.target,
        planned_at=iso(plan.at_ms),
        would_run=not plan.refusals,
        refusals=[RefusalBody(code=r.code, environment=r.environment, message=r.message) for r in plan.refusals],
        waits_for_line=plan.waits_for_line or None,
        earliest_end=None if plan.refusals else iso_or_none(last.earliest_ms),
        worst_case_end=iso_or_none(plan.worst_end_ms),
        state_transitions=transitions,
        cost=_cost_body(plan),
        environments=[_environment(times, plan.prospects[times.leg.environment]) for times in plan.environments],
    )


def _gate(gate: Gate) -> GateBody:
    return GateBody(
        approvers=gate.approvers,
        roles_needed=[GateRoleBody(role=need.role, count=need.count) for need in gate.roles],
        excludes_pusher=gate.excludes_pusher,
        reason_required=gate.reason_required,
        expires_seconds=gate.expires_seconds,
        why=gate.why,
    )


def _environment(times: LegTimes, prospect: Prospect) -> PlannedEnvironmentBody:
    members = prospect.members
    leg, plan = times.leg, times.leg.plan
    action = "change" if plan is not None else "refuse" if leg.refusal is not None else "skip"
    why = leg.refusal.message if leg.refusal is not None else leg.why
    return PlannedEnvironmentBody(
        environment=leg.environment,
        action=action,
        why=why or None,
        policy_revision=leg.policy.revision,
        strategy=None if plan is None else plan.strategy,
        fleet=len(members),
        left_out=[LeftOutBody(name=each.name, why=each.why) for each in prospect.left_out],
        configuration=prospect.configuration,
        is_return=prospect.is_return,
        from_digest=None if plan is None else plan.from_digest,
        plan_hash=None if plan is None else plan.plan_hash,
        bake_seconds=0 if plan is None else plan.bake_seconds,
        gate=None if leg.gate is None else _gate(leg.gate),
        queued_behind=leg.queued_behind or None,
        freezes=[_freeze(freeze, is_overridden=leg.breaks_freezes) for freeze in times.freezes],
        begins=_span(times.begins),
        ends=_span(times.ends),
        by_weight=plan is not None and plan.by_weight,
        waves=[_wave(wave, members, by_weight=plan is not None and plan.by_weight) for wave in times.waves],
    )


def _wave(times: WaveTimes, members: tuple[Member, ...], *, by_weight: bool) -> PlannedWaveBody:
    wave = times.wave
    changing = members if by_weight else members[wave.first : wave.upto]
    return PlannedWaveBody(
        number=wave.number,
        kind=wave.kind,
        zone=wave.zone or None,
        nodes=wave.nodes,
        first=wave.first,
        upto=wave.upto,
        percent_bp=wave.upto * 10_000 // (WHOLE if by_weight else len(members)),
        node_names=[member.name for member in changing[:MOST_NAMES]],
        bake_seconds=wave.bake_seconds,
        bake_requests=wave.bake_requests,
        begins=_span(times.begins),
        ends=_span(times.ends),
    )


def _freeze(freeze: Freeze, *, is_overridden: bool) -> FreezeBody:
    window = freeze.window
    return FreezeBody(
        name=window.name,
        reason=window.reason,
        verb=freeze.verb,
        then=window.then,
        begins=iso(freeze.from_ms),
        until=iso_or_none(freeze.until_ms),
        is_overridden=is_overridden,
    )


def _span(span: Span) -> SpanBody:
    return SpanBody(earliest=iso_or_none(span.earliest_ms), latest=iso_or_none(span.latest_ms))


def _cost_body(plan: DeploymentPlan) -> CostBody:
    least, most = cost_of(plan.estimate.least), cost_of(plan.estimate.most)
    return CostBody(
        expected_usd=_usd(sum(line.nano_usd for line in least)),
        at_most_usd=_usd(sum(line.nano_usd for line in most)),
        region=PRICES_REGION,
        prices_as_of=PRICES_AS_OF,
        assumptions=[
            f"a function call lasts {FUNCTION_MS} ms and has {FUNCTION_MB} MB",
            "table units and events are estimated from record sizes, not measured",
            "every node reports once a second while its environment changes",
            "no free tier, no taxes, no transfer",
        ],
        prices=[
            PriceBody(
                item=price.item,
                unit=price.unit,
                usd_per_million=_usd(price.nano_usd * 1_000_000, places=4),
                source=price.source,
                expected_quantity=low.quantity,
                at_most_quantity=high.quantity,
                expected_usd=_usd(low.nano_usd),
                at_most_usd=_usd(high.nano_usd),
            )
            for price, low, high in zip(PRICES, least, most, strict=True)
        ],
    )


def _usd(nano: int, *, places: int = 6) -> str:
    """Dollars as text, rounded up, so that no part of a cent is lost in a float."""
    unit = 10 ** (9 - places)
    whole, part = divmod(-(-nano // unit), 10**places)
    return f"{whole}.{part:0{places}d}"
