"""How modules are configured in each environment, and on which nodes they run."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.domain.environment import Environment
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.configurations import (
    ConfigurationBody,
    ConfigurationList,
    ListConfigurations,
    PutConfiguration,
    configuration_body,
)
from chalicelib.usecases import configurations

bp = Noun(__name__)

ONE = "/api/v1/modules/{name}/configuration/{environment}"


@endpoint(
    bp,
    ONE,
    "GET",
    action=Action.READ,
    response=ConfigurationBody,
    errors=(404,),
    summary="The configuration the next deployment takes, and the revision that runs",
)
def get_configuration(call: Call, name: str, environment: Environment) -> Answer:
    newest = configurations.newest_configuration(name, environment, ports=call.edge.ports)
    deployed = configurations.deployed_revision(name, environment, ports=call.edge.ports)
    body = configuration_body(newest, module=name, environment=environment, deployed=deployed)
    return Answer(body=body, headers={"ETag": f'"{body.revision}"'})


@endpoint(
    bp,
    ONE,
    "PUT",
    action=Action.DEPLOY,
    body=PutConfiguration,
    response=ConfigurationBody,
    errors=(404, 409),
    summary="Make the next revision, which reaches the nodes with the next deployment",
    if_match=True,
)
def put_configuration(call: Call, name: str, environment: Environment, body: PutConfiguration) -> Answer:
    ports = call.edge.ports
    request = body.request(name, environment, if_match=call.if_match)
    made = configurations.change_configuration(request, caller=call.caller, request_id=call.request_id, ports=ports)
    deployed = configurations.deployed_revision(name, environment, ports=ports)
    shown = configuration_body(made, module=name, environment=environment, deployed=deployed)
    return Answer(body=shown, headers={"ETag": f'"{made.revision}"'})


@endpoint(
    bp,
    ONE + "/revisions",
    "GET",
    action=Action.READ,
    query=ListConfigurations,
    response=ConfigurationList,
    errors=(404,),
    summary="Earlier revisions, the newest first",
)
def list_configuration_revisions(
    call: Call, name: str, environment: Environment, query: ListConfigurations
) -> ConfigurationList:
    ports = call.edge.ports
    found = configurations.list_configurations(name, environment, limit=query.limit, before=query.before, ports=ports)
    deployed = configurations.deployed_revision(name, environment, ports=ports)
    return ConfigurationList(
        revisions=[configuration_body(each, module=name, environment=environment, deployed=deployed) for each in found]
    )
