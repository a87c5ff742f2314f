"""Is it up, what is it, and how is it called?"""

from __future__ import annotations

import functools
import json

from chalicelib.domain.environment import Environment
from chalicelib.observability import log_failure
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.validation import Answered
from chalicelib.usecases.policies import current_policy

bp = Noun(__name__)

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>HotSwap</title>
<h1>HotSwap</h1>
<p>Puts a new version onto a live fleet a little at a time, and takes it back when it is worse.</p>
<ul>
<li><a href="/openapi.json">The API</a>, under /api/v1</li>
<li><a href="/health">Health</a></li>
</ul>
</html>
"""


class HealthBody(Answered):
    """Whether calls can be answered; each check is `ok` or `unavailable`."""

    status: str
    version: str
    stage: str
    checks: dict[str, str]


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
    checks = {"table": _table(call)}
    is_well = all(outcome == "ok" for outcome in checks.values())
    status = "ok" if is_well else "unavailable"
    body = HealthBody(status=status, version=call.edge.version, stage=call.edge.stage, checks=checks)
    return Answer(body=body, status=200 if is_well else 503)


@endpoint(bp, "/openapi.json", "GET", action=None, summary="This description")
def get_openapi(_call: Call) -> Answer:
    return Answer(body=_description())


@endpoint(bp, "/", "GET", action=None, summary="A page for people", media_type="text/html; charset=utf-8")
def get_page(_call: Call) -> Answer:
    return Answer(body=PAGE)


def _table(call: Call) -> str:
    try:
        current_policy(Environment.DEVELOPMENT, ports=call.edge.ports)
    except Exception as error:  # noqa: BLE001 (whatever it is, the answer is that it cannot be reached)
        log_failure("health_check_failed", error, requestId=call.request_id, check="table")
        return "unavailable"
    return "ok"


@functools.cache
def _description() -> str:
    from chalicelib.routes.openapi import describe

    return json.dumps(describe(), ensure_ascii=False)
