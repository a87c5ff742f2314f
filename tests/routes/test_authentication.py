"""Signing in: the answers, the lock, the rotation, and that a revocation counts at once."""

from __future__ import annotations

import dataclasses

import pytest

from chalicelib.domain.access import Role
from chalicelib.domain.guessing import WINDOW_MS
from chalicelib.domain.identity import Session, User
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.ports import Replace
from infra.local.gateway import HttpResponse
from tests.routes.conftest import PASSWORD, Api, QuickPasswords, quick_hash

HERE = "/api/v1/authentication"
EVERYWHERE = ["Development", "QA", "Staging", "Production"]
DANA = {"username": "dana", "roles": ["Deployer"], "environments": EVERYWHERE, "mustChangePassword": False}


def try_to_log_in(api: Api, password: str | None = None) -> int:
    return api.call("POST", f"{HERE}/login", {"username": "dana", "password": password or "wrong"}).status


def me(api: Api, token: str) -> int:
    return api.call("GET", f"{HERE}/me", headers={"Authorization": f"Bearer {token}"}).status


def refresh(api: Api, token: str) -> HttpResponse:
    return api.call("POST", f"{HERE}/refresh", {"refreshToken": token})


def test_a_password_gives_an_access_token_for_15_minutes(api: Api) -> None:
    answer = api.log_in("dana")

    assert (answer["tokenType"], answer["user"]) == ("Bearer", DANA)
    assert answer["expiresAt"] == "2026-09-21T14:28:20.000Z"
    assert me(api, answer["accessToken"]) == 200
    api.clock.advance(seconds=900)
    assert me(api, answer["accessToken"]) == 401


def test_who_am_i_says_name_and_roles(api: Api) -> None:
    assert api.ok("dana", "GET", f"{HERE}/me") == DANA


def test_an_unknown_user_and_a_wrong_password_are_answered_alike_after_the_same_work(api: Api) -> None:
    passwords = api.edge.identity.passwords
    assert isinstance(passwords, QuickPasswords)

    unknown = api.call("POST", f"{HERE}/login", {"username": "nobody", "password": "wrong"})
    wrong = api.call("POST", f"{HERE}/login", {"username": "dana", "password": "wrong"})

    assert (unknown.status, wrong.status) == (401, 401)
    assert unknown.json()["detail"] == wrong.json()["detail"]
    assert passwords.asked == [None, quick_hash(PASSWORD)]


@pytest.mark.parametrize("name", ["dana", "nobody"])
def test_five_wrong_passwords_lock_a_name_for_15_minutes_whether_it_is_known_or_not(api: Api, name: str) -> None:
    def attempt(password: str) -> HttpResponse:
        return api.call("POST", f"{HERE}/login", {"username": name, "password": password})

    assert [attempt("wrong").status for _ in range(5)] == [401] * 5

    locked = attempt(PASSWORD)
    api.clock.advance(WINDOW_MS - 1)
    still = attempt(PASSWORD)
    api.clock.advance(1)

    assert (locked.status, locked.json()["type"], locked.header("Retry-After")) == (
        429,
        "/problems/too-many-requests",
        "900",
    )
    assert (still.status, still.header("Retry-After")) == (429, "1")
    assert attempt(PASSWORD).status == (200 if name == "dana" else 401)


def test_the_right_password_forgets_the_wrong_ones(api: Api) -> None:
    for _ in range(3):
        assert [try_to_log_in(api) for _ in range(4)] == [401] * 4
        assert try_to_log_in(api, password=PASSWORD) == 200


def test_after_the_lock_all_tries_are_there_again(api: Api) -> None:
    for _ in range(5):
        try_to_log_in(api)
    api.clock.advance(WINDOW_MS)

    try_to_log_in(api)

    assert try_to_log_in(api, password=PASSWORD) == 200


def test_a_disabled_user_cannot_log_in_and_is_out_at_once(api: Api) -> None:
    token = api.token("dana")
    dana = api.store.get(User, "dana")
    assert dana is not None
    api.store.commit(Replace(dataclasses.replace(dana, disabled=True, revision=dana.revision + 1)))

    assert me(api, token) == 401
    assert try_to_log_in(api, password=PASSWORD) == 401


