"""Webhooks: who is told, how often it is tried, and that no result can undo another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.webhook import (
    MOST_ATTEMPTS,
    PAUSES_S,
    RESULT_WITHIN_S,
    Delivery,
    DeliveryStatus,
    Webhook,
    after_attempt,
    next_attempt,
)

HOOK = Webhook(id="w", url="https://x.example", event_types=("WaveStarted",), created_by="ada", created_at_ms=0)
NEW = Delivery(webhook_id="w", event_id="e", event_type="WaveStarted", body="{}", due_at_ms=0, created_at_ms=0)


@pytest.mark.parametrize(
    ("types", "module", "wanted"),
    [
        (("WaveStarted",), "", True),
        (("*",), "", True),
        (("VerdictReached",), "", False),
        ((), "", False),
        (("WaveStarted",), "payment", True),
        (("*",), "other", False),
    ],
)
def test_a_webhook_is_told_of_its_types_and_its_module(types: tuple[str, ...], module: str, wanted: bool) -> None:
    assert replace(HOOK, event_types=types, module=module).wants("WaveStarted", "payment") is wanted


def test_a_delivery_that_always_fails_is_tried_after_each_pause_and_then_given_up() -> None:
    delivery, now, waited = NEW, 1_000, []
    while delivery.is_pending:
        delivery = after_attempt(delivery, attempt=delivery.attempt, delivered=False, message="500", now_ms=now)
        if delivery.is_pending:
            waited.append((delivery.due_at_ms - now) // 1000)
            now = delivery.due_at_ms
            delivery = next_attempt(delivery, now_ms=now)

    assert tuple(waited) == PAUSES_S
    assert (delivery.status, delivery.attempt, delivery.ended_at_ms) == (DeliveryStatus.FAILED, MOST_ATTEMPTS, now)


def test_attempts_whose_results_are_all_lost_end_too() -> None:
    delivery = NEW
    for number in range(2, MOST_ATTEMPTS + 1):
        delivery = next_attempt(delivery, now_ms=0)
        assert (delivery.attempt, delivery.due_at_ms) == (number, RESULT_WITHIN_S * 1000)

    assert next_attempt(delivery, now_ms=9).status is DeliveryStatus.FAILED


def test_a_late_failure_of_an_earlier_attempt_changes_nothing_and_a_late_success_counts() -> None:
    second = next_attempt(NEW, now_ms=0)

    assert after_attempt(second, attempt=1, delivered=False, message="late", now_ms=5) is second
    heard = after_attempt(second, attempt=1, delivered=True, message="200", now_ms=5)
    assert (heard.status, heard.ended_at_ms) == (DeliveryStatus.DELIVERED, 5)


@given(st.lists(st.tuples(st.integers(1, MOST_ATTEMPTS), st.booleans()), max_size=20))
def test_once_heard_or_given_up_nothing_changes_it(results: list[tuple[int, bool]]) -> None:
    delivery = NEW
    for attempt, delivered in results:
        before = delivery
        delivery = after_attempt(delivery, attempt=attempt, delivered=delivered, message="", now_ms=1)
        if not before.is_pending:
            assert delivery is before
        assert delivery.revision - before.revision in (0, 1)
        assert (delivery.ended_at_ms is None) == delivery.is_pending
