"""Tell webhooks of an event: once per event and webhook, again until it was heard, and given up in plain sight."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.domain.webhook import RESULT_WITHIN_S, Delivery, DeliveryStatus, Webhook, after_attempt, next_attempt
from chalicelib.usecases.ports import Add, Change, DeadLetters, Ports, Replace
from chalicelib.usecases.receiver_secrets import valid_versions
from chalicelib.usecases.relay_outbox import relay_outbox

MOST_PER_SWEEP = 500


def deliver_event(event_type: str, detail: Mapping[str, Any], *, ports: Ports) -> int:
    """Begin to tell every webhook that wants the event; returns how many. The event again begins nothing anew."""
    begun = 0
    for webhook in ports.store.list(Webhook):
        if webhook.wants(event_type, str(detail.get("moduleName", ""))):
            begun += _begin(webhook, event_type, detail, ports=ports)
    return begun


def end_attempt(result: Mapping[str, Any], *, dead_letters: DeadLetters, ports: Ports) -> None:
    """Keep what came of an attempt; the last one that fails goes to the dead letters with its reason.

    Raises:
        Unavailable, StaleWrite: something does not answer now; the result is delivered again.
    """
    delivery = ports.store.get(Delivery, result["webhookId"], result["id"])
    if delivery is None:
        return
    after = after_attempt(
        delivery,
        attempt=result["attempt"],
        delivered=result["delivered"],
        message=result["message"],
        now_ms=ports.clock.machine_ms(),
    )
    if after is delivery:
        return
    if after.status is DeliveryStatus.FAILED:
        # First, so that it is kept even if this ends between the two; then twice at worst.
        dead_letters.put(_letter(after), reason=_reason(after))
    ports.store.commit(Replace(after))


def repeat_due_attempts(*, ports: Ports) -> int:
    """Order the next attempt of every delivery whose time has come; returns how many. Twice at once orders once."""
    now = ports.clock.machine_ms()
    page = ports.store.page(Delivery, "open", "DELIVERIES", limit=MOST_PER_SWEEP, upto=f"{now:013d}")
    return sum(_repeat(delivery.webhook_id, delivery.event_id, ports=ports) for delivery in page.records)


def _begin(webhook: Webhook, event_type: str, detail: Mapping[str, Any], *, ports: Ports) -> bool:
    now = ports.clock.machine_ms()
    delivery = Delivery(
        webhook_id=webhook.id,
        event_id=str(detail["id"]),
        event_type=event_type,
        body=json.dumps({"type": event_type, "timestamp": now, "data": dict(detail)}, ensure_ascii=False),
        due_at_ms=now + RESULT_WITHIN_S * 1000,
        created_at_ms=now,
    )
    return _ordered(delivery, webhook, Add(delivery), ports=ports)


def _repeat(webhook_id: str, event_id: str, *, ports: Ports) -> bool:
    """Decided on the base table: the list may lag behind."""
    now = ports.clock.machine_ms()
    delivery = ports.store.get(Delivery, webhook_id, event_id)
    if delivery is None or not delivery.is_pending or delivery.due_at_ms > now:
        return False
    webhook = ports.store.get(Webhook, webhook_id)
    after = next_attempt(delivery, now_ms=now)
    if webhook is None:
        after = replace(after, status=DeliveryStatus.FAILED, ended_at_ms=now, message="The webhook was removed.")
    if webhook is None or not after.is_pending:
        try:
            ports.store.commit(Replace(after))
        except StaleWrite:
            return False
        return False
    return _ordered(after, webhook, Replace(after), ports=ports)


def _ordered(delivery: Delivery, webhook: Webhook, change: Change, *, ports: Ports) -> bool:
    order = {
        "kind": "delivery",
        "id": delivery.event_id,
        "correlationId": _correlation_id(delivery),
        "webhookId": webhook.id,
        "attempt": delivery.attempt,
        "url": webhook.url,
        "body": delivery.body,
        "secretVersions": valid_versions(webhook.id, ports=ports),
    }
    message = OutboxMessage(
        id=f"delivery#{webhook.id}#{delivery.event_id}#{delivery.attempt}",
        topic="call",
        created_at_ms=ports.clock.machine_ms(),
        payload=order,
    )
    try:
        ports.store.commit(change, Add(message))
    except StaleWrite:
        return False
    relay_outbox((message,), ports=ports)
    return True


def _correlation_id(delivery: Delivery) -> str:
    """What the event that is delivered belongs to; events of nodes and of the line belong to nothing."""
    return str(json.loads(delivery.body)["data"].get("correlationId", ""))


def _letter(delivery: Delivery) -> dict[str, Any]:
    return {"source": "hotswap", "id": delivery.event_id, "detail-type": delivery.event_type, "body": delivery.body}


def _reason(delivery: Delivery) -> dict[str, Any]:
    return {
        "type": "/problems/webhook-not-delivered",
        "webhookId": delivery.webhook_id,
        "attempts": delivery.attempt,
        "detail": delivery.message,
    }
