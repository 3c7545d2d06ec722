"""Transforms of numbers and money, in decimals: no cent is lost to binary fractions. Pure."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from connectors import amounts
from connectors.base import FieldType
from syncs import currencies
from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import Notes, is_empty, plain, quoted

transform = theme("Numbers and money")
#: A number as people and services write it: “1234.5”, “-$1,234.50”, “12 %” is none.
_NUMBER = re.compile(r"([-+]?)\s?[$€£¥]?\s?([-+]?)(\d{1,3}(?:,\d{3})+|\d+)?(\.\d+)?", re.ASCII)
_LONGEST = 30
_HOW = {"half up": ROUND_HALF_UP, "half even": ROUND_HALF_EVEN, "up": ROUND_UP, "down": ROUND_DOWN}
#: Numbers from here on are nobody's.
_MOST = Decimal(10) ** 18

Decimals = Annotated[int, Arg("digits behind the point", least=0, most=9)]
How = Annotated[
    Literal["half up", "half even", "up", "down"], Arg("where it lies between two; up and down: from and to zero")
]


def read(value: Any, notes: Notes) -> Decimal | None:
    """None where there is none; what is no number is noted."""
    if is_empty(value) or (isinstance(value, str) and not plain(value)):
        return None
    found = _written(value)
    if found is None or not found.is_finite() or abs(found) >= _MOST:
        notes.append(f"{quoted(plain(value))} is not a number, so it was not sent")
        return None
    return found


def _written(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return Decimal(repr(value)) if abs(value) < _MOST else None
    found = _NUMBER.fullmatch(plain(value)) if len(value) <= _LONGEST else None
    if found is None or not (found[3] or found[4]) or (found[1] and found[2]):
        return None
    try:
        return Decimal(f"{found[1] or found[2]}{(found[3] or '0').replace(',', '')}{found[4] or ''}")
    except InvalidOperation:
        return None


def _plain(number: Decimal) -> str:
    """Without an exponent, and without a minus before nothing."""
    return f"{number + 0 if number else abs(number):f}"


def _rounded(number: Decimal, decimals: int, how: str) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-decimals), _HOW[how])


@transform(
    eg("$1,234.50", "1234.5"), eg("12 pieces", ""), eg(3.0, "3"), says="as a plain number",
    gives=FieldType.NUMBER, longest=lambda given, came: _LONGEST,
)  # fmt: skip
def number(value: Any, notes: Notes) -> str:
    """A number without a currency sign, thousands or needless zeros. What is no number is left out and noted."""
    found = read(value, notes)
    return "" if found is None else _plain(found.normalize())


@transform(
    eg("2.345", "2.35"), eg("2.5", "2", decimals=0, how="half even"), eg("7", "7.00"),
    says="rounded to {decimals} decimals", gives=FieldType.NUMBER, longest=lambda given, came: _LONGEST,
)  # fmt: skip
def round_(value: Any, notes: Notes, *, decimals: Decimals = 2, how: How = "half up") -> str:
    """A number with exactly so many digits behind the point. Half up: 0.5 goes away from zero."""
    found = read(value, notes)
    return "" if found is None else _plain(_rounded(found, decimals, how))


@transform(
    eg("12.5", "1250", by=100), eg(1250, "12.5", by=0.01), eg("0.1", "10", by=100), says="times {by}",
    gives=FieldType.NUMBER, longest=lambda given, came: _LONGEST,
)  # fmt: skip
def scale(
    value: Any, notes: Notes, *,
    by: Annotated[float, Arg("what it is multiplied by", least=-1_000_000, most=1_000_000)],
) -> str:  # fmt: skip
    """A number times another, such as 100 for cents or 0.01 back."""
    found = read(value, notes)
    return "" if found is None else _plain(_rounded(found * Decimal(repr(by)), 9, "half up").normalize())


def _currency(code: str) -> None:
    if not (code.isascii() and code.isalpha()):
        raise ValueError("a currency is three letters, such as AUD.")


@transform(
    eg("12.5", "1250"), eg(1250, "12.50", reads="cents", gives="amount"),
    eg(123450, "$1,234.50", reads="cents", gives="words"), says="{reads} as {gives}, in {currency}",
    gives=lambda given: FieldType.TEXT if given["gives"] == "words" else FieldType.MONEY,
    longest=lambda given, came: _LONGEST,
)  # fmt: skip
def money(
    value: Any, notes: Notes, *,
    currency: Annotated[str, Arg("its code, such as AUD", least=3, most=3, check=_currency)] = "AUD",
    reads: Annotated[Literal["amount", "cents"], Arg("what the field holds: 12.50, or 1250")] = "amount",
    gives: Annotated[Literal["cents", "amount", "words"], Arg("1250, 12.50, or $12.50")] = "cents",
) -> str:  # fmt: skip
    """An amount of money between its usual form and the smallest unit, as the currency has it (a yen has no cents).
    Halves go away from zero."""
    found = read(value, notes)
    if found is None:
        return ""
    cents = int(_rounded(found, 0, "half up")) if reads == "cents" else amounts.minor(found, currency)
    if gives == "cents":
        return str(cents)
    return currencies.shown(cents, currency) if gives == "words" else _plain(amounts.major(cents, currency))
