"""The API as a whole: every blueprint, the answers to browsers' preflights, and one shape for Chalice's own errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from chalice.app import Chalice, Response

from chalicelib.observability import about, log_failure
from chalicelib.routes import (
    approval_links,
    approvals,
    audit,
    authentication,
    clusters,
    configurations,
    console,
    delegations,
    deploy_rules,
    deployments,
    health,
    hooks,
    issuers,
    line,
    modules,
    nodes,
    signing_keys,
    users,
    webhooks,
)
from chalicelib.routes.edge import Edge
from chalicelib.routes.endpoint import problem_response, serving
from chalicelib.routes.parameters import correlation_id
from chalicelib.routes.problems import kind_of_status, problem
from chalicelib.routes.response_headers import preflight_headers, security_headers

NOUNS = (
    *(
        authentication,
        users,
        issuers,
        modules,
        configurations,
        signing_keys,
        deployments,
        approvals,
        delegations,
        approval_links,
        line,
        clusters,
        nodes,
        audit,
    ),
    *(hooks, webhooks, deploy_rules),
    health,
    console,
)


def add_routes(app: Chalice, edge: Callable[[], Edge]) -> None:
    """Serve the whole API from `app`. `edge` is asked for at each request, so nothing is made on import."""
    app.register_middleware(partial(_serve, edge), "http")
    for noun in NOUNS:
        app.register_blueprint(noun.bp)
    for path, methods in list(app.routes.items()):
        _answer_preflights(app, edge, path, ",".join(sorted(methods)))


def _answer_preflights(app: Any, edge: Callable[[], Edge], path: str, methods: str) -> None:
    def preflight(**_path: str) -> Response:
        event = app.current_request.to_original_event()
        allowed = preflight_headers(event, edge().origins, f"{methods},OPTIONS")
        return Response(body="", status_code=int(HTTPStatus.NO_CONTENT), headers={**security_headers(), **allowed})

    preflight.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # Chalice reads it
    app.route(path, methods=["OPTIONS"])(preflight)


def _serve(edge: Callable[[], Edge], request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Around every request: what views are served with, and one shape for what Chalice answers by itself."""
    event = {} if request is None else request.to_original_event()
    asked_in = (event.get("requestContext") or {}).get("requestId")
    try:
        with about(requestId=asked_in, correlationId=correlation_id(event) or asked_in), serving(event, edge()):
            response = get_response(request)
    except Exception as error:  # noqa: BLE001 (a caller always gets an answer)
        log_failure("not_served", error, path=event.get("path"))
        return _own_problem(event, int(HTTPStatus.INTERNAL_SERVER_ERROR), "Something went wrong on our side.", {})
    body = response.body
    if not isinstance(body, dict) or set(body) != {"Code", "Message"}:
        return response
    allow = {name: str(value) for name, value in response.headers.items() if name == "Allow"}
    return _own_problem(event, response.status_code, str(body["Message"]), allow)


def _own_problem(event: Mapping[str, Any], status: int, detail: str, headers: Mapping[str, str]) -> Response:
    request_id = str((event.get("requestContext") or {}).get("requestId") or uuid4())
    told = problem(kind_of_status(status), detail, instance=str(event.get("path") or ""), request_id=request_id)
    return problem_response(status, told, {**security_headers(), "X-Request-Id": request_id, **headers})
