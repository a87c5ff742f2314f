"""Users' administration: a change counts at once, nobody locks everybody out, and nobody knows another's password."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from chalicelib.domain.errors import NotAllowed
from chalicelib.domain.identity import TEMPORARY_PASSWORD_MS, User
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.authenticate_user import authenticate_user
from chalicelib.usecases.change_user import disable_user
from chalicelib.usecases.ports import Replace
from tests.routes.conftest import PASSWORD, Api

ALL = "/api/v1/users"
HERE = "/api/v1/authentication"
OWN = "a long sentence of my own"
EVERYWHERE = ["Development", "QA", "Staging", "Production"]


def invited(api: Api, username: str = "erin", **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.ok("ada", "POST", ALL, {"username": username, "roles": ["Deployer"], **fields})
    return found


def login(api: Api, username: str, password: str) -> Any:
    return api.call("POST", f"{HERE}/login", {"username": username, "password": password})


def with_token(api: Api, token: str, method: str, path: str, body: Any = None) -> Any:
    return api.call(method, path, body, headers={"Authorization": f"Bearer {token}"})


def settled(api: Api, username: str = "erin", **fields: Any) -> str:
    """A user who has chosen a password of their own; returns their token."""
    temporary = invited(api, username, **fields)["temporaryPassword"]
    token = login(api, username, temporary).json()["accessToken"]
    body = {"currentPassword": temporary, "newPassword": OWN}
    answer = with_token(api, token, "POST", f"{HERE}/password", body)
    assert answer.status == 200, answer.body
    return str(answer.json()["accessToken"])


def test_an_invited_user_gets_a_temporary_password_that_is_good_for_one_thing(api: Api) -> None:
    answer = invited(api, environments=["Development"], email="erin@example.com")

    assert answer["user"] == {
        "username": "erin",
        "email": "erin@example.com",
        "roles": ["Deployer"],
        "environments": ["Development"],
        "status": "enabled",
        "mustChangePassword": True,
        "createdBy": "ada",
        "createdAt": "2026-09-21T14:13:20.000Z",
        "lockedUntil": None,
    }
    logged_in = login(api, "erin", answer["temporaryPassword"]).json()
    assert logged_in["user"]["mustChangePassword"] is True
    token = logged_in["accessToken"]
    assert with_token(api, token, "GET", f"{HERE}/me").status == 200
    refused = with_token(api, token, "GET", "/api/v1/deployments")
    assert (refused.status, refused.json()["detail"]) == (
        403,
        "Your password is a temporary one; choose your own first.",
    )


def test_choosing_a_password_ends_every_session_and_begins_a_new_one(api: Api) -> None:
    temporary = invited(api)["temporaryPassword"]
    before = [login(api, "erin", temporary).json() for _ in range(2)]

    answer = with_token(
        api,
        before[0]["accessToken"],
        "POST",
        f"{HERE}/password",
        {"currentPassword": temporary, "newPassword": OWN},
    )

    assert answer.json()["user"]["mustChangePassword"] is False
    assert with_token(api, answer.json()["accessToken"], "GET", "/api/v1/deployments").status == 200
    assert [with_token(api, each["accessToken"], "GET", f"{HERE}/me").status for each in before] == [401, 401]
    assert [api.call("POST", f"{HERE}/refresh", {"refreshToken": e["refreshToken"]}).status for e in before] == [
        401
    ] * 2
    assert (login(api, "erin", temporary).status, login(api, "erin", OWN).status) == (401, 200)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("short", "must have 12 to 256 characters"),
        ("dana-in-the-long-run", "must not contain the user name"),
        ("password that is common", "must not be a password that many people use"),
        (PASSWORD, "must be another one than the current password"),
    ],
)
def test_a_password_nobody_should_choose_is_400_and_changes_nothing(api: Api, password: str, rule: str) -> None:
    token = api.token("dana")
    before = api.snapshot()

    answer = with_token(api, token, "POST", f"{HERE}/password", {"currentPassword": PASSWORD, "newPassword": password})

    assert answer.status == 400
    assert answer.json()["errors"] == [{"field": "newPassword", "rule": rule}]
    assert api.snapshot() == before


def test_a_wrong_current_password_is_401_and_counts_as_a_guess(api: Api) -> None:
    token = api.token("dana")
    body = {"currentPassword": "wrong", "newPassword": OWN}

    statuses = [with_token(api, token, "POST", f"{HERE}/password", body).status for _ in range(6)]

    assert statuses == [401] * 5 + [429]


def test_a_temporary_password_expires(api: Api) -> None:
    temporary = invited(api)["temporaryPassword"]
    api.clock.advance(TEMPORARY_PASSWORD_MS)

    assert login(api, "erin", temporary).status == 401


def test_a_disabled_user_is_out_at_once_and_may_come_back(api: Api) -> None:
    token = settled(api)

    disabled = api.ok("ada", "POST", f"{ALL}/erin/disable", {"reason": "left"})

    assert disabled["status"] == "disabled"
    assert with_token(api, token, "GET", f"{HERE}/me").status == 401
    assert login(api, "erin", OWN).status == 401
    api.ok("ada", "POST", f"{ALL}/erin/enable", {})
    assert with_token(api, token, "GET", f"{HERE}/me").status == 401
    assert login(api, "erin", OWN).status == 200


def test_other_roles_count_at_once_and_end_sessions(api: Api) -> None:
    token = settled(api)

    changed = api.ok("ada", "PUT", f"{ALL}/erin/access", {"roles": ["Viewer"], "environments": ["QA"]})

    assert (changed["roles"], changed["environments"]) == (["Viewer"], ["QA"])
    assert with_token(api, token, "GET", f"{HERE}/me").status == 401
    assert login(api, "erin", OWN).json()["user"]["roles"] == ["Viewer"]


def test_the_same_access_again_changes_nothing(api: Api) -> None:
    token = settled(api)

    api.ok("ada", "PUT", f"{ALL}/erin/access", {"roles": ["Deployer"], "environments": EVERYWHERE})

    assert with_token(api, token, "GET", f"{HERE}/me").status == 200


def test_a_reset_gives_a_temporary_password_and_ends_sessions_and_locks(api: Api) -> None:
    token = settled(api)
    for _ in range(5):
        login(api, "erin", "wrong")

    answer = api.ok("ada", "POST", f"{ALL}/erin/reset-password", {"reason": "forgotten"})

    assert with_token(api, token, "GET", f"{HERE}/me").status == 401
    again = login(api, "erin", answer["temporaryPassword"])
    assert (again.status, again.json()["user"]["mustChangePassword"]) == (200, True)


def test_a_locked_user_is_shown_and_unlocked(api: Api) -> None:
    for _ in range(5):
        login(api, "dana", "wrong")

    assert api.ok("ada", "GET", f"{ALL}/dana")["lockedUntil"] == "2026-09-21T14:28:20.000Z"
    assert login(api, "dana", PASSWORD).status == 429
    api.ok("ada", "POST", f"{ALL}/dana/unlock", {"reason": "called"})
    assert api.ok("ada", "GET", f"{ALL}/dana")["lockedUntil"] is None
    assert login(api, "dana", PASSWORD).status == 200
    actions = [record.action for record in api.store.list(AuditRecord, "user:dana")]
    assert actions == ["UserCreated", *["LoginFailed"] * 5, "UserUnlocked"]


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("POST", "disable", {}),
        ("POST", "reset-password", {}),
        ("PUT", "access", {"roles": ["Viewer"], "environments": EVERYWHERE}),
    ],
)
def test_nobody_changes_their_own_access(api: Api, method: str, what: str, body: dict[str, Any]) -> None:
    answer = api.call(method, f"{ALL}/ada/{what}", body, user="ada")

    assert (answer.status, answer.json()["detail"]) == (
        403,
        "Nobody changes their own access; another administrator does.",
    )


def test_of_two_administrators_who_disable_each_other_one_remains(api: Api) -> None:
    api.ok("ada", "POST", ALL, {"username": "bea", "roles": ["Admin"]})
    callers = {
        name: dataclasses.replace(
            authenticate_user(api.token("ada"), identity=api.edge.identity, ports=api.ports), name=name
        )
        for name in ("ada", "bea")
    }

    disable_user("bea", reason="first", caller=callers["ada"], ports=api.ports)
    with pytest.raises(Exception, match="session is over"):
        disable_user("ada", reason="second", caller=callers["bea"], ports=api.ports)

    ada = api.store.get(User, "ada")
    assert ada is not None
    assert not ada.disabled


def test_an_administrator_who_was_one_a_moment_ago_changes_nobody(api: Api) -> None:
    caller = authenticate_user(api.token("ada"), identity=api.edge.identity, ports=api.ports)
    ada = api.store.get(User, "ada")
    viewer = api.store.get(User, "vic")
    assert ada is not None
    assert viewer is not None
    api.store.commit(Replace(dataclasses.replace(ada, roles=viewer.roles, revision=ada.revision + 1)))

    with pytest.raises(NotAllowed):
        disable_user("dana", reason="", caller=caller, ports=api.ports)


def test_an_administrator_of_some_environments_manages_no_users(api: Api) -> None:
    token = settled(api, roles=["Admin"], environments=["Development", "QA"])

    answer = with_token(api, token, "GET", ALL)

    assert (answer.status, answer.json()["detail"]) == (
        403,
        "Your roles do not permit 'manageUsers' in Staging, Production.",
    )


def test_users_are_listed_by_name(api: Api) -> None:
    first = api.ok("ada", "GET", f"{ALL}?limit=3")
    rest = api.ok("ada", "GET", f"{ALL}?limit=3&cursor={first['cursor']}")

    assert [user["username"] for user in first["users"] + rest["users"]] == ["ada", "amal", "dana", "vic"]
    assert b"password" not in api.call("GET", ALL, user="ada").body.replace(b"mustChangePassword", b"")


def test_every_change_of_a_user_is_audited_without_the_password(api: Api) -> None:
    temporary = invited(api)["temporaryPassword"]
    api.ok("ada", "POST", f"{ALL}/erin/disable", {"reason": "left"})
    api.ok("ada", "POST", f"{ALL}/erin/enable", {})
    api.ok("ada", "PUT", f"{ALL}/erin/access", {"roles": ["Viewer"], "environments": ["QA"]})

    records = api.store.list(AuditRecord, "user:erin")

    assert [(r.actor, r.action) for r in records] == [
        ("ada", "UserCreated"),
        ("ada", "UserDisabled"),
        ("ada", "UserEnabled"),
        ("ada", "AccessChanged"),
    ]
    assert temporary not in repr(records)


@pytest.mark.parametrize("name", ["A", "a", "Erin", "hotswap", "system", "a b", "a/b", "é", "a" * 65, "x:y"])
def test_a_name_that_could_be_mistaken_is_400(api: Api, name: str) -> None:
    answer = api.call("POST", ALL, {"username": name, "roles": ["Viewer"]}, user="ada")

    assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "username")


@pytest.mark.parametrize("roles", [[], ["Node"], ["Root"], [1], "Admin"])
def test_a_role_nobody_can_have_is_400(api: Api, roles: Any) -> None:
    answer = api.call("POST", ALL, {"username": "erin", "roles": roles}, user="ada")

    assert answer.status == 400


def test_a_name_that_is_taken_is_409_and_a_user_nobody_knows_404(api: Api) -> None:
    assert api.call("POST", ALL, {"username": "dana", "roles": ["Viewer"]}, user="ada").status == 409
    assert api.call("GET", f"{ALL}/nobody", user="ada").status == 404
    assert api.call("POST", f"{ALL}/nobody/disable", {}, user="ada").status == 404
