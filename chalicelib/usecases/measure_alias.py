"""What CloudWatch measured of an alias by executed version, kept in the series and the sums that the judge reads."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.alias import AliasState
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.metering import BakeSum, Meters, OpenStep
from chalicelib.domain.metrics import Window, merged_windows
from chalicelib.domain.node import Member, Node
from chalicelib.usecases.alias_ports import AliasPorts
from chalicelib.usecases.gather_evidence import BEFORE_MS
from chalicelib.usecases.ports import Ports


def measured(
    state: AliasState, node: Node, assignment: Assignment, member: Member, *, aliases: AliasPorts, ports: Ports
) -> tuple[AliasState, Meters]:
    """The state with how far the series reaches now, and what was measured since the wave began.

    Only periods that began with the wave or later count towards it, and only those old enough to have settled: what
    CloudWatch has not got yet is missing, and what is missing holds.

    Raises:
        Unavailable: the metrics cannot be had.
    """
    now = ports.clock.machine_ms()
    begun = assignment.look_from_ms or now
    period = aliases.period_ms
    upto = (now - aliases.settles_ms) // period * period
    since = max(state.measured_upto_ms, (begun - BEFORE_MS) // period * period)
    if upto > since:
        found = aliases.metrics.windows(
            state.function, state.alias, _versions(state, assignment, member), from_ms=since, to_ms=upto
        )
        for version, window in found:
            step = OpenStep(
                module=state.module,
                digest=state.edition_of(version),
                begins_ms=window.started_at_ms,
                window=window,
            )
            ports.metrics.keep(environment=node.environment, node_id=node.id, step=step)
        state = replace(state, measured_upto_ms=upto)
    return state, Meters(bakes=_since(begun, node, assignment, now, ports=ports))


def _versions(state: AliasState, assignment: Assignment, member: Member) -> tuple[str, ...]:
    """Those the alias gives traffic to, and those of the rollout, which it may have given traffic to."""
    named = (assignment.candidate, member.from_edition)
    known = (state.published(edition) for edition in named if edition is not None)
    numbers = {each.version for each in known if each is not None}
    if state.split is not None:
        numbers |= set(state.split.shares)
    return tuple(sorted(numbers, key=int))


def _since(begun: int, node: Node, assignment: Assignment, now: int, *, ports: Ports) -> tuple[BakeSum, ...]:
    rows = ports.metrics.series(
        environment=node.environment, module=assignment.module, nodes=(node.id,), from_ms=begun, to_ms=now + 1
    )
    windows: dict[str, list[Window]] = {}
    for _, edition, window in rows:
        windows.setdefault(edition, []).append(window)
    return tuple(
        BakeSum(bake=assignment.bake, module=assignment.module, digest=edition, window=merged_windows(several))
        for edition, several in sorted(windows.items())
    )
