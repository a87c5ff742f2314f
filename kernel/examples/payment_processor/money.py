"""Fees, and what a charge is worth in the currency it is settled in."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from .minor_units import to_major

SETTLED_IN = "EUR"
# What one unit of the currency is worth in the settlement currency; renewed with each release.
RATES = {
    "EUR": Decimal("1"),
    "USD": Decimal("0.92"),
    "GBP": Decimal("1.17"),
    "CHF": Decimal("1.04"),
    "JPY": Decimal("0.0061"),
    "KRW": Decimal("0.00067"),
    "KWD": Decimal("2.99"),
}
SCHEME_FEE = Decimal("0.0145")
CONVERSION_FEE = Decimal("0.0100")
FIXED_FEE = Decimal("0.25")
_CENT = Decimal("0.01")


def settled(amount: int, currency: str) -> Decimal:
    """What the charge is worth in the settlement currency."""
    return _cents(to_major(amount, currency) * RATES[currency])


def fees(worth: Decimal, currency: str) -> dict[str, Decimal]:
    """The parts of the fee, in the settlement currency."""
    return {
        "scheme": _cents(worth * SCHEME_FEE),
        "conversion": _cents(worth * CONVERSION_FEE) if currency != SETTLED_IN else Decimal("0.00"),
        "fixed": FIXED_FEE,
    }


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, rounding=ROUND_HALF_EVEN)
