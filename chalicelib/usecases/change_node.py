"""What operators say of a node: cordon, uncordon, drain, remove, label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.alias import AliasClaim
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.node import Node, NodeStatus, environment_of
from chalicelib.domain.node_history import Happening, What, noted
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Remove, Replace


def cordon_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, out of new rollouts and told nothing new; what it runs it goes on serving.

    Raises:
        NotFound: no such node.
        Conflict: it was removed.
    """
    return _become(node_id, NodeStatus.CORDONED, reason, caller, request_id, ports=ports)


def uncordon_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, back in new rollouts, and told at its next heartbeat to run what it should. Raises as `cordon_node`."""
    return _become(node_id, NodeStatus.ACTIVE, reason, caller, request_id, ports=ports)


def drain_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, told at its next heartbeat to end its last requests and run nothing; it becomes Drained when it has.

    A rollout it takes part in is finished first. Draining a drained node changes nothing. Raises as `cordon_node`, and
    Conflict for a function alias, which always points at a version.
    """
    return _become(node_id, NodeStatus.DRAINING, reason, caller, request_id, ports=ports)


def remove_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, gone for good: its credential counts no more. Removing it again changes nothing.

    It goes on serving until it is stopped; drain it first where that matters.

    Raises:
        NotFound: no such node.
    """
    return _become(node_id, NodeStatus.REMOVED, reason, caller, request_id, ports=ports)


def label_node(
    node_id: str, labels: Mapping[str, str], *, reason: str, caller: Caller, request_id: str = "", ports: Ports
) -> Node:
    """The node with exactly these labels. Modules whose placement they decide follow at its next heartbeat.

    Raises as `cordon_node`.
    """

    def decide() -> tuple[Node, tuple[Change, ...]]:
        node = _known(node_id, ports=ports)
        if node.labels == labels:
            return node, ()
        _refuse_removed(node)
        detail = {"reason": reason, "before": node.labels, "after": dict(labels)}
        return _changed(
            node, replace(node, labels=dict(labels)), What.LABELLED, detail, caller, request_id, ports=ports
        )

    return decide_and_commit(decide, ports=ports)


def _become(node_id: str, wanted: NodeStatus, reason: str, caller: Caller, request_id: str, *, ports: Ports) -> Node:
    def decide() -> tuple[Node, tuple[Change, ...]]:
        node = _known(node_id, ports=ports)
        drained = node.status is NodeStatus.DRAINED and wanted is NodeStatus.DRAINING
        if node.status is wanted or drained:
            return node, ()
        _refuse_removed(node)
        if wanted is NodeStatus.DRAINING and node.alias is not None:
            raise Conflict(f"{node.name} is a function alias, which always points at a version; remove it instead.")
        detail = {"reason": reason, "before": str(node.status)}
        return _changed(node, replace(node, status=wanted), wanted, detail, caller, request_id, ports=ports)

    return decide_and_commit(decide, ports=ports)


def _known(node_id: str, *, ports: Ports) -> Node:
    environment = environment_of(node_id)
    node = None if environment is None else ports.store.get(Node, environment, node_id)
    if node is None:
        raise NotFound("node", node_id)
    return node


def _refuse_removed(node: Node) -> None:
    if node.status is NodeStatus.REMOVED:
        raise Conflict(f"Node {node.name} was removed; enrol it anew.")


def _changed(
    before: Node,
    after: Node,
    what: str,
    detail: dict[str, Any],
    caller: Caller,
    request_id: str,
    *,
    ports: Ports,
) -> tuple[Node, tuple[Change, ...]]:
    happening = Happening(what=what, at_ms=ports.clock.machine_ms(), reason=str(detail["reason"]))
    after, entries = noted(after, happening, by=caller.name)
    after = replace(after, revision=before.revision + 1)
    deed = Deed(
        subject=f"node:{before.id}", actor=caller.name, action=f"Node{what}", detail=detail, request_id=request_id
    )
    written = tuple(Replace(entry) if entry.revision else Add(entry) for entry in entries)
    freed = _freed(after, ports=ports)
    return after, (Replace(after), *written, *freed, audited(deed, ports=ports))


def _freed(node: Node, *, ports: Ports) -> tuple[Change, ...]:
    """An alias whose node was removed may be registered anew."""
    if node.status is not NodeStatus.REMOVED or node.alias is None:
        return ()
    claim = ports.store.get(AliasClaim, node.alias.function, node.alias.alias)
    return () if claim is None or claim.node_id != node.id else (Remove(claim),)
