"""The API in memory: the same app and gateway as the server's, over fakes."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.domain.access import Role
from chalicelib.domain.approval_link import ApprovalLink
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.seal import MasterKey
from chalicelib.routes.api import add_routes
from chalicelib.routes.edge import Edge, Patience
from chalicelib.usecases.create_user import create_user
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.ports import Ports
from infra.local.gateway import HttpResponse
from infra.local.http_server import LocalHttp
from tests.canaries import PASSWORD, planted
from tests.fakes import FakeAuditKeys, FakeClock, FakeStore, fake_ports
from tests.usecases.identity import FakeIdTokens

USERS = {"vic": Role.VIEWER, "dana": Role.DEPLOYER, "amal": Role.APPROVER, "ada": Role.ADMIN}


def quick_hash(password: str) -> str:
    """Not slow, but a hash: a password must not be found in the table, not even in tests."""
    return "sha256:" + hashlib.sha256(password.encode()).hexdigest()


class QuickPasswords:
    """Hashes that cost nothing; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def hash(self, password: str) -> str:
        return quick_hash(password)

    def verify(self, password: str, stored: str | None) -> bool:
        self.asked.append(stored)
        return stored == quick_hash(password)

    def is_outdated(self, stored: str) -> bool:
        return False

    def is_common(self, password: str) -> bool:
        return password.startswith("password")


@dataclass(frozen=True)
class PlainClaims:
    subject: str
    session: str
    generation: int


class PlainTokens:
    """Tokens anybody could forge; the real ones have tests of their own."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def issue(self, *, subject: str, roles: Any, session: str, generation: int, lives_s: int = 900) -> str:
        return f"{subject}|{session}|{generation}|{self._clock.machine_ms() + lives_s * 1000}"

    def read(self, token: str) -> PlainClaims:
        parts = token.split("|")
        if len(parts) != 4 or int(parts[3]) <= self._clock.machine_ms():
            raise NotAuthenticated("The token is not valid.")
        return PlainClaims(subject=parts[0], session=parts[1], generation=int(parts[2]))

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "AAAA"}]}


class PlainLinks:
    """Links anybody could forge; the real ones have tests of their own."""

    def sign(self, link: ApprovalLink) -> str:
        return base64.urlsafe_b64encode(json.dumps(dataclasses.asdict(link)).encode()).decode()

    def read(self, token: str) -> ApprovalLink:
        try:
            return ApprovalLink(**json.loads(base64.urlsafe_b64decode(token)))
        except ValueError as error:
            raise NotAuthenticated("This link is not valid.") from error


class Api:
    """A client of one installation. `as_user` logs in on first use."""

    def __init__(self, edge: Edge, http: LocalHttp, clock: FakeClock) -> None:
        self.edge = edge
        self.http = http
        self.clock = clock
        self._tokens: dict[str, str] = {}

    @property
    def ports(self) -> Ports:
        return self.edge.ports

    @property
    def store(self) -> FakeStore:
        store = self.edge.ports.store
        assert isinstance(store, FakeStore)
        return store

    def token(self, user: str) -> str:
        if user not in self._tokens:
            self._tokens[user] = self.log_in(user)["accessToken"]
        return self._tokens[user]

    def forget(self, user: str) -> None:
        """Whose session ended logs in anew with their next call."""
        self._tokens.pop(user, None)

    def log_in(self, user: str, password: str = PASSWORD) -> dict[str, Any]:
        answer = self.call("POST", "/api/v1/authentication/login", {"username": user, "password": password})
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()
        return found

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        source_ip: str = "127.0.0.1",
    ) -> HttpResponse:
        sent = dict(headers or {})
        if user is not None:
            sent["Authorization"] = f"Bearer {self.token(user)}"
        return self.http.request(method, path, json=body, body=content, headers=sent, source_ip=source_ip)

    def ok(self, user: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.call(method, path, body, user=user, headers=headers)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body!r}"
        return answer.json() if answer.body else None

    def has_version(self, version: str = "2.0.0", module: str = "payment-processor", **fields: Any) -> dict[str, Any]:
        digest = "sha256:" + f"{abs(hash((module, version))):064x}"[-64:]
        body = {"version": version, "digest": digest, "size": 48_213, **fields}
        found: dict[str, Any] = self.ok("dana", "POST", f"/api/v1/modules/{module}/versions", body)
        return found

    def has_deployment(self, **fields: Any) -> str:
        """A deployment of 2.0.0 to Development; returns its executionId."""
        if self.call("GET", "/api/v1/modules/payment-processor/versions/2.0.0", user="vic").status == 404:
            self.has_version()
        body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development", **fields}
        return str(self.ok("dana", "POST", "/api/v1/deployments", body)["executionId"])

    def has_node(
        self, environment: str = "Development", name: str = "node-01", labels: dict[str, str] | None = None
    ) -> tuple[str, str]:
        """An enrolled node: its id and its credential."""
        token = self.ok("ada", "POST", f"/api/v1/clusters/{environment}/nodes/enrol-tokens", {})["token"]
        answer = self.call("POST", "/api/v1/nodes/enrol", {"token": token, "name": name, "labels": labels or {}})
        assert answer.status == 201, answer.body
        return answer.json()["nodeId"], answer.json()["credential"]

    def snapshot(self) -> Any:
        """Everything that is stored but what tells of refusals, to prove that nothing changed."""
        told = "AUDIT#refused:"
        return {pk: dict(items) for pk, items in self.store._partitions.items() if not pk.startswith(told)}


class Served:
    """What the one app of these tests serves: the edge of the test that runs."""

    edge: Edge


served = Served()


@functools.cache
def http() -> LocalHttp:
    """The app behind its gateway, made once."""
    app = Chalice(app_name="hotswap-test", configure_logs=False)
    add_routes(app, lambda: served.edge)
    return LocalHttp(app)


def make_api(*, identity: IdentityPorts | None = None, clock: FakeClock | None = None, **edge_fields: Any) -> Api:
    clock = clock or FakeClock()
    ports = fake_ports(clock=clock)
    numbers = itertools.count(1)
    identity = identity or IdentityPorts(
        tokens=PlainTokens(clock),
        id_tokens=FakeIdTokens(),
        passwords=QuickPasswords(),
        new_secret=lambda: planted("secret", next(numbers)),
    )
    given: dict[str, Any] = {
        "ports": ports,
        "identity": identity,
        "links": PlainLinks(),
        "origins": frozenset({"https://console.test"}),
        "pause": lambda seconds: clock.advance(int(seconds * 1000)),
        "patience": Patience(2),
        "stage": "test",
    }
    given["audit_keys"] = FakeAuditKeys()
    given["master_key"] = lambda: MasterKey(b"m" * 32)
    edge = Edge(**(given | edge_fields))
    served.edge = edge
    for user, role in USERS.items():
        create_user(
            user, PASSWORD, (role,), created_by="set-up", passwords=identity.passwords, ports=dataclasses.replace(ports)
        )
    return Api(edge, http(), clock)


@pytest.fixture
def api() -> Iterator[Api]:
    return make_api()
