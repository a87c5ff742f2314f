"""What an environment's nodes run and should run, and how they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chalicelib.domain.assignment import Assignment, concerns, desired_for
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Member, Node, NodeStatus
from chalicelib.usecases.ports import Ports

Health = Literal["empty", "healthy", "degraded", "unhealthy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleState:
    """One module in an environment. `drifted` names the nodes that run something else than they should."""

    assignment: Assignment
    drifted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An environment's nodes, removed ones left out, and its modules; `health` is the sum of it in one word."""

    environment: Environment
    nodes: tuple[Node, ...]
    silent: tuple[str, ...]
    unhealthy: tuple[str, ...]
    modules: tuple[ModuleState, ...]

    @property
    def healthy(self) -> int:
        """How many nodes are heard of and say that all is well."""
        return len(self.nodes) - len(self.silent) - len(self.unhealthy)

    @property
    def health(self) -> Health:
        """`empty`, `healthy`, `degraded` (some nodes are not) or `unhealthy` (none is)."""
        if not self.nodes:
            return "empty"
        if self.healthy == len(self.nodes):
            return "healthy"
        return "degraded" if self.healthy else "unhealthy"


def read_cluster(environment: Environment, *, ports: Ports) -> Cluster:
    """The environment as it is now."""
    now = ports.clock.machine_ms()
    nodes = list_nodes(environment, ports=ports)
    assignments = ports.store.list(Assignment, environment)
    modules = tuple(_module_state(assignment, nodes, ports=ports) for assignment in assignments)
    return cluster_of(environment, nodes, modules=modules, now_ms=now)


def cluster_of(
    environment: Environment, nodes: tuple[Node, ...], *, modules: tuple[ModuleState, ...] = (), now_ms: int
) -> Cluster:
    """The nodes in service as a cluster: who of them is silent, and who says that something is wrong."""
    heard = (node for node in nodes if not node.is_silent(now_ms))
    return Cluster(
        environment=environment,
        nodes=nodes,
        silent=tuple(node.name for node in nodes if node.is_silent(now_ms)),
        unhealthy=tuple(node.name for node in heard if not all(report.healthy for report in node.modules)),
        modules=modules,
    )


def list_nodes(environment: Environment, *, ports: Ports) -> tuple[Node, ...]:
    """The environment's nodes by name, removed ones left out."""
    return in_service(ports.store.list(Node, environment))


def in_service(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Nodes by name, removed ones left out."""
    return tuple(sorted((n for n in nodes if n.status is not NodeStatus.REMOVED), key=lambda n: (n.name, n.id)))


def _module_state(assignment: Assignment, nodes: tuple[Node, ...], *, ports: Ports) -> ModuleState:
    members: dict[str, Member] = {}
    if assignment.deployment_id is not None:
        found = ports.store.list(Member, assignment.deployment_id, assignment.environment)
        members = {member.node_id: member for member in found}
    now = ports.clock.policy_ms()

    def drifts(node: Node) -> bool:
        report = node.report(assignment.module)
        wanted = desired_for(assignment, members.get(node.id), labels=node.labels, now_ms=now)
        runs = (report.active, report.canary, report.weight)
        return concerns(assignment, node) and runs != (wanted.active, wanted.canary, wanted.weight)

    return ModuleState(assignment=assignment, drifted=tuple(node.name for node in nodes if drifts(node)))
