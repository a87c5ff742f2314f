"""The example module: every version is what its number stands for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.examples.payment_processor.cards import fingerprint, is_card
from kernel.examples.payment_processor.money import RATES, fees, settled
from tests.kernel.conftest import Builder, Fleet
from tests.kernel.fake_control_plane import FakeControlPlane

CARDS = ["4242424242424242", "5555555555554444", "378282246310005", "6011111111111117"]


async def answers(fleet: Fleet, count: int, **charge: str) -> list[int]:
    return [(await fleet.charge(**charge))[0] for _ in range(count)]


@pytest.mark.parametrize("card", CARDS)
def test_real_card_numbers_are_cards_and_one_wrong_digit_makes_them_none(card: str) -> None:
    assert is_card(card)
    assert not is_card(card[:-1] + str((int(card[-1]) + 1) % 10))


@pytest.mark.parametrize(
    "card", ["", "42", "4242 4242 4242 4242", "4" * 30, 4242424242424242, None, "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"]
)
def test_what_is_no_card_number_is_no_card(card: object) -> None:
    assert not is_card(card)


def test_a_fingerprint_names_the_card_without_its_digits() -> None:
    assert fingerprint(CARDS[0]) == fingerprint(CARDS[0]) != fingerprint(CARDS[1])
    assert CARDS[0][-4:] not in fingerprint(CARDS[0])


@given(amount=st.integers(1, 10**8), currency=st.sampled_from(sorted(RATES)))
def test_fees_are_whole_cents_and_never_less_than_the_fixed_part(amount: int, currency: str) -> None:
    parts = fees(settled(amount, currency), currency)

    assert all(part == part.quantize(Decimal("0.01")) for part in parts.values())
    assert sum(parts.values()) >= Decimal("0.25")


async def test_1_0_0_charges_and_refuses(control_plane: FakeControlPlane, fleet: Fleet, built: Builder) -> None:
    await fleet.start()
    await fleet.runs(control_plane.publish(built("1.0.0")), 1)

    status, receipt = await fleet.charge(amount=10_000, currency="USD")

    assert (status, receipt["settled"], receipt["fee"]) == (200, "92.00", "2.50")
    assert await fleet.charge(amount=10_000, currency="USD") == (200, receipt)
    for wrong in ({"amount": 0}, {"amount": "1"}, {"currency": "XXX"}, {"card": "4242424242424241"}):
        assert (await fleet.charge(**wrong))[0] == 422
    assert await answers(fleet, 3, currency="JPY") == [200] * 3


async def test_2_0_0_shows_the_parts_of_the_same_fee(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    await fleet.start()
    await fleet.runs(control_plane.publish(built("1.0.0")), 1)
    _, before = await fleet.charge()
    await fleet.runs(control_plane.publish(built("2.0.0")), 2)

    _, receipt = await fleet.charge()

    assert {name: receipt[name] for name in before} == before
    assert sum(map(Decimal, receipt["feeBreakdown"].values())) == Decimal(receipt["fee"])
    assert Decimal(receipt["payout"]) == Decimal(receipt["settled"]) - Decimal(receipt["fee"])


async def test_2_1_0_fails_one_charge_in_five(control_plane: FakeControlPlane, fleet: Fleet, built: Builder) -> None:
    await fleet.start()
    await fleet.runs(control_plane.publish(built("2.1.0")), 1)

    assert sorted(await answers(fleet, 20)) == [200] * 16 + [500] * 4


async def test_2_2_0_fails_only_in_currencies_without_minor_units(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    await fleet.start()
    await fleet.runs(control_plane.publish(built("2.2.0")), 1)

    assert await answers(fleet, 2, currency="JPY") == [500, 500]
    for currency in ("EUR", "USD", "KWD"):
        assert await answers(fleet, 2, currency=currency) == [200, 200]
