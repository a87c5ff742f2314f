"""Every call that changes something is in the audit, in the transaction of the change; a new route without a case fails."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.deployment import Status
from chalicelib.domain.hook import EVERY_MODULE, HookTarget, StageHooks
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.timeline import AuditRecord
from chalicelib.routes.endpoint import all_specs
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment
from chalicelib.usecases.create_user import create_user
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.stage_hooks import change_hooks
from infra.local.http_server import HttpResponse
from tests.routes.conftest import PASSWORD, USERS, Api, make_api
from tests.routes.test_issuers import GOOD as AN_ISSUER
from tests.routes.test_issuers import exchange, trusted
from tests.routes.test_users import login, settled, with_token
from tests.usecases.scene import DANA, Scene, a_scene, runs_already

DEPLOYMENTS = "/api/v1/deployments"
KEY = base64.b64encode(bytes(32)).decode()
WHY = {"reason": "because"}
ALIAS = {
    "kind": "lambda",
    "name": "payments-live",
    "moduleName": "payment-function",
    "functionName": "hotswap-node-payments",
    "alias": "live",
}

NOT_AUDITED = {
    "reportHeartbeat": "what a node measures is no decision; what follows from it is in the deployment's chain",
    "makeApprovalLink": "nothing is stored: a signed link; what is decided with it is in the deployment's chain",
    "planDeployment": "a dry run: it changes nothing",
    "readApprovalLink": "it shows the question a link asks, and changes nothing",
}
"""Calls that change something and leave no record, each with its reason."""


def policy(api: Api) -> HttpResponse:
    body = api.ok("ada", "GET", "/api/v1/clusters/QA/policy")
    given = {name: body[name] for name in ("strategy",)}
    return api.call("PUT", "/api/v1/clusters/QA/policy", given, user="ada")


def node(change: str, method: str = "POST", before: str = "") -> Callable[[Api], HttpResponse]:
    def call(api: Api) -> HttpResponse:
        node_id, _ = api.has_node()
        if before:
            api.ok("ada", "POST", f"/api/v1/nodes/{node_id}/{before}", WHY)
        path = f"/api/v1/nodes/{node_id}/{change}".rstrip("/")
        return api.call(method, path, WHY if method == "POST" else None, user="ada")

    return call


def enrol(api: Api) -> HttpResponse:
    token = api.ok("ada", "POST", "/api/v1/clusters/QA/nodes/enrol-tokens", {})["token"]
    return api.call("POST", "/api/v1/nodes/enrol", {"token": token, "name": "qa-01"})


def create(api: Api) -> HttpResponse:
    api.has_version()
    body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "QA"}
    return api.call("POST", DEPLOYMENTS, body, user="dana")


def log_out(api: Api) -> HttpResponse:
    return with_token(api, api.log_in("dana")["accessToken"], "POST", "/api/v1/authentication/logout")


def refresh(api: Api) -> HttpResponse:
    token = api.log_in("dana")["refreshToken"]
    return api.call("POST", "/api/v1/authentication/refresh", {"refreshToken": token})


def own_password(api: Api) -> HttpResponse:
    body = {"currentPassword": PASSWORD, "newPassword": "another long sentence"}
    return api.call("POST", "/api/v1/authentication/password", body, user="dana")


def user(method: str, what: str, body: Any = None, before: str = "") -> Callable[[Api], HttpResponse]:
    def call(api: Api) -> HttpResponse:
        settled(api)
        if before:
            api.ok("ada", "POST", f"/api/v1/users/erin/{before}", WHY)
        return api.call(method, f"/api/v1/users/erin/{what}", body, user="ada")

    return call


def unlock(api: Api) -> HttpResponse:
    settled(api)
    for _ in range(10):
        login(api, "erin", "wrong")
    return api.call("POST", "/api/v1/users/erin/unlock", WHY, user="ada")


def trust(api: Api) -> HttpResponse:
    return api.call("POST", "/api/v1/issuers", AN_ISSUER, user="ada")


def distrust(api: Api) -> HttpResponse:
    trusted(api)
    return api.call("DELETE", "/api/v1/issuers/actions", user="ada")


def from_issuer(api: Api) -> HttpResponse:
    trusted(api)
    answer: HttpResponse = exchange(api)
    return answer


def delegation(api: Api) -> HttpResponse:
    body = {"to": "ada", "until": "2026-12-01T00:00:00Z"}
    return api.call("POST", "/api/v1/approvals/delegations", body, user="amal")


def end_of_delegation(api: Api) -> HttpResponse:
    assert delegation(api).status == 201
    return api.call("DELETE", "/api/v1/approvals/delegations/amal/ada", user="amal")


def labels(api: Api) -> HttpResponse:
    node_id, _ = api.has_node()
    return api.call("PUT", f"/api/v1/nodes/{node_id}/labels", {"labels": {"zone": "b"}, "reason": "moved"}, user="ada")


def configuration(api: Api) -> HttpResponse:
    api.has_version()
    body = {"values": {"LIMIT": "5"}, "reason": "because"}
    return api.call("PUT", "/api/v1/modules/payment-processor/configuration/QA", body, user="dana")


def revoke(api: Api) -> HttpResponse:
    key = api.ok("ada", "POST", "/api/v1/signing-keys", {"publicKey": KEY, "owner": "ci"})["keyId"]
    return api.call("POST", f"/api/v1/signing-keys/{key}/revoke", WHY, user="ada")


def quarantine(api: Api) -> HttpResponse:
    api.has_version()
    return api.call("POST", "/api/v1/modules/payment-processor/versions/2.0.0/quarantine", WHY, user="ada")


def release(api: Api) -> HttpResponse:
    quarantine(api)
    return api.call("POST", "/api/v1/modules/payment-processor/versions/2.0.0/quarantine/release", WHY, user="ada")


def registered(api: Api) -> HttpResponse:
    body = {"version": "2.0.0", "digest": "sha256:" + "b" * 64, "size": 1}
    return api.call("POST", "/api/v1/modules/payment-processor/versions", body, user="dana")


def resumed_line(api: Api) -> HttpResponse:
    api.ok("ada", "POST", "/api/v1/line/stop", WHY)
    return api.call("POST", "/api/v1/line/resume", user="ada")


def simply(method: str, path: str, body: Any, who: str = "ada") -> Callable[[Api], HttpResponse]:
    return lambda api: api.call(method, path, body, user=who)


HOOK = {"build": {"url": "https://hooks.example.com/ci"}}
MODULE = "/api/v1/modules/payment-processor"


def webhook(method: str = "POST", what: str = "", *, existing: bool = True) -> Callable[[Api], HttpResponse]:
    def call(api: Api) -> HttpResponse:
        path, body = "/api/v1/webhooks", {"url": "https://hooks.example.com/all", "eventTypes": ["*"]}
        if not existing:
            return api.call(method, path, body, user="ada")
        made = api.ok("ada", "POST", path, body)["webhookId"]
        return api.call(method, f"{path}/{made}{what}", {} if what else None, user="ada")

    return call


def removed_rule(api: Api) -> HttpResponse:
    rule = api.ok("ada", "POST", f"{MODULE}/deploy-rules", {})["ruleId"]
    return api.call("DELETE", f"{MODULE}/deploy-rules/{rule}", user="ada")


CALLS: dict[str, Callable[[Api], HttpResponse]] = {
    "addDeployRule": simply("POST", f"{MODULE}/deploy-rules", {}),
    "addWebhook": webhook(existing=False),
    "putHooks": simply("PUT", "/api/v1/hooks", HOOK),
    "putModuleHooks": simply("PUT", f"{MODULE}/hooks", HOOK),
    "removeDeployRule": removed_rule,
    "removeWebhook": webhook("DELETE"),
    "rotateHookSecret": simply("POST", "/api/v1/hooks/secret", {}),
    "rotateWebhookSecret": webhook("POST", "/secret"),
    "addSigningKey": simply("POST", "/api/v1/signing-keys", {"publicKey": KEY, "owner": "ci"}),
    "changeAccess": user("PUT", "access", {"roles": ["Viewer"], "environments": ["QA"]}),
    "changePassword": own_password,
    "cordonNode": node("cordon"),
    "createDeployment": create,
    "createEnrolToken": simply("POST", "/api/v1/clusters/QA/nodes/enrol-tokens", {}),
    "registerAlias": simply("POST", "/api/v1/clusters/QA/nodes", ALIAS),
    "delegateApprovals": delegation,
    "endDelegation": end_of_delegation,
    "createUser": simply("POST", "/api/v1/users", {"username": "erin", "roles": ["Viewer"]}),
    "disableUser": user("POST", "disable", WHY),
    "distrustIssuer": distrust,
    "drainNode": node("drain"),
    "enableUser": user("POST", "enable", WHY, before="disable"),
    "enrolNode": enrol,
    "exchangeToken": from_issuer,
    "labelNode": labels,
    "putConfiguration": configuration,
    "limitLine": simply("PUT", "/api/v1/line/limit", {"mostRunning": 3}),
    "logIn": lambda api: login(api, "vic", PASSWORD),
    "logOut": log_out,
    "putPolicy": policy,
    "quarantineVersion": quarantine,
    "refreshSession": refresh,
    "releaseModuleVersion": release,
    "registerVersion": registered,
    "removeNode": node("", "DELETE"),
    "resetPassword": user("POST", "reset-password", WHY),
    "resumeLine": resumed_line,
    "revokeSigningKey": revoke,
    "stopLine": simply("POST", "/api/v1/line/stop", WHY),
    "trustIssuer": trust,
    "uncordonNode": node("uncordon", before="cordon"),
    "unlockUser": unlock,
}
"""Calls without a deployment in a certain state."""


def baking(scene: Scene) -> str:
    scene.set_policy()
    runs_already(scene)
    return scene.run(scene.create(), until=lambda d: d.current is not None and d.current.phase is Phase.BAKING).id


def paused(scene: Scene) -> str:
    return pause_deployment(baking(scene), reason="", caller=DANA, ports=scene.ports).id


def asked(scene: Scene) -> str:
    scene.set_policy(approval=ApprovalPolicy(required=True))
    runs_already(scene)
    return scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL).id


def agreed_by_one_of_two(scene: Scene) -> str:
    scene.set_policy(approval=ApprovalPolicy(required=True, approvers=2))
    runs_already(scene)
    waiting = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)
    decide_approval(waiting.id, approved=True, reason="", caller=AMAL, ports=scene.ports)
    return waiting.id


def completed(scene: Scene) -> str:
    scene.set_policy()
    runs_already(scene)
    return scene.run(scene.create()).id


def cancelled(scene: Scene) -> str:
    scene.set_policy()
    return cancel_deployment(scene.create().id, reason="", caller=DANA, ports=scene.ports).id


def asking(scene: Scene) -> str:
    scene.set_policy()
    target = HookTarget(url="https://hooks.example.com/ci")
    change_hooks(StageHooks(scope=EVERY_MODULE, build=target), caller=DANA, ports=scene.ports)
    return scene.run(scene.create(), until=lambda d: bool(d.hooks)).id


def rolled_back(scene: Scene) -> str:
    scene.set_policy()
    runs_already(scene)
    for node in scene.nodes:
        node.cannot_start.add(scene.digests["2.0.0"])
    return scene.run(scene.create()).id


AMAL = Caller(name="amal", roles=frozenset({Role.APPROVER}))
APPROVAL = "/api/v1/approvals/deployments/{}"
SIGNALS: dict[str, tuple[Callable[[Scene], str], str, str]] = {
    "answerHookCall": (asking, "/api/v1/hooks/calls/{}.build.1", ""),
    "releaseQuarantine": (rolled_back, MODULE + "/quarantine/Development/release", "ada"),
    "commentOnDeployment": (asked, APPROVAL + "/comments", "dana"),
    "decideApprovals": (asked, "/api/v1/approvals/decisions", "amal"),
    "decideWithLink": (asked, "/api/v1/approvals/link/decision", ""),
    "withdrawDecision": (agreed_by_one_of_two, APPROVAL + "/withdraw", "amal"),
    "approveDeployment": (asked, "/api/v1/approvals/deployments/{}/approve", "amal"),
    "rejectDeployment": (asked, "/api/v1/approvals/deployments/{}/reject", "amal"),
    "cancelDeployment": (baking, DEPLOYMENTS + "/{}/cancel", "dana"),
    "pauseDeployment": (baking, DEPLOYMENTS + "/{}/pause", "dana"),
    "promoteDeployment": (baking, DEPLOYMENTS + "/{}/promote", "dana"),
    "resumeDeployment": (paused, DEPLOYMENTS + "/{}/resume", "dana"),
    "rollBackDeployment": (completed, DEPLOYMENTS + "/{}/rollback", "dana"),
    "retryDeployment": (cancelled, DEPLOYMENTS + "/{}/retry", "dana"),
}
"""Calls about a deployment that must have come so far."""


def said(api: Api, operation: str, deployment: str) -> dict[str, Any] | None:
    """The body of a call about this deployment."""
    for name in USERS:
        api.token(name)
    if operation == "commentOnDeployment":
        return {"text": "which ticket?"}
    if operation == "decideApprovals":
        return {"decisions": [{"executionId": deployment, "approved": True}]}
    if operation == "decideWithLink":
        link = api.ok("amal", "POST", f"{APPROVAL.format(deployment)}/link")["link"]
        return {"token": link.partition("#")[2], "approved": True}
    if operation == "answerHookCall":
        return {"status": "Succeeded"}
    if operation == "releaseQuarantine":
        return {"version": "2.0.0", **WHY}
    return WHY


def records(api: Api) -> dict[str, AuditRecord]:
    found = [r for commit in api.store.commits for c in commit if isinstance(r := c.record, AuditRecord)]
    return {record.hash: record for record in found}


def assert_audited(api: Api, call: Callable[[], HttpResponse]) -> None:
    before = records(api)

    answer = call()

    assert answer.status < 300, answer.body
    left = [record for digest, record in records(api).items() if digest not in before]
    assert [record for record in left if record.request_id == answer.header("X-Request-Id")], left


def test_every_call_that_changes_something_has_a_case_here() -> None:
    changing = {spec.operation_id for spec in all_specs() if spec.method != "GET"}

    assert changing == set(CALLS) | set(SIGNALS) | set(NOT_AUDITED)


@pytest.mark.parametrize("operation", CALLS)
def test_u02_a_change_is_in_the_audit_with_the_id_of_its_request(operation: str) -> None:
    api = make_api()
    for name in USERS:
        api.token(name)

    assert_audited(api, lambda: CALLS[operation](api))


@pytest.mark.parametrize("operation", SIGNALS)
def test_u02_what_is_said_to_a_deployment_is_in_the_audit_with_the_id_of_its_request(operation: str) -> None:
    state, path, who = SIGNALS[operation]
    scene = a_scene()
    deployment = state(scene)
    api = make_api(ports=scene.ports)
    for name, role in USERS.items():
        create_user(
            name,
            PASSWORD,
            (role,),
            created_by="set-up",
            passwords=api.edge.identity.passwords,
            ports=scene.ports,
        )
    body = said(api, operation, deployment)
    token = api.edge.master_key().callback_token(f"{deployment}.build.1")
    headers = {} if who else {"Authorization": f"Bearer {token}"}

    assert_audited(api, lambda: api.call("POST", path.format(deployment), body, user=who or None, headers=headers))


def test_u02_refused_attempts_are_in_the_audit_and_bounded() -> None:
    api = make_api()
    for _ in range(20):
        assert api.call("POST", "/api/v1/line/stop", WHY, user="vic").status == 403
    for _ in range(3):
        assert api.call("POST", "/api/v1/line/stop", WHY).status == 401
    api.clock.advance(seconds=60)
    api.call("POST", "/api/v1/line/stop", WHY, user="vic")

    told = [(r.actor, r.detail["status"]) for r in records(api).values() if r.subject.startswith("refused:")]
    passed_over = [r.detail["passedOver"] for r in records(api).values() if r.subject.startswith("refused:")]

    assert sorted(told) == [("anonymous", 401)] * 3 + [("vic", 403)] * 6
    assert sum(passed_over) == 15


def test_u02_many_kinds_of_refusals_are_bounded_together() -> None:
    api = make_api()
    for number in range(100):
        api.call("POST", f"/api/v1/nodes/p-01J000000000000000000{number:05d}/heartbeat", {}, user=None)
    for path in ("cordon", "drain", "uncordon"):
        for who in ("vic", "dana", "amal"):
            for _ in range(7):
                api.call("POST", f"/api/v1/nodes/p-01J00000000000000000099999/{path}", WHY, user=who)

    told = [r for r in records(api).values() if r.subject.startswith("refused:")]

    assert len(told) == 5 + 9 * 5
