"""Whether an installation works, from outside: `python -m infra.smoke URL`.

Without credentials it asks what anybody may. With HOTSWAP_USER and HOTSWAP_PASSWORD (an administrator's) it also
registers a tiny version, uploads it and deploys it to Development, and looks that the state machine read it: a link to
S3, an execution, a task's answer and the timeline were needed for that.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.local.api_client import ApiClient, ApiError, upload

MODULE = "hotswap-smoke"
ENDS = ("Completed", "RolledBack", "RollbackFailed", "Failed", "Rejected", "Expired", "Cancelled", "Superseded")
WAIT_S = 180
TIMEOUT_S = 30
_EPOCH = (1980, 1, 1, 0, 0, 0)


class NotAsPromised(Exception):
    """The installation does something else than it should; says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers by their small name, body."""

    status: int
    headers: dict[str, str]
    body: str


def ask(url: str, method: str = "GET", body: object = None) -> Answer:
    """One request without credentials."""
    data = None if body is None else json.dumps(body).encode()
    headers = {} if data is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 (checked in main)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            return Answer(response.status, _small(response.headers.items()), response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, _small(error.headers.items()), error.read().decode())


def checks(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """What anybody may ask, each with its name."""

    def is_well() -> None:
        answer = ask(f"{url}/health")
        _expect(answer.status == 200 and json.loads(answer.body)["status"] == "ok", answer)

    def keys_are_shown() -> None:
        answer = ask(f"{url}/.well-known/jwks.json")
        _expect(answer.status == 200 and len(json.loads(answer.body)["keys"]) >= 1, answer)

    def wrong_password_is_401() -> None:
        told = {"username": "nobody-at-all", "password": "no password of anybody"}
        _is_problem(ask(f"{url}/api/v1/authentication/login", "POST", told), 401)

    def no_token_is_401() -> None:
        _is_problem(ask(f"{url}/api/v1/deployments"), 401)

    def gateway_answers_in_our_shape() -> None:
        _is_problem(ask(f"{url}/no/such/path"), 403)

    yield "the table can be reached", is_well
    yield "signing keys were made and are shown", keys_are_shown
    yield "a wrong password is refused", wrong_password_is_401
    yield "a call without a token is refused", no_token_is_401
    yield "the gateway's own errors have our shape", gateway_answers_in_our_shape


def deploys(client: ApiClient, *, sleep: Callable[[float], None] = time.sleep) -> str:
    """Deploy a version that nobody has yet, and return how it ended.

    Raises:
        NotAsPromised: it did not end, or its bytes were not read.
    """
    version = f"0.0.{int(time.time())}"
    content = artifact(version)
    body = {"version": version, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}
    upload(client.post(f"/api/v1/modules/{MODULE}/versions", body)["uploadUrl"], content)
    request = {"moduleName": MODULE, "version": version, "targetEnvironment": "Development"}
    execution = client.post("/api/v1/deployments", request)["executionId"]
    for _ in range(WAIT_S):
        found = client.get(f"/api/v1/deployments/{execution}")
        if found["status"] in ENDS:
            build = next((stage["status"] for stage in found["stages"] if stage["name"] == "Build"), "missing")
            if build != "Succeeded":
                raise NotAsPromised(f"{execution}: Build {build}; {found.get('error')}")
            return f"{execution} {found['status']}: {found.get('error') or 'no error'}"
        sleep(1)
    raise NotAsPromised(f"{execution} is {found['status']} after {WAIT_S} s")


def artifact(version: str) -> bytes:
    """A module that would answer its health check for ever, as a zip."""
    manifest = {"name": MODULE, "version": version, "command": ["true"], "healthPath": "/health"}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("hotswap.json", _EPOCH), json.dumps(manifest))
    return content.getvalue()


def run(url: str, *, username: str = "", password: str = "", say: Callable[[str], None] = print) -> int:
    """The number of checks that failed."""
    failed = 0
    for name, check in checks(url):
        failed += _told(name, check, say)
    if not username:
        say("skipped: a deployment (HOTSWAP_USER and HOTSWAP_PASSWORD are not set)")
        return failed

    def deployment() -> None:
        client = ApiClient(base_url=url, username=username, password=password).log_in()
        say(f"        {deploys(client)}")

    return failed + _told("a deployment goes through the state machine", deployment, say)


def _told(name: str, check: Callable[[], None], say: Callable[[str], None]) -> int:
    try:
        check()
    except (NotAsPromised, ApiError, OSError, KeyError, ValueError) as error:
        say(f"FAILED  {name}: {error}")
        return 1
    say(f"ok      {name}")
    return 0


def _expect(holds: bool, answer: Answer) -> None:
    if not holds:
        raise NotAsPromised(f"{answer.status} {answer.body[:300]}")


def _is_problem(answer: Answer, status: int) -> None:
    _expect(answer.status == status, answer)
    _expect(answer.headers.get("content-type", "").startswith("application/problem+json"), answer)
    _expect({"type", "title", "status", "detail", "instance", "requestId"} <= set(json.loads(answer.body)), answer)
    _expect("strict-transport-security" in answer.headers, answer)


def _small(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def main(arguments: list[str]) -> int:
    """0 when everything is as promised."""
    if len(arguments) != 1 or urlsplit(arguments[0]).scheme not in ("http", "https"):
        print("usage: python -m infra.smoke https://….execute-api.….amazonaws.com/api", file=sys.stderr)
        return 2
    user, password = os.environ.get("HOTSWAP_USER", ""), os.environ.get("HOTSWAP_PASSWORD", "")
    return 1 if run(arguments[0].rstrip("/"), username=user, password=password) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
