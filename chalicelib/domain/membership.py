"""Who takes part in a rollout, in which order, and what a plan has to know of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from chalicelib.domain.node import Member, Node, NodeKind
from chalicelib.domain.strategies import Fleet, StrategySpec, Zone

ZONE_LABEL = "zone"
"""The label a node is enrolled with that says in which zone it stands."""


def rank_members(nodes: Iterable[Node], *, module: str, by_zone: bool = False) -> tuple[Node, ...]:
    """The order in which nodes change: those in trouble first, then by name, so that a plan can be read and repeated.

    Zone by zone, zones with trouble come first, then by name; nodes without a zone come last. Unhealthy nodes come
    first because changing them risks least. Source: CodeDeploy schedules unhealthy instances first.
    """
    known = tuple(nodes)
    troubled = {zone_of(node) for node in known if not node.report(module).healthy}

    def place(node: Node) -> tuple[object, ...]:
        zone = zone_of(node)
        return (zone not in troubled, not zone, zone) if by_zone else ()

    return tuple(sorted(known, key=lambda node: (*place(node), node.report(module).healthy, node.name, node.id)))


def zone_of(node: Node) -> str:
    """The zone a node stands in, empty when it names none."""
    return node.labels.get(ZONE_LABEL, "")


def members_of(nodes: Iterable[Node], *, deployment_id: str, module: str, spec: StrategySpec) -> tuple[Member, ...]:
    """The membership of a rollout, in rank order."""
    ranked = rank_members(nodes, module=module, by_zone=spec.by_zone)
    return tuple(
        Member(
            deployment_id=deployment_id,
            environment=node.environment,
            node_id=node.id,
            name=node.name,
            kind=node.kind,
            # Aliases move together: every wave is about all of them.
            rank=0 if node.kind is NodeKind.LAMBDA else rank,
            from_edition=node.report(module).active,
            zone=zone_of(node),
            was_healthy=node.report(module).healthy,
        )
        for rank, node in enumerate(ranked)
    )


def is_by_weight(members: Iterable[Member]) -> bool:
    """Whether a rollout moves weights and not nodes."""
    return any(member.kind is NodeKind.LAMBDA for member in members)


def fleet_of_members(members: Sequence[Member], spec: StrategySpec) -> Fleet:
    """The numbers a plan is made from; without `by_zone` zones do not matter."""
    ranked = sorted(members, key=lambda member: member.rank)
    zones = groupby(ranked, key=lambda member: member.zone if spec.by_zone else "")
    counted = ((name, [member.was_healthy for member in several]) for name, several in zones)
    return Fleet(zones=tuple(Zone(name=name, nodes=len(each), unhealthy=each.count(False)) for name, each in counted))
