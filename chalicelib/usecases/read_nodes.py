"""One node, and what has become of it over time."""

from __future__ import annotations

from chalicelib.domain.errors import NotFound
from chalicelib.domain.node import Node, environment_of
from chalicelib.domain.node_history import NodeChange
from chalicelib.usecases.ports import Ports


def get_node(node_id: str, *, ports: Ports) -> Node:
    """One node, a removed one too.

    Raises:
        NotFound: no such node.
    """
    environment = environment_of(node_id)
    node = None if environment is None else ports.store.get(Node, environment, node_id)
    if node is None:
        raise NotFound("node", node_id)
    return node


def read_history(node_id: str, *, ports: Ports) -> tuple[NodeChange, ...]:
    """What became of a node, the newest first; the last fifty changes are kept.

    Raises:
        NotFound: no such node.
    """
    get_node(node_id, ports=ports)
    return tuple(sorted(ports.store.list(NodeChange, node_id), key=lambda change: -change.seq))
