"""Nodes: enrolment, heartbeats, and what operators say of them. Source: docs/contracts/node-protocol.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from chalicelib.domain.access import Action
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Node
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.aliases import RegisterAlias
from chalicelib.routes.schemas.heartbeats import HeartbeatAnswerBody, HeartbeatBody, answer_body
from chalicelib.routes.schemas.nodes import (
    ChangeNode,
    EnrolledBody,
    EnrolNode,
    EnrolTokenBody,
    LabelNode,
    MakeEnrolToken,
    NodeBody,
    NodeHistory,
    NodeList,
    enrolled_body,
    history_body,
    node_body,
    token_body,
)
from chalicelib.usecases import change_node, read_nodes
from chalicelib.usecases.enrol_node import enrol_node as enrolled
from chalicelib.usecases.make_enrol_token import make_enrol_token
from chalicelib.usecases.read_clusters import list_nodes as listed
from chalicelib.usecases.register_alias import register_alias as registered
from chalicelib.usecases.report_heartbeat import report_heartbeat as reported

bp = Noun(__name__)

ALL = "/api/v1/nodes"
CLUSTER = "/api/v1/clusters/{environment}/nodes"
ONE = ALL + "/{nodeId}"
HEARTBEAT_BYTES = 512 * 1024


@endpoint(
    bp,
    CLUSTER + "/enrol-tokens",
    "POST",
    action=Action.MANAGE_NODES,
    body=MakeEnrolToken,
    response=EnrolTokenBody,
    status=201,
    summary="Make a one-time token with which one node may enrol",
)
def create_enrol_token(call: Call, environment: Environment, body: MakeEnrolToken) -> EnrolTokenBody:
    token, record = make_enrol_token(
        environment,
        lives_seconds=body.lives_seconds,
        labels=body.labels,
        caller=call.caller,
        request_id=call.request_id,
        new_secret=call.edge.identity.new_secret,
        ports=call.edge.ports,
    )
    return token_body(token, record)


@endpoint(
    bp,
    ALL + "/enrol",
    "POST",
    action=None,
    body=EnrolNode,
    response=EnrolledBody,
    status=201,
    errors=(401,),
    summary="Exchange a one-time token for an identity, a credential and the trust roots",
)
def enrol_node(call: Call, body: EnrolNode) -> EnrolledBody:
    made = enrolled(
        body.token,
        body.enrolment(),
        heartbeat_ms=call.edge.heartbeat_ms,
        request_id=call.request_id,
        new_secret=call.edge.identity.new_secret,
        ports=call.edge.ports,
    )
    return enrolled_body(made)


@endpoint(
    bp,
    CLUSTER,
    "POST",
    action=Action.MANAGE_NODES,
    body=RegisterAlias,
    response=NodeBody,
    status=201,
    errors=(409,),
    summary="Make a function's alias a node; it is looked at at once",
)
def register_alias(call: Call, environment: Environment, body: RegisterAlias) -> NodeBody:
    ports = call.edge.ports
    node = registered(body.registration(environment), caller=call.caller, request_id=call.request_id, ports=ports)
    return node_body(node, now_ms=ports.clock.machine_ms())


@endpoint(
    bp,
    ONE + "/heartbeat",
    "POST",
    action="node",
    body=HeartbeatBody,
    response=HeartbeatAnswerBody,
    summary="Report what is, and learn what should be",
    max_bytes=HEARTBEAT_BYTES,
)
def report_heartbeat(call: Call, node_id: str, body: HeartbeatBody) -> HeartbeatAnswerBody:
    heartbeat = body.heartbeat()
    pace = call.edge.heartbeat_ms
    answer = reported(node_id, call.credential_hash, heartbeat, active_ms=pace, ports=call.edge.ports)
    return answer_body(answer, heartbeat, call.edge)


@endpoint(bp, CLUSTER, "GET", action=Action.READ, response=NodeList, summary="List an environment's nodes by name")
def list_nodes(call: Call, environment: Environment) -> NodeList:
    now = call.edge.ports.clock.machine_ms()
    return NodeList(nodes=[node_body(node, now_ms=now) for node in listed(environment, ports=call.edge.ports)])


@endpoint(bp, ONE, "GET", action=Action.READ, response=NodeBody, errors=(404,), summary="Show one node")
def get_node(call: Call, node_id: str) -> NodeBody:
    ports = call.edge.ports
    return node_body(read_nodes.get_node(node_id, ports=ports), now_ms=ports.clock.machine_ms())


@endpoint(
    bp,
    ONE + "/history",
    "GET",
    action=Action.READ,
    response=NodeHistory,
    errors=(404,),
    summary="What became of a node: health, drift, and what operators said of it",
)
def get_node_history(call: Call, node_id: str) -> NodeHistory:
    return history_body(read_nodes.read_history(node_id, ports=call.edge.ports))


@endpoint(
    bp,
    ONE + "/labels",
    "PUT",
    action=Action.MANAGE_NODES,
    body=LabelNode,
    response=NodeBody,
    errors=(404, 409),
    summary="Give a node exactly these labels; modules placed by them follow",
)
def label_node(call: Call, node_id: str, body: LabelNode) -> NodeBody:
    return _changed(call, partial(change_node.label_node, labels=body.labels), node_id, body.reason)


def _changed(call: Call, change: Callable[..., Node], node_id: str, reason: str) -> NodeBody:
    ports = call.edge.ports
    node = change(node_id, reason=reason, caller=call.caller, request_id=call.request_id, ports=ports)
    return node_body(node, now_ms=ports.clock.machine_ms())


def _serve(method: str, path: str, change: Callable[..., Node], summary: str) -> None:
    """One word of an operator's: the same call each time, with a reason."""

    def view(call: Call, node_id: str, body: ChangeNode) -> NodeBody:
        return _changed(call, change, node_id, body.reason)

    view.__name__ = change.__name__
    served = endpoint(
        bp,
        path,
        method,
        action=Action.MANAGE_NODES,
        body=ChangeNode,
        response=NodeBody,
        errors=(404, 409),
        summary=summary,
    )
    served(view)


_serve("POST", ONE + "/cordon", change_node.cordon_node, "Tell a node nothing new; what it runs it goes on serving")
_serve("POST", ONE + "/uncordon", change_node.uncordon_node, "Let a node take part again")
_serve("POST", ONE + "/drain", change_node.drain_node, "Let a node end its requests and run nothing")
_serve("DELETE", ONE, change_node.remove_node, "Remove a node for good; its credential counts no more")
