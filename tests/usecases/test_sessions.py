"""Logging in, staying in, and being put out: guesses are counted, stolen tokens noticed, revocations count at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.access import Role
from chalicelib.domain.errors import AlreadyExists, NotAuthenticated, StaleWrite, TooManyRequests
from chalicelib.domain.guessing import MOST_BY_NAME, WINDOW_MS, WrongGuesses, by_name
from chalicelib.domain.identity import Session, User
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.authenticate_user import authenticate_user
from chalicelib.usecases.create_user import create_user
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.log_in import SESSION_MS, LoggedIn, log_in
from chalicelib.usecases.log_out import log_out
from chalicelib.usecases.ports import Ports, Replace
from chalicelib.usecases.refresh_session import refresh_session
from tests.fakes import FakeClock, FakeStore, fake_ports
from tests.usecases.identity import fake_identity


def with_dana() -> tuple[IdentityPorts, Ports]:
    identity, ports = fake_identity(), fake_ports()
    create_user("dana", "right", (Role.DEPLOYER,), created_by="set-up", passwords=identity.passwords, ports=ports)
    return identity, ports


def clock_of(ports: Ports) -> FakeClock:
    assert isinstance(ports.clock, FakeClock)
    return ports.clock


def change_dana(ports: Ports, **changes: object) -> None:
    user = ports.store.get(User, "dana")
    assert user is not None
    ports.store.commit(Replace(replace(user, revision=user.revision + 1, **changes)))  # type: ignore[arg-type]


def logged_in() -> tuple[LoggedIn, IdentityPorts, Ports]:
    identity, ports = with_dana()
    return log_in("dana", "right", identity=identity, ports=ports), identity, ports


def guess(identity: IdentityPorts, ports: Ports, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NotAuthenticated):
            log_in("dana", "wrong", identity=identity, ports=ports)


def test_the_right_password_gives_a_session_whose_token_speaks_for_the_user() -> None:
    got, identity, ports = logged_in()

    caller = authenticate_user(got.access_token, identity=identity, ports=ports)

    assert (caller.name, caller.roles, caller.session) == ("dana", {Role.DEPLOYER}, got.session.id)
    [record] = ports.store.list(AuditRecord, f"session:{got.session.id}")
    assert (record.actor, record.action) == ("dana", "LoggedIn")


@pytest.mark.parametrize(("name", "password"), [("dana", "wrong"), ("nobody", "right")])
def test_whatever_is_wrong_is_answered_alike(name: str, password: str) -> None:
    identity, ports = with_dana()

    with pytest.raises(NotAuthenticated, match="The user name or the password is wrong"):
        log_in(name, password, identity=identity, ports=ports)


def test_a_disabled_user_is_answered_as_a_wrong_password() -> None:
    identity, ports = with_dana()
    change_dana(ports, disabled=True)

    with pytest.raises(NotAuthenticated, match="password is wrong"):
        log_in("dana", "right", identity=identity, ports=ports)


def test_too_many_guesses_lock_the_account_for_a_while_also_for_the_right_password() -> None:
    identity, ports = with_dana()
    guess(identity, ports, MOST_BY_NAME)

    with pytest.raises(TooManyRequests):
        log_in("dana", "right", identity=identity, ports=ports)
    clock_of(ports).advance(ms=WINDOW_MS)

    assert log_in("dana", "right", identity=identity, ports=ports).user.username == "dana"
    assert ports.store.list(WrongGuesses, by_name("dana")) == ()


def test_a_refreshed_session_gets_new_tokens_and_the_old_refresh_token_ends_it() -> None:
    got, identity, ports = logged_in()
    fresh = refresh_session(got.refresh_token, identity=identity, ports=ports)
    assert fresh.session.rotation == 1
    authenticate_user(fresh.access_token, identity=identity, ports=ports)

    with pytest.raises(NotAuthenticated):
        refresh_session(got.refresh_token, identity=identity, ports=ports)

    session = ports.store.get(Session, got.session.id)
    assert session is not None
    assert session.revoked
    with pytest.raises(NotAuthenticated):
        authenticate_user(fresh.access_token, identity=identity, ports=ports)


@pytest.mark.parametrize("token", ["", "hsr_", "hsr_only", "hsx_a_b", "hsr_nobody_secret"])
def test_what_is_no_refresh_token_is_refused(token: str) -> None:
    identity, ports = with_dana()

    with pytest.raises(NotAuthenticated):
        refresh_session(token, identity=identity, ports=ports)


def test_of_two_refreshes_at_the_same_moment_one_is_refused() -> None:
    got, identity, ports = logged_in()
    assert isinstance(ports.store, FakeStore)
    ports.store.fail_next(StaleWrite("Session", got.session.id))

    with pytest.raises(NotAuthenticated):
        refresh_session(got.refresh_token, identity=identity, ports=ports)

    assert refresh_session(got.refresh_token, identity=identity, ports=ports).session.rotation == 1


def test_a_session_that_was_logged_out_is_over_at_once_and_ending_it_again_changes_nothing() -> None:
    got, identity, ports = logged_in()
    caller = authenticate_user(got.access_token, identity=identity, ports=ports)

    for _ in range(2):
        log_out(caller=caller, ports=ports)

    with pytest.raises(NotAuthenticated):
        authenticate_user(got.access_token, identity=identity, ports=ports)
    assert [r.action for r in ports.store.list(AuditRecord, f"session:{got.session.id}")] == ["LoggedIn", "LoggedOut"]


@pytest.mark.parametrize("changes", [{"disabled": True}, {"generation": 1}])
def test_what_changes_about_a_user_ends_their_sessions_at_once(changes: dict[str, object]) -> None:
    got, identity, ports = logged_in()
    change_dana(ports, **changes)

    with pytest.raises(NotAuthenticated):
        authenticate_user(got.access_token, identity=identity, ports=ports)
    with pytest.raises(NotAuthenticated):
        refresh_session(got.refresh_token, identity=identity, ports=ports)


def test_a_session_ends_with_its_time_however_often_it_was_refreshed() -> None:
    got, identity, ports = logged_in()
    clock_of(ports).advance(ms=SESSION_MS)

    with pytest.raises(NotAuthenticated):
        authenticate_user(got.access_token, identity=identity, ports=ports)


def test_a_token_of_somebody_elses_session_is_refused() -> None:
    got, identity, ports = logged_in()
    forged = identity.tokens.issue(subject="erin", roles=(), session=got.session.id, generation=0)

    with pytest.raises(NotAuthenticated):
        authenticate_user(forged, identity=identity, ports=ports)


def test_a_name_is_given_once() -> None:
    identity, ports = with_dana()

    with pytest.raises(AlreadyExists):
        create_user("dana", "x", (Role.VIEWER,), created_by="ada", passwords=identity.passwords, ports=ports)


@pytest.mark.parametrize("roles", [(), (Role.NODE,), (Role.ADMIN, Role.NODE)])
def test_nobody_is_a_user_without_a_role_or_as_a_node(roles: tuple[Role, ...]) -> None:
    with pytest.raises(ValueError, match="role"):
        create_user("erin", "x", roles, created_by="ada", passwords=fake_identity().passwords, ports=fake_ports())
