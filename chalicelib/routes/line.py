"""The line: whether anything may go on in this installation, and how much at once."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.line import LimitLine, LineBody, ResumeLine, StopLine, line_body
from chalicelib.usecases import control_line as control

bp = Noun(__name__)

HERE = "/api/v1/line"


@endpoint(bp, HERE, "GET", action=Action.READ, response=LineBody, summary="Whether anything may go on, and who waits")
def get_line(call: Call) -> LineBody:
    return line_body(control.current_line(ports=call.edge.ports))


@endpoint(
    bp,
    HERE + "/stop",
    "POST",
    action=Action.STOP_LINE,
    body=StopLine,
    response=LineBody,
    summary="Let no deployment begin and promote no wave; rollbacks still run",
)
def stop_line(call: Call, body: StopLine) -> LineBody:
    line = control.stop_line(reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports)
    return line_body(line)


@endpoint(
    bp,
    HERE + "/resume",
    "POST",
    action=Action.STOP_LINE,
    body=ResumeLine,
    response=LineBody,
    summary="Let everything go on that waits for the line",
)
def resume_line(call: Call, body: ResumeLine) -> LineBody:
    line = control.resume_line(
        reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return line_body(line)


@endpoint(
    bp,
    HERE + "/limit",
    "PUT",
    action=Action.STOP_LINE,
    body=LimitLine,
    response=LineBody,
    summary="Limit how many deployments change something at once",
)
def limit_line(call: Call, body: LimitLine) -> LineBody:
    line = control.limit_line(
        body.most_running, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return line_body(line)
