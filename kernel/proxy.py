"""The node's one port: the first path segment names the module, the rest goes to its active version."""

import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from kernel.child import Child
from kernel.messages import Json
from kernel.resident import Resident

# A body up to this size is read whole: cheaper, and it can be sent to another child when none of it was sent yet.
WHOLE_BODY_BYTES = 64 * 1024
# They belong to one connection, not to the request (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


class _NothingSentError(Exception):
    """The child could not be connected to, so it knows nothing of the request."""


class _CallerError(Exception):
    """The request ended early or cannot be passed on; nobody's fault but the caller's, so it is counted nowhere."""


class Proxy:
    """Handles every request to the node's port.

    Args:
        active: the version that serves a module now, or None.
        describe: what a GET of `/` answers.
    """

    def __init__(self, *, active: Callable[[str], Resident | None], describe: Callable[[], Json]) -> None:
        self._active, self._describe = active, describe

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.raw_path
        if not path.startswith("/"):
            return problem(HTTPStatus.BAD_REQUEST, "BadTarget", "the request target must begin with /", path)
        if path.partition("?")[0] == "/":
            return web.json_response(self._describe())
        module, rest = split(path)
        started = time.perf_counter()
        try:
            return await self._to_module(request, module, rest, started)
        except _CallerError:
            return problem(HTTPStatus.BAD_REQUEST, "BadRequest", "the request cannot be passed on", path)

    async def _to_module(self, request: web.BaseRequest, module: str, rest: str, started: float) -> web.StreamResponse:
        body = await _body(request)
        while (resident := self._active(module)) is not None:
            with resident.serving():
                try:
                    response, failed = await _exchange(request, resident.child, rest, body)
                except _NothingSentError:
                    if self._active(module) is not resident:
                        continue  # replaced at this very moment: the new one has not seen the request
                    response, failed = _down(request, module), True
                latency_us = int((time.perf_counter() - started) * 1_000_000)
                resident.meter.answered(latency_us=latency_us, failed=failed)
                return response
        return problem(HTTPStatus.NOT_FOUND, "ModuleNotFound", f"this node runs no {module[:64]}", request.raw_path)


def split(path: str) -> tuple[str, str]:
    """The module a path names, and the path and query its version gets."""
    target, mark, query = path.partition("?")
    module, _, rest = target[1:].partition("/")
    return module, f"/{rest}{mark}{query}"


def problem(status: HTTPStatus, kind: str, detail: str, instance: str) -> web.Response:
    """A problem+json answer of the node itself."""
    return web.json_response(
        {
            "type": f"/problems/{kind}",
            "title": status.phrase,
            "status": int(status),
            "detail": detail,
            "instance": instance.partition("?")[0][:500],
        },
        status=int(status),
        content_type="application/problem+json",
    )


def _down(request: web.BaseRequest, module: str) -> web.Response:
    return problem(HTTPStatus.BAD_GATEWAY, "ModuleDown", f"{module} is not running", request.raw_path)


async def _body(request: web.BaseRequest) -> bytes | None:
    """The whole body when it is short, None when it has to be streamed."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not request.body_exists:
        return b""
    if request.content_length is None or request.content_length > WHOLE_BODY_BYTES:
        return None
    try:
        return await request.content.read(-1)
    except (OSError, aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError) as error:
        raise _CallerError from error


async def _exchange(
    request: web.BaseRequest, child: Child | None, rest: str, body: bytes | None
) -> tuple[web.StreamResponse, bool]:
    """Send the request on and the answer back; says also whether it counts as an error."""
    if child is None:
        raise _NothingSentError
    upload = _Upload(request) if body is None else None
    try:
        async with child.session.request(
            request.method,
            URL(f"http://module{rest}", encoded=True),
            headers=_onward_headers(request),
            data=upload.chunks() if upload else body or None,
            allow_redirects=False,
        ) as answer:
            return await _answer(request, answer)
    except aiohttp.ClientConnectorError as error:
        raise _NothingSentError from error
    except UnicodeError as error:
        raise _CallerError from error
    except TimeoutError:
        return problem(HTTPStatus.GATEWAY_TIMEOUT, "ModuleSilent", "no answer in time", request.raw_path), True
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if upload is not None and upload.broken:
            raise _CallerError from error
        detail = f"the module gave no answer: {type(error).__name__}"
        return problem(HTTPStatus.BAD_GATEWAY, "NoAnswer", detail, request.raw_path), True


class _Upload:
    def __init__(self, request: web.BaseRequest) -> None:
        self._content = request.content
        self.broken = False

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._content.iter_any():
                yield chunk
        except (OSError, aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError):
            self.broken = True
            raise


async def _answer(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> tuple[web.StreamResponse, bool]:
    failed = answer.status >= 500
    headers = _without_hop_by_hop(answer.headers)
    length = answer.content_length
    has_body = request.method != "HEAD" and answer.status not in (204, 304)
    if has_body and length is not None and length <= WHOLE_BODY_BYTES:
        body = await answer.read()
        headers.popall("Content-Length", None)
        return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=body), failed
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    try:
        await response.prepare(request)
    except OSError:
        return response, failed  # the caller is gone; the module did answer
    return response, await _stream(request, answer, response) or failed


async def _stream(request: web.BaseRequest, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> bool:
    """Pass the body on as it comes. True when the module broke off; the caller must see that too."""
    chunks = answer.content.iter_any()
    while True:
        try:
            chunk = await anext(chunks, b"")
        except (aiohttp.ClientError, OSError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
            return True
        try:
            if not chunk:
                await response.write_eof()
                return False
            await response.write(chunk)
        except OSError:
            return False


def _onward_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    headers = _without_hop_by_hop(request.headers)
    if request.remote:
        headers.add("X-Forwarded-For", request.remote)
    headers.setdefault("X-Forwarded-Proto", request.scheme)
    headers.setdefault("X-Forwarded-Host", request.host)
    if request.body_exists and request.content_length is not None:
        headers["Content-Length"] = str(request.content_length)
    return headers


def _without_hop_by_hop(headers: "aiohttp.typedefs.LooseHeaders") -> CIMultiDict[str]:
    kept: CIMultiDict[str] = CIMultiDict(headers)
    named = [name.strip().lower() for value in kept.getall("Connection", []) for name in value.split(",")]
    for name in (*HOP_BY_HOP, *named):
        kept.popall(name, None)
    return kept
