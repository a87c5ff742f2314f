"""Strategies are plans, nothing else: strategy + fleet size -> waves.

A wave is a cut-off over the ranks of the frozen membership: after wave k, nodes with rank < `upto` have the new
version. So ten thousand nodes need no more room in a plan than ten, and taking a wave back is moving a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from chalicelib.domain.rounding import canary_count, max_unavailable_count, minimum_healthy_count


class Strategy(StrEnum):
    """How a new version spreads over an environment."""

    DIRECT = "Direct"
    ROLLING = "Rolling"
    BLUE_GREEN = "BlueGreen"
    CANARY = "Canary"


class WaveKind(StrEnum):
    """What happens to the nodes of a wave."""

    DEPLOY = "deploy"
    STAGE = "stage"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a canary: this share of the fleet, then this long a bake."""

    percent: int
    bake_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """A strategy and its numbers.

    `batch` and `minimum_healthy` are counts or percentages ("25%") and apply to Rolling; `steps` to Canary.
    """

    kind: Strategy
    bake_seconds: int = 60
    batch: int | str = 2
    minimum_healthy: int | str = 0
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWave:
    """Nodes with `first <= rank < upto` change together, then bake for `bake_seconds` of policy time."""

    number: int
    kind: WaveKind
    first: int
    upto: int
    bake_seconds: int

    @property
    def nodes(self) -> int:
        return self.upto - self.first


def plan_waves(spec: StrategySpec, fleet: int) -> tuple[PlannedWave, ...]:
    """The waves that bring a new version to `fleet` nodes.

    The deploying (or switching) waves cover every node exactly once, in rank order. Waves that would change no node
    are left out; of several steps that come to the same count, the longest bake counts.

    Raises:
        ValueError: the fleet is empty, or the strategy's numbers cannot move it.
    """
    if fleet < 1:
        raise ValueError("an environment without nodes cannot be deployed to")
    match spec.kind:
        case Strategy.DIRECT:
            return _cut(((fleet, spec.bake_seconds),), WaveKind.DEPLOY)
        case Strategy.ROLLING:
            return _cut(_batches(spec, fleet), WaveKind.DEPLOY)
        case Strategy.BLUE_GREEN:
            stage = PlannedWave(number=0, kind=WaveKind.STAGE, first=0, upto=fleet, bake_seconds=0)
            switch = PlannedWave(number=1, kind=WaveKind.SWITCH, first=0, upto=fleet, bake_seconds=spec.bake_seconds)
            return (stage, switch)
        case Strategy.CANARY:
            steps = [(canary_count(fleet, step.percent), step.bake_seconds) for step in spec.steps]
            if not steps or steps[-1][0] != fleet:
                steps.append((fleet, spec.bake_seconds))
            return _cut(tuple(steps), WaveKind.DEPLOY)
        case _:
            assert_never(spec.kind)


def _batches(spec: StrategySpec, fleet: int) -> tuple[tuple[int, int], ...]:
    healthy = minimum_healthy_count(fleet, spec.minimum_healthy)
    if healthy >= fleet and fleet > 1:
        raise ValueError(f"minimumHealthy keeps all {fleet} nodes in place, so none can change")
    size = max_unavailable_count(fleet, spec.batch)
    size = min(size, max(1, fleet - healthy))
    return tuple((min(end, fleet), spec.bake_seconds) for end in range(size, fleet + size, size))


def _cut(ends: tuple[tuple[int, int], ...], kind: WaveKind) -> tuple[PlannedWave, ...]:
    waves: list[PlannedWave] = []
    for upto, bake in ends:
        first = waves[-1].upto if waves else 0
        if upto > first:
            waves.append(PlannedWave(number=len(waves), kind=kind, first=first, upto=upto, bake_seconds=bake))
        elif waves:
            last = waves[-1]
            longest = max(last.bake_seconds, bake)
            waves[-1] = PlannedWave(
                number=last.number, kind=kind, first=last.first, upto=last.upto, bake_seconds=longest
            )
    return tuple(waves)
