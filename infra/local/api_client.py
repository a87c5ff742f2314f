"""A plain HTTP client of the API for the programs in this folder: standard library only, one call a line."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 30


class ApiError(RuntimeError):
    """The API answered with a problem."""

    def __init__(self, method: str, path: str, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        super().__init__(f"{method} {path}: {status} {problem.get('detail', problem)}")


@dataclass(kw_only=True)
class ApiClient:
    """Calls as one user. `log_in` first."""

    base_url: str
    username: str = ""
    password: str = ""
    token: str = ""

    def log_in(self) -> ApiClient:
        """Exchange username and password for a token, and return self."""
        answer = self.post("/api/v1/authentication/login", {"username": self.username, "password": self.password})
        self.token = answer["accessToken"]
        return self

    def get(self, path: str) -> Any:
        """The JSON answer.

        Raises:
            ApiError: any status of 400 or above.
        """
        return self._call("GET", path, None)

    def post(self, path: str, body: Any = None, *, idempotency_key: str = "") -> Any:
        """The JSON answer; every POST carries an Idempotency-Key of its own, unless one is given."""
        return self._call("POST", path, {} if body is None else body, idempotency_key or secrets.token_hex(16))

    def put(self, path: str, body: Any) -> Any:
        """The JSON answer."""
        return self._call("PUT", path, body)

    def _call(self, method: str, path: str, body: Any, idempotency_key: str = "") -> Any:
        answer = self._send(method, path, body, idempotency_key)
        if answer.status == 401 and self.username and "/authentication/" not in path:
            self.log_in()  # access tokens are short-lived, and this program may run for days
            answer = self._send(method, path, body, idempotency_key)
        if answer.status >= 400:
            raise ApiError(method, path, answer.status, answer.body)
        return answer.body

    def _send(self, method: str, path: str, body: Any, idempotency_key: str) -> _Answer:
        headers = {"Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, data=data, method=method, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 (loopback, our own URL)
                return _Answer(response.status, json.loads(response.read() or b"{}"))
        except urllib.error.HTTPError as error:
            return _Answer(error.code, _problem(error.read()))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any


def _problem(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = {"detail": content.decode(errors="replace")[:200]}
    return found if isinstance(found, dict) else {"detail": str(found)}


def upload(url: str, content: bytes) -> None:
    """PUT bytes to an upload link. The content type matters: the emulator stores nothing for a form."""
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=content, method="PUT", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 (the link the API gave)
        response.read()
