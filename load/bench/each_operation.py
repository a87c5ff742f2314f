"""Every operation of the API asked once, in an installation in which two deployments are over already."""

from __future__ import annotations

import json
from typing import Any

from tests.canaries import PASSWORD
from tests.stories.world import World

API = "/api/v1"
MODULE = f"{API}/modules/payment-processor"
HOOK = {"url": "https://ci.example.com/hook", "timeoutSeconds": 60}

LEFT_OUT = {
    "GET /",
    "GET /.well-known/jwks.json",
    "GET /health",
    "GET /openapi.json",
    "POST /api/v1/authentication/exchange",
    "POST /api/v1/clusters/{environment}/nodes",
    "POST /api/v1/hooks/calls/{callId}",
}
"""Four ask nothing of the table; the others need an issuer of identity tokens, a function, or somebody's endpoint."""


def ask_each(world: World, done: str) -> None:
    """All of them but `LEFT_OUT`; `done` is a deployment to Production that completed."""
    asking = _Asking(world)
    asking.read_what_is_there(done)
    asking.deploy_and_control()
    asking.approve()
    asking.change_what_deployments_follow()
    asking.change_nodes()
    asking.change_people()


class _Asking:
    def __init__(self, world: World) -> None:
        self._world = world

    def _say(self, user: str, method: str, path: str, body: Any = None) -> Any:
        answer = self._world.as_user(user, method, f"{API}{path}" if not path.startswith("/api") else path, body)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body!r}")
        return json.loads(answer.body) if answer.body[:1] == b"{" else None

    def read_what_is_there(self, done: str) -> None:
        for path in (
            "/deployments?limit=20",
            f"/deployments/{done}",
            f"/deployments/{done}/events?after=0",
            f"/deployments/{done}/verdicts",
            "/approvals/pending",
            f"/approvals/deployments/{done}",
            "/approvals/delegations",
            "/clusters",
            "/clusters/Production",
            "/clusters/Production/metrics",
            "/clusters/Production/policy",
            "/clusters/Production/nodes",
            "/modules",
            f"{MODULE}/versions",
            f"{MODULE}/versions/2.0.0",
            f"{MODULE}/quarantine",
            f"{MODULE}/configuration/Production",
            f"{MODULE}/configuration/Production/revisions",
            f"{MODULE}/deploy-rules",
            f"{MODULE}/hooks",
            "/hooks",
            "/issuers",
            "/line",
            "/signing-keys",
            "/users",
            "/users/dana",
            "/webhooks",
            "/authentication/me",
            "/audit?subject=user:ada",
            f"/audit/verify?subject={done}",
            "/audit/checkpoints",
            "/audit/checkpoints/verify",
        ):
            self._say("ada", "GET", path)

    def deploy_and_control(self) -> None:
        world, there = self._world, "Development"
        world.has_nodes(there, 2)
        world.has_policy(there, strategy={"kind": "Direct", "bakeSeconds": 900}, analysis={"mode": "healthOnly"})
        world.runs("1.0.0", there)
        world.has_version("3.0.0")
        asked = {"moduleName": "payment-processor", "version": "3.0.0", "targetEnvironment": there}
        self._say("dana", "POST", "/deployments/plan", asked)
        first = world.deploy("3.0.0", there)
        world.until(lambda: world.get(first)["environments"][-1]["phase"] == "Baking", "the bake")
        for signal in ("pause", "resume", "cancel"):
            self._say("dana", "POST", f"/deployments/{first}/{signal}", {"reason": "bench"})
            world.settle()
        world.run(first)
        again = self._say("dana", "POST", f"/deployments/{first}/retry", {"reason": "bench"})["executionId"]
        world.until(lambda: world.get(again)["environments"][-1]["phase"] == "Baking", "the second bake")
        self._say("dana", "POST", f"/deployments/{again}/promote", {"reason": "bench"})
        world.run(again)
        back = self._say("dana", "POST", f"/deployments/{again}/rollback", {"reason": "bench"})["executionId"]
        world.run(back)

    def approve(self) -> None:
        world = self._world
        world.has_policy("Development", approval={"required": True, "approvers": 2})
        world.has_version("3.1.0")
        first = self._asked_to_approve()
        of_it = f"/approvals/deployments/{first}"
        self._say("dana", "POST", f"{of_it}/comments", {"text": "When?"})
        self._say("amal", "POST", f"{of_it}/approve", {"reason": "bench"})
        self._say("amal", "POST", f"{of_it}/withdraw", {"reason": "bench"})
        page, _, token = self._say("amal", "POST", f"{of_it}/link", {})["link"].partition("#")
        self._say("amal", "GET", page)
        self._say("amal", "POST", f"{page}/question", {"token": token})
        self._say("amal", "POST", f"{page}/decision", {"token": token, "approved": False, "reason": "bench"})
        world.run(first)
        second = self._asked_to_approve()
        self._say("amal", "POST", f"/approvals/deployments/{second}/reject", {"reason": "bench"})
        self._say("amal", "POST", "/approvals/decisions", {"decisions": [{"executionId": second, "approved": True}]})
        until = {"to": "ada", "until": "2026-01-07T00:00:00.000Z"}
        self._say("amal", "POST", "/approvals/delegations", until)
        self._say("amal", "DELETE", "/approvals/delegations/amal/ada")

    def _asked_to_approve(self) -> str:
        deployment = self._world.deploy("3.1.0", "Development")
        self._world.until_status(deployment, "PendingApproval")
        return deployment

    def change_what_deployments_follow(self) -> None:
        self._say("ada", "PUT", "/hooks", {"test": HOOK})
        self._say("ada", "PUT", f"{MODULE}/hooks", {"test": HOOK})
        self._say("ada", "POST", "/hooks/secret", {})
        made = self._say("ada", "POST", "/webhooks", {"url": HOOK["url"], "eventTypes": ["*"]})["webhookId"]
        self._say("ada", "GET", f"/webhooks/{made}")
        self._say("ada", "GET", f"/webhooks/{made}/deliveries")
        self._say("ada", "POST", f"/webhooks/{made}/secret", {})
        self._say("ada", "DELETE", f"/webhooks/{made}")
        for word in ("stop", "resume"):
            self._say("ada", "POST", f"/line/{word}", {"reason": "bench"})
        self._say("ada", "PUT", "/line/limit", {"mostRunning": 50})
        self._say(
            "dana", "PUT", f"{MODULE}/configuration/Production", {"values": {"feeBp": 290}, "expectedRevision": 0}
        )
        rule = self._say("ada", "POST", f"{MODULE}/deploy-rules", {"targetEnvironment": "Development"})["ruleId"]
        self._say("ada", "DELETE", f"{MODULE}/deploy-rules/{rule}")
        self._say("ada", "POST", f"{MODULE}/versions/3.1.0/quarantine", {"reason": "bench"})
        self._say("ada", "POST", f"{MODULE}/versions/3.1.0/quarantine/release", {"reason": "bench"})
        kept_out = {"version": "2.1.0", "reason": "bench"}
        self._say("ada", "POST", f"{MODULE}/quarantine/Production/release", kept_out)
        issuer = {
            "name": "ci",
            "url": "https://ci.example.com",
            "audience": "hotswap",
            "rules": [{"claims": {"repository": ["a/b"]}, "roles": ["Deployer"], "environments": ["Development"]}],
        }
        self._say("ada", "POST", "/issuers", issuer)
        self._say("ada", "GET", "/issuers/ci")
        self._say("ada", "DELETE", "/issuers/ci")

    def change_nodes(self) -> None:
        node = self._world.nodes["Production"][-1].node_id
        for word in ("cordon", "uncordon", "drain"):
            self._say("ada", "POST", f"/nodes/{node}/{word}", {"reason": "bench"})
        self._say("ada", "PUT", f"/nodes/{node}/labels", {"labels": {"zone": "b"}})
        self._say("ada", "GET", f"/nodes/{node}")
        self._say("ada", "GET", f"/nodes/{node}/history")
        self._say("ada", "DELETE", f"/nodes/{node}")

    def change_people(self) -> None:
        new = self._say("ada", "POST", "/users", {"username": "erin", "roles": ["Viewer"]})
        self._say("ada", "PUT", "/users/erin/access", {"roles": ["Deployer"], "environments": ["QA"]})
        for word in ("disable", "enable", "unlock", "reset-password"):
            new = self._say("ada", "POST", f"/users/erin/{word}", {"reason": "bench"}) or new
        self._log_in("erin", new["temporaryPassword"])
        changed = {"currentPassword": new["temporaryPassword"], "newPassword": PASSWORD}
        self._say("erin", "POST", "/authentication/password", changed)
        session = self._log_in("erin", PASSWORD)
        renewed = self._say("erin", "POST", "/authentication/refresh", {"refreshToken": session["refreshToken"]})
        self._world.tokens["erin"] = renewed["accessToken"]
        self._say("erin", "POST", "/authentication/logout", {})
        key = self._say("ada", "GET", "/signing-keys")["keys"][0]["keyId"]
        self._say("ada", "POST", f"/signing-keys/{key}/revoke", {"reason": "bench"})

    def _log_in(self, name: str, password: str) -> Any:
        body = {"username": name, "password": password}
        answer = self._world.call("POST", f"{API}/authentication/login", json=body)
        session = answer.json()
        self._world.tokens[name] = session["accessToken"]
        return session
