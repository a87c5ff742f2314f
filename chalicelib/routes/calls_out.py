"""What the function `hooks` is told: one call to a user's address, made and its result handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.observability import log, telling
from chalicelib.usecases.make_call import make_call
from chalicelib.usecases.outbound_ports import OutboundPorts


def handle(order: Mapping[str, Any], *, ports: OutboundPorts) -> dict[str, Any]:
    """The result that was handed over; making the same call again carries the same id.

    Raises:
        Unavailable: the result was not taken; the order is delivered again.
    """
    with telling(correlationId=order.get("correlationId", ""), callId=order["id"], kind=order["kind"]):
        result = make_call(order, ports=ports)
        log("CallMade", outcome=str(result.get("status", result.get("delivered"))), said=result["message"])
        return result
