"""What operators say of a node: cordon, uncordon, drain, remove."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.node import Node, NodeStatus, environment_of
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Change, Ports, Replace


def cordon_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, out of new rollouts; what it runs it goes on serving.

    Raises:
        NotFound: no such node.
        Conflict: it was removed.
    """
    return _change(node_id, NodeStatus.CORDONED, reason, caller, request_id, ports=ports)


def uncordon_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, back in new rollouts. Raises as `cordon_node`."""
    return _change(node_id, NodeStatus.ACTIVE, reason, caller, request_id, ports=ports)


def drain_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, out of new rollouts and about to go. Raises as `cordon_node`."""
    return _change(node_id, NodeStatus.DRAINING, reason, caller, request_id, ports=ports)


def remove_node(node_id: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node, gone for good: its credential counts no more. Removing it again changes nothing.

    Raises:
        NotFound: no such node.
    """
    return _change(node_id, NodeStatus.REMOVED, reason, caller, request_id, ports=ports)


def _change(node_id: str, wanted: NodeStatus, reason: str, caller: Caller, request_id: str, *, ports: Ports) -> Node:
    def decide() -> tuple[Node, tuple[Change, ...]]:
        environment = environment_of(node_id)
        node = None if environment is None else ports.store.get(Node, environment, node_id)
        if node is None:
            raise NotFound("node", node_id)
        if node.status is wanted:
            return node, ()
        if node.status is NodeStatus.REMOVED:
            raise Conflict(f"Node {node.name} was removed; enrol it anew.")
        after = replace(node, status=wanted, revision=node.revision + 1)
        deed = Deed(
            subject=f"node:{node_id}",
            actor=caller.name,
            action=f"Node{wanted}",
            detail={"reason": reason, "before": str(node.status)},
            request_id=request_id,
        )
        return after, (Replace(after), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
