"""What has become of a node over time: its health, its drift, and what operators said of it. Bounded, newest kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.assignment import Assignment, desired_of
from chalicelib.domain.node import Drift, Member, ModuleReport, Node, NodeStatus

MOST_KEPT = 50
"""Changes kept of each node; the one after that takes the oldest one's place."""

DRIFT_AFTER_MS = 10_000
"""A node that was told something new has this long to carry it out before it counts as drifted (machine time)."""


class What(StrEnum):
    """What may happen to a node, besides an operator's words."""

    ENROLLED = "Enrolled"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    SILENT = "Silent"
    DRIFTED = "Drifted"
    HEALED = "Healed"
    LABELLED = "Labelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a node, before it has a number. `at_ms` is machine time."""

    what: str
    at_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """One entry of a node's history. `seq` counts from 1; an entry stands in one of `MOST_KEPT` places in turn."""

    node_id: str
    seq: int
    at_ms: int
    what: str
    reason: str = ""
    by: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.node_id, f"{(self.seq - 1) % MOST_KEPT:03d}")


def noted(node: Node, *happenings: Happening, by: str = "") -> tuple[Node, tuple[NodeChange, ...]]:
    """The node with its history that much longer, and the entries, which are to be written with it."""
    entries = tuple(
        NodeChange(
            node_id=node.id,
            seq=seq,
            at_ms=each.at_ms,
            what=each.what,
            reason=each.reason,
            by=by,
            revision=(seq - 1) // MOST_KEPT,
        )
        for seq, each in enumerate(happenings, start=node.changes + 1)
    )
    return replace(node, changes=node.changes + len(entries)), entries


def health_between(before: Node, after: Node) -> tuple[Happening, ...]:
    """What a report says of the health of its node, given the one before; nothing where nothing changed."""
    now = after.last_heartbeat_ms
    happened: list[Happening] = []
    was_silent = before.is_silent(now)
    if was_silent:
        seconds = (now - before.last_heartbeat_ms) // 1000
        reason = f"Not heard of for {seconds} s."
        happened.append(Happening(what=What.SILENT, at_ms=before.silent_from_ms, reason=reason))
    if was_silent or before.is_healthy != after.is_healthy:
        unwell = [report.module for report in after.modules if not report.healthy]
        reason = f"Down, or failing its health check: {', '.join(unwell)}." if unwell else ""
        happened.append(Happening(what=What.UNHEALTHY if unwell else What.HEALTHY, at_ms=now, reason=reason))
    return tuple(happened)


def drift_between(
    before: tuple[Drift, ...], differing: dict[str, str], *, now_ms: int
) -> tuple[tuple[Drift, ...], tuple[Happening, ...]]:
    """Which modules differ since when, and which have come to count as drifted, or do no more.

    `differing` says, for every module that runs something else than it should, in words what.
    """
    since = {drift.module: drift for drift in before}
    drifts: list[Drift] = []
    drifted: list[str] = []
    for module, words in differing.items():
        drift = since.get(module, Drift(module=module, since_ms=now_ms))
        if not drift.counts and now_ms - drift.since_ms >= DRIFT_AFTER_MS:
            drift = replace(drift, counts=True)
            drifted.append(words)
        drifts.append(drift)
    healed = [f"{each.module}: is as it should be." for each in before if each.counts and each.module not in differing]
    told = ((What.DRIFTED, drifted), (What.HEALED, healed))
    return tuple(drifts), tuple(
        Happening(what=what, at_ms=now_ms, reason=" ".join(all_)) for what, all_ in told if all_
    )


def difference(assignment: Assignment, node: Node, member: Member | None, *, now_ms: int) -> str:
    """In words, how what a node runs differs from what it should outside a rollout; empty where it does not.

    `now_ms` is policy time. Who takes part in a rollout owes answers, and is not said to drift meanwhile.
    """
    if member is not None and assignment.is_changing:
        return ""
    wanted = desired_of(assignment, node, member, now_ms=now_ms)
    report = node.report(assignment.module)
    if wanted is None or not assignment.fence or (assignment.by_weight and wanted.active is None):
        return ""
    runs, asked = (report.active, report.canary, report.weight), (wanted.active, wanted.canary, wanted.weight)
    if runs == asked:
        return ""
    return f"{assignment.module}: runs {_told(*runs)}, should run {_told(*asked)}."


def _told(active: str | None, canary: str | None, weight: int) -> str:
    share = f", {weight} % {canary}" if canary else ""
    return f"{active or 'nothing'}{share}"


def is_drained(node: Node) -> bool:
    """Whether a node that is to drain has ended everything it ran, the last requests included."""
    return node.status is NodeStatus.DRAINING and all(_is_over(report) for report in node.modules)


def _is_over(report: ModuleReport) -> bool:
    if report.active is not None or report.staged:
        return False
    # Until a version that was taken out of service has answered its last request, the order before is acknowledged.
    return report.ack is None or not report.ack.succeeded or report.ack.action == "deactivate"
