"""What is known about the wave that is on: who runs what, who is silent, and what both sides measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chalicelib.domain.alias import WHOLE
from chalicelib.domain.analysis.comparison import compare
from chalicelib.domain.analysis.evidence import Evidence, NodeEvidence
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.edition import edition
from chalicelib.domain.metrics import Window, merged_windows
from chalicelib.domain.node import Member, Node, Outcome
from chalicelib.domain.rollout import Rollout
from chalicelib.domain.strategies import WaveKind
from chalicelib.usecases.gather_declared import gather_declared
from chalicelib.usecases.ports import SERIES_STEP_MS, MetricSide, Ports

BEFORE_MS = 20 * 60 * 1000
"""How far back `before` reaches: machine time ahead of the rollout, as in the world the judge was measured in."""

LOOK_GRAIN_MS = 60_000
"""A look reads `before` added up by the minute: finer is slower, coarser hides that errors come in bursts."""


def gather_evidence(
    deployment: Deployment,
    rollout: Rollout,
    assignment: Assignment,
    *,
    thorough: bool,
    compares: bool = True,
    declared: AnalysisPolicy | None = None,
    ports: Ports,
) -> Evidence:
    """The evidence for the current wave; with the metrics that `declared` declares where it is given.

    `thorough` (the verdict at the end of a bake) reads the series, so that levels can be followed window
    by window; a look in between reads only the sums since the wave began, and the time before by the minute where there is
    nothing else to compare with and `compares` says that something is compared at all.
    """
    members = ports.store.list(Member, deployment.id, rollout.environment)
    nodes = {node.id: node for node in ports.store.list(Node, rollout.environment)}
    wave = rollout.current
    canary = [member for member in members if member.rank < wave.upto]
    # By weight, both versions run on every alias over the same time, until the new one has all of the traffic.
    shared = rollout.by_weight and wave.upto < WHOLE
    control = members if shared else [member for member in members if member.rank >= wave.upto]
    if wave.kind is WaveKind.STAGE:
        control = []
    now = ports.clock.machine_ms()
    since = assignment.look_from_ms or now
    begun = rollout.machine_started_ms or since
    sums = _sums(nodes.values(), assignment.bake)
    series: _Series = ()
    if thorough or (compares and not control):
        span = {"from_ms": begun - BEFORE_MS, "to_ms": now + SERIES_STEP_MS if thorough else begun}
        taking_part = frozenset(member.node_id for member in members)
        kept = ports.metrics.series(
            environment=rollout.environment, module=deployment.module, nodes=taking_part, **span
        )
        series = (*kept, *open_rows(nodes.values(), module=deployment.module, **span))
    # The step in which the wave began holds time of before; what the node summed is exact, so it stands in where the
    # series has nothing of its own yet.
    during = sums | (_by_node(series, since, now + SERIES_STEP_MS) if thorough else {})
    earlier = _by_node(series, begun, since) if thorough else {}
    before = _by_node(series, 0, begun)

    brought = edition(deployment.digest, rollout.configuration)

    def evidence(member: Member, runs_edition: str | None, *, is_canary: bool) -> NodeEvidence:
        node = nodes.get(member.node_id)
        runs, ran = (member.node_id, runs_edition or ""), (member.node_id, member.from_edition or "")
        known = before.get(ran, ())
        return NodeEvidence(
            node_id=member.node_id,
            name=member.name,
            before=known if thorough else _by_minute(known),
            earlier=earlier.get(runs, ()),
            during=during.get(runs, ()),
            silent=is_canary and (node is None or node.is_silent(now)),
            failed=is_canary and member.deployed is Outcome.FAILED,
        )

    gathered = Evidence(
        canary=tuple(evidence(member, brought, is_canary=True) for member in canary),
        control=tuple(
            evidence(member, member.from_edition, is_canary=False)
            for member in control
            if member.from_edition not in (None, brought)
        ),
        wave=wave.number,
        waves=len(rollout.waves),
        first_install=rollout.from_digest is None and not (rollout.by_weight and any(m.from_edition for m in members)),
        looks=wave.holds,
    )
    if declared is None or not declared.declared:
        return gathered
    start = since + declared.warm_up_ms
    ours = MetricSide(version=deployment.version, nodes=_names(canary), from_ms=start, to_ms=now)
    theirs = MetricSide(version=rollout.from_version or "", nodes=_names(control), from_ms=start, to_ms=now)
    if not compare(gathered, declared).has_control:
        theirs = replace(theirs, nodes=ours.nodes, from_ms=begun - BEFORE_MS, to_ms=begun)
    series_of_sources = gather_declared(
        gathered,
        declared,
        module=deployment.module,
        environment=str(rollout.environment),
        canary=ours,
        baseline=theirs,
        ports=ports,
    )
    return replace(gathered, declared=series_of_sources)


def _names(members: Iterable[Member]) -> tuple[str, ...]:
    return tuple(member.name for member in members)


_Series = tuple[tuple[str, str, Window], ...]
_Windows = dict[tuple[str, str], tuple[Window, ...]]


def open_rows(nodes: Iterable[Node], *, module: str, from_ms: int, to_ms: int) -> _Series:
    """The steps that are not over yet, as rows of the series: (node id, digest, window)."""
    return tuple(
        (node.id, step.digest, step.window)
        for node in nodes
        for step in node.meters.open
        if step.module == module and from_ms <= step.window.started_at_ms < to_ms
    )


def _by_minute(windows: Iterable[Window]) -> tuple[Window, ...]:
    minutes: dict[int, list[Window]] = {}
    for window in windows:
        minutes.setdefault(window.started_at_ms // LOOK_GRAIN_MS, []).append(window)
    return tuple(merged_windows(several) for several in minutes.values())


def _sums(nodes: Iterable[Node], bake: str) -> _Windows:
    return {(node.id, each.digest): (each.window,) for node in nodes for each in node.meters.bakes if each.bake == bake}


def _by_node(rows: _Series, from_ms: int, to_ms: int) -> _Windows:
    found: dict[tuple[str, str], list[Window]] = {}
    for node_id, digest, window in rows:
        if from_ms <= window.started_at_ms < to_ms:
            found.setdefault((node_id, digest), []).append(window)
    return {key: tuple(windows) for key, windows in found.items()}
