"""Start a wave: who owes an answer is written first, then one write moves the cut-off every node reads."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.node import Member, PendingNode
from chalicelib.domain.policy import Policy
from chalicelib.domain.rollout import Rollout, deploy_position, restore_position, start_wave
from chalicelib.domain.strategies import WaveKind
from chalicelib.domain.timeline import EventType, named
from chalicelib.usecases.configurations import runs_on
from chalicelib.usecases.order_aliases import ordered_look
from chalicelib.usecases.ports import SERIES_STEP_MS, Add, Change, Ports, Replace
from chalicelib.usecases.recording import Entry

KEEP_ANSWERS_S = 14 * 24 * 3600


def started_wave(
    deployment: Deployment, rollout: Rollout, number: int, *, policy: Policy, ports: Ports
) -> tuple[Rollout, tuple[Change, ...], Entry]:
    """The rollout in its wave `number`, the writes that tell the nodes, and the event; rows of who owes what are kept.

    Rows are written before the decision: their keys are derived from the position, so a repeated task writes the same
    ones, and an answer can only come after the decision.
    """
    now, machine = ports.clock.policy_ms(), ports.clock.machine_ms()
    deadline = machine + policy.deploy_seconds * 1000
    started = start_wave(rollout, number, deadline_ms=deadline, now_ms=now, machine_ms=machine)
    position = deploy_position(started)
    wave = started.current
    members = ports.store.list(Member, deployment.id, rollout.environment)
    names = {m.node_id: m.name for m in members if rollout.by_weight or wave.first <= m.rank < wave.upto}
    rows = [
        PendingNode(
            deployment_id=deployment.id,
            position=owed,
            node_id=node_id,
            expires_at_s=machine // 1000 + KEEP_ANSWERS_S,
        )
        for node_id in sorted(names)
        for owed in (position, restore_position(rollout.environment))
    ]
    ports.store.add_many(rows)
    detail = {"kind": str(wave.kind), "upto": wave.upto, "fence": rollout.fence, **named(nodes=sorted(names.values()))}
    entry = Entry(
        type=EventType.WAVE_STARTED,
        environment=rollout.environment,
        wave=number,
        detail={**detail, "byWeight": rollout.by_weight},
    )
    step = min(SERIES_STEP_MS, policy.analysis.level_window_ms)
    changes: tuple[Change, ...] = (_moved_cut_off(deployment, started, position, machine, step, ports=ports),)
    if rollout.by_weight:
        # Nobody reports for an alias until somebody looks at it.
        changes = (*changes, Add(ordered_look(deployment, rollout, position, ports=ports)))
    return started, changes, entry


def _moved_cut_off(
    deployment: Deployment, rollout: Rollout, position: str, machine_ms: int, step_ms: int, *, ports: Ports
) -> Change:
    wave = rollout.current
    stored = ports.store.get(Assignment, rollout.environment, deployment.module)
    before = stored or Assignment(environment=rollout.environment, module=deployment.module)
    staging = wave.kind is WaveKind.STAGE
    moved = replace(
        before,
        fence=rollout.fence,
        deployment_id=deployment.id,
        correlation_id=deployment.correlation_id,
        candidate_digest=deployment.digest,
        candidate_version=deployment.version,
        candidate_configuration=rollout.configuration,
        candidate_runs_on=runs_on(deployment.module, rollout.environment, rollout.configuration, ports=ports),
        active_upto=before.active_upto if staging else wave.upto,
        staged_upto=wave.upto if staging else before.staged_upto,
        wave_first=wave.first,
        touched_upto=rollout.touched_upto,
        position=position,
        bake=f"{deployment.id}#{position}",
        look_from_ms=machine_ms,
        series_step_ms=step_ms,
        by_weight=rollout.by_weight,
        revision=before.revision + 1 if stored else 0,
    )
    if before.deployment_id != deployment.id:
        moved = replace(moved, active_upto=0 if staging else wave.upto, staged_upto=wave.upto if staging else 0)
    return Replace(moved) if stored else Add(moved)
