"""Plans by weight: a fleet of function aliases is a hundred percent of traffic, divided by the plans that divide nodes."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.alias import WHOLE
from chalicelib.domain.rounding import parse_share
from chalicelib.domain.strategies import Fleet, Step, StrategySpec, fleet_of

FLEET_BY_WEIGHT: Fleet = fleet_of(WHOLE)


def spec_by_weight(spec: StrategySpec, aliases: int) -> StrategySpec:
    """The strategy in percent of traffic, for `aliases` aliases that all move together.

    Percentages stay what they are; a count of nodes is its share of the aliases, rounded up. How many nodes may be
    missing, and zones, mean nothing where nothing is taken out of service.
    """
    return replace(
        spec,
        batch=f"{_percent(spec.batch, aliases)}%",
        steps=tuple(_step(step, aliases) for step in spec.steps),
        minimum_healthy=0,
        max_unavailable=None,
        by_zone=False,
    )


def _step(step: Step, aliases: int) -> Step:
    return replace(step, nodes=0, percent=_percent(step.nodes, aliases)) if step.nodes else step


def _percent(share: int | str, aliases: int) -> int:
    number, is_percent = parse_share(share)
    if is_percent:
        return number
    return min(WHOLE, -(-WHOLE * number // max(1, aliases)))
