"""What a deployment will do and when, computed before it does it: the plans of its environments laid end to end.

Two timelines run through the same steps. The earliest counts what must pass: bakes and freezes. The latest counts all
that may pass while nobody interferes: approvals decided at the last moment, the longest queue, every wave's deadline,
every hold, and the pause that follows the holds. Pauses and resumes by people, and plans that change, are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.domain.environment import Environment
from chalicelib.domain.freeze import Freeze, FreezeWindow, Verb, freeze_at
from chalicelib.domain.gate import Gate
from chalicelib.domain.plan import EnvironmentPlan
from chalicelib.domain.policy import HoldThen, Policy
from chalicelib.domain.strategies import PlannedWave

MOST_FREEZES = 100
"""Freezes met one after the other before a calendar counts as closed for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The earliest and the latest instant of something; None: never, as the calendar stands."""

    earliest_ms: int | None
    latest_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a deployment asked for now would not get through: a code for programs, a sentence for people."""

    code: str
    environment: Environment
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One environment on the way, as it is known beforehand. Without a plan it is passed over, and `why` says so, or
    `refusal` says why not.

    `freezes` is the calendar in force; `breaks_freezes`: break-glass, freezes are listed and hold nobody up.
    """

    environment: Environment
    policy: Policy
    freezes: tuple[FreezeWindow, ...] = ()
    breaks_freezes: bool = False
    plan: EnvironmentPlan | None = None
    why: str = ""
    gate: Gate | None = None
    refusal: Refusal | None = None
    queued_behind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveTimes:
    """When a wave begins to change its nodes, and when it has been judged well."""

    wave: PlannedWave
    begins: Span
    ends: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTimes:
    """One environment with its times, the freezes it meets at the earliest times, and what that means."""

    leg: Leg
    begins: Span
    ends: Span
    waves: tuple[WaveTimes, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class _Walk:
    """Where both timelines stand, and what the earlier one met on the way."""

    leg: Leg
    earliest: int | None
    latest: int | None
    met: list[Freeze] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def pass_time(self, *, least_s: int = 0, most_s: int = 0) -> None:
        self.earliest = None if self.earliest is None else self.earliest + least_s * 1000
        self.latest = None if self.latest is None else self.latest + (least_s + most_s) * 1000

    def meet(self, verb: Verb) -> None:
        """Wait for the calendar to allow `verb`; a start that would be refused has no time any more."""
        found, self.earliest = _thaw(self.leg, verb, self.earliest)
        self.met += [freeze for _, freeze in found]
        if verb is Verb.START and not self.leg.breaks_freezes:
            longest = self.leg.policy.freeze_wait_seconds
            refused = [why for at_ms, freeze in found if (why := freeze.refusal(at_ms=at_ms, longest_wait_s=longest))]
            self.refusals += [Refusal(code="FROZEN", environment=self.leg.environment, message=why) for why in refused]
        _, self.latest = _thaw(self.leg, verb, self.latest)

    @property
    def now(self) -> Span:
        return Span(earliest_ms=self.earliest, latest_ms=self.latest)


def lay_out(legs: Sequence[Leg], *, now_ms: int) -> tuple[LegTimes, ...]:
    """Every environment with its times, beginning now. After one that is refused no time is known."""
    at = Span(earliest_ms=now_ms, latest_ms=now_ms)
    laid: list[LegTimes] = []
    for leg in legs:
        laid.append(_lay(leg, at))
        at = laid[-1].ends
    return tuple(laid)


def _lay(leg: Leg, at: Span) -> LegTimes:
    walk = _Walk(leg, at.earliest_ms, at.latest_ms)
    never = Span(earliest_ms=None, latest_ms=None)
    if leg.refusal is not None:
        return LegTimes(leg=leg, begins=at, ends=never, refusals=(leg.refusal,))
    if leg.plan is None:
        return LegTimes(leg=leg, begins=at, ends=at)
    if leg.gate is not None:
        walk.meet(Verb.APPROVE)
        walk.pass_time(most_s=leg.gate.expires_seconds)
        walk.meet(Verb.APPROVE)
    walk.meet(Verb.START)
    walk.pass_time(most_s=leg.policy.queue_seconds)
    _, walk.latest = _thaw(leg, Verb.START, walk.latest)
    begins = walk.now
    waves = []
    for wave in leg.plan.waves:
        if wave.number:
            walk.meet(Verb.PROMOTE)
        wave_begins = walk.now
        walk.pass_time(least_s=wave.bake_seconds, most_s=_most_work(leg.policy))
        waves.append(WaveTimes(wave=wave, begins=wave_begins, ends=walk.now))
    ends = never if walk.refusals else walk.now
    return LegTimes(
        leg=leg, begins=begins, ends=ends, waves=tuple(waves), freezes=tuple(walk.met), refusals=tuple(walk.refusals)
    )


def worst_end(laid: Sequence[LegTimes]) -> int | None:
    """The latest instant at which the deployment can still be under way: the last environment's worst case, and on top
    the pause that follows its holds, and the time a rollback may take."""
    changed = [times for times in laid if times.leg.plan is not None]
    if not laid or laid[-1].ends.latest_ms is None:
        return None
    longest = max((_after_holds(times.leg.policy) for times in changed), default=0)
    return laid[-1].ends.latest_ms + longest * 1000


def _thaw(leg: Leg, verb: Verb, at_ms: int | None) -> tuple[list[tuple[int, Freeze]], int | None]:
    """The freezes met one after the other from `at_ms` on, each with when, and the instant at which `verb` is allowed."""
    met: list[tuple[int, Freeze]] = []
    while at_ms is not None and len(met) < MOST_FREEZES:
        freeze = freeze_at(leg.freezes, verb, at_ms)
        if freeze is None:
            return met, at_ms
        met.append((at_ms, freeze))
        if leg.breaks_freezes:
            return met, at_ms
        at_ms = freeze.until_ms
    return met, None


def _most_work(policy: Policy) -> int:
    return policy.deploy_seconds + policy.hold.max_holds * policy.hold.step_seconds


def _after_holds(policy: Policy) -> int:
    pause = policy.pause_seconds if policy.hold.then is HoldThen.PAUSE else 0
    return pause + policy.restore_seconds
