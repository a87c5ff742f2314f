"""What is known about the wave that is on: who runs what, who is silent, and what both sides measured."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.domain.analysis.evidence import Evidence, NodeEvidence
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.metrics import Window
from chalicelib.domain.node import Member, Node, Outcome
from chalicelib.domain.rollout import Rollout
from chalicelib.domain.strategies import WaveKind
from chalicelib.usecases.ports import SERIES_STEP_MS, Ports

BEFORE_MS = 10 * 60 * 1000
"""How far back `before` reaches: machine time ahead of the rollout."""


def gather_evidence(
    deployment: Deployment, rollout: Rollout, assignment: Assignment, *, thorough: bool, ports: Ports
) -> Evidence:
    """The evidence for the current wave.

    `thorough` (the verdict at the end of a bake) reads the series, so that levels can be followed window
    by window; a look in between reads only the sums since the wave began.
    """
    members = ports.store.list(Member, deployment.id, rollout.environment)
    nodes = {node.id: node for node in ports.store.list(Node, rollout.environment)}
    wave = rollout.current
    canary = [member for member in members if member.rank < wave.upto]
    control = [member for member in members if member.rank >= wave.upto]
    if wave.kind is WaveKind.STAGE:
        control = []
    since = assignment.look_from_ms or ports.clock.machine_ms()
    during = _during(deployment, rollout, assignment, nodes.values(), since, thorough=thorough, ports=ports)
    before = {} if control and not thorough else _before(deployment, rollout, nodes.values(), since, ports=ports)
    now = ports.clock.machine_ms()
    return Evidence(
        canary=tuple(_evidence(m, deployment.digest, nodes.get(m.node_id), during, before, now) for m in canary),
        control=tuple(
            _evidence(m, m.from_digest, nodes.get(m.node_id), during, before, now)
            for m in control
            if m.from_digest is not None
        ),
        wave=wave.number,
        waves=len(rollout.waves),
        first_install=rollout.from_digest is None,
        looks=wave.holds,
    )


Windows = dict[tuple[str, str], tuple[Window, ...]]


def _during(
    deployment: Deployment,
    rollout: Rollout,
    assignment: Assignment,
    nodes: Iterable[Node],
    since: int,
    *,
    thorough: bool,
    ports: Ports,
) -> Windows:
    sums: Windows = {
        (node.id, each.digest): (each.window,)
        for node in nodes
        for each in node.meters.bakes
        if each.bake == assignment.bake
    }
    if not thorough:
        return sums
    until = ports.clock.machine_ms() + SERIES_STEP_MS
    found = _series(deployment, rollout, nodes, since, until, ports=ports)
    # The step in which the wave began holds time of before; what the node summed is exact, so it stands in where the
    # series has nothing of its own yet.
    return sums | found


def _before(deployment: Deployment, rollout: Rollout, nodes: Iterable[Node], since: int, *, ports: Ports) -> Windows:
    start = rollout.machine_started_ms or since
    return _series(deployment, rollout, nodes, start - BEFORE_MS, start, ports=ports)


def _series(
    deployment: Deployment, rollout: Rollout, nodes: Iterable[Node], from_ms: int, to_ms: int, *, ports: Ports
) -> Windows:
    rows = ports.metrics.series(environment=rollout.environment, module=deployment.module, from_ms=from_ms, to_ms=to_ms)
    return _by_node((*rows, *open_rows(nodes, module=deployment.module, from_ms=from_ms, to_ms=to_ms)))


def open_rows(nodes: Iterable[Node], *, module: str, from_ms: int, to_ms: int) -> list[tuple[str, str, Window]]:
    """The steps that are not over yet, as rows of the series."""
    return [
        (node.id, step.digest, step.window)
        for node in nodes
        for step in node.meters.open
        if step.module == module and from_ms <= step.window.started_at_ms < to_ms
    ]


def _by_node(rows: Iterable[tuple[str, str, Window]]) -> Windows:
    found: dict[tuple[str, str], list[Window]] = {}
    for node_id, digest, window in rows:
        found.setdefault((node_id, digest), []).append(window)
    return {key: tuple(windows) for key, windows in found.items()}


def _evidence(
    member: Member, digest: str | None, node: Node | None, during: Windows, before: Windows, now_ms: int
) -> NodeEvidence:
    return NodeEvidence(
        node_id=member.node_id,
        before=before.get((member.node_id, member.from_digest or ""), ()),
        during=during.get((member.node_id, digest or ""), ()),
        silent=node is None or node.is_silent(now_ms),
        failed=member.deployed is Outcome.FAILED,
    )
