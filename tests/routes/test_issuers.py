"""Trusted issuers: a job gets what its rule gives, and nothing once the issuer is trusted no more."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.timeline import AuditRecord
from tests.routes.conftest import Api, make_api
from tests.usecases.identity import FakeIdTokens

ALL = "/api/v1/issuers"
EXCHANGE = "/api/v1/authentication/exchange"
URL = "https://token.actions.example.com"
RULE = {
    "claims": {"repository": ["acme/payments"], "ref": ["refs/heads/main", "refs/tags/v1*"]},
    "roles": ["Deployer"],
    "environments": ["Development", "QA"],
}
GOOD = {"name": "actions", "url": URL, "audience": "hotswap", "rules": [RULE]}
CLAIMS = {"iss": URL, "aud": "hotswap", "sub": "repo:acme/payments", "repository": "acme/payments"}


def trusted(api: Api, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.ok("ada", "POST", ALL, {**GOOD, **fields})
    return found


def exchange(api: Api, **claims: Any) -> Any:
    tokens = api.edge.identity.id_tokens
    assert isinstance(tokens, FakeIdTokens)
    tokens.known["job"] = {**CLAIMS, "ref": "refs/heads/main", **claims}
    return api.call("POST", EXCHANGE, {"idToken": "job"})


def as_job(api: Api, token: str, method: str, path: str, body: Any = None) -> Any:
    return api.call(method, path, body, headers={"Authorization": f"Bearer {token}"})


def test_a_job_that_meets_a_rule_gets_its_roles_in_its_environments(api: Api) -> None:
    trusted(api)

    answer = exchange(api)

    assert answer.status == 200
    assert answer.json()["user"] == {
        "username": "actions:repo:acme/payments",
        "roles": ["Deployer"],
        "environments": ["Development", "QA"],
        "mustChangePassword": False,
    }
    assert answer.json()["expiresAt"] == "2026-09-21T14:28:20.000Z"


def test_a_job_deploys_where_its_rule_says_and_nowhere_else(api: Api) -> None:
    trusted(api)
    api.has_version()
    token = exchange(api).json()["accessToken"]
    body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "QA"}

    accepted = as_job(api, token, "POST", "/api/v1/deployments", body)
    refused = as_job(api, token, "POST", "/api/v1/deployments", {**body, "targetEnvironment": "Staging"})

    assert (accepted.status, refused.status) == (202, 403)
    assert refused.json()["detail"] == "Your roles do not permit 'deploy' in Staging."
    found = api.ok("vic", "GET", f"/api/v1/deployments/{accepted.json()['executionId']}")
    assert found["requestedBy"] == "actions:repo:acme/payments"


@pytest.mark.parametrize(
    "claims",
    [
        {"ref": "refs/heads/feature"},
        {"ref": None},
        {"ref": ["refs/heads/main"]},
        {"ref": "refs/heads/main2"},
        {"repository": "acme/other"},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"iss": "https://other.example.com"},
        {"aud": "another"},
    ],
)
def test_a_job_that_meets_no_rule_gets_nothing(api: Api, claims: dict[str, Any]) -> None:
    trusted(api)

    assert exchange(api, **claims).status == 401


def test_a_value_that_ends_in_a_star_accepts_what_begins_like_it(api: Api) -> None:
    trusted(api)

    assert exchange(api, ref="refs/tags/v1.2.3").status == 200
    assert exchange(api, ref="refs/tags/v2.0.0").status == 401


def test_the_first_rule_that_is_met_decides(api: Api) -> None:
    viewer = {"claims": {"repository": ["acme/payments"]}, "roles": ["Viewer"], "environments": ["QA"]}
    trusted(api, rules=[RULE, viewer])

    assert exchange(api).json()["user"]["roles"] == ["Deployer"]
    assert exchange(api, ref="refs/heads/feature").json()["user"]["roles"] == ["Viewer"]


def test_a_job_is_out_at_once_when_its_issuer_is_trusted_no_more_even_if_the_name_comes_back(api: Api) -> None:
    trusted(api)
    token = exchange(api).json()["accessToken"]
    assert as_job(api, token, "GET", "/api/v1/authentication/me").status == 200

    assert api.call("DELETE", f"{ALL}/actions", {"reason": "moved"}, user="ada").status == 204

    assert as_job(api, token, "GET", "/api/v1/authentication/me").status == 401
    assert exchange(api).status == 401
    trusted(api)
    assert as_job(api, token, "GET", "/api/v1/authentication/me").status == 401


def test_a_job_ends_its_session_and_has_no_password_to_change(api: Api) -> None:
    trusted(api)
    token = exchange(api).json()["accessToken"]
    body = {"currentPassword": "anything", "newPassword": "a long sentence of my own"}

    assert as_job(api, token, "POST", "/api/v1/authentication/password", body).status == 403
    assert as_job(api, token, "POST", "/api/v1/authentication/logout").status == 204
    assert as_job(api, token, "GET", "/api/v1/authentication/me").status == 401


def test_a_jobs_session_lasts_a_quarter_of_an_hour(api: Api) -> None:
    trusted(api)
    token = exchange(api).json()["accessToken"]
    api.clock.advance(seconds=900)

    assert as_job(api, token, "GET", "/api/v1/authentication/me").status == 401


def test_issuers_are_shown_and_audited(api: Api) -> None:
    made = trusted(api)
    exchange(api)
    api.call("DELETE", f"{ALL}/actions", {"reason": "moved"}, user="ada")

    assert made | {"addedAt": ""} == {**GOOD, "rules": [RULE], "addedBy": "ada", "addedAt": ""}
    records = api.store.list(AuditRecord, "issuer:actions")
    assert [(r.actor, r.action) for r in records] == [("ada", "IssuerTrusted"), ("ada", "IssuerDistrusted")]
    assert api.ok("ada", "GET", ALL) == {"issuers": []}
    assert api.call("GET", f"{ALL}/actions", user="ada").status == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "A"}, "name"),
        ({"name": "event"}, "name"),
        ({"url": "http://issuer.example.com"}, "url"),
        ({"url": "https://user@issuer.example.com"}, "url"),
        ({"url": "https://issuer.example.com/?x=1"}, "url"),
        ({"url": "https://issuer.example.com\\@evil.example.com"}, "url"),
        ({"url": "https://issuer.example.com:99999"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": ""}, "url"),
        ({"audience": ""}, "audience"),
        ({"rules": []}, "rules"),
        ({"rules": [{**RULE, "claims": {}}]}, "rules[0].claims"),
        ({"rules": [{**RULE, "claims": {"ref": []}}]}, "rules[0].claims.ref"),
        ({"rules": [{**RULE, "claims": {"ref": ["*"]}}]}, "rules[0].claims.ref[0]"),
        ({"rules": [{**RULE, "claims": {"ref": ["a*b"]}}]}, "rules[0].claims.ref[0]"),
        ({"rules": [{**RULE, "roles": ["Admin"]}]}, "rules[0].roles[0]"),
        ({"rules": [{**RULE, "roles": ["Node"]}]}, "rules[0].roles[0]"),
        ({"rules": [{**RULE, "environments": []}]}, "rules[0].environments"),
    ],
)
def test_a_rule_that_would_trust_too_many_is_400(api: Api, fields: dict[str, Any], field: str) -> None:
    api.token("ada")
    before = api.snapshot()

    answer = api.call("POST", ALL, {**GOOD, **fields}, user="ada")

    assert (answer.status, [each["field"] for each in answer.json()["errors"]]) == (400, [field])
    assert api.snapshot() == before


@pytest.mark.parametrize("name", ["actions", "again"])
def test_an_issuer_is_trusted_once(api: Api, name: str) -> None:
    trusted(api)

    assert api.call("POST", ALL, {**GOOD, "name": name}, user="ada").status == 409


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://127.0.0.1", "https://[::1]:8443", "http://localhost"]
)
def test_an_issuer_on_this_machine_is_refused_when_it_is_added(url: str) -> None:
    api = make_api()
    api.token("ada")
    before = api.snapshot()

    answer = api.call("POST", ALL, {**GOOD, "url": url}, user="ada")

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, ["url"])
    assert api.snapshot() == before


def test_where_the_installation_lets_it_an_issuer_may_be_on_this_machine() -> None:
    api = make_api(loopback_issuers=True)

    assert trusted(api, url="http://127.0.0.1:9000")["url"] == "http://127.0.0.1:9000"
