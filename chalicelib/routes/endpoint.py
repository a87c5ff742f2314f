"""The one wrapper around every view: who is calling, may they, is what they sent right, and what are they answered.

It leaves a `Spec` on the wrapped view; OpenAPI and the tests of who may do what are made from it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4

from chalice.app import Response
from pydantic import BaseModel

from chalicelib.domain.access import ANONYMOUS, Action, Caller, require
from chalicelib.domain.errors import DomainError, InvalidInput, NotAuthenticated, TooManyRequests, Violation
from chalicelib.observability import log_failure
from chalicelib.routes import problems
from chalicelib.routes.authenticate import authenticated_callback, authenticated_node, authenticated_user
from chalicelib.routes.edge import Edge
from chalicelib.routes.front_guard import read_json
from chalicelib.routes.limits import REFUSED, limit_of
from chalicelib.routes.noted_refusals import note_refusal
from chalicelib.routes.noun import Noun, blueprints
from chalicelib.routes.parameters import (
    correlation_id,
    idempotency_key,
    if_match,
    path_values,
    query_values,
    source_address,
)
from chalicelib.routes.response_headers import cors_headers, security_headers
from chalicelib.routes.touched import touched_environments
from chalicelib.routes.validation import Answered, Received, validated

MEBIBYTE = 1024 * 1024
Access = Action | Literal["node", "callback"] | None
View = Callable[..., Any]


_serving: ContextVar[tuple[Mapping[str, Any], Edge]] = ContextVar("serving")
_calling: ContextVar[Caller] = ContextVar("calling", default=ANONYMOUS)


@contextmanager
def serving(event: Mapping[str, Any], edge: Edge) -> Iterator[None]:
    """What views called inside are asked, and what they are served with; each thread has its own."""
    token = _serving.set((event, edge))
    try:
        yield
    finally:
        _serving.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that has passed every check, as a view sees it. `credential_hash` is a node's, `if_match` a revision,
    `source` the address the gateway saw it come from."""

    edge: Edge
    caller: Caller
    request_id: str
    source: str = ""
    idempotency_key: str = ""
    credential_hash: str = ""
    if_match: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a view answers when status or headers are not the usual ones."""

    body: BaseModel | str | None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What is promised of one operation. `access` None is public, "node" takes a node's credential, "callback"
    the one-time token of a hook call. `also` are other statuses of success, with the same body."""

    operation_id: str
    method: str
    path: str
    access: Access
    body: type[Received] | None = None
    query: type[Received] | None = None
    response: type[Answered] | None = None
    status: int = HTTPStatus.OK
    also: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()
    summary: str = ""
    tag: str = ""
    max_bytes: int = MEBIBYTE
    is_idempotent_by_key: bool = False
    has_if_match: bool = False
    media_type: str = "application/json"

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names of the path's parameters."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def endpoint(
    bp: Noun,
    path: str,
    method: str,
    *,
    action: Access,
    body: type[Received] | None = None,
    query: type[Received] | None = None,
    response: type[Answered] | None = None,
    status: int = HTTPStatus.OK,
    also: tuple[int, ...] = (),
    errors: tuple[int, ...] = (),
    summary: str,
    max_bytes: int = MEBIBYTE,
    idempotency_key: bool = False,
    if_match: bool = False,
    media_type: str = "application/json",
    described: bool = True,
) -> Callable[[View], View]:
    """Serve a view at `method path`; what is not `described` is no call of the API but a file or page for people.

    The view is called with a `Call`, then by name with `body`, `query` and its path's parameters (snake_case), all of
    them checked. It returns a response model, or an `Answer`; domain errors it raises become problems.
    """

    def register(view: View) -> View:
        spec = Spec(
            operation_id=_camel(view.__name__),
            method=method,
            path=path,
            access=action,
            body=body,
            query=query,
            response=response,
            status=status,
            also=also,
            errors=errors,
            summary=summary,
            tag=view.__module__.rpartition(".")[2],
            max_bytes=max_bytes,
            is_idempotent_by_key=idempotency_key,
            has_if_match=if_match,
            media_type=media_type,
        )

        def served(**_path: str) -> Response:
            # Not the arguments but the event: it is the same on the gateway and here, and has every value.
            return respond(spec, view, *_serving.get())

        names = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in spec.path_names]
        served.__name__ = view.__name__
        served.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]  # Chalice reads it
        served.spec = spec  # type: ignore[attr-defined]
        if described:
            _SPECS.append(spec)
        bp.serve(path, method, served)
        return view

    return register


_SPECS: list[Spec] = []


def all_specs() -> tuple[Spec, ...]:
    """What every view promises, by path and method."""
    blueprints()  # a view declares itself when its noun is imported
    return tuple(sorted(_SPECS, key=lambda spec: (spec.path, spec.method)))


