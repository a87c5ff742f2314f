"""Webhooks: who is told of which events. Source: docs/contracts/webhooks.md."""

from __future__ import annotations

from chalicelib.domain.access import Action, may
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.hooks import (
    AddedWebhook,
    AddWebhook,
    DeliveryList,
    RotateSecret,
    SecretBody,
    WebhookBody,
    WebhookList,
    added_webhook,
    delivery_body,
    webhook_body,
)
from chalicelib.usecases import webhooks
from chalicelib.usecases.receiver_secrets import rotate_secret

bp = Noun(__name__)

ALL = "/api/v1/webhooks"
ONE = ALL + "/{webhookId}"


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.MANAGE_HOOKS,
    body=AddWebhook,
    response=AddedWebhook,
    status=201,
    summary="Tell a URL of events from now on; the answer shows the secret to verify them with, once",
)
def add_webhook(call: Call, body: AddWebhook) -> Answer:
    request = body.request(loopback=call.edge.loopback)
    key = call.edge.master_key()
    made = webhooks.add_webhook(request, caller=call.caller, request_id=call.request_id, ports=call.edge.ports)
    return Answer(body=added_webhook(made, key.secret(made.id, 1)), headers={"Location": f"{ALL}/{made.id}"})


@endpoint(bp, ALL, "GET", action=Action.READ, response=WebhookList, summary="List webhooks")
def list_webhooks(call: Call) -> WebhookList:
    found, whole = webhooks.list_webhooks(ports=call.edge.ports), may(call.caller, Action.MANAGE_HOOKS)
    return WebhookList(webhooks=[webhook_body(each, whole=whole) for each in found])


@endpoint(bp, ONE, "GET", action=Action.READ, response=WebhookBody, errors=(404,), summary="One webhook")
def get_webhook(call: Call, webhook_id: str) -> WebhookBody:
    found = webhooks.get_webhook(webhook_id, ports=call.edge.ports)
    return webhook_body(found, whole=may(call.caller, Action.MANAGE_HOOKS))


@endpoint(bp, ONE, "DELETE", action=Action.MANAGE_HOOKS, status=204, errors=(404,), summary="Tell it of nothing more")
def remove_webhook(call: Call, webhook_id: str) -> Answer:
    webhooks.remove_webhook(webhook_id, caller=call.caller, request_id=call.request_id, ports=call.edge.ports)
    return Answer(body=None)


@endpoint(
    bp,
    ONE + "/deliveries",
    "GET",
    action=Action.READ,
    response=DeliveryList,
    errors=(404,),
    summary="What became of the newest events for a webhook",
)
def list_deliveries(call: Call, webhook_id: str) -> DeliveryList:
    found = webhooks.list_deliveries(webhook_id, ports=call.edge.ports)
    return DeliveryList(deliveries=[delivery_body(each) for each in found])


@endpoint(
    bp,
    ONE + "/secret",
    "POST",
    action=Action.MANAGE_HOOKS,
    body=RotateSecret,
    response=SecretBody,
    errors=(404,),
    summary="Make the webhook's next secret and show it once; the one before stays valid for the overlap",
)
def rotate_webhook_secret(call: Call, webhook_id: str, body: RotateSecret) -> SecretBody:
    webhooks.get_webhook(webhook_id, ports=call.edge.ports)
    key = call.edge.master_key()
    secret = rotate_secret(
        webhook_id,
        overlap_seconds=body.overlap_seconds,
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return SecretBody(secret=key.secret(webhook_id, secret.version))
