"""Deployments: ask for one, look at it, say something to it."""

from __future__ import annotations

from typing import TypedDict

from chalicelib.domain.access import Action, Caller
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.deployments import (
    CreateDeployment,
    DeploymentAccepted,
    DeploymentBody,
    DeploymentPage,
    ListDeployments,
    Signal,
    accepted_body,
    deployment_body,
    deployment_page,
    links_of,
)
from chalicelib.routes.schemas.timeline import EventPage, ReadEvents, event_page
from chalicelib.usecases import control_deployment as control
from chalicelib.usecases.create_deployment import create_deployment as create
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.read_timeline import read_timeline
from chalicelib.usecases.reads import list_deployments as listed
from chalicelib.usecases.recording import get_deployment as got

bp = Noun(__name__)


class Said(TypedDict):
    """What every signal takes."""

    reason: str
    caller: Caller
    ports: Ports


ALL = "/api/v1/deployments"
ONE = ALL + "/{executionId}"


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.DEPLOY,
    body=CreateDeployment,
    response=DeploymentAccepted,
    status=202,
    errors=(404, 409, 422),
    summary="Bring a module version to an environment",
    idempotency_key=True,
)
def create_deployment(call: Call, body: CreateDeployment) -> Answer:
    deployment = create(
        body.request(),
        caller=call.caller,
        idempotency_key=call.idempotency_key,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return Answer(body=accepted_body(deployment), headers={"Location": links_of(deployment.id).self})


@endpoint(
    bp,
    ALL,
    "GET",
    action=Action.READ,
    query=ListDeployments,
    response=DeploymentPage,
    summary="List deployments, newest first",
)
def list_deployments(call: Call, query: ListDeployments) -> DeploymentPage:
    return deployment_page(listed(query.filter(), limit=query.limit, cursor=query.cursor, ports=call.edge.ports))


@endpoint(bp, ONE, "GET", action=Action.READ, response=DeploymentBody, errors=(404,), summary="All of one deployment")
def get_deployment(call: Call, execution_id: str) -> DeploymentBody:
    return deployment_body(got(execution_id, ports=call.edge.ports))


@endpoint(
    bp,
    ONE + "/events",
    "GET",
    action=Action.READ,
    query=ReadEvents,
    response=EventPage,
    errors=(404,),
    summary="The timeline of a deployment; waits for the next event if asked to",
)
def list_deployment_events(call: Call, execution_id: str, query: ReadEvents) -> EventPage:
    with call.edge.patience.place(wanted=query.wait_seconds > 0) as has_place:
        timeline = read_timeline(
            execution_id,
            after=query.after,
            wait_seconds=query.wait_seconds if has_place else 0,
            pause=call.edge.pause,
            ports=call.edge.ports,
        )
    return event_page(timeline)


@endpoint(
    bp,
    ONE + "/cancel",
    "POST",
    action=Action.CONTROL,
    body=Signal,
    response=DeploymentBody,
    status=202,
    errors=(404, 409),
    summary="Stop a deployment and give touched nodes back what they ran",
)
def cancel_deployment(call: Call, execution_id: str, body: Signal) -> DeploymentBody:
    return deployment_body(control.cancel_deployment(execution_id, **_said(call, body)))


@endpoint(
    bp,
    ONE + "/pause",
    "POST",
    action=Action.CONTROL,
    body=Signal,
    response=DeploymentBody,
    status=202,
    errors=(404, 409),
    summary="Stop the bake and keep what is left of it",
)
def pause_deployment(call: Call, execution_id: str, body: Signal) -> DeploymentBody:
    return deployment_body(control.pause_deployment(execution_id, **_said(call, body)))


@endpoint(
    bp,
    ONE + "/resume",
    "POST",
    action=Action.CONTROL,
    body=Signal,
    response=DeploymentBody,
    status=202,
    errors=(404, 409),
    summary="Go on with a paused bake",
)
def resume_deployment(call: Call, execution_id: str, body: Signal) -> DeploymentBody:
    return deployment_body(control.resume_deployment(execution_id, **_said(call, body)))


@endpoint(
    bp,
    ONE + "/promote",
    "POST",
    action=Action.CONTROL,
    body=Signal,
    response=DeploymentBody,
    status=202,
    errors=(404, 409),
    summary="End this bake now and let it be judged",
)
def promote_deployment(call: Call, execution_id: str, body: Signal) -> DeploymentBody:
    return deployment_body(control.promote_deployment(execution_id, **_said(call, body)))


@endpoint(
    bp,
    ONE + "/rollback",
    "POST",
    action=Action.CONTROL,
    body=Signal,
    response=DeploymentBody,
    status=202,
    errors=(404, 409, 422),
    summary="Undo a completed deployment by a new one",
    idempotency_key=True,
)
def roll_back_deployment(call: Call, execution_id: str, body: Signal) -> Answer:
    said = _said(call, body)
    new = control.roll_back(execution_id, **said, idempotency_key=call.idempotency_key, request_id=call.request_id)
    return Answer(body=deployment_body(new), headers={"Location": links_of(new.id).self})


def _said(call: Call, body: Signal) -> Said:
    return {"reason": body.reason, "caller": call.caller, "ports": call.edge.ports}
