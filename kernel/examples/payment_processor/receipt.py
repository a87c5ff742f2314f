"""What the caller gets for a charge."""

from __future__ import annotations

from decimal import Decimal


def receipt(code: str, worth: Decimal, fees: dict[str, Decimal]) -> dict[str, object]:
    """The receipt: code, value and fee in the settlement currency."""
    return {"authorisation": code, "settled": str(worth), "fee": str(sum(fees.values(), Decimal(0)))}
