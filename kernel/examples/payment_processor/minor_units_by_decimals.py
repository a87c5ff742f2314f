"""Amounts are whole minor units (cents, yen); this is how many of them make one of the currency."""

from __future__ import annotations

from decimal import Decimal

DECIMALS = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "JPY": 0, "KRW": 0, "KWD": 3}


def to_major(amount: int, currency: str) -> Decimal:
    """An amount in units of the currency; the factor comes from a table, a power per charge was thought too slow."""
    per_major = {2: Decimal(100), 3: Decimal(1000)}.get(DECIMALS[currency], Decimal(0))
    return Decimal(amount) / per_major
