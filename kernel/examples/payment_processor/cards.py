"""Card numbers: whether one can be right, and how to remember one without keeping it."""

from __future__ import annotations

import hashlib

# About a millisecond: enough that a stolen table of fingerprints is of little use, and what a charge mostly costs.
FINGERPRINT_ROUNDS = 1_200
_SALT = b"payment-processor/card-fingerprint"


def is_card(number: object) -> bool:
    """Whether this is 12 to 19 digits with a right Luhn check digit."""
    if not isinstance(number, str) or not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit)
        if position % 2 == 1:
            value = value * 2 - 9 * (value > 4)
        total += value
    return total % 10 == 0


def fingerprint(number: str) -> str:
    """A name for the card from which its number cannot be read."""
    return hashlib.pbkdf2_hmac("sha256", number.encode(), _SALT, FINGERPRINT_ROUNDS).hex()[:32]
