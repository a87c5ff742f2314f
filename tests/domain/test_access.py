"""Who may do what."""

from __future__ import annotations

import pytest

from chalicelib.domain.access import ANONYMOUS, PERMISSIONS, SCOPES, Action, Caller, Role, Scope, require
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotAllowed, NotAuthenticated

MAY = {
    Role.VIEWER: {"ownAccount", "read"},
    Role.DEPLOYER: {"ownAccount", "read", "deploy", "control", "registerModule", "answer"},
    Role.APPROVER: {"ownAccount", "read", "decide", "answer", "stopLine"},
    Role.ADMIN: {
        "ownAccount",
        *("read", "deploy", "control", "decide", "registerModule", "manageKeys", "managePolicy", "manageNodes"),
        *("manageUsers", "manageHooks", "readAudit", "stopLine", "answer"),
    },
    Role.NODE: {"heartbeat"},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_each_role_may_do_what_the_table_says_and_nothing_else(role: Role, action: Action) -> None:
    caller = Caller(name="dana", roles=frozenset({role}))

    if action in MAY[role]:
        require(caller, action)
    else:
        with pytest.raises(NotAllowed, match=str(action)):
            require(caller, action)


def test_every_role_has_its_row() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("action", Action)
def test_nobody_may_do_anything(action: Action) -> None:
    with pytest.raises(NotAuthenticated):
        require(ANONYMOUS, action)


@pytest.mark.parametrize("action", Action)
def test_a_caller_without_roles_may_do_nothing(action: Action) -> None:
    with pytest.raises(NotAllowed):
        require(Caller(name="dana"), action)


def test_several_roles_add_up() -> None:
    caller = Caller(name="dana", roles=frozenset({Role.DEPLOYER, Role.APPROVER}))

    for action in (Action.DEPLOY, Action.DECIDE):
        require(caller, action)


def test_no_person_may_speak_for_a_node() -> None:
    people = set(Role) - {Role.NODE}

    assert not any(Action.HEARTBEAT in PERMISSIONS[role] for role in people)


@pytest.mark.parametrize("asked", Environment)
@pytest.mark.parametrize("own", Environment)
@pytest.mark.parametrize("action", Action)
def test_what_counts_by_environment_counts_in_ones_own_only(
    action: Action, own: Environment, asked: Environment
) -> None:
    caller = Caller(name="erin", roles=frozenset(Role), environments=frozenset({own}))
    may = SCOPES[action] is Scope.ANYWHERE or (SCOPES[action] is Scope.ENVIRONMENT and own is asked)

    if may:
        require(caller, action, asked)
    else:
        with pytest.raises(NotAllowed, match=f"do not permit '{action}' in"):
            require(caller, action, asked)


@pytest.mark.parametrize("action", Action)
def test_with_a_temporary_password_one_may_choose_another_and_nothing_else(action: Action) -> None:
    caller = Caller(name="erin", roles=frozenset(Role), has_temporary_password=True)

    if action is Action.OWN_ACCOUNT:
        require(caller, action)
    else:
        with pytest.raises(NotAllowed, match="temporary"):
            require(caller, action)


def test_every_action_has_its_scope() -> None:
    assert set(SCOPES) == set(Action)
