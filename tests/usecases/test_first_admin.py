"""The first administrator comes from a command, once, with a password that only its terminal sees."""

from __future__ import annotations

import dataclasses

import pytest

from chalicelib import wiring
from chalicelib.domain.access import Role
from chalicelib.domain.errors import AlreadyExists
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
