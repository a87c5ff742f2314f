"""Nodes: enrolment, heartbeats, and what operators say of them. Source: docs/contracts/node-protocol.md."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.domain.access import Action
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Node
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.heartbeats import HeartbeatAnswerBody, HeartbeatBody, answer_body
from chalicelib.routes.schemas.nodes import (
    ChangeNode,
    EnrolledBody,
    EnrolNode,
    EnrolTokenBody,
    MakeEnrolToken,
    NodeBody,
    NodeList,
    enrolled_body,
    node_body,
    token_body,
)
from chalicelib.usecases import change_node
from chalicelib.usecases.enrol_node import enrol_node as enrolled
from chalicelib.usecases.make_enrol_token import make_enrol_token
from chalicelib.usecases.read_clusters import list_nodes as listed
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
    answer = reported(node_id, call.credential_hash, heartbeat, ports=call.edge.ports)
    return answer_body(answer, heartbeat, call.edge)


@endpoint(bp, CLUSTER, "GET", action=Action.READ, response=NodeList, summary="List an environment's nodes by name")
def list_nodes(call: Call, environment: Environment) -> NodeList:
    now = call.edge.ports.clock.machine_ms()
    return NodeList(nodes=[node_body(node, now_ms=now) for node in listed(environment, ports=call.edge.ports)])


@endpoint(
    bp,
    ONE + "/cordon",
    "POST",
    action=Action.MANAGE_NODES,
    body=ChangeNode,
    response=NodeBody,
    errors=(404, 409),
    summary="Keep a node out of new rollouts",
)
def cordon_node(call: Call, node_id: str, body: ChangeNode) -> NodeBody:
    return _changed(call, change_node.cordon_node, node_id, body)


@endpoint(
    bp,
    ONE + "/uncordon",
    "POST",
    action=Action.MANAGE_NODES,
    body=ChangeNode,
    response=NodeBody,
    errors=(404, 409),
    summary="Let a node take part in new rollouts again",
)
def uncordon_node(call: Call, node_id: str, body: ChangeNode) -> NodeBody:
    return _changed(call, change_node.uncordon_node, node_id, body)


@endpoint(
    bp,
    ONE + "/drain",
    "POST",
    action=Action.MANAGE_NODES,
    body=ChangeNode,
    response=NodeBody,
    errors=(404, 409),
    summary="Keep a node out of new rollouts, because it is about to go",
)
def drain_node(call: Call, node_id: str, body: ChangeNode) -> NodeBody:
    return _changed(call, change_node.drain_node, node_id, body)


@endpoint(
    bp,
    ONE,
    "DELETE",
    action=Action.MANAGE_NODES,
    body=ChangeNode,
    response=NodeBody,
    errors=(404,),
    summary="Remove a node for good; its credential counts no more",
)
def remove_node(call: Call, node_id: str, body: ChangeNode) -> NodeBody:
    return _changed(call, change_node.remove_node, node_id, body)


def _changed(call: Call, change: Callable[..., Node], node_id: str, body: ChangeNode) -> NodeBody:
    ports = call.edge.ports
    node = change(node_id, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=ports)
    return node_body(node, now_ms=ports.clock.machine_ms())