def test_a_changed_role_counts_at_once_and_a_new_generation_ends_sessions(api: Api) -> None:
    token = api.token("dana")
    dana = api.store.get(User, "dana")
    assert dana is not None
    viewer = dataclasses.replace(dana, roles=(Role.VIEWER,), revision=dana.revision + 1)
    api.store.commit(Replace(viewer))
    assert api.call("POST", "/api/v1/deployments", {}, user="dana").status == 403

    api.store.commit(Replace(dataclasses.replace(viewer, generation=1, revision=viewer.revision + 1)))

    assert me(api, token) == 401


def test_logging_out_ends_the_session_at_once(api: Api) -> None:
    tokens = api.log_in("dana")
    headers = {"Authorization": f"Bearer {tokens['accessToken']}"}

    answer = api.call("POST", f"{HERE}/logout", headers=headers)

    assert (answer.status, answer.body) == (204, b"")
    assert me(api, tokens["accessToken"]) == 401
    assert refresh(api, tokens["refreshToken"]).status == 401
    assert me(api, api.log_in("dana")["accessToken"]) == 200


def test_a_refresh_token_gives_new_tokens_once(api: Api) -> None:
    first = api.log_in("dana")
    api.clock.advance(seconds=901)

    second = refresh(api, first["refreshToken"]).json()

    assert me(api, second["accessToken"]) == 200
    assert second["refreshToken"] != first["refreshToken"]
    assert second["sessionExpiresAt"] == first["sessionExpiresAt"]


def test_using_a_refresh_token_twice_ends_the_session_for_thief_and_owner(api: Api) -> None:
    first = api.log_in("dana")
    second = refresh(api, first["refreshToken"]).json()

    assert refresh(api, first["refreshToken"]).status == 401
    assert refresh(api, second["refreshToken"]).status == 401
    assert me(api, second["accessToken"]) == 401


def test_a_session_ends_however_often_it_is_refreshed(api: Api) -> None:
    token = api.log_in("dana")["refreshToken"]
    for _ in range(11):
        api.clock.advance(seconds=3_600)
        token = refresh(api, token).json()["refreshToken"]
    api.clock.advance(seconds=3_600)

    assert refresh(api, token).status == 401


@pytest.mark.parametrize("token", ["x", "hsr_", "hsr_a", "hsr__b", "hsr_a_b", "abc_a_b"])
def test_what_is_no_refresh_token_is_401(api: Api, token: str) -> None:
    assert refresh(api, token).status == 401


def test_secrets_are_kept_as_hashes_only(api: Api) -> None:
    tokens = api.log_in("dana")

    secret = tokens["refreshToken"].rpartition("_")[2]
    assert secret not in str(api.snapshot())
    session = api.store.get(Session, tokens["refreshToken"].split("_")[1])
    assert session is not None
    assert len(session.refresh_hash) == 64


def test_logins_and_failures_are_in_the_audit(api: Api) -> None:
    try_to_log_in(api)
    session = api.log_in("dana")["refreshToken"].split("_")[1]

    failures = api.store.list(AuditRecord, "user:dana")
    logins = api.store.list(AuditRecord, f"session:{session}")

    assert [(each.action, each.outcome) for each in failures] == [
        ("UserCreated", "allowed"),
        ("LoginFailed", "refused"),
    ]
    assert [each.action for each in logins] == ["LoggedIn"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "", "password": "x"}, "username"),
        ({"username": "x", "password": ""}, "password"),
        ({"username": "x", "password": "p" * 257}, "password"),
        ({"username": ["dana"], "password": "x"}, "username"),
        ({"username": "x"}, "password"),
    ],
)
def test_a_login_that_breaks_a_rule_hashes_nothing(api: Api, body: dict[str, object], field: str) -> None:
    answer = api.call("POST", f"{HERE}/login", body)

    assert (answer.status, answer.json()["errors"][0]["field"]) == (400, field)
    passwords = api.edge.identity.passwords
    assert isinstance(passwords, QuickPasswords)
    assert passwords.asked == []


def test_the_public_keys_are_public(api: Api) -> None:
    assert api.call("GET", "/.well-known/jwks.json").json() == api.edge.identity.tokens.jwks()
