"""A receiver's secret: one version, two while the overlap lasts, never three."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.receiver import ReceiverSecret, rotated


def test_a_new_secret_has_one_version() -> None:
    assert ReceiverSecret(subject="w").valid(0) == (1,)


def test_while_the_overlap_lasts_both_sign_and_at_its_end_the_new_one_alone() -> None:
    changed = rotated(ReceiverSecret(subject="w"), overlap_seconds=60, now_ms=1_000)

    assert changed.valid(1_000) == (2, 1)
    assert changed.valid(60_999) == (2, 1)
    assert changed.valid(61_000) == (2,)


def test_without_an_overlap_the_old_one_ends_at_once() -> None:
    assert rotated(ReceiverSecret(subject="w"), overlap_seconds=0, now_ms=5).valid(5) == (2,)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 100)), min_size=1, max_size=10))
def test_changed_again_within_the_overlap_the_oldest_ends_now(changes: list[tuple[int, int]]) -> None:
    secret, now = ReceiverSecret(subject="w"), 0
    for passed, overlap in changes:
        now += passed
        secret = rotated(secret, overlap_seconds=overlap, now_ms=now)
        valid = secret.valid(now)
        assert valid[0] == secret.version == secret.revision + 1
        assert len(valid) <= 2
