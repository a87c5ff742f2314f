"""Nodes, the frozen membership of a rollout, and when a node counts as alive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.domain.alias import AliasState
from chalicelib.domain.configuration import matches
from chalicelib.domain.environment import Environment
from chalicelib.domain.metering import Meters

SILENT_AFTER_INTERVALS = 3
"""A node that missed this many intervals counts as failed."""

SILENT_FLOOR_MS = 10_000
"""Shorter silences than this never count: a busy machine is not a dead one."""


_LETTER_OF = {
    Environment.DEVELOPMENT: "d",
    Environment.QA: "q",
    Environment.STAGING: "s",
    Environment.PRODUCTION: "p",
}


def node_id(environment: Environment, unique: str) -> str:
    """The id of a node: it carries the environment, so that one consistent read finds the node."""
    return f"{_LETTER_OF[environment]}-{unique}"


def environment_of(node: str) -> Environment | None:
    """The environment a node id names; None when it is not a node id."""
    letter, _, unique = node.partition("-")
    found = [environment for environment, own in _LETTER_OF.items() if own == letter]
    return found[0] if found and unique else None


class NodeKind(StrEnum):
    """What a node is: our program beside a process, or a function alias with weights."""

    KERNEL = "kernel"
    LAMBDA = "lambda"


class NodeStatus(StrEnum):
    """What an operator wants of a node: all it is told (Active), nothing new (Cordoned), nothing at all (Draining)."""

    ACTIVE = "Active"
    CORDONED = "Cordoned"
    DRAINING = "Draining"
    DRAINED = "Drained"
    REMOVED = "Removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The result of the last order a node carried out for a module."""

    fence: int
    digest: str
    action: str
    succeeded: bool
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleReport:
    """What a node says it runs of one module. A function alias gives `weight` percent of its traffic to `canary`."""

    module: str
    fence: int = 0
    active: str | None = None
    canary: str | None = None
    weight: int = 0
    staged: tuple[str, ...] = ()
    healthy: bool = True
    ack: Ack | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A module that runs something else on a node than it should, since when, and whether that counts already."""

    module: str
    since_ms: int
    counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One place modules run, as it last reported itself. `credential_hash` is SHA-256 in hexadecimal, empty for an alias,
    which nobody reports for but our own function."""

    id: str
    environment: Environment
    name: str
    kind: NodeKind = NodeKind.KERNEL
    address: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    status: NodeStatus = NodeStatus.ACTIVE
    credential_hash: str
    enrolled_at_ms: int
    last_heartbeat_ms: int
    heartbeat_ms: int
    interval: int = 0
    kernel_version: str = ""
    modules: tuple[ModuleReport, ...] = ()
    meters: Meters = field(default_factory=Meters)
    idle_heartbeat_ms: int = 0
    policy_read_at_ms: int = 0
    drifts: tuple[Drift, ...] = ()
    alias: AliasState | None = None
    changes: int = 0
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.id)

    def report(self, module: str) -> ModuleReport:
        """What it last said of `module`; an empty report when it never spoke of it."""
        return next((report for report in self.modules if report.module == module), ModuleReport(module=module))

    @property
    def is_healthy(self) -> bool:
        """Whether all is well by its own last report."""
        return all(report.healthy for report in self.modules)

    @property
    def silent_from_ms(self) -> int:
        """The instant (machine time) after which it has missed three intervals, at least ten seconds."""
        return self.last_heartbeat_ms + max(SILENT_AFTER_INTERVALS * self.heartbeat_ms, SILENT_FLOOR_MS)

    def is_silent(self, now_ms: int) -> bool:
        """Whether it missed three intervals (at least ten seconds) of machine time."""
        return now_ms > self.silent_from_ms

    def takes_deployments(self, now_ms: int) -> bool:
        """Whether a new rollout counts on this node, if its labels match."""
        known = self.alias is None or self.interval > 0
        return known and self.status is NodeStatus.ACTIVE and not self.is_silent(now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolToken:
    """A one-time right to enrol one node in one environment; only its hash is kept.

    The node gets `labels`, whatever it says of itself. `nonce_hash` is of what the node that used it sent along: it
    alone may ask again, should the answer be lost.
    """

    token_hash: str
    environment: Environment
    created_by: str
    expires_at_ms: int
    labels: dict[str, str] = field(default_factory=dict)
    used_by: str | None = None
    nonce_hash: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.token_hash,)


class Outcome(StrEnum):
    """How a node fared with an order."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node's place in the frozen membership of one rollout, what it ran before, and what became of it."""

    deployment_id: str
    environment: Environment
    node_id: str
    name: str
    kind: NodeKind = NodeKind.KERNEL
    rank: int
    from_edition: str | None
    zone: str = ""
    was_healthy: bool = True
    position: str = ""
    deployed: Outcome = Outcome.PENDING
    deploy_reason: str = ""
    deployed_at_ms: int | None = None
    restored: Outcome = Outcome.PENDING
    restore_reason: str = ""
    restored_at_ms: int | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.deployment_id, self.environment, self.node_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNode:
    """A node whose answer a position of a rollout still waits for; the row goes when the answer comes."""

    deployment_id: str
    position: str
    node_id: str
    expires_at_s: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.deployment_id, self.position, self.node_id)


def still_owing(rows: Iterable[PendingNode], members: Iterable[Member], *, upto: int) -> tuple[PendingNode, ...]:
    """The rows of members with rank < `upto` that have not answered their position.

    A task that was overtaken may have written rows again that are settled, or rows of a wave that never began.
    """
    answered = {member.node_id: member.position for member in members if member.rank < upto}
    return tuple(row for row in rows if row.node_id in answered and answered[row.node_id] != row.position)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A node of the environment that a plan does not count on, and why."""

    name: str
    why: str


def kind_of(nodes: Iterable[Node], module: str) -> NodeKind:
    """What a module runs on here: on aliases where one is there for it, else on kernels; never on both."""
    here = (node for node in nodes if node.status is not NodeStatus.REMOVED)
    return NodeKind.LAMBDA if any(is_alias_of(node, module) for node in here) else NodeKind.KERNEL


def is_alias_of(node: Node, module: str) -> bool:
    """Whether the node is an alias of the function that is this module."""
    return node.alias is not None and node.alias.module == module


def taking_part(
    nodes: Iterable[Node], runs_on: Mapping[str, str], *, module: str, now_ms: int
) -> tuple[tuple[Node, ...], tuple[LeftOut, ...]]:
    """The nodes a rollout counts on, and the others by name. `runs_on` are the labels a node must have."""
    known = tuple(node for node in nodes if node.status is not NodeStatus.REMOVED)
    kind = kind_of(known, module)
    staying: list[Node] = []
    left_out: list[LeftOut] = []
    for node in known:
        if node.alias is not None and node.alias.module != module:
            continue  # another function: no more concerned than another environment
        if node.kind is not kind:
            left_out.append(LeftOut(name=node.name, why="OtherKind"))
        elif not matches(runs_on, node.labels):
            left_out.append(LeftOut(name=node.name, why="Unmatched"))
        elif not node.takes_deployments(now_ms):
            why = "Silent" if node.status is NodeStatus.ACTIVE else str(node.status)
            left_out.append(LeftOut(name=node.name, why=why))
        else:
            staying.append(node)
    return tuple(staying), tuple(sorted(left_out, key=lambda each: each.name))
