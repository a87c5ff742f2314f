"""Webhooks: who wants to be told of which events, and each telling until it was heard or given up.

A delivery is one event for one webhook. Its attempts are counted in the table, so that a lost result leads to another
attempt and never to none; the receiver knows a repeat by its id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

PAUSES_S = (60, 300, 1_800, 7_200, 21_600, 43_200)
"""Between the attempts: seven of them over about twenty hours, the pauses of Standard Webhooks rounded to our sweep."""
MOST_ATTEMPTS = len(PAUSES_S) + 1
RESULT_WITHIN_S = 120
"""An attempt whose result has not come after this long counts as lost and is made again."""
KEPT_S = 7 * 24 * 3600
EVERY_TYPE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A subscription: events of these types (and of one module, where one is named) are told to this URL."""

    id: str
    url: str
    event_types: tuple[str, ...]
    module: str = ""
    description: str = ""
    created_by: str
    created_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)

    def wants(self, event_type: str, module: str) -> bool:
        """Whether it is to be told of an event."""
        return self.module in ("", module) and bool({event_type, EVERY_TYPE} & set(self.event_types))


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook. `body` is what is sent, byte for byte the same at each attempt. Machine time."""

    webhook_id: str
    event_id: str
    event_type: str
    body: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempt: int = 1
    due_at_ms: int
    created_at_ms: int
    ended_at_ms: int | None = None
    message: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.webhook_id, self.event_id)

    @property
    def is_pending(self) -> bool:
        return self.status is DeliveryStatus.PENDING


def after_attempt(delivery: Delivery, *, attempt: int, delivered: bool, message: str, now_ms: int) -> Delivery:
    """The delivery after the result of an attempt. Results of earlier attempts count only when they say it was heard."""
    if not delivery.is_pending or (attempt != delivery.attempt and not delivered):
        return delivery
    told = replace(delivery, message=message, revision=delivery.revision + 1)
    if delivered:
        return replace(told, status=DeliveryStatus.DELIVERED, ended_at_ms=now_ms)
    if delivery.attempt >= MOST_ATTEMPTS:
        return replace(told, status=DeliveryStatus.FAILED, ended_at_ms=now_ms)
    return replace(told, due_at_ms=now_ms + PAUSES_S[delivery.attempt - 1] * 1000)


def next_attempt(delivery: Delivery, *, now_ms: int) -> Delivery:
    """The delivery as its next attempt is ordered; when the last one was lost too, it is given up."""
    after = replace(delivery, revision=delivery.revision + 1)
    if delivery.attempt >= MOST_ATTEMPTS:
        return replace(
            after, status=DeliveryStatus.FAILED, ended_at_ms=now_ms, message="No result of the last attempt."
        )
    return replace(after, attempt=delivery.attempt + 1, due_at_ms=now_ms + RESULT_WITHIN_S * 1000)
