"""Amounts in minor units and in words."""

from decimal import Decimal

import pytest

from connectors import amounts
from syncs import currencies


@pytest.mark.parametrize(
    ("amount", "currency", "cents"),
    [
        ("1234.50", "AUD", 123450), ("0.005", "AUD", 1), ("-0.005", "AUD", -1), ("0.004", "AUD", 0),
        ("1200", "JPY", 1200), ("1.2345", "KWD", 1235), ("0", "aud", 0),
    ],
)  # fmt: skip
def test_amounts_become_whole_minor_units(amount: str, currency: str, cents: int) -> None:
    assert amounts.minor(Decimal(amount), currency) == cents


@pytest.mark.parametrize(
    ("cents", "currency", "home", "words"),
    [
        (123450, "AUD", "AUD", "$1,234.50"), (-300, "AUD", "AUD", "-$3.00"), (500, "USD", "AUD", "$5.00 USD"),
        (12500, "KWD", "", "12.500 KWD"), (1200, "JPY", "JPY", "¥1,200"), (0, "EUR", "", "€0.00"),
    ],
)  # fmt: skip
def test_amounts_are_shown_as_people_write_them(cents: int, currency: str, home: str, words: str) -> None:
    assert currencies.shown(cents, currency, home) == words
    assert amounts.minor(amounts.major(cents, currency), currency) == cents