def respond(spec: Spec, view: View, event: Mapping[str, Any], edge: Edge) -> Response:
    """The whole way of one request; never raises."""
    context = event.get("requestContext") or {}
    request_id = str(context.get("requestId") or uuid4())
    own: dict[str, str] = {}
    _calling.set(ANONYMOUS)
    try:
        answer = _answer(spec, view, event, edge, request_id, own)
        return _success(spec, answer, {**_headers(event, edge, request_id), **own})
    except DomainError as raised:
        error = _limited(spec, raised, event, edge)
        status, body = problems.problem_of(error, instance=_path(event), request_id=request_id)
        own |= problems.headers_of(error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log_failure("request_failed", error, requestId=request_id, route=spec.path, method=spec.method)
        elif spec.method != "GET":
            note_refusal(error, spec.operation_id, event, _calling.get(), request_id=request_id, edge=edge)
    except Exception as error:  # noqa: BLE001 (a caller always gets an answer)
        # The caller is told nothing of the inside; whoever reads the log finds it by the request id.
        log_failure("request_broke", error, requestId=request_id, route=spec.path, method=spec.method)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        detail = "Something went wrong on our side."
        body = problems.problem(problems.INTERNAL_ERROR, detail, instance=_path(event), request_id=request_id)
    return problem_response(status, body, {**_headers(event, edge, request_id), **own})


def problem_response(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """A problem body with the headers that belong to its status."""
    own = {"Content-Type": problems.MEDIA_TYPE}
    if status == HTTPStatus.UNAUTHORIZED:
        own["WWW-Authenticate"] = "Bearer"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        own["Retry-After"] = headers.get("Retry-After", "1")
    return Response(body=dict(body), status_code=int(status), headers={**headers, **own})


def _answer(
    spec: Spec, view: View, event: Mapping[str, Any], edge: Edge, request_id: str, headers: dict[str, str]
) -> Any:
    """What the view answers; `headers` gets what the answer must carry besides, whatever it is."""
    caller, credential_hash = _caller(spec, event, edge)
    limit, now = limit_of(spec.operation_id, spec.method, spec.access), edge.ports.clock.machine_ms()
    headers |= edge.limits.take(limit, caller, source_address(event), now_ms=now)
    if isinstance(spec.access, Action):
        require(caller, spec.access)  # where it happens is asked once the request has been read
    path, violations = path_values(spec.path_names, event.get("pathParameters") or {})
    given: dict[str, Any] = dict(path)
    key, bad_key = idempotency_key(event) if spec.is_idempotent_by_key else ("", ())
    revision, bad_revision = if_match(event) if spec.has_if_match else (None, ())
    violations = (*violations, *bad_key, *bad_revision, *_query(spec, event, given))
    if spec.body is not None:
        given["body"] = validated(spec.body, read_json(event, max_bytes=spec.max_bytes), also=violations)
    elif violations:
        raise InvalidInput(*violations)
    if isinstance(spec.access, Action):
        require(caller, spec.access, *touched_environments(spec.access, given, ports=edge.ports))
    call = Call(
        edge=edge,
        caller=caller if caller is ANONYMOUS else _asking(caller, event, request_id),
        request_id=request_id,
        source=source_address(event),
        idempotency_key=key,
        credential_hash=credential_hash,
        if_match=revision,
    )
    return view(call, **given)


def _asking(caller: Caller, event: Mapping[str, Any], request_id: str) -> Caller:
    return replace(caller, request_id=request_id, correlation_id=correlation_id(event) or request_id)


def _query(spec: Spec, event: Mapping[str, Any], given: dict[str, Any]) -> tuple[Violation, ...]:
    values, violations = query_values(event.get("multiValueQueryStringParameters") or {})
    try:
        query = validated(spec.query or Received, values, also=violations)
    except InvalidInput as error:
        return error.violations
    if spec.query is not None:
        given["query"] = query
    return ()


def _caller(spec: Spec, event: Mapping[str, Any], edge: Edge) -> tuple[Caller, str]:
    if spec.access is None:
        return ANONYMOUS, ""
    if spec.access == "node":
        return authenticated_node(event, (event.get("pathParameters") or {}).get("nodeId", ""))
    if spec.access == "callback":
        return authenticated_callback(event)
    caller = authenticated_user(event, edge)
    _calling.set(caller)
    return caller, ""


def _limited(spec: Spec, error: DomainError, event: Mapping[str, Any], edge: Edge) -> DomainError:
    """The error, or that there were too many of its kind: who is refused again and again is guessing."""
    if spec.access == "node" or not isinstance(error, NotAuthenticated):
        return error
    try:
        edge.limits.take(REFUSED, ANONYMOUS, source_address(event), now_ms=edge.ports.clock.machine_ms())
    except TooManyRequests as limited:
        return limited
    return error


def _success(spec: Spec, answer: Any, headers: Mapping[str, str]) -> Response:
    made = answer if isinstance(answer, Answer) else Answer(body=answer)
    body = made.body.model_dump_json() if isinstance(made.body, BaseModel) else made.body or ""
    own = {"Content-Type": spec.media_type, **made.headers} if body else dict(made.headers)
    return Response(body=body, status_code=int(made.status or spec.status), headers={**headers, **own})


def _headers(event: Mapping[str, Any], edge: Edge, request_id: str) -> dict[str, str]:
    return {**security_headers(), **cors_headers(event, edge.origins), "X-Request-Id": request_id}


def _path(event: Mapping[str, Any]) -> str:
    return str(event.get("path") or "")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
