"""Deployments: ask for one, look at it, say something to it."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.domain.access import Action
from chalicelib.domain.deployment import Deployment
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.deployments import (
    CreateDeployment,
    DeploymentAccepted,
    DeploymentBody,
    DeploymentPage,
    ListDeployments,
    Promote,
    Signal,
    accepted_body,
    deployment_body,
    deployment_page,
    links_of,
)
from chalicelib.routes.schemas.plans import PlanBody, plan_body
from chalicelib.routes.schemas.timeline import EventPage, ReadEvents, event_page
from chalicelib.routes.schemas.verdicts import ReadVerdicts, VerdictPage, verdict_page
from chalicelib.usecases.control_deployment import (
    cancel_deployment,
    pause_deployment,
    promote_deployment,
    resume_deployment,
    roll_back,
)
from chalicelib.usecases.create_deployment import create_deployment as create
from chalicelib.usecases.plan_deployment import plan_deployment as planned
from chalicelib.usecases.read_timeline import read_timeline
from chalicelib.usecases.read_verdicts import read_verdicts
from chalicelib.usecases.reads import list_deployments as listed
from chalicelib.usecases.recording import get_deployment as got
from chalicelib.usecases.retry_deployment import retry_deployment

bp = Noun(__name__)


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
    errors=(404, 409, 422, 429),
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
    ALL + "/plan",
    "POST",
    action=Action.READ,
    body=CreateDeployment,
    response=PlanBody,
    errors=(404,),
    summary="Say what a deployment would do, and change nothing",
)
def plan_deployment(call: Call, body: CreateDeployment) -> PlanBody:
    return plan_body(planned(body.request(), caller=call.caller, ports=call.edge.ports))


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
    ONE + "/verdicts",
    "GET",
    action=Action.READ,
    query=ReadVerdicts,
    response=VerdictPage,
    errors=(404,),
    summary="What the judge decided and by which numbers, oldest first",
)
def list_deployment_verdicts(call: Call, execution_id: str, query: ReadVerdicts) -> VerdictPage:
    return verdict_page(
        read_verdicts(
            execution_id, environment=query.environment, after=query.after, limit=query.limit, ports=call.edge.ports
        )
    )


def _serve_signal(verb: str, say: Callable[..., Deployment], summary: str, body: type[Signal] = Signal) -> None:
    """Serve something that people may say to a deployment; saying the same again changes nothing."""

    def view(call: Call, execution_id: str, body: Signal) -> DeploymentBody:
        return deployment_body(say(execution_id, **body.said(), caller=call.caller, ports=call.edge.ports))

    view.__name__ = f"{verb}_deployment"
    endpoint(
        bp,
        f"{ONE}/{verb}",
        "POST",
        action=Action.CONTROL,
        body=body,
        response=DeploymentBody,
        status=202,
        errors=(404, 409),
        summary=summary,
    )(view)


def _serve_successor(verb: str, name: str, make: Callable[..., Deployment], summary: str) -> None:
    """Serve what makes a new deployment of one that has ended."""

    def view(call: Call, execution_id: str, body: Signal) -> Answer:
        asked = {"idempotency_key": call.idempotency_key, "request_id": call.request_id, "ports": call.edge.ports}
        new = make(execution_id, **body.said(), caller=call.caller, **asked)
        return Answer(body=deployment_body(new), headers={"Location": links_of(new.id).self})

    view.__name__ = name
    endpoint(
        bp,
        f"{ONE}/{verb}",
        "POST",
        action=Action.CONTROL,
        body=Signal,
        response=DeploymentBody,
        status=202,
        errors=(404, 409, 422, 429),
        summary=summary,
        idempotency_key=True,
    )(view)


_serve_signal("cancel", cancel_deployment, "Stop a deployment and give touched nodes back what they ran")
_serve_signal(
    "pause", pause_deployment, "Stop the bake, or the one that is about to begin, and keep what is left of it"
)
_serve_signal("resume", resume_deployment, "Go on with a paused bake")
_serve_signal("promote", promote_deployment, "End this bake, or all of this environment, and let it be judged", Promote)
_serve_successor("rollback", "roll_back_deployment", roll_back, "Undo a completed deployment by a new one")
_serve_successor(
    "retry", "retry_deployment", retry_deployment, "Try one that did not complete again, from what failed on"
)
