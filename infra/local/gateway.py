"""API Gateway on this machine: an HTTP request becomes a full REST proxy event for a Chalice app, and back."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from chalicelib.routes.problems import MEDIA_TYPE, kind_of_status, problem
from chalicelib.routes.response_headers import security_headers
from infra.local.repairs.lambda_functions import LocalContext
from infra.resources import COMPRESSED_FROM_BYTES

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_HEADER_BYTES = 10_240
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "proxy-connection"}

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came over the wire; `target` is path and query, still encoded."""

    method: str
    target: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response as it goes over the wire."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayError:
    """An error the gateway itself answers; the app never sees the request."""

    status: int
    detail: str
    path: str
    request_id: str


AroundRequest = Callable[[Mapping[str, Any], Callable[[], Any]], Any]
ErrorRenderer = Callable[[GatewayError], tuple[Mapping[str, str], bytes]]


def problem_json(error: GatewayError) -> tuple[Mapping[str, str], bytes]:
    """The shape and the headers of the app's own errors (RFC 9457), as the deployed gateway is told to answer."""
    body = problem(kind_of_status(error.status), error.detail, instance=error.path, request_id=error.request_id)
    headers = {**security_headers(), "Content-Type": MEDIA_TYPE, "X-Request-Id": error.request_id}
    return headers, json.dumps(body).encode()


def gateway_message(error: GatewayError) -> tuple[Mapping[str, str], bytes]:
    """The shape of a gateway without gateway responses of its own."""
    return {"Content-Type": "application/json"}, json.dumps({"message": error.detail}).encode()


