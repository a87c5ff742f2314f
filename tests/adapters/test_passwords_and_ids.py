"""Passwords cannot be read back, ids sort by time."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.clock import MachineClock
from chalicelib.adapters.ids import ALPHABET, Ulids
from chalicelib.adapters.passwords import Passwords
from tests.fakes import FakeClock


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def test_a_password_matches_its_own_hash_and_no_other(passwords: Passwords):
    stored = passwords.hash("correct horse")

    assert passwords.verify("correct horse", stored)
    assert not passwords.verify("battery staple", stored)


def test_the_same_password_has_many_hashes(passwords: Passwords):
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$broken"])
@pytest.mark.parametrize("password", ["nobody", "", "correct horse"])
def test_nobodys_password_never_matches(passwords: Passwords, password: str, stored: str | None):
    assert not passwords.verify(password, stored)


def test_a_hash_with_todays_parameters_is_not_outdated_and_a_weaker_one_is(passwords: Passwords):
    stored = passwords.hash("x")

    assert not passwords.is_outdated(stored)
    assert passwords.is_outdated(stored.replace("t=3", "t=2"))


def test_an_unknown_user_takes_as_long_as_a_known_one(passwords: Passwords):
    stored = passwords.hash("x")

    def seconds(known: str | None) -> float:
        started = time.process_time()
        passwords.verify("y", known)
        return time.process_time() - started

    known = statistics.median(seconds(stored) for _ in range(7))
    unknown = statistics.median(seconds(None) for _ in range(7))
    assert known / 3 < unknown < known * 3


def test_an_id_has_26_characters_of_crockfords_alphabet():
    made = Ulids(FakeClock()).new()

    assert len(made) == 26
    assert set(made) <= set(ALPHABET)


def test_an_id_begins_with_the_time_it_was_made():
    # 1469918176385 is the example of the specification.
    assert Ulids(FakeClock(1_469_918_176_385)).new().startswith("01ARYZ6S41")


def test_later_ids_are_greater_whatever_the_clock_does():
    clock = FakeClock()
    ulids = Ulids(clock)

    made = []
    for step in (0, 0, 1, -50, 0, 60):
        clock.advance(step)
        made += [ulids.new() for _ in range(20)]

    assert made == sorted(set(made))


def test_no_two_threads_get_the_same_id():
    ulids = Ulids(MachineClock())

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ulids.new(), range(4_000)))

    assert len(set(made)) == len(made)


def test_in_aws_both_kinds_of_time_are_the_same():
    clock = MachineClock()

    assert abs(clock.policy_ms() - clock.machine_ms()) < 1_000
    assert abs(clock.machine_ms() / 1_000 - time.time()) < 1
