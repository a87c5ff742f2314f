"""Clusters: what each environment runs, how it is, what it measured, and its policy."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.domain.environment import Environment
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.clusters import (
    ClusterBody,
    ClusterList,
    MetricsBody,
    ReadMetrics,
    cluster_body,
    cluster_summary,
    metrics_body,
)
from chalicelib.routes.schemas.hooks import check_urls
from chalicelib.routes.schemas.policies import PolicyBody, PutPolicy, policy_body
from chalicelib.usecases.policies import change_policy, current_policy
from chalicelib.usecases.read_clusters import read_cluster
from chalicelib.usecases.read_metrics import read_metrics

bp = Noun(__name__)

ALL = "/api/v1/clusters"
ONE = ALL + "/{environment}"


@endpoint(bp, ALL, "GET", action=Action.READ, response=ClusterList, summary="List the environments in promotion order")
def list_clusters(call: Call) -> ClusterList:
    found = [read_cluster(environment, ports=call.edge.ports) for environment in Environment]
    return ClusterList(clusters=[cluster_summary(cluster) for cluster in found])


@endpoint(bp, ONE, "GET", action=Action.READ, response=ClusterBody, errors=(404,), summary="An environment, its nodes")
def get_cluster(call: Call, environment: Environment) -> ClusterBody:
    ports = call.edge.ports
    return cluster_body(read_cluster(environment, ports=ports), now_ms=ports.clock.machine_ms())


@endpoint(
    bp,
    ONE + "/metrics",
    "GET",
    action=Action.READ,
    query=ReadMetrics,
    response=MetricsBody,
    errors=(404,),
    summary="What its nodes measured over time",
)
def get_cluster_metrics(call: Call, environment: Environment, query: ReadMetrics) -> MetricsBody:
    ports = call.edge.ports
    question = query.question(environment, now_ms=ports.clock.machine_ms())
    return metrics_body(question, read_metrics(question, ports=ports))


@endpoint(
    bp, ONE + "/policy", "GET", action=Action.READ, response=PolicyBody, errors=(404,), summary="The policy in force"
)
def get_policy(call: Call, environment: Environment) -> Answer:
    policy = current_policy(environment, ports=call.edge.ports)
    return Answer(body=policy_body(policy), headers={"ETag": f'"{policy.revision}"'})


@endpoint(
    bp,
    ONE + "/policy",
    "PUT",
    action=Action.MANAGE_POLICY,
    body=PutPolicy,
    response=PolicyBody,
    errors=(404, 409),
    summary="Put a new revision of the policy in force, for deployments that start from now on",
    if_match=True,
)
def put_policy(call: Call, environment: Environment, body: PutPolicy) -> Answer:
    expected = body.expected_revision if call.if_match is None else call.if_match
    check_urls({"smoke.url": None if body.smoke is None else body.smoke.url}, loopback=call.edge.loopback)
    policy = change_policy(
        body.policy(environment),
        expected_revision=expected,
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return Answer(body=policy_body(policy), headers={"ETag": f'"{policy.revision}"'})
