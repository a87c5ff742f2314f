"""What the caller gets for a charge."""

from __future__ import annotations

from decimal import Decimal


def receipt(code: str, worth: Decimal, fees: dict[str, Decimal]) -> dict[str, object]:
    """The receipt: code, value, fee and its parts, and what is paid out, in the settlement currency."""
    fee = sum(fees.values(), Decimal(0))
    return {
        "authorisation": code,
        "settled": str(worth),
        "fee": str(fee),
        "feeBreakdown": {name: str(part) for name, part in fees.items()},
        "payout": str(worth - fee),
    }
