"""A rollout: what one deployment does to one environment, as a value and the only ways it may change.

    Pending -> Skipped
            -> AwaitingApproval -> AwaitingTurn -> Deploying -> Baking -> Deploying ... -> Promoted
                               -> Refused     <-> Frozen           <-> Paused
                               any of these, once it holds the turn -> Restoring -> Restored | RestoreFailed

Every function here is pure: it takes a rollout and instants, and returns another rollout. Policy time (`now_ms`)
measures bakes, pauses and approvals; machine time (`machine_ms`) measures work and silence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import IllegalTransition
from chalicelib.domain.override import StrategyOverride
from chalicelib.domain.strategies import PlannedWave, Strategy, WaveKind


class Phase(StrEnum):
    """Where a rollout stands."""

    PENDING = "Pending"
    SKIPPED = "Skipped"
    AWAITING_APPROVAL = "AwaitingApproval"
    AWAITING_TURN = "AwaitingTurn"
    FROZEN = "Frozen"
    REFUSED = "Refused"
    DEPLOYING = "Deploying"
    BAKING = "Baking"
    PAUSED = "Paused"
    PROMOTED = "Promoted"
    RESTORING = "Restoring"
    RESTORED = "Restored"
    RESTORE_FAILED = "RestoreFailed"


ENDS = frozenset({Phase.SKIPPED, Phase.REFUSED, Phase.PROMOTED, Phase.RESTORED, Phase.RESTORE_FAILED})
CHANGING = frozenset({Phase.DEPLOYING, Phase.BAKING, Phase.PAUSED})


class WaveStatus(StrEnum):
    """Where a wave stands."""

    PENDING = "Pending"
    DEPLOYING = "Deploying"
    BAKING = "Baking"
    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One planned wave and how it went. Instants are policy time, except `deadline_ms` (machine time)."""

    number: int
    kind: WaveKind
    first: int
    upto: int
    bake_seconds: int
    bake_requests: int = 0
    zone: str = ""
    status: WaveStatus = WaveStatus.PENDING
    attempt: int = 1
    failed_nodes: int = 0
    holds: int = 0
    started_at_ms: int | None = None
    deployed_at_ms: int | None = None
    ended_at_ms: int | None = None
    decision: str = ""
    compared_with: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What one deployment does to one environment. `by_weight`: its waves are percent of traffic, not ranks of nodes."""

    environment: Environment
    phase: Phase = Phase.PENDING
    policy_revision: int = 0
    strategy: Strategy | None = None
    override: StrategyOverride | None = None
    from_digest: str | None = None
    from_version: str | None = None
    configuration: int = 0
    from_configuration: int = 0
    is_return: bool = False
    by_weight: bool = False
    plan_hash: str = ""
    approval_seconds: int = 1
    queue_seconds: int = 1
    fence: int = 0
    fleet: int = 0
    waves: tuple[Wave, ...] = ()
    wave: int = 0
    deadline_ms: int | None = None
    bake_from_ms: int | None = None
    bake_until_ms: int | None = None
    bake_left_ms: int | None = None
    pause_until_ms: int | None = None
    pause_asked: str = ""
    waits_for_line: bool = False
    promotes_all: bool = False
    is_jumped: bool = False
    touched_upto: int = 0
    approval_id: str = ""
    frozen_until_ms: int | None = None
    why: str = ""
    goal: str = ""
    started_at_ms: int | None = None
    machine_started_ms: int | None = None
    ended_at_ms: int | None = None
    first_bad_report_ms: int | None = None
    restored_at_ms: int | None = None
    restored_nodes: int = 0
    restore_failed_nodes: int = 0
    message: str = ""

    @property
    def current(self) -> Wave:
        """The wave that is on, or was last."""
        return self.waves[self.wave]

    @property
    def wave_nodes(self) -> int:
        """How many nodes the current wave changes; a wave by weight changes all of them."""
        return self.fleet if self.by_weight else self.current.upto - self.current.first

    @property
    def touched_nodes(self) -> int:
        """How many nodes were told to change."""
        return min(self.fleet, self.touched_upto) if self.by_weight else self.touched_upto

    @property
    def is_last_wave(self) -> bool:
        return self.wave == len(self.waves) - 1

    @property
    def has_ended(self) -> bool:
        return self.phase in ENDS

    def position(self) -> str:
        """Where in the rollout an effect belongs: `environment#wave#phase#attempt`; the same place, the same effect."""
        if self.phase is Phase.RESTORING:
            return restore_position(self.environment)
        return f"{self.environment}#{self.wave:03d}#{self.phase.lower()}#{self.current.attempt}"


def restore_position(environment: Environment) -> str:
    """The position of giving every touched node back what it ran."""
    return f"{environment}#restore"


def deploy_position(rollout: Rollout) -> str:
    """The position of changing the nodes of the current wave."""
    return f"{rollout.environment}#{rollout.wave:03d}#deploy#{rollout.current.attempt}"


def planned(
    rollout: Rollout,
    waves: tuple[PlannedWave, ...],
    *,
    fleet: int,
    fence: int,
    plan_hash: str,
    by_weight: bool = False,
    now_ms: int,
) -> Rollout:
    """The rollout with its plan and frozen fleet, ready for its first wave."""
    _require(rollout, Phase.AWAITING_TURN, "planned")
    own = tuple(
        Wave(
            number=w.number,
            kind=w.kind,
            first=w.first,
            upto=w.upto,
            bake_seconds=w.bake_seconds,
            bake_requests=w.bake_requests,
            zone=w.zone,
        )
        for w in waves
    )
    return replace(
        rollout,
        waves=own,
        fleet=fleet,
        fence=fence,
        plan_hash=plan_hash,
        by_weight=by_weight,
        started_at_ms=now_ms,
    )


def frozen(rollout: Rollout, *, until_ms: int, why: str) -> Rollout:
    """The calendar forbids to begin until `until_ms` of policy time; the rollout waits and holds nothing."""
    if rollout.phase not in (Phase.AWAITING_TURN, Phase.FROZEN) or rollout.waves:
        raise IllegalTransition(rollout.phase, Phase.FROZEN)
    return replace(rollout, phase=Phase.FROZEN, fence=0, frozen_until_ms=until_ms, message=why)


def thawed(rollout: Rollout) -> Rollout:
    """The freeze is over: in line for the turn again."""
    _require(rollout, Phase.FROZEN, "thaw")
    return replace(rollout, phase=Phase.AWAITING_TURN, frozen_until_ms=None, message="")


def wait_for_promotion(rollout: Rollout, *, until_ms: int) -> Rollout:
    """The wave was judged well, and the calendar lets the next one begin at `until_ms` only: it bakes on till then."""
    _require(rollout, Phase.BAKING, "wait")
    return replace(rollout, bake_until_ms=until_ms)


def start_wave(rollout: Rollout, number: int, *, deadline_ms: int, now_ms: int, machine_ms: int) -> Rollout:
    """Wave `number` begins: its nodes are told to change until `deadline_ms` of machine time."""
    if rollout.phase not in (Phase.AWAITING_TURN, Phase.BAKING) or not rollout.waves:
        raise IllegalTransition(rollout.phase, Phase.DEPLOYING)
    wave = rollout.waves[number]
    started = replace(wave, status=WaveStatus.DEPLOYING, started_at_ms=now_ms)
    moved = replace(
        rollout,
        phase=Phase.DEPLOYING,
        wave=number,
        deadline_ms=deadline_ms,
        machine_started_ms=rollout.machine_started_ms or machine_ms,
        touched_upto=max(rollout.touched_upto, wave.upto),
        bake_from_ms=None,
        bake_until_ms=None,
    )
    return _with_wave(moved, started)


def wave_deployed(rollout: Rollout, *, now_ms: int) -> Rollout:
    """Every node of the wave answered: the bake begins."""
    _require(rollout, Phase.DEPLOYING, Phase.BAKING)
    wave = replace(rollout.current, status=WaveStatus.BAKING, deployed_at_ms=now_ms)
    until = now_ms + (0 if rollout.promotes_all else wave.bake_seconds * 1000)
    baking = replace(rollout, phase=Phase.BAKING, deadline_ms=None, bake_from_ms=now_ms, bake_until_ms=until)
    return _with_wave(baking, wave)


def with_failures(rollout: Rollout, failed: int) -> Rollout:
    """The rollout with how many nodes did not take the version in its current wave."""
    return _with_wave(rollout, replace(rollout.current, failed_nodes=failed))


def promote_wave(rollout: Rollout, *, compared_with: str, sentence: str, now_ms: int) -> Rollout:
    """The wave was judged well; after the last one the environment is promoted."""
    _require(rollout, Phase.BAKING, "promote")
    wave = replace(
        rollout.current,
        status=WaveStatus.PROMOTED,
        ended_at_ms=now_ms,
        decision="promote",
        compared_with=compared_with,
        sentence=sentence,
    )
    judged = _with_wave(rollout, wave)
    return replace(judged, phase=Phase.PROMOTED, ended_at_ms=now_ms) if rollout.is_last_wave else judged


def hold_wave(rollout: Rollout, *, seconds: int, compared_with: str, sentence: str, now_ms: int) -> Rollout:
    """Not enough is known: the bake goes on for `seconds`; holds are counted apart."""
    _require(rollout, Phase.BAKING, "hold")
    wave = replace(
        rollout.current,
        holds=rollout.current.holds + 1,
        decision="hold",
        compared_with=compared_with,
        sentence=sentence,
    )
    return replace(_with_wave(rollout, wave), bake_until_ms=now_ms + seconds * 1000)


def end_bake(rollout: Rollout, *, now_ms: int) -> Rollout:
    """A person said that this bake has lasted long enough; the wave is judged now."""
    _require(rollout, Phase.BAKING, "promote")
    return replace(rollout, bake_until_ms=now_ms)


def promote_all(rollout: Rollout, *, now_ms: int) -> Rollout:
    """A person said that no bake of this environment need last any longer; every wave is still judged."""
    if rollout.phase not in CHANGING:
        raise IllegalTransition(rollout.phase, "promote")
    hurried = replace(resume(rollout, now_ms=now_ms) if rollout.phase is Phase.PAUSED else rollout, promotes_all=True)
    return end_bake(hurried, now_ms=now_ms) if hurried.phase is Phase.BAKING else hurried


def ask_pause(rollout: Rollout, *, why: str) -> Rollout:
    """The pause that begins as soon as the nodes of the wave have answered."""
    _require(rollout, Phase.DEPLOYING, "pause")
    return replace(rollout, pause_asked=why)


def pause(rollout: Rollout, *, why: str, until_ms: int, now_ms: int, for_line: bool = False) -> Rollout:
    """The bake stops and keeps what was left of it."""
    _require(rollout, Phase.BAKING, "pause")
    left = max((rollout.bake_until_ms or now_ms) - now_ms, 0)
    return replace(
        rollout,
        phase=Phase.PAUSED,
        bake_left_ms=left,
        pause_until_ms=until_ms,
        pause_asked="",
        waits_for_line=for_line,
        why=why,
    )


def resume(rollout: Rollout, *, now_ms: int) -> Rollout:
    """The bake goes on with what was left."""
    _require(rollout, Phase.PAUSED, "resume")
    left = rollout.bake_left_ms or 0
    return replace(
        rollout,
        phase=Phase.BAKING,
        bake_until_ms=now_ms + left,
        bake_left_ms=None,
        pause_until_ms=None,
        waits_for_line=False,
        why="",
    )


def restore(
    rollout: Rollout, *, goal: str, why: str, deadline_ms: int, now_ms: int, first_bad_report_ms: int | None = None
) -> Rollout:
    """Every touched node is to run again what it ran before; `goal` is the status the deployment ends in."""
    if rollout.phase not in CHANGING:
        raise IllegalTransition(rollout.phase, Phase.RESTORING)
    wave = replace(rollout.current, status=WaveStatus.ROLLED_BACK, ended_at_ms=now_ms)
    return replace(
        _with_wave(rollout, wave),
        phase=Phase.RESTORING,
        goal=goal,
        why=why,
        deadline_ms=deadline_ms,
        first_bad_report_ms=first_bad_report_ms,
        bake_until_ms=None,
        pause_until_ms=None,
        pause_asked="",
        waits_for_line=False,
    )


def restore_ended(rollout: Rollout, *, failed: int, now_ms: int, machine_ms: int) -> Rollout:
    """Every touched node answered, or ran out of time: `failed` of them do not run what they ran before."""
    _require(rollout, Phase.RESTORING, "restored")
    return replace(
        rollout,
        phase=Phase.RESTORE_FAILED if failed else Phase.RESTORED,
        ended_at_ms=now_ms,
        restored_at_ms=machine_ms,
        restored_nodes=rollout.touched_nodes - failed,
        restore_failed_nodes=failed,
    )


def _with_wave(rollout: Rollout, wave: Wave) -> Rollout:
    return replace(rollout, waves=(*rollout.waves[: wave.number], wave, *rollout.waves[wave.number + 1 :]))


def _require(rollout: Rollout, phase: Phase, wanted: str) -> None:
    if rollout.phase is not phase:
        raise IllegalTransition(rollout.phase, wanted)