class Gateway:
    """Serves a Chalice app to any number of threads.

    Routes match as in API Gateway: a fixed segment wins over a parameter; an unknown path, and a known one with another
    method, is 403. What the gateway answers itself looks as `render_error` says.

    Nothing stands round the app until somebody sets `around(event, proceed)`, who must return what `proceed()` does.
    """

    def __init__(self, app: Any, *, render_error: ErrorRenderer = problem_json, stage: str = "api") -> None:
        self.around: AroundRequest | None = None
        self._app = app
        self._render_error = render_error
        self._stage = stage
        self._routes = sorted(((tuple(_segments(path)), path) for path in app.routes), key=_parameters_last)
        make_thread_safe(app)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Never raises."""
        request_id = str(uuid.uuid4())
        try:
            response = self._answer(request, request_id)
        except Exception:  # noqa: BLE001 (a client always gets an answer)
            _log.exception("the app broke the contract with its gateway")
            response = self._refuse(request, request_id, 502, "Internal server error")
        named = HttpResponse(
            status=response.status,
            headers=[*response.headers, ("x-amzn-RequestId", request_id)],
            body=response.body,
        )
        return _compressed(named) if _takes_gzip(request) else named

    def refuse(self, status: int, detail: str) -> HttpResponse:
        """The error for a request that could not even be read."""
        return self._refuse(HttpRequest(method="", target=""), str(uuid.uuid4()), status, detail)

    def _answer(self, request: HttpRequest, request_id: str) -> HttpResponse:
        if len(request.body) > MAX_BODY_BYTES:
            return self._refuse(request, request_id, 413, "Request Too Long")
        if sum(len(name) + len(value) for name, value in request.headers) > MAX_HEADER_BYTES:
            return self._refuse(request, request_id, 431, "Request header fields too large")
        matched = self._match(urlsplit("//host" + request.target).path)
        if matched is None:
            return self._refuse(request, request_id, 403, "Missing Authentication Token")
        resource, parameters = matched
        methods = self._app.routes[resource]
        if request.method not in methods:
            if request.method == "OPTIONS" and any(entry.cors for entry in methods.values()):
                return _preflight(methods)
            return self._refuse(request, request_id, 403, "Missing Authentication Token")
        event = self._event(request, request_id, resource, parameters)
        context = LocalContext(function_name="api", invoked_function_arn="", timeout_s=29.0)
        if self.around is not None:
            return _from_proxy_answer(self.around(event, lambda: self._app(event, context)))
        return _from_proxy_answer(self._app(event, context))

    def _refuse(self, request: HttpRequest, request_id: str, status: int, detail: str) -> HttpResponse:
        path = request.target.split("?", 1)[0]
        error = GatewayError(status=status, detail=detail, path=path, request_id=request_id)
        headers, body = self._render_error(error)
        return HttpResponse(status=status, headers=list(headers.items()), body=body)

    def _match(self, path: str) -> tuple[str, dict[str, str] | None] | None:
        segments = _segments(path)
        for pattern, resource in self._routes:
            parameters = _match_segments(pattern, segments)
            if parameters is not None:
                return resource, parameters or None
        return None

    def _event(
        self, request: HttpRequest, request_id: str, resource: str, parameters: dict[str, str] | None
    ) -> dict[str, Any]:
        parts = urlsplit("//host" + request.target)
        headers = [*request.headers, ("X-Forwarded-For", request.source_ip), ("X-Forwarded-Proto", "http")]
        query = _grouped(parse_qsl(parts.query, keep_blank_values=True))
        body, is_base64 = self._body(request)
        return {
            "resource": resource,
            "path": parts.path,
            "httpMethod": request.method,
            "headers": dict(headers),
            "multiValueHeaders": _grouped(headers),
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": parameters,
            "stageVariables": None,
            "requestContext": {
                "requestId": request_id,
                "resourcePath": resource,
                "path": f"/{self._stage}{parts.path}",
                "httpMethod": request.method,
                "stage": self._stage,
                "protocol": "HTTP/1.1",
                "accountId": "123456789012",
                "apiId": "local",
                "identity": {
                    "sourceIp": request.source_ip,
                    "userAgent": next((v for k, v in request.headers if k.lower() == "user-agent"), ""),
                },
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }

    def _body(self, request: HttpRequest) -> tuple[str | None, bool]:
        if not request.body:
            return None, False
        kind = next((v for k, v in request.headers if k.lower() == "content-type"), "").split(";")[0].strip().lower()
        binary = {str(known).lower() for known in self._app.api.binary_types}
        if kind in binary or "*/*" in binary:
            return base64.b64encode(request.body).decode("ascii"), True
        return request.body.decode("utf-8", errors="replace"), False


def make_thread_safe(app: Any) -> None:
    """Give each thread its own `current_request` and `lambda_context`; plain Chalice mixes them up."""
    if getattr(type(app), "keeps_requests_apart", False):
        return
    app.__class__ = type("ThreadSafe" + type(app).__name__, (_PerThread, type(app)), {"keeps_requests_apart": True})


class _PerThread:
    _of_thread = threading.local()

    @property
    def current_request(self) -> Any:
        return getattr(self._of_thread, "request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._of_thread.request = value

    @property
    def lambda_context(self) -> Any:
        return getattr(self._of_thread, "context", None)

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        self._of_thread.context = value


def _segments(path: str) -> list[str]:
    return [] if path in {"", "/"} else path.removesuffix("/").removeprefix("/").split("/")


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _parameters_last(route: tuple[tuple[str, ...], str]) -> list[int]:
    return [2 if segment.endswith("+}") else int(_is_parameter(segment)) for segment in route[0]]


def _match_segments(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    """The decoded path parameters, or None when the path is another one. A parameter is never empty."""
    parameters = {}
    for position, expected in enumerate(pattern):
        if expected.endswith("+}") and _is_parameter(expected) and len(segments) > position:
            parameters[expected[1:-2]] = unquote("/".join(segments[position:]))
            return parameters
        if position >= len(segments):
            return None
        found = segments[position]
        if _is_parameter(expected) and found:
            parameters[expected[1:-1]] = unquote(found)
        elif expected != found:
            return None
    return parameters if len(pattern) == len(segments) else None


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _preflight(methods: Mapping[str, Any]) -> HttpResponse:
    allowed = [name for name, entry in methods.items() if entry.cors]
    headers = dict(methods[allowed[0]].cors.get_access_control_headers())
    headers["Access-Control-Allow-Methods"] = ",".join([*allowed, "OPTIONS"])
    return HttpResponse(status=200, headers=list(headers.items()))


def _takes_gzip(request: HttpRequest) -> bool:
    accepted = ",".join(value for name, value in request.headers if name.lower() == "accept-encoding")
    return any(each.strip().split(";")[0] in ("gzip", "*") for each in accepted.lower().split(","))


def _compressed(response: HttpResponse) -> HttpResponse:
    if len(response.body) < COMPRESSED_FROM_BYTES:
        return response
    headers = [*response.headers, ("Content-Encoding", "gzip")]
    return HttpResponse(status=response.status, headers=headers, body=gzip.compress(response.body, 6, mtime=0))


def _from_proxy_answer(answer: Mapping[str, Any]) -> HttpResponse:
    headers: Headers = []
    many = answer.get("multiValueHeaders") or {}
    for name, value in (answer.get("headers") or {}).items():
        if name not in many:
            headers.append((name, str(value)))
    for name, values in many.items():
        headers.extend((name, str(value)) for value in values)
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode("utf-8")
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
    return HttpResponse(status=int(answer["statusCode"]), headers=kept, body=content)
