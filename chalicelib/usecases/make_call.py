"""Make one call to a user's address, signed, and hand its result to whoever may write the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import DestinationRefused, Unavailable
from chalicelib.domain.hook import HookStatus, outcome_of
from chalicelib.domain.seal import signed_headers
from chalicelib.usecases.outbound_ports import OutboundPorts, Reply

PAUSES_S = (1.0, 3.0)
"""Between the tries of a hook that is not reached or says it cannot now."""
ANSWER_S = 15.0
"""How long one answer may take; whoever needs longer says 202 and calls back."""


def make_call(order: Mapping[str, Any], *, ports: OutboundPorts) -> dict[str, Any]:
    """The result that was handed over; making the same call again carries the same id.

    Raises:
        Unavailable: the result was not taken; the order is delivered again.
    """
    result = _ask_hook(order, ports=ports) if order["kind"] == "hook" else _deliver(order, ports=ports)
    result["correlationId"] = order.get("correlationId", "")
    ports.results.tell(result)
    return result


def _ask_hook(order: Mapping[str, Any], *, ports: OutboundPorts) -> dict[str, Any]:
    status, message = HookStatus.FAILED, ""
    for pause in (*PAUSES_S, None):
        try:
            reply = _asked(order, ports=ports)
        except DestinationRefused as refused:
            status, message = HookStatus.FAILED, f"The address {refused}."
            break
        except Unavailable as trouble:
            status, message = HookStatus.FAILED, str(trouble)
        else:
            status, message = outcome_of(reply.status, reply.body)
            if reply.status < 500 and reply.status != 429:
                break
        if pause is not None:
            ports.pause(pause)
    return {"kind": "hook", "id": order["id"], "status": str(status), "message": message}


def _asked(order: Mapping[str, Any], *, ports: OutboundPorts) -> Reply:
    identity = order["id"]
    callback = {
        "callbackUrl": f"{ports.public_url}/api/v1/hooks/calls/{identity}",
        "callbackToken": ports.master_key().callback_token(identity),
    }
    body = {**order["body"], **callback}
    if order.get("function"):
        return ports.functions.invoke(order["function"], body)
    return _posted(order, json.dumps(body).encode(), subject="hooks", ports=ports)


def _deliver(order: Mapping[str, Any], *, ports: OutboundPorts) -> dict[str, Any]:
    result = {"kind": "delivery", "webhookId": order["webhookId"], "id": order["id"], "attempt": order["attempt"]}
    try:
        reply = _posted(order, order["body"].encode(), subject=order["webhookId"], ports=ports)
    except DestinationRefused as refused:
        return {**result, "delivered": False, "message": f"The address {refused}."}
    except Unavailable as trouble:
        return {**result, "delivered": False, "message": str(trouble)}
    return {**result, "delivered": 200 <= reply.status < 300, "message": f"Status {reply.status}."}


def _posted(order: Mapping[str, Any], body: bytes, *, subject: str, ports: OutboundPorts) -> Reply:
    """Signed at the moment it is sent: a repeat has the same id and a time of its own."""
    key = ports.master_key()
    secrets = [key.secret(subject, version) for version in order["secretVersions"]]
    signed = signed_headers(secrets, message_id=order["id"], at_s=ports.clock.machine_ms() // 1000, body=body)
    headers = {"Content-Type": "application/json", "Idempotency-Key": order["id"], **signed}
    if order.get("correlationId"):
        headers["X-Correlation-Id"] = order["correlationId"]
    return ports.http.post(order["url"], headers=headers, body=body, timeout_s=ANSWER_S)
