"""Add, list and remove webhooks, and see what became of their deliveries."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import NotFound
from chalicelib.domain.receiver import ReceiverSecret
from chalicelib.domain.webhook import Delivery, Webhook
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Remove

MOST_DELIVERIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """What a caller subscribes to; field rules were checked at the edge."""

    url: str
    event_types: tuple[str, ...]
    module: str = ""
    description: str = ""


def add_webhook(request: WebhookRequest, *, caller: Caller, request_id: str = "", ports: Ports) -> Webhook:
    """The webhook, told of every event from now on."""
    webhook = Webhook(
        id=ports.new_id(),
        url=request.url,
        event_types=request.event_types,
        module=request.module,
        description=request.description,
        created_by=caller.name,
        created_at_ms=ports.clock.machine_ms(),
    )
    secret = ReceiverSecret(subject=webhook.id)
    deed = _deed(webhook, "WebhookAdded", caller, request_id)
    ports.store.commit(Add(webhook), Add(secret), audited(deed, ports=ports))
    return webhook


def list_webhooks(*, ports: Ports) -> tuple[Webhook, ...]:
    """Every webhook, the oldest first."""
    return ports.store.list(Webhook)


def get_webhook(webhook_id: str, *, ports: Ports) -> Webhook:
    """One webhook.

    Raises:
        NotFound: there is none.
    """
    found = ports.store.get(Webhook, webhook_id)
    if found is None:
        raise NotFound("webhook", webhook_id)
    return found


def remove_webhook(webhook_id: str, *, caller: Caller, request_id: str = "", ports: Ports) -> None:
    """It is told of nothing more; attempts that are due are not made.

    Raises:
        NotFound: there is none.
    """

    def decide() -> tuple[None, tuple[Change, ...]]:
        webhook = get_webhook(webhook_id, ports=ports)
        secret = ports.store.get(ReceiverSecret, webhook_id)
        deed = _deed(webhook, "WebhookRemoved", caller, request_id)
        removed = (Remove(webhook), *((Remove(secret),) if secret is not None else ()))
        return None, (*removed, audited(deed, ports=ports))

    decide_and_commit(decide, ports=ports)


def list_deliveries(webhook_id: str, *, ports: Ports) -> tuple[Delivery, ...]:
    """What became of its newest events.

    Raises:
        NotFound: there is no such webhook.
    """
    get_webhook(webhook_id, ports=ports)
    return ports.store.list(Delivery, webhook_id, newest_first=True, limit=MOST_DELIVERIES)


def _deed(webhook: Webhook, action: str, caller: Caller, request_id: str) -> Deed:
    detail = {"url": webhook.url.partition("?")[0], "eventTypes": list(webhook.event_types), "module": webhook.module}
    return Deed(subject=f"webhook:{webhook.id}", actor=caller.name, action=action, detail=detail, request_id=request_id)
