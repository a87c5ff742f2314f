"""Is it up, what is it, and how is it called?"""

from __future__ import annotations

import functools
import json

from chalicelib.observability import log_failure
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.validation import Answered
from chalicelib.usecases.control_line import current_line

bp = Noun(__name__)


class HealthBody(Answered):
    """Whether calls can be answered; each check is `ok` or `unavailable`.

    `line` is `running` or `stopped`, null where the table cannot be reached; GET /api/v1/line says by whom and why.
    """

    status: str
    version: str
    stage: str
    checks: dict[str, str]
    line: str | None


@endpoint(
    bp,
    "/health",
    "GET",
    action=None,
    response=HealthBody,
    errors=(503,),
    summary="Whether the API and what it stands on can be reached",
)
def get_health(call: Call) -> Answer:
    line = _line(call)
    checks = {"table": "unavailable" if line is None else "ok"}
    is_well = all(outcome == "ok" for outcome in checks.values())
    status = "ok" if is_well else "unavailable"
    body = HealthBody(status=status, version=call.edge.version, stage=call.edge.stage, checks=checks, line=line)
    return Answer(body=body, status=200 if is_well else 503)


@endpoint(bp, "/openapi.json", "GET", action=None, summary="This description")
def get_openapi(_call: Call) -> Answer:
    return Answer(body=_description())


def _line(call: Call) -> str | None:
    try:
        line = current_line(ports=call.edge.ports)
    except Exception as error:  # noqa: BLE001 (whatever it is, the answer is that it cannot be reached)
        log_failure("health_check_failed", error, requestId=call.request_id, check="table")
        return None
    return "stopped" if line.is_stopped else "running"


@functools.cache
def _description() -> str:
    from chalicelib.routes.openapi import describe

    return json.dumps(describe(), ensure_ascii=False)
