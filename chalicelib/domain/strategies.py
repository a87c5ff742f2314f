"""Strategies are plans, nothing else: strategy + fleet size -> waves.

A wave is a cut-off over the ranks of the frozen membership: after wave k, nodes with rank < `upto` have the new
version. So ten thousand nodes need no more room in a plan than ten, and taking a wave back is moving a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple, assert_never

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
    """One step of a canary: this share of the fleet (`percent`, or a count of `nodes`), then this bake of its own."""

    percent: int = 0
    nodes: int = 0
    bake_seconds: int
    bake_requests: int = 0

    def count(self, fleet: int) -> int:
        """How many of `fleet` nodes have the new version after this step."""
        return min(self.nodes, fleet) if self.nodes else canary_count(fleet, self.percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """A strategy and its numbers. Counts may be percentages ("25%").

    A wave has baked when `bake_seconds` of policy time have passed *and* its nodes have served `bake_requests`.
    `batch` (Rolling): how many nodes change together. `steps` (Canary): the shares of the fleet, in order.
    `minimum_healthy`, `max_unavailable` (Rolling, Canary): how many nodes must stay healthy, and how many may be missing
    at once, those that are unhealthy already included; a bigger step is taken in several waves.
    `by_zone`: no wave touches two zones; the last wave of a zone bakes `zone_bake_seconds` at least, that of the
    first zone `first_zone_bake_seconds`.
    """

    kind: Strategy
    bake_seconds: int = 60
    bake_requests: int = 0
    batch: int | str = 2
    minimum_healthy: int | str = 0
    max_unavailable: int | str | None = None
    steps: tuple[Step, ...] = ()
    by_zone: bool = False
    zone_bake_seconds: int = 0
    first_zone_bake_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """The nodes of one zone that take part, and how many of them are unhealthy; those come first."""

    name: str = ""
    nodes: int
    unhealthy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The nodes that take part, in rank order: zone by zone where zones matter, else as one zone without a name."""

    zones: tuple[Zone, ...]

    @property
    def size(self) -> int:
        return sum(zone.nodes for zone in self.zones)

    @property
    def unhealthy(self) -> int:
        return sum(zone.unhealthy for zone in self.zones)


