"""What a deployment did to one environment, as callers see it."""

from __future__ import annotations

from chalicelib.domain.analysis.verdict import ComparedWith, Decision
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Phase, Rollout, Wave, WaveStatus
from chalicelib.domain.strategies import Strategy, WaveKind
from chalicelib.routes.fields import Instant, iso_or_none
from chalicelib.routes.validation import Answered


class WaveBody(Answered):
    """The nodes that changed together, and how it went.

    `decision`, `comparedWith` and `sentence` are the verdict; GET `/deployments/{executionId}/verdicts` has the
    numbers behind it.
    """

    number: int
    kind: WaveKind
    nodes: int
    first: int
    upto: int
    bake_seconds: int
    bake_requests: int
    zone: str | None
    status: WaveStatus
    attempt: int
    failed_nodes: int
    holds: int
    started_at: Instant | None
    deployed_at: Instant | None
    ended_at: Instant | None
    decision: Decision | None
    compared_with: ComparedWith | None
    sentence: str | None


class RestoreBody(Answered):
    """How giving the nodes back what they ran went."""

    why: str
    goal: str
    nodes: int
    restored_nodes: int
    failed_nodes: int


class RolloutBody(Answered):
    """One environment on the way. `phase` is where it stands; `wave` is the wave that is on, or was last."""

    environment: Environment
    phase: Phase
    strategy: Strategy | None
    policy_revision: int
    from_digest: str | None
    from_version: str | None
    configuration_revision: int
    from_configuration_revision: int
    is_return: bool
    by_weight: bool
    plan_hash: str | None
    approval_id: str | None
    fleet: int
    touched_nodes: int
    wave: int | None
    started_at: Instant | None
    ended_at: Instant | None
    bake_until: Instant | None
    pause_until: Instant | None
    frozen_until: Instant | None
    pause_requested: bool
    waits_for_line: bool
    promotes_all: bool
    message: str
    restore: RestoreBody | None
    waves: list[WaveBody]


def rollout_body(rollout: Rollout) -> RolloutBody:
    """All of one environment."""
    return RolloutBody(
        environment=rollout.environment,
        phase=rollout.phase,
        strategy=rollout.strategy,
        policy_revision=rollout.policy_revision,
        from_digest=rollout.from_digest,
        from_version=rollout.from_version,
        configuration_revision=rollout.configuration,
        from_configuration_revision=rollout.from_configuration,
        is_return=rollout.is_return,
        by_weight=rollout.by_weight,
        plan_hash=rollout.plan_hash or None,
        approval_id=rollout.approval_id or None,
        fleet=rollout.fleet,
        touched_nodes=rollout.touched_nodes,
        wave=rollout.wave if rollout.waves else None,
        started_at=iso_or_none(rollout.started_at_ms),
        ended_at=iso_or_none(rollout.ended_at_ms),
        bake_until=iso_or_none(rollout.bake_until_ms),
        pause_until=iso_or_none(rollout.pause_until_ms),
        frozen_until=iso_or_none(rollout.frozen_until_ms),
        pause_requested=bool(rollout.pause_asked),
        waits_for_line=rollout.waits_for_line,
        promotes_all=rollout.promotes_all,
        message=rollout.message or rollout.why,
        restore=_restore_body(rollout),
        waves=[_wave_body(wave, rollout) for wave in rollout.waves],
    )


def _wave_body(wave: Wave, rollout: Rollout) -> WaveBody:
    taken_back = wave.status is WaveStatus.ROLLED_BACK
    return WaveBody(
        number=wave.number,
        kind=wave.kind,
        nodes=wave.upto - wave.first,
        first=wave.first,
        upto=wave.upto,
        bake_seconds=wave.bake_seconds,
        bake_requests=wave.bake_requests,
        zone=wave.zone or None,
        status=wave.status,
        attempt=wave.attempt,
        failed_nodes=wave.failed_nodes,
        holds=wave.holds,
        started_at=iso_or_none(wave.started_at_ms),
        deployed_at=iso_or_none(wave.deployed_at_ms),
        ended_at=iso_or_none(wave.ended_at_ms),
        decision="rollback" if taken_back else wave.decision or None,
        compared_with=wave.compared_with or None,
        sentence=(rollout.why if taken_back else wave.sentence) or None,
    )


def _restore_body(rollout: Rollout) -> RestoreBody | None:
    if not rollout.goal:
        return None
    return RestoreBody(
        why=rollout.why,
        goal=rollout.goal,
        nodes=rollout.touched_nodes,
        restored_nodes=rollout.restored_nodes,
        failed_nodes=rollout.restore_failed_nodes,
    )
