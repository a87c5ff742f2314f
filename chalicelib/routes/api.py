"""The API as a whole: every noun, the answers to browsers' preflights, and one shape for Chalice's own errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalice.app import Chalice, Response

from chalicelib.observability import about, log_failure
from chalicelib.routes.noun import NOUNS, blueprints

if TYPE_CHECKING:
    from chalicelib.routes.edge import Edge


def add_routes(app: Chalice, edge: Callable[[], Edge], *, as_needed: bool = False) -> None:
    """Serve the whole API from `app`. `edge` is asked for at each request, so nothing is made on import.

    With `as_needed` a noun is imported when the first request for it comes: a cold start pays for the noun it answers,
    and the functions that share the app's file with the API pay for none.
    """
    app.register_middleware(partial(_serve, edge), "http")
    if as_needed:
        app.register_middleware(partial(_add_what_is_asked, app, edge, list(NOUNS)), "http")
    else:
        _add(app, edge, NOUNS)


def _add_what_is_asked(
    app: Any, edge: Callable[[], Edge], missing: list[str], request: Any, get_response: Callable[[Any], Response]
) -> Response:
    asked = request.context["resourcePath"], request.context["httpMethod"]
    # /api/v1/deployments/... is served by `deployments`, as a rule; where that is not so the others are added, too.
    likely = [name for name in missing if name == asked[0].removeprefix("/api/v1/").partition("/")[0]]
    for names in (likely, [name for name in missing if name not in likely]):
        if not _serves(app, *asked):
            _add(app, edge, names)
            missing[:] = [name for name in missing if name not in names]
    return get_response(request)


def _serves(app: Any, path: str, method: str) -> bool:
    return path in app.routes and method in app.routes[path]


def _add(app: Any, edge: Callable[[], Edge], names: Iterable[str]) -> None:
    for noun in blueprints(names):
        app.register_blueprint(noun)
    for path, methods in list(app.routes.items()):
        if "OPTIONS" not in methods:
            _answer_preflights(app, edge, path, ",".join(sorted(methods)))


def _answer_preflights(app: Any, edge: Callable[[], Edge], path: str, methods: str) -> None:
    from chalicelib.routes.response_headers import preflight_headers, security_headers

    def preflight(**_path: str) -> Response:
        event = app.current_request.to_original_event()
        allowed = preflight_headers(event, edge().origins, f"{methods},OPTIONS")
        return Response(body="", status_code=int(HTTPStatus.NO_CONTENT), headers={**security_headers(), **allowed})

    preflight.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # Chalice reads it
    app.route(path, methods=["OPTIONS"])(preflight)


def _serve(edge: Callable[[], Edge], request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Around every request: what views are served with, and one shape for what Chalice answers by itself."""
    from chalicelib.routes.endpoint import serving
    from chalicelib.routes.parameters import correlation_id

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
    from chalicelib.routes.endpoint import problem_response
    from chalicelib.routes.problems import kind_of_status, problem
    from chalicelib.routes.response_headers import security_headers

    request_id = str((event.get("requestContext") or {}).get("requestId") or uuid4())
    told = problem(kind_of_status(status), detail, instance=str(event.get("path") or ""), request_id=request_id)
    return problem_response(status, told, {**security_headers(), "X-Request-Id": request_id, **headers})
