"""The first administrator, and one who forgot the password, come in by a command with a password only its terminal sees."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import wiring
from chalicelib.domain.access import Role
from chalicelib.domain.errors import AlreadyExists, NotAllowed, NotAuthenticated, NotFound, TooManyRequests
from chalicelib.domain.identity import User
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.log_in import log_in
from chalicelib.usecases.ports import Replace
from infra import identity as command
from tests.fakes import FakeClock, FakeStore, fake_ports
from tests.usecases.identity import FakePasswords, fake_identity


@pytest.fixture(autouse=True)
def _quick() -> object:
    wiring.reset()
    wiring.install(passwords=FakePasswords())
    yield None
    wiring.reset()


def test_the_first_administrator_comes_in_with_a_temporary_password() -> None:
    ports = fake_ports()

    password = command.first_admin("ada", operator="kim", ports=ports)

    got = log_in("ada", password, identity=fake_identity(), ports=ports)
    assert got.user.roles == (Role.ADMIN,)
    assert got.user.temporary_until_ms is not None
    [record, *_] = ports.store.list(AuditRecord, "user:ada")
    assert (record.actor, record.action) == ("operator:kim", "UserCreated")
    assert password not in repr(ports.store.list(AuditRecord, "user:ada"))


def test_where_there_is_one_the_command_makes_no_second() -> None:
    ports = fake_ports()
    command.first_admin("ada", operator="kim", ports=ports)

    with pytest.raises(AlreadyExists):
        command.first_admin("eve", operator="kim", ports=ports)


def test_when_every_administrator_is_disabled_it_makes_another() -> None:
    ports = fake_ports()
    command.first_admin("ada", operator="kim", ports=ports)
    ada = ports.store.get(User, "ada")
    assert ada is not None
    ports.store.commit(Replace(dataclasses.replace(ada, disabled=True, revision=ada.revision + 1)))

    command.first_admin("bea", operator="kim", ports=ports)


def test_the_command_says_what_it_did_and_the_password_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    wiring.install(store=FakeStore(), clock=FakeClock(), passwords=FakePasswords())

    assert command.main(["first-admin", "ada"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ada may log in, within 72 hours, with this password, which is shown once: ")
    assert command.main(["first-admin", "bea"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert command.main(["first-admin", "A B"]) == 1
    capsys.readouterr()
    assert command.main(["recover-admin", "ada"]) == 0
    assert capsys.readouterr().out.startswith("ada may log in, within 72 hours, with this password")


def test_an_administrator_who_forgot_the_password_comes_in_again_and_it_is_audited() -> None:
    ports = fake_ports()
    forgotten = command.first_admin("ada", operator="kim", ports=ports)
    for _ in range(20):
        with pytest.raises((NotAuthenticated, TooManyRequests)):
            log_in("ada", "wrong", identity=fake_identity(), ports=ports)

    password = command.recover_admin("ada", operator="kim", ports=ports)

    got = log_in("ada", password, identity=fake_identity(), ports=ports)
    assert got.user.temporary_until_ms is not None
    with pytest.raises(NotAuthenticated):
        log_in("ada", forgotten, identity=fake_identity(), ports=ports)
    records = ports.store.list(AuditRecord, "user:ada")
    assert ("operator:kim", "AdminRecovered") in {(each.actor, each.action) for each in records}
    assert password not in repr(records)


def test_only_an_administrator_who_is_not_disabled_is_recovered() -> None:
    ports = fake_ports()
    command.first_admin("ada", operator="kim", ports=ports)
    ada = ports.store.get(User, "ada")
    assert ada is not None
    for user in (
        dataclasses.replace(ada, disabled=True, revision=ada.revision + 1),
        dataclasses.replace(ada, roles=(Role.VIEWER,), revision=ada.revision + 2),
        dataclasses.replace(ada, environments=ada.environments[:1], revision=ada.revision + 3),
    ):
        ports.store.commit(Replace(user))
        with pytest.raises(NotAllowed):
            command.recover_admin("ada", operator="kim", ports=ports)
    with pytest.raises(NotFound):
        command.recover_admin("eve", operator="kim", ports=ports)


@pytest.mark.parametrize("what", ["first-admin", "recover-admin"])
def test_whoever_may_not_touch_the_table_is_refused_by_aws(
    what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    def forbidden(*_given: Any, **_named: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "GetItem")

    store = FakeStore()
    monkeypatch.setattr(store, "get", forbidden)
    monkeypatch.setattr(store, "page", forbidden)
    wiring.install(store=store, clock=FakeClock(), passwords=FakePasswords())

    assert command.main([what, "ada"]) == 1
    assert "AccessDeniedException" in capsys.readouterr().err
