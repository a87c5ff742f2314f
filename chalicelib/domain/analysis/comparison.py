"""The second stage: what the canary can be compared with, given the data there is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain.analysis.cells import Cell, on_grid
from chalicelib.domain.analysis.evidence import Evidence, NodeEvidence
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.verdict import ComparedWith
from chalicelib.domain.metrics import Window, merged_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One node's windows added up: `before` the change, `during` the bake, and `settled`, its part after warm-up.

    `cells_before` and `cells_settled` are the same on grids of time.
    """

    before: Window
    during: Window
    settled: Window
    cells_before: tuple[Cell, ...] = ()
    cells_settled: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Canary and baseline side by side.

    With control, `baseline` are the control nodes over the same time; compared with before, they are the canary nodes
    themselves and their `before`. `canary_nodes` and `control_nodes` are the same evidence, node by node.
    """

    compared_with: ComparedWith
    canary: Reading
    baseline: Window
    baseline_settled: Window
    baseline_before: Window
    canary_nodes: tuple[tuple[str, Reading], ...]
    control_nodes: tuple[Reading, ...]
    before_grain_ms: int

    @property
    def has_control(self) -> bool:
        """Whether the baseline was measured on other nodes over the same time."""
        return self.compared_with is ComparedWith.CONTROL


def compare(evidence: Evidence, policy: AnalysisPolicy) -> Comparison:
    """Choose control where control nodes served enough over the same time, else the same nodes before.

    Enough is what the policy asks of a baseline, or as much as the canary itself served: early in a bake both are thin
    and the same time is still the better comparison. Without either, `before` and its emptiness are the answer.
    """
    grain_ms = policy.level_window_ms
    before_grain_ms = _before_grain_ms(evidence, grain_ms)
    starts = [window.started_at_ms for node in evidence.canary for window in node.during]
    same_time_from_ms = min(starts, default=0) + policy.warm_up_ms
    canary_nodes = tuple(
        (node.node_id, _read(node, _first_start(node) + policy.warm_up_ms, grain_ms, before_grain_ms))
        for node in evidence.canary
    )
    canary = _together(reading for _, reading in canary_nodes)
    control_nodes = tuple(_read(node, same_time_from_ms, grain_ms, before_grain_ms) for node in evidence.control)
    control = _together(control_nodes)
    enough = min(policy.min_baseline_requests, max(1, canary.during.requests))
    if control.during.requests >= enough:
        return Comparison(
            compared_with=ComparedWith.CONTROL,
            canary=canary,
            baseline=control.during,
            baseline_settled=control.settled,
            baseline_before=control.before,
            canary_nodes=canary_nodes,
            control_nodes=control_nodes,
            before_grain_ms=before_grain_ms,
        )
    return Comparison(
        compared_with=ComparedWith.BEFORE,
        canary=canary,
        baseline=canary.before,
        baseline_settled=canary.before,
        baseline_before=canary.before,
        canary_nodes=canary_nodes,
        control_nodes=(),
        before_grain_ms=before_grain_ms,
    )


def _before_grain_ms(evidence: Evidence, grain_ms: int) -> int:
    """A grid as coarse as the longest window of before: idle nodes report by the minute, each at its own second."""
    nodes = (*evidence.canary, *evidence.control)
    longest = max((window.ended_at_ms - window.started_at_ms for node in nodes for window in node.before), default=0)
    return grain_ms * max(1, -(-longest // grain_ms))


def _first_start(node: NodeEvidence) -> int:
    return min((window.started_at_ms for window in node.during), default=0)


def _read(node: NodeEvidence, settled_from_ms: int, grain_ms: int, before_grain_ms: int) -> Reading:
    settled = merged_windows(window for window in node.during if window.started_at_ms >= settled_from_ms)
    early = merged_windows(window for window in node.during if window.started_at_ms < settled_from_ms)
    return Reading(
        before=merged_windows(node.before),
        during=_sum(settled, early),
        settled=settled,
        cells_before=on_grid(node.before, before_grain_ms),
        cells_settled=on_grid(node.during, grain_ms, from_ms=settled_from_ms),
    )


def _together(readings: Iterable[Reading]) -> Reading:
    several = tuple(readings)
    return Reading(
        before=_sum(*(reading.before for reading in several)),
        during=_sum(*(reading.during for reading in several)),
        settled=_sum(*(reading.settled for reading in several)),
    )


def _sum(*windows: Window) -> Window:
    """Added up, windows without any time left out so that they do not pull the span to instant 0."""
    return merged_windows(window for window in windows if window.duration_ms or window.requests or window.crashes)
