"""Everything a run needs, made through the API: users with tokens, modules with versions, nodes, first deployments."""

from __future__ import annotations

import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.api_client import ApiClient
from infra.local.demo_policies import change_policy
from infra.local.traffic import wait_until
from load.runs.fleet import Fleet, Signer
from load.runs.scenarios import Scenario
from tests.stories.nodes import ScriptedNode

USERS_OF_A_ROLE = 8
CELLS = 10
"""Nodes of Development; the modules are spread over them by a label, since a node reports 64 of them at most."""

VERSIONS = ("1.0.0", "1.0.1")
RENEW_EVERY_S = 300
AT_ONCE = 8


@dataclass(kw_only=True)
class Prepared:
    """What there is, and the file Artillery reads of it. Tokens are renewed in the background until `close`."""

    url: str
    admin: ApiClient
    fleet: Fleet
    targets: dict[str, Any]
    file: Path
    run_id: str
    _stop: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        """Tell Artillery, all at once."""
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(self.targets))
        partial.replace(self.file)

    def client(self, role: str = "viewers") -> ApiClient:
        """One of the users, who logs in again when the token has ended."""
        user = self.targets[role][0]
        return ApiClient(base_url=self.url, username=user["username"], password=user["password"], token=user["token"])

    def close(self) -> None:
        """Let the nodes fall silent and the tokens end."""
        self._stop.set()
        self.fleet.stop()

    def renew(self) -> None:
        """Log everybody in again, now and then."""
        while not self._stop.wait(RENEW_EVERY_S):
            for user in (*self.targets["deployers"], *self.targets["viewers"]):
                user["token"] = _login(self.url, user)
            self.write()


def prepare(scenario: Scenario, *, url: str, admin: ApiClient, folder: Path) -> Prepared:
    """Make everything and wait until the modules run."""
    run_id = secrets.token_hex(3)
    fleet = Fleet(url=url, admin=admin)
    prepared = Prepared(url=url, admin=admin, fleet=fleet, targets={}, file=folder / "targets.json", run_id=run_id)
    for environment in ("Development", "QA"):
        quick = {"strategy": {"kind": "Direct", "bakeSeconds": 1}, "approval": {"required": False}}
        change_policy(admin, environment, {**quick, "analysis": {"mode": "healthOnly"}, "idleHeartbeatMs": 1_000})
    targets = prepared.targets
    targets["deployers"] = [_user(admin, f"load-{run_id}-d{number}", "Deployer") for number in range(USERS_OF_A_ROLE)]
    targets["viewers"] = [_user(admin, f"load-{run_id}-v{number}", "Viewer") for number in range(USERS_OF_A_ROLE)]
    cells = [fleet.enrol(f"cell-{run_id}-{n}", "Development", {"cell": f"{run_id}-{n}"}) for n in range(CELLS)]
    reporting = [fleet.enrol(f"reporting-{run_id}-{n}", "QA", {}) for n in range(scenario.reporting_nodes)]
    signer, deployer = Signer.register(admin), prepared.client("deployers")
    names = [f"load-{run_id}-{number:03d}" for number in range(scenario.modules)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for version in VERSIONS:
            list(pool.map(lambda name, v=version: signer.publish(name, v, client=deployer), names))  # type: ignore[misc]
        list(pool.map(lambda pair: _place(deployer, pair[1], f"{run_id}-{pair[0] % CELLS}"), enumerate(names)))
    targets["modules"] = [{"name": name, "versions": list(reversed(VERSIONS))} for name in names]
    for node in (*cells, *reporting):
        fleet.start(node)
    targets["deployments"] = _first_deployments(prepared, names)
    fleet.stop(*reporting)
    targets["nodes"] = [_reporting(node) for node in reporting]
    prepared.write()
    threading.Thread(target=prepared.renew, daemon=True).start()
    return prepared


def _login(url: str, user: dict[str, str]) -> str:
    return ApiClient(base_url=url, username=user["username"], password=user["password"]).log_in().token


def _user(admin: ApiClient, name: str, role: str) -> dict[str, str]:
    """A user who has chosen a password."""
    made = admin.post("/api/v1/users", {"username": name, "roles": [role]})
    client = ApiClient(base_url=admin.base_url, username=name, password=made["temporaryPassword"]).log_in()
    password = secrets.token_urlsafe(16)
    body = {"currentPassword": made["temporaryPassword"], "newPassword": password}
    token = client.post("/api/v1/authentication/password", body)["accessToken"]
    return {"username": name, "password": password, "token": token}


def _place(client: ApiClient, module: str, cell: str) -> None:
    client.put(f"/api/v1/modules/{module}/configuration/Development", {"runsOn": {"cell": cell}, "reason": "load"})


def _first_deployments(prepared: Prepared, names: list[str]) -> list[str]:
    """The first module to QA, all others to Development; returns their ids when all have ended."""
    client = prepared.client("deployers")
    made = []
    for name in names:
        target = "QA" if name == names[0] else "Development"
        body = {"moduleName": name, "version": VERSIONS[0], "targetEnvironment": target}
        made.append(str(client.post("/api/v1/deployments", body)["executionId"]))
    waiting = set(made)

    def ended() -> bool:
        for deployment in sorted(waiting):
            found = client.get(f"/api/v1/deployments/{deployment}")
            if found["endTime"] is None:
                return False
            if found["status"] != "Completed":
                raise RuntimeError(f"{deployment} ended {found['status']}: {found['error']}")
            waiting.discard(deployment)
        return True

    try:
        wait_until(ended, what="the first deployments to end", seconds=60 + 6 * len(names), every_s=0.5)
    except TimeoutError as late:
        raise RuntimeError(f"{late}; of the nodes: {prepared.fleet.problems[:3] or 'nothing'}") from late
    return made


def _reporting(node: ScriptedNode) -> dict[str, Any]:
    ((module, digest),) = node.active.items() or ((None, None),)
    fence = node.fence.get(module or "", 0)
    return {
        "id": node.node_id,
        "credential": node.credential,
        "module": module,
        "digest": digest,
        "fence": fence,
        "interval": node.interval,
    }
