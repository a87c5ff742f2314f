"""What modules report of themselves, as samples of a declared metric: per cell of time and node, few enough to rank.

Nodes differ and stay different, so each node's samples are moved by how far it lay from the baseline nodes *before*.
Where some node has no before, all there is to compare is one mean for each node: nodes are then the samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from chalicelib.domain.analysis.comparison import compare
from chalicelib.domain.analysis.evidence import DeclaredSeries, Evidence, Missing, NodeEvidence
from chalicelib.domain.analysis.policy import AnalysisPolicy, DeclaredMetric
from chalicelib.domain.metrics import Window

MOST_CELLS = 100
MOST_SAMPLES = 300
"""Of one side. More are added up first: over time, then over groups of nodes."""

Cells = Mapping[int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """One node's means by cell, and its mean before; None where it said nothing."""

    before: int | None
    cells: Cells


def own_samples(metric: DeclaredMetric, evidence: Evidence, policy: AnalysisPolicy) -> DeclaredSeries:
    """Both sides of one metric; compared with control nodes, or with the same nodes before, as the judge does."""
    comparison = compare(evidence, policy)
    ids = {node_id for node_id, _ in comparison.canary_nodes}
    canary_nodes = [node for node in evidence.canary if node.node_id in ids]
    others = list(evidence.control) if comparison.has_control else canary_nodes
    zero = metric.missing is Missing.ZERO
    canary = [
        _read(node, metric.name, _settled(node, policy), _grain_ms(node.during, policy), zero) for node in canary_nodes
    ]
    if comparison.has_control:
        from_ms = _shared_start(evidence, policy)
        baseline = [
            _read(
                node,
                metric.name,
                tuple(w for w in node.during if w.started_at_ms >= from_ms),
                _grain_ms(node.during, policy),
                zero,
            )
            for node in others
        ]
    else:
        baseline = [_read(node, metric.name, node.before, _grain_ms(node.before, policy), zero) for node in others]
    return _series(metric.name, canary, baseline)


def _series(name: str, canary: Sequence[_Node], baseline: Sequence[_Node]) -> DeclaredSeries:
    known = [node.before for node in (*canary, *baseline)]
    if all(before is not None for before in known) and baseline:
        usual = fmean(node.before or 0 for node in baseline)
        ours, theirs = (
            _grouped([{at: _moved(value, node.before, usual) for at, value in node.cells.items()} for node in side])
            for side in (canary, baseline)
        )
    else:
        ours, theirs = _node_means(canary), _node_means(baseline)
    return DeclaredSeries(
        name=name,
        canary=ours,
        baseline=theirs,
        why="" if any(value is not None for value in (*ours, *theirs)) else "the module reports none.",
        canary_nodes=len(canary) or None,
        baseline_nodes=len(baseline) or None,
    )


def _moved(value: int | None, before: int | None, usual: float) -> int | None:
    return None if value is None else round(value - (before or 0) + usual)


def _node_means(nodes: Sequence[_Node]) -> tuple[int | None, ...]:
    means = []
    for node in nodes:
        present = [value for value in node.cells.values() if value is not None]
        means.append(round(fmean(present)) if present else None)
    return tuple(means[:MOST_SAMPLES])


def _grouped(nodes: Sequence[Cells]) -> tuple[int | None, ...]:
    cells = sorted({at for node in nodes for at in node})
    groups = max(1, min(len(nodes), MOST_SAMPLES // max(1, len(cells))))
    samples: list[int | None] = []
    for at in cells:
        for group in range(groups):
            present = [value for node in nodes[group::groups] if (value := node.get(at)) is not None]
            asked = any(at in node for node in nodes[group::groups])
            if present or asked:
                samples.append(round(fmean(present)) if present else None)
    return tuple(samples)


def _read(node: NodeEvidence, name: str, windows: Sequence[Window], grain_ms: int, zero: bool) -> _Node:
    sums: dict[int, list[int]] = {}
    for window in windows:
        cell = sums.setdefault(window.started_at_ms // grain_ms, [0, 0])
        for metric in window.own:
            if metric.name == name:
                cell[0] += metric.micros_ms
                cell[1] += metric.covered_ms
    cells = {at: micros_ms // covered_ms if covered_ms else None for at, (micros_ms, covered_ms) in sums.items()}
    micros_ms = covered_ms = 0
    for window in node.before:
        for metric in window.own:
            if metric.name == name:
                micros_ms += metric.micros_ms
                covered_ms += metric.covered_ms
    before = micros_ms // covered_ms if covered_ms else None
    return _Node(before=0 if before is None and zero and node.before else before, cells=cells)


def _settled(node: NodeEvidence, policy: AnalysisPolicy) -> tuple[Window, ...]:
    """What a node said once it had warmed up after the change."""
    changed = min((window.started_at_ms for window in (*node.earlier, *node.during)), default=0)
    return tuple(window for window in node.during if window.started_at_ms >= changed + policy.warm_up_ms)


def _shared_start(evidence: Evidence, policy: AnalysisPolicy) -> int:
    """From when on canary nodes' windows count, so that control nodes are read over the same time."""
    return min((window.started_at_ms for node in evidence.canary for window in _settled(node, policy)), default=0)


def _grain_ms(windows: Sequence[Window], policy: AnalysisPolicy) -> int:
    """As fine as levels are read, as coarse as the windows are, and at most MOST_CELLS of them."""
    if not windows:
        return policy.level_window_ms
    longest = max(window.ended_at_ms - window.started_at_ms for window in windows)
    span = max(window.ended_at_ms for window in windows) - min(window.started_at_ms for window in windows)
    parts = max(longest, -(-span // MOST_CELLS), policy.level_window_ms)
    return -(-parts // policy.level_window_ms) * policy.level_window_ms
