"""The API as a whole: every blueprint, the answers to browsers' preflights, and one shape for Chalice's own errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from chalice.app import Chalice, Response

from chalicelib.routes import (
    approvals,
    audit,
    authentication,
    clusters,
    deployments,
    health,
    modules,
    nodes,
    signing_keys,
)
from chalicelib.routes.edge import Edge
from chalicelib.routes.endpoint import Spec, problem_response
from chalicelib.routes.problems import kind_of_status, problem
from chalicelib.routes.response_headers import preflight_headers, security_headers

NOUNS = (authentication, modules, signing_keys, deployments, approvals, clusters, nodes, audit, health)


def add_routes(app: Chalice, edge: Callable[[], Edge]) -> None:
    """Serve the whole API from `app`. `edge` is asked for at each request, so nothing is made on import."""
    served: Any = app
    served.edge = edge
    app.register_middleware(_own_shape, "http")
    for noun in NOUNS:
        app.register_blueprint(noun.bp)
    for path, methods in list(app.routes.items()):
        _answer_preflights(app, path, ",".join(sorted(methods)))


def specs(app: Chalice) -> tuple[Spec, ...]:
    """What every route of the app promises, by path and method."""
    views = [entry.view_function for methods in app.routes.values() for entry in methods.values()]
    found = [view.spec for view in views if hasattr(view, "spec")]
    return tuple(sorted(found, key=lambda spec: (spec.path, spec.method)))


def _answer_preflights(app: Any, path: str, methods: str) -> None:
    def preflight(**_path: str) -> Response:
        event = app.current_request.to_original_event()
        allowed = preflight_headers(event, app.edge().origins, f"{methods},OPTIONS")
        return Response(body="", status_code=int(HTTPStatus.NO_CONTENT), headers={**security_headers(), **allowed})

    preflight.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # Chalice reads it
    app.route(path, methods=["OPTIONS"])(preflight)


def _own_shape(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Turn what Chalice answers by itself ({"Code", "Message"}) into a problem; leave our own answers alone."""
    response = get_response(request)
    body = response.body
    if not isinstance(body, dict) or set(body) != {"Code", "Message"}:
        return response
    event = {} if request is None else request.to_original_event()
    request_id = str((event.get("requestContext") or {}).get("requestId") or uuid4())
    kind = kind_of_status(response.status_code)
    told = problem(kind, str(body["Message"]), instance=str(event.get("path") or ""), request_id=request_id)
    headers = {**security_headers(), "X-Request-Id": request_id}
    allow = {name: value for name, value in response.headers.items() if name == "Allow" and isinstance(value, str)}
    return problem_response(response.status_code, told, {**headers, **allow})
