"""Guessing passwords, over HTTP. Rows A01 to A06 of docs/security.md."""

from __future__ import annotations

import dataclasses
import statistics
import time
import unicodedata
from typing import Any

import pytest

from chalicelib.adapters.passwords import Passwords
from chalicelib.domain.access import Role
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.guessing import MOST_BY_SOURCE, MOST_OVER_ALL, WINDOW_MS, WrongGuesses
from chalicelib.domain.identity import User
from chalicelib.usecases.change_password import require_good_password
from chalicelib.usecases.create_user import create_user
from chalicelib.usecases.log_in import log_in
from chalicelib.usecases.ports import Add
from tests.fakes import fake_ports
from tests.routes.conftest import PASSWORD, Api, make_api, served
from tests.usecases.identity import fake_identity

WRONG = "wrong"
LOGIN = "/api/v1/authentication/login"


@pytest.fixture
def api() -> Api:
    return make_api()


def attempt(api: Api, username: str, password: str = WRONG, source: str = "198.51.100.1", **headers: str) -> Any:
    body = {"username": username, "password": password}
    return api.call("POST", LOGIN, body, source_ip=source, headers=headers)


def test_a01_guesses_at_one_account_from_many_addresses_lock_it_for_the_right_password_too(api: Api) -> None:
    statuses = [attempt(api, "dana", source=f"198.51.100.{number}").status for number in range(10)]

    locked = attempt(api, "dana", PASSWORD, source="203.0.113.9")

    assert statuses == [401] * 5 + [429] * 5
    assert (locked.status, locked.header("Retry-After")) == (429, "900")
    api.ok("ada", "POST", "/api/v1/users/dana/unlock", {})
    assert attempt(api, "dana", PASSWORD).status == 200


def test_a01_a_right_password_that_was_slower_than_the_lock_is_refused(api: Api) -> None:
    class Slow:
        """Passwords whose check takes so long that others guess meanwhile."""

        def __init__(self, others: Any) -> None:
            self.others = others

        def verify(self, password: str, stored: str | None) -> bool:
            is_right = bool(self.others.verify(password, stored))
            if is_right and not self.has_waited:
                self.has_waited = True
                for _ in range(5):
                    attempt(api, "dana")
            return is_right

        has_waited = False

    passwords: Any = Slow(api.edge.identity.passwords)
    identity = dataclasses.replace(api.edge.identity, passwords=passwords)
    served.edge = dataclasses.replace(api.edge, identity=identity)

    assert attempt(api, "dana", PASSWORD).status == 429


def test_a02_one_password_over_many_accounts_is_limited_by_its_address(api: Api) -> None:
    statuses = [attempt(api, f"user{number}", "Spring2026!!").status for number in range(MOST_BY_SOURCE + 5)]

    assert statuses == [401] * MOST_BY_SOURCE + [429] * 5
    assert attempt(api, "dana", PASSWORD).status == 429
    assert attempt(api, "dana", PASSWORD, source="203.0.113.9").status == 200


def test_a02_and_over_all_addresses_however_they_are_spread(api: Api) -> None:
    now = api.clock.machine_ms()
    for shard in range(16):
        api.store.commit(Add(WrongGuesses(scope="all", shard=shard, count=MOST_OVER_ALL // 16 + 1, began_ms=now)))

    assert attempt(api, "dana", PASSWORD, source="203.0.113.9").status == 429
    api.clock.advance(WINDOW_MS)
    assert attempt(api, "dana", PASSWORD, source="203.0.113.9").status == 200


def test_a02_every_wrong_password_is_counted_over_all_somewhere(api: Api) -> None:
    for number in range(40):
        attempt(api, f"user{number}")

    shards = api.store.list(WrongGuesses, "all")
    assert sum(each.count for each in shards) == 40
    assert len(shards) > 1


def test_a03_an_unknown_user_and_a_wrong_password_get_the_same_answer(api: Api) -> None:
    answers = [attempt(api, name) for name in ("dana", "nobody")]
    bodies = [{**answer.json(), "requestId": ""} for answer in answers]

    assert bodies[0] == bodies[1]
    assert answers[0].status == answers[1].status == 401
    names = [[name for name, _ in answer.headers] for answer in answers]
    assert names[0] == names[1]


@pytest.mark.long
def test_a03_and_in_the_same_time() -> None:
    """With the real hash, medians of CPU time over 200 each, taken in turn; reads and writes are the same in both cases.

    CPU time, because a busy machine makes the medians of wall time differ by a tenth by themselves; nothing waits here.
    """
    ports = fake_ports()
    identity = dataclasses.replace(fake_identity(), passwords=Passwords())
    for number in range(100):
        create_user(f"u{number}", PASSWORD, (Role.VIEWER,), created_by="x", passwords=identity.passwords, ports=ports)
    taken: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(200):
        for kind, name in (("known", f"u{number % 100}"), ("unknown", f"n{number % 100}")):
            began = time.process_time()
            with pytest.raises(NotAuthenticated):
                log_in(name, "wrong", source=f"{kind}{number}", identity=identity, ports=ports)
            taken[kind].append(time.process_time() - began)

    known, unknown = (statistics.median(each) for each in taken.values())
    assert abs(known - unknown) / known < 0.05


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"])
def test_a04_what_a_caller_says_of_its_address_changes_no_limit(api: Api, name: str) -> None:
    statuses = [attempt(api, f"user{n}", **{name: f"203.0.113.{n}"}).status for n in range(MOST_BY_SOURCE + 1)]

    assert statuses[-1] == 429


def test_a05_a_password_of_a_megabyte_is_refused_before_it_is_hashed(api: Api) -> None:
    passwords: Any = api.edge.identity.passwords
    asked = len(passwords.asked)

    assert attempt(api, "dana", "x" * 1_000_000).status == 413
    assert attempt(api, "dana", "x" * 257).status == 400
    assert len(passwords.asked) == asked


def test_a05_a_nul_is_refused(api: Api) -> None:
    assert attempt(api, "dana", PASSWORD + "\0").status == 400


def test_a05_every_character_of_a_long_password_counts() -> None:
    passwords = Passwords()
    stored = passwords.hash("x" * 72 + "a")

    assert passwords.verify("x" * 72 + "a", stored)
    assert not passwords.verify("x" * 72 + "b", stored)


def test_a05_a_password_is_the_same_however_its_accents_are_typed() -> None:
    passwords = Passwords()
    composed = "caf\u00e9 au lait, s'il vous pla\u00eet"

    assert passwords.verify(unicodedata.normalize("NFD", composed), passwords.hash(composed))


COMMON = [
    "Password1234",
    "P@ssw0rd!2026",
    "qwertyuiop12",
    "123456789012",
    "abcdefghijkl",
    "aaaaaaaaaaaa",
    "passwordpassword",
    "dragonmonkey",
    "LetMeIn!!!!!!",
    "iloveyou2026!",
]


@pytest.mark.parametrize("password", COMMON)
def test_a06_nobody_chooses_a_password_that_many_people_use(password: str) -> None:
    with pytest.raises(Exception, match="many people use"):
        require_good_password(password, "dana", passwords=Passwords())


@pytest.mark.parametrize("password", [PASSWORD, "hotswap-is-a-nice-tool", "Kf8_xT2pQwYz0a1b", "Zug um Zug nach Ulm"])
def test_a06_a_sentence_or_something_random_is_fine(password: str) -> None:
    require_good_password(password, "dana", passwords=Passwords())


def test_a06_there_is_no_account_and_no_password_until_somebody_makes_one() -> None:
    ports = fake_ports()

    assert ports.store.page(User, "lists", "USERS", limit=10).records == ()