def fleet_of(nodes: int, *, unhealthy: int = 0) -> Fleet:
    """A fleet whose zones do not matter."""
    return Fleet(zones=(Zone(nodes=nodes, unhealthy=unhealthy),) if nodes else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWave:
    """Nodes with `first <= rank < upto` change together, then bake for `bake_seconds` of policy time and `bake_requests`."""

    number: int
    kind: WaveKind
    first: int
    upto: int
    bake_seconds: int
    bake_requests: int = 0
    zone: str = ""

    @property
    def nodes(self) -> int:
        return self.upto - self.first


def plan_waves(spec: StrategySpec, fleet: Fleet) -> tuple[PlannedWave, ...]:
    """The waves that bring a new version to the fleet.

    The deploying (or switching) waves cover every node exactly once, in rank order. Steps that would change no node
    are left out; of steps that come to the same count, the longest bake counts.

    Raises:
        ValueError: the fleet is empty, or the strategy's numbers cannot move it.
    """
    if fleet.size < 1:
        raise ValueError("an environment without nodes cannot be deployed to")
    whole = _Cut(fleet.size, spec.bake_seconds, spec.bake_requests)
    match spec.kind:
        case Strategy.DIRECT:
            return _waves(spec, fleet, [whole], WaveKind.DEPLOY)
        case Strategy.ROLLING:
            size = max_unavailable_count(fleet.size, spec.batch)
            return _waves(spec, fleet, _limited(spec, fleet, [whole], most=size), WaveKind.DEPLOY)
        case Strategy.BLUE_GREEN:
            stage = PlannedWave(number=0, kind=WaveKind.STAGE, first=0, upto=fleet.size, bake_seconds=0)
            return (stage, *_waves(spec, fleet, [whole], WaveKind.SWITCH, number=1))
        case Strategy.CANARY:
            steps = [_Cut(step.count(fleet.size), step.bake_seconds, step.bake_requests) for step in spec.steps]
            if not steps or steps[-1].upto != fleet.size:
                steps.append(whole)
            return _waves(spec, fleet, _limited(spec, fleet, steps, most=fleet.size), WaveKind.DEPLOY)
        case _:
            assert_never(spec.kind)


class _Cut(NamedTuple):
    """A cut-off, and the bake that follows when it is reached."""

    upto: int
    bake_seconds: int
    bake_requests: int


def allowed_missing(spec: StrategySpec, fleet: int) -> int:
    """How many of `fleet` nodes may be missing at once; a single node may always change.

    Raises:
        ValueError: the minimum leaves none.
    """
    healthy = minimum_healthy_count(fleet, spec.minimum_healthy)
    if healthy >= fleet > 1:
        raise ValueError(f"minimumHealthy keeps all {fleet} nodes in place, so none can change")
    most = fleet if spec.max_unavailable is None else max_unavailable_count(fleet, spec.max_unavailable)
    return min(most, max(1, fleet - healthy))


def _limited(spec: StrategySpec, fleet: Fleet, wanted: Sequence[_Cut], *, most: int) -> list[_Cut]:
    """The cuts with more between them where a step takes more than `most` nodes, or more than may be missing at once."""
    allowed = allowed_missing(spec, fleet.size)
    sick = [number < zone.unhealthy for zone in fleet.zones for number in range(zone.nodes)]
    left = fleet.unhealthy
    ends = _zone_ends(fleet) if spec.by_zone else ()
    cuts: list[_Cut] = []
    at = 0
    for cut in wanted:
        while at < cut.upto:
            border = next((end for end in ends if end > at), fleet.size)
            first, room = at, max(0, allowed - left)
            while at < min(cut.upto, border, first + most) and (sick[at] or room > 0):
                room -= not sick[at]
                at += 1
            if at == first:
                raise ValueError(
                    f"{left} nodes of other zones are unhealthy, and {allowed} may be missing at once "
                    "(minimumHealthy, maxUnavailable), so no healthy node can change"
                )
            left -= sum(sick[first:at])
            cuts.append(cut._replace(upto=at))
        cuts.append(cut)
    return cuts


def _zone_ends(fleet: Fleet) -> tuple[int, ...]:
    return tuple(accumulate(zone.nodes for zone in fleet.zones))


def _waves(
    spec: StrategySpec, fleet: Fleet, cuts: Sequence[_Cut], kind: WaveKind, *, number: int = 0
) -> tuple[PlannedWave, ...]:
    merged: list[_Cut] = []
    bake = _Cut(0, 0, 0)
    for cut in cuts:
        before = merged[-1].upto if merged else 0
        # What a step without a node of its own bakes is baked with the wave it comes to, or the first one there is.
        bake = _Cut(cut.upto, max(bake.bake_seconds, cut.bake_seconds), max(bake.bake_requests, cut.bake_requests))
        if cut.upto <= before and merged:
            last = merged[-1]
            seconds, requests = max(last.bake_seconds, bake.bake_seconds), max(last.bake_requests, bake.bake_requests)
            merged[-1] = _Cut(last.upto, seconds, requests)
        elif cut.upto > before:
            merged.append(bake)
        if merged:
            bake = _Cut(0, 0, 0)
    waves: list[PlannedWave] = []
    for cut, zone, is_last in _by_zone(spec, fleet, merged):
        first = waves[-1].upto if waves else 0
        floor = spec.first_zone_bake_seconds if zone == fleet.zones[0].name else 0
        floor = max(floor, spec.zone_bake_seconds) if spec.by_zone and is_last else 0
        waves.append(
            PlannedWave(
                number=number + len(waves),
                kind=kind,
                first=first,
                upto=cut.upto,
                bake_seconds=max(cut.bake_seconds, floor),
                bake_requests=cut.bake_requests,
                zone=zone,
            )
        )
    return tuple(waves)


def _by_zone(spec: StrategySpec, fleet: Fleet, cuts: Sequence[_Cut]) -> list[tuple[_Cut, str, bool]]:
    """Every cut with its zone and whether it is the zone's last one; where zones count, with a cut at each border."""
    if not spec.by_zone:
        return [(cut, "", False) for cut in cuts]
    split: list[tuple[_Cut, str, bool]] = []
    borders = list(zip(_zone_ends(fleet), fleet.zones, strict=True))
    for cut in cuts:
        while borders and borders[0][0] < cut.upto:
            end, zone = borders.pop(0)
            if not split or split[-1][0].upto < end:
                split.append((cut._replace(upto=end), zone.name, True))
        end, zone = borders[0]
        split.append((cut, zone.name, cut.upto == end))
    return split
