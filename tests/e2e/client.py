"""Every way into a running system in one object: each role over HTTP, and the store and functions of the emulator.

What people ask is recorded as a history (tests/chaos/history.py), unknown outcomes included, for the checker.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.domain.errors import Conflict, Unavailable
from infra.local.api_client import ApiClient, ApiError
from infra.local.demo_policies import change_policy
from infra.local.fleet import Signer
from infra.local.sessions import session_with_shared_models
from infra.resources import HOTSWAP
from tests.chaos.history import Call, History, Outcome
from tests.e2e.generators import Published, publish

ROLES = {"admin": "ada", "deployer": "dana", "approver": "amal", "viewer": "vic"}
APPROVALS = "/api/v1/approvals/deployments"
DEPLOYMENTS = "/api/v1/deployments"


class LockedHistory(History):
    """A history that several threads write."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def tick(self) -> int:
        with self._lock:
            return super().tick()


class TestClient:
    """One system as its users see it. `folder` is where artifacts are built."""

    __test__ = False

    def __init__(self, url: str, emulator_url: str, *, passwords: Mapping[str, str], folder: Path) -> None:
        self.url = url
        self.history = LockedHistory()
        self._emulator_url = emulator_url
        self._passwords = dict(passwords)
        self._folder = folder
        self._as: dict[str, ApiClient] = {}
        self._signer: Signer | None = None

    def as_role(self, role: str) -> ApiClient:
        """The API as `admin`, `deployer`, `approver` or `viewer`, logged in."""
        if role not in self._as:
            name = ROLES[role]
            self._as[role] = ApiClient(base_url=self.url, username=name, password=self._passwords[name]).log_in()
        return self._as[role]

    @property
    def admin(self) -> ApiClient:
        return self.as_role("admin")

    @property
    def deployer(self) -> ApiClient:
        return self.as_role("deployer")

    @property
    def approver(self) -> ApiClient:
        return self.as_role("approver")

    @property
    def viewer(self) -> ApiClient:
        return self.as_role("viewer")

    def at(self, url: str) -> TestClient:
        """The same people, but through another door: a proxy."""
        other = TestClient(url, self._emulator_url, passwords=self._passwords, folder=self._folder)
        other.history = self.history
        return other

    # --- what people do

    def publish(self, module: str, version: str = "1.0.0", **more: Any) -> Published:
        """A signed version of the example program under a name of the test's own."""
        return publish(self.deployer, self.signer(), self._folder, module=module, version=version, **more)

    def deploy(self, module: str, version: str, environment: str, *, key: str = "", **body: Any) -> str:
        """Ask for a deployment as the deployer; its executionId. The same `key` is the same request.

        Raises:
            ApiError: it was refused.
            OSError: no answer came.
        """
        asked = {"moduleName": module, "version": version, "targetEnvironment": environment, **body}
        key = key or secrets.token_hex(8)
        return str(self._recorded("create", key, lambda: self._create(asked, key)).result)

    def approve(self, deployment: str) -> None:
        """Say yes as the approver."""
        self._recorded(
            "approve",
            deployment,
            lambda: self.approver.post(f"{APPROVALS}/{deployment}/approve", {"reason": "a test"})["approvalId"],
        )

    def cancel(self, deployment: str) -> None:
        self._recorded(
            "cancel",
            deployment,
            lambda: self.deployer.post(f"{DEPLOYMENTS}/{deployment}/cancel", {})["executionId"],
        )

    def set_policy(self, environment: str, **changes: Any) -> None:
        """The policy in force with these fields replaced."""
        change_policy(self.admin, environment, changes)

    def signer(self) -> Signer:
        """The key that versions are signed with. Nodes trust the keys that were there when they enrolled."""
        if self._signer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._signer = Signer.kept(self.admin, self._folder / "signing-key.pem")
        return self._signer

    # --- what people see

    def deployment(self, deployment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.viewer.get(f"{DEPLOYMENTS}/{deployment}")
        return found

    def events(self, deployment: str) -> list[dict[str, Any]]:
        """The timeline."""
        found: list[dict[str, Any]] = self.viewer.get(f"{DEPLOYMENTS}/{deployment}/events?after=0")["events"]
        return found

    def cluster(self, environment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.viewer.get(f"/api/v1/clusters/{environment}")
        return found

    def running(self, environment: str, module: str) -> dict[str, str | None]:
        """The edition each node of an environment says it runs of a module."""
        return {
            node["name"]: next((each["active"] for each in node["modules"] if each["moduleName"] == module), None)
            for node in self.cluster(environment)["nodes"]
        }

    # --- what operators may look into

    @property
    def store(self) -> DynamoStore:
        """The table, as the program reads it."""
        return DynamoStore(self._emulator("dynamodb"), HOTSWAP.tables[0].name)

    def sweep(self) -> dict[str, int]:
        """What the schedule does every minute, now; what was done, by kind."""
        answer = self._emulator("lambda").invoke(FunctionName="sweeps", Payload=b"{}")
        done: dict[str, int] = json.loads(answer["Payload"].read())
        return done

    def executions(self) -> dict[str, bool]:
        """Every execution since the stack started, and whether it still runs."""
        machines = self._emulator("stepfunctions")
        found: dict[str, bool] = {}
        for machine in machines.list_state_machines()["stateMachines"]:
            listed = machines.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
            found |= {each["name"]: each["status"] == "RUNNING" for each in listed}
        return found

    def _emulator(self, service: str) -> Any:
        session: boto3.Session = session_with_shared_models()
        return session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self._emulator_url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )

    def _create(self, body: dict[str, Any], key: str) -> str:
        return str(self.deployer.post(DEPLOYMENTS, body, idempotency_key=key)["executionId"])

    def _recorded(self, op: str, key: str, do: Callable[[], Any]) -> Call:
        problem: list[Exception] = []

        def once() -> Any:
            try:
                return do()
            except ApiError as error:
                problem.append(error)
                raise (Conflict if error.status < 500 else Unavailable)(str(error)) from error
            except OSError as error:
                problem.append(error)
                raise Unavailable(str(error)) from error

        call = self.history.ask(ROLES["approver" if op == "approve" else "deployer"], op, key, once)
        if call.outcome is not Outcome.OK:
            raise problem[-1]
        return call
