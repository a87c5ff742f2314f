"""The same program as a function of AWS Lambda: one event is one charge, or the check before it has traffic."""

from __future__ import annotations

from typing import Any

from .charging import ChargeRefusedError, charge
from .health import health
from .ledger import Ledger

_LEDGER = Ledger()


def handle(event: Any, _context: Any) -> dict[str, Any]:
    """Charge a card; what goes wrong with that is the function's error."""
    if isinstance(event, dict) and event.get("source") == "hotswap.check":
        return {"statusCode": health()[0]}
    try:
        return {"statusCode": 200, "body": charge(event, ledger=_LEDGER)}
    except ChargeRefusedError as refused:
        return {"statusCode": 422, "body": {"error": str(refused)}}
