"""The three calls a node makes: enrol, heartbeat, download."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from kernel.artifact import trust_roots_from
from kernel.messages import Answer, ProtocolError, parse_answer
from kernel.reasons import OrderError, Reason
from kernel.state import Identity

CALL_LIMIT_S = 10.0
DOWNLOAD_LIMIT_S = 300.0
# The report itself is refused; sent again unchanged it would be refused for ever.
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})


class ControlPlaneError(Exception):
    """A call did not succeed."""


class AwayError(ControlPlaneError):
    """No usable answer; the same call may succeed later."""


class RevokedError(ControlPlaneError):
    """The token or credential does not count (any more)."""


class ReportRefusedError(ControlPlaneError):
    """The control plane will never accept this report."""


class ControlPlane:
    """Speaks the node protocol. Holds connections; close it at the end."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Give the connections back."""
        await self._session.close()

    async def enrol(self, *, token: str, name: str, address: str, labels: Mapping[str, str], nonce: str) -> Identity:
        """Exchange a one-time token for an identity. The same token and nonce again give another credential for it.

        Raises:
            RevokedError: the token is unknown, used or expired.
            AwayError: no usable answer.
        """
        body = {"token": token, "name": name, "address": address, "kind": "kernel", "labels": dict(labels)}
        body["nonce"] = nonce
        status, answer = await self._post("/api/v1/nodes/enrol", json=body)
        if status != HTTPStatus.CREATED:
            raise AwayError(f"enrol was answered {status}")
        try:
            identity = Identity(
                node_id=str(answer["nodeId"]),
                environment=str(answer["environment"]),
                credential=str(answer["credential"]),
                trust_roots=tuple(answer["trustRoots"]),
                heartbeat_ms=int(answer["heartbeatMs"]),
            )
            trust_roots_from(identity.trust_roots)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AwayError(f"enrol was answered with something else: {error!r}") from error
        return identity

    async def heartbeat(self, identity: Identity, report: bytes, *, correlation_id: str = "") -> Answer:
        """Send one report, and what the order belonged to whose end it tells; return what the node should run.

        Raises:
            RevokedError, ReportRefusedError, AwayError.
        """
        headers = {"Authorization": f"Bearer {identity.credential}", "Content-Type": "application/json"}
        if correlation_id:
            headers["X-Correlation-Id"] = correlation_id
        path = f"/api/v1/nodes/{identity.node_id}/heartbeat"
        status, answer = await self._post(path, data=report, headers=headers)
        if status in _REFUSALS:
            raise ReportRefusedError(f"the report was answered {status}")
        if status != HTTPStatus.OK:
            raise AwayError(f"the report was answered {status}")
        try:
            return parse_answer(answer)
        except ProtocolError as error:
            raise AwayError(str(error)) from error

    async def download(self, url: str, *, size: int) -> bytes:
        """The bytes behind a link, of which not more than `size` are read.

        Raises:
            OrderError: ARTIFACT_MISSING, ARTIFACT_SIZE_MISMATCH or DOWNLOAD_FAILED.
        """
        limit = aiohttp.ClientTimeout(total=DOWNLOAD_LIMIT_S, sock_connect=CALL_LIMIT_S, sock_read=CALL_LIMIT_S)
        try:
            # A signed link is only right byte for byte, so nothing in it may be quoted again.
            async with self._session.get(URL(url, encoded=True), timeout=limit, max_redirects=3) as answer:
                if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                    raise OrderError(Reason.ARTIFACT_MISSING, f"the link was answered {answer.status}")
                if answer.status != HTTPStatus.OK:
                    raise OrderError(Reason.DOWNLOAD_FAILED, f"the link was answered {answer.status}")
                return await _at_most(answer, size)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise OrderError(Reason.DOWNLOAD_FAILED, f"the link could not be read: {type(error).__name__}") from error

    # Any: an answer is read field by field by the caller, who treats whatever is wrong with it as no answer.
    async def _post(self, path: str, **content: object) -> tuple[int, Any]:
        limit = aiohttp.ClientTimeout(total=CALL_LIMIT_S)
        try:
            async with self._session.post(self._url + path, timeout=limit, **content) as answer:  # type: ignore[arg-type]
                if answer.status == HTTPStatus.UNAUTHORIZED:
                    raise RevokedError(f"{path} was answered 401")
                usable = answer.status in (HTTPStatus.OK, HTTPStatus.CREATED)
                return answer.status, await answer.json(content_type=None) if usable else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise AwayError(f"{path}: {type(error).__name__}") from error


async def _at_most(answer: aiohttp.ClientResponse, size: int) -> bytes:
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > size:
            raise OrderError(Reason.ARTIFACT_SIZE_MISMATCH, f"more than the signed {size} bytes")
    return bytes(data)
