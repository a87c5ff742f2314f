"""Who may do what: every route for every role, generated from what the routes promise."""

from __future__ import annotations

import pytest

from chalicelib.domain.access import PERMISSIONS, Action, Role
from chalicelib.routes.endpoint import Spec, all_specs
from tests.routes.conftest import USERS, Api

EXAMPLES = {
    "executionId": "01J00000000000000000099999",
    "nodeId": "p-01J00000000000000000099999",
    "environment": "Production",
    "name": "payment-processor",
    "version": "2.0.0",
    "delegator": "amal",
    "delegate": "dana",
    "callId": "01J00000000000000000099999.test.1",
    "ruleId": "01J00000000000000000099999",
    "webhookId": "01J00000000000000000099999",
    "keyId": "ed25519:" + "0" * 32,
    "username": "nobody",
    "issuerName": "nobody",
}
PROTECTED = [spec for spec in all_specs() if isinstance(spec.access, Action)]
PUBLIC = {
    "GET /api/v1/approvals/link",
    "POST /api/v1/approvals/link/decision",
    "POST /api/v1/approvals/link/question",
    "GET /",
    "GET /.well-known/jwks.json",
    "GET /health",
    "GET /openapi.json",
    "POST /api/v1/authentication/exchange",
    "POST /api/v1/authentication/login",
    "POST /api/v1/authentication/refresh",
    "POST /api/v1/nodes/enrol",
}


def name(spec: Spec) -> str:
    return f"{spec.method} {spec.path}"


def filled(spec: Spec) -> str:
    return spec.path.format(**EXAMPLES)


def body_of(spec: Spec) -> dict[str, object] | None:
    return None if spec.body is None else {}


def test_exactly_these_calls_need_nobody() -> None:
    assert {name(spec) for spec in all_specs() if spec.access is None} == PUBLIC


@pytest.mark.parametrize("spec", [s for s in all_specs() if s.access is not None], ids=name)
def test_without_a_token_a_call_is_401_and_changes_nothing(api: Api, spec: Spec) -> None:
    before = api.snapshot()

    answer = api.call(spec.method, filled(spec), body_of(spec))

    assert (answer.status, answer.json()["type"]) == (401, "/problems/not-authenticated")
    assert answer.header("WWW-Authenticate") == "Bearer"
    assert api.snapshot() == before


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("spec", PROTECTED, ids=name)
def test_a_role_gets_through_where_it_may_and_403_where_not(api: Api, spec: Spec, user: str) -> None:
    assert isinstance(spec.access, Action)
    api.token(user)
    before = api.snapshot()

    answer = api.call(spec.method, filled(spec), body_of(spec), user=user)

    if spec.access in PERMISSIONS[USERS[user]]:
        # Past the door it is the request that counts: nothing was found, or nothing was sent.
        assert answer.status in (200, 201, 202, 204, 400, 404)
    else:
        assert (answer.status, answer.json()["type"]) == (403, "/problems/not-allowed")
        assert api.snapshot() == before


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer x|y|0|9", "Bearer \u00e9", "Bearer " + "a" * 9_000],
)
def test_another_kind_of_authorization_is_401(api: Api, header: str) -> None:
    answer = api.call("GET", "/api/v1/deployments", headers={"Authorization": header})

    assert answer.status == 401


def test_a_node_credential_is_good_for_heartbeats_of_its_own_node_only(api: Api) -> None:
    node, credential = api.has_node("Development", "dev-01")
    other, _ = api.has_node("Development", "dev-02")
    headers = {"Authorization": f"Bearer {credential}"}
    beat = {"interval": 1, "sentAt": 1, "kernelVersion": "0.1.0", "modules": []}

    assert api.call("POST", f"/api/v1/nodes/{node}/heartbeat", beat, headers=headers).status == 200
    assert api.call("POST", f"/api/v1/nodes/{other}/heartbeat", beat, headers=headers).status == 401
    assert api.call("GET", "/api/v1/deployments", headers=headers).status == 401


def test_a_users_token_is_no_node_credential(api: Api) -> None:
    node, _ = api.has_node()
    beat = {"interval": 1, "sentAt": 1, "kernelVersion": "0.1.0", "modules": []}

    assert api.call("POST", f"/api/v1/nodes/{node}/heartbeat", beat, user="ada").status == 401


def test_every_role_of_a_person_may_look() -> None:
    assert all(Action.READ in PERMISSIONS[role] for role in Role if role is not Role.NODE)
