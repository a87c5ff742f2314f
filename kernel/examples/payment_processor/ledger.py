"""Where charges are written down; every one gets an authorisation code that follows from what was charged."""

from __future__ import annotations

import hashlib
import hmac

from .cards import fingerprint

_KEY = b"payment-processor/authorisation"


class LedgerUnavailableError(Exception):
    """The charge could not be written down."""


class Ledger:
    """Gives out authorisation codes: the same charge always gets the same one."""

    def authorise(self, card: str, amount: int, currency: str) -> str:
        """The authorisation code of this charge."""
        text = f"{fingerprint(card)}:{amount}:{currency}"
        return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()[:12].upper()
