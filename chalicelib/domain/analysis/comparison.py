"""The second stage: what the canary can be compared with, given the data there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.domain.analysis.cells import Cell, on_grid
from chalicelib.domain.analysis.evidence import Evidence, NodeEvidence
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.analysis.verdict import ComparedWith
from chalicelib.domain.metrics import Window, merged_windows

# A window this many times as long as the warm-up is read although it holds it.
WARM_UP_PARTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many requests were served and how many of them failed."""

    requests: int = 0
    errors: int = 0

    @property
    def error_rate_bp(self) -> int | None:
        """Errors in ten thousand requests, rounded down; None without requests."""
        return self.errors * 10_000 // self.requests if self.requests else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One node's windows added up: `before` the change, `during` this bake, `since` the change (all bakes so far), and
    `settled`, the part of `since` after warm-up. `cells_before` and `cells_settled` are the same on grids of time.
    """

    before: Window
    during: Tally
    since: Tally
    settled: Window
    cells_before: tuple[Cell, ...] = ()
    cells_settled: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Canary and baseline side by side.

    With control, `baseline` are the control nodes over the same time; compared with before, they are the canary nodes
    themselves and their `before`; `baseline_bake` is its part in this bake, or all of it. `canary_nodes` and
    `control_nodes` are the same evidence, node by node; `names` tells what people call a canary node by its id.
    """

    compared_with: ComparedWith
    canary: Reading
    baseline: Tally
    baseline_bake: Tally
    baseline_settled: Window
    canary_nodes: tuple[tuple[str, Reading], ...]
    control_nodes: tuple[Reading, ...]
    before_grain_ms: int
    names: Mapping[str, str]
    shares_nodes: bool = False

    @property
    def has_control(self) -> bool:
        """Whether the baseline was measured over the same time."""
        return self.compared_with is ComparedWith.CONTROL

    @property
    def same_nodes(self) -> bool:
        """Whether both sides are the same nodes: before and since, or at once, where a node splits its traffic."""
        return self.shares_nodes or not self.has_control


def compare(evidence: Evidence, policy: AnalysisPolicy) -> Comparison:
    """Choose control where control nodes served enough over the same time, else the same nodes before.

    Enough is what the policy asks of a baseline, or as much as the canary itself served: early in a bake both are thin
    and the same time is still the better comparison. Without either, `before` and its emptiness are the answer.
    """
    grain_ms = policy.level_window_ms
    before_grain_ms = _before_grain_ms(evidence, grain_ms)
    same_time_from_ms = min((_first_start(node) for node in evidence.canary), default=0) + policy.warm_up_ms
    canary_nodes = tuple(
        (node.node_id, _read(node, _first_start(node) + policy.warm_up_ms, policy, before_grain_ms))
        for node in evidence.canary
    )
    names = {node.node_id: node.name or node.node_id for node in evidence.canary}
    canary = _together(reading for _, reading in canary_nodes)
    control_nodes = tuple(_read(node, same_time_from_ms, policy, before_grain_ms) for node in evidence.control)
    control = _together(control_nodes)
    enough = min(policy.min_baseline_requests, max(1, canary.during.requests))
    if control.during.requests >= enough:
        return Comparison(
            compared_with=ComparedWith.CONTROL,
            canary=canary,
            baseline=control.since,
            baseline_bake=control.during,
            baseline_settled=control.settled,
            canary_nodes=canary_nodes,
            control_nodes=control_nodes,
            before_grain_ms=before_grain_ms,
            names=names,
            shares_nodes={node.node_id for node in evidence.control} == {node.node_id for node in evidence.canary},
        )
    return Comparison(
        compared_with=ComparedWith.BEFORE,
        canary=canary,
        baseline=_tally((canary.before,)),
        baseline_bake=_tally((canary.before,)),
        baseline_settled=canary.before,
        canary_nodes=canary_nodes,
        control_nodes=(),
        before_grain_ms=before_grain_ms,
        names=names,
    )


def _before_grain_ms(evidence: Evidence, grain_ms: int) -> int:
    """A grid as coarse as the longest window of before: idle nodes report by the minute, each at its own second."""
    nodes = (*evidence.canary, *evidence.control)
    longest = max((window.ended_at_ms - window.started_at_ms for node in nodes for window in node.before), default=0)
    return grain_ms * max(1, -(-longest // grain_ms))


def _is_settled(window: Window, settled_from_ms: int, warm_up_ms: int) -> bool:
    """Whether warm-up is no part of the window, or so small a one (a whole bake added up) that it tells nothing."""
    return window.started_at_ms >= settled_from_ms or (
        window.ended_at_ms - window.started_at_ms >= WARM_UP_PARTS * warm_up_ms
    )


def _first_start(node: NodeEvidence) -> int:
    return min((window.started_at_ms for window in (*node.earlier, *node.during)), default=0)


def _read(node: NodeEvidence, settled_from_ms: int, policy: AnalysisPolicy, before_grain_ms: int) -> Reading:
    since, grain_ms, warm_up_ms = (*node.earlier, *node.during), policy.level_window_ms, policy.warm_up_ms
    return Reading(
        before=merged_windows(node.before),
        during=_tally(node.during),
        since=_tally(since),
        settled=merged_windows(window for window in since if _is_settled(window, settled_from_ms, warm_up_ms)),
        cells_before=on_grid(node.before, before_grain_ms),
        cells_settled=on_grid(since, grain_ms, from_ms=settled_from_ms),
    )


def _together(readings: Iterable[Reading]) -> Reading:
    several = tuple(readings)
    return Reading(
        before=merged_windows(reading.before for reading in several if reading.before.duration_ms),
        during=_tally(reading.during for reading in several),
        since=_tally(reading.since for reading in several),
        settled=merged_windows(reading.settled for reading in several if reading.settled.duration_ms),
    )


def _tally(parts: Iterable[Window | Tally]) -> Tally:
    requests = errors = 0
    for part in parts:
        requests += part.requests
        errors += part.errors
    return Tally(requests=requests, errors=errors)
