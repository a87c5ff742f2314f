"""Amounts are whole minor units (cents, yen); this is how many of them make one of the currency."""

from __future__ import annotations

from decimal import Decimal

DECIMALS = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "JPY": 0, "KRW": 0, "KWD": 3}


def to_major(amount: int, currency: str) -> Decimal:
    """An amount in units of the currency."""
    return Decimal(amount) / (Decimal(10) ** DECIMALS[currency])
