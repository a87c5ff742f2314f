"""One charge, from what the caller sent to the receipt."""

from __future__ import annotations

from .cards import is_card
from .ledger import Ledger
from .money import RATES, fees, settled
from .receipt import receipt

MAX_AMOUNT = 100_000_000


class ChargeRefusedError(Exception):
    """The caller asked for something that cannot be charged."""


def charge(request: object, *, ledger: Ledger) -> dict[str, object]:
    """Charge a card.

    Raises:
        ChargeRefusedError: the amount, currency or card is not one that can be charged.
        LedgerUnavailableError: the charge could not be written down.
    """
    if not isinstance(request, dict):
        raise ChargeRefusedError("a charge is a JSON object")
    amount, currency, card = (request.get(name) for name in ("amount", "currency", "card"))
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= MAX_AMOUNT:
        raise ChargeRefusedError("amount must be a whole number of minor units above 0")
    if not isinstance(currency, str) or currency not in RATES:
        raise ChargeRefusedError("currency must be one of " + ", ".join(sorted(RATES)))
    if not isinstance(card, str) or not is_card(card):
        raise ChargeRefusedError("card is not a card number")
    worth = settled(amount, currency)
    return receipt(ledger.authorise(card, amount, currency), worth, fees(worth, currency))
