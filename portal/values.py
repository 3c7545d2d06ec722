"""How the values of records read: amounts, times, choices and lists of lines, by what the field catalogue says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connectors import amounts
from connectors.base import Field, FieldType
from portal import wording
from syncs import currencies

#: One and several of what a list of rows holds.
_ROWS = {"lines": ("line", "lines"), "ids": ("line", "lines"), "payments": ("payment", "payments")}


@dataclass(frozen=True, slots=True)
class Reader:
    """`home`: the business's currency (ISO 4217), that of every amount which names no other."""

    place: ZoneInfo
    home: str
    fields: Sequence[Field] = ()

    def shown(self, path: str, value: Any) -> str:
        """The value of this field as a person reads it; '' for nothing."""
        field = next((f for f in self.fields if f.path == path), None)
        kind = field.type if field else None
        match value:
            case list() if value and all(isinstance(v, Mapping) for v in value):
                return self._rows(path, value)
            case list() if path == "ids":
                return _count(path, len(value))
            case int() if kind == FieldType.DATETIME:
                return self._moment(value) if value else ""
            case int() | str() if kind == FieldType.MONEY and not isinstance(value, bool) and value != "":
                return self.money(value)
            case str() if field and value in dict(field.choices):
                return dict(field.choices)[value]
        return wording.shown(value, self.place)

    def _moment(self, seconds: int) -> str:
        """Since 1970, as Stripe counts; a number that is no time is shown as it is."""
        try:
            return wording.moment(datetime.fromtimestamp(seconds, UTC), self.place)
        except (OverflowError, OSError, ValueError):
            return str(seconds)

    def money(self, amount: Any, currency: str = "") -> str:
        """Whole numbers are minor units, text is decimal: '$1,234.50'."""
        cents = minor(amount, currency or self.home)
        return str(amount) if cents is None else currencies.shown(cents, currency or self.home, self.home)

    def _rows(self, path: str, rows: Sequence[Mapping[str, Any]]) -> str:
        """'3 lines, $341.00'; names and values as 'Job: 12'."""
        if all("name" in row and "value" in row for row in rows):
            return ", ".join(f"{row['name']}: {row['value']}" for row in rows)
        worth = [_worth(row, self.home) for row in rows]
        count = _count(path, len(rows))
        known = [cents for cents in worth if cents is not None]
        return f"{count}, {currencies.shown(sum(known), self.home)}" if len(known) == len(rows) else count


def _count(path: str, number: int) -> str:
    one, many = _ROWS.get(path, ("entry", "entries"))
    return f"{number:,} {one if number == 1 else many}"


def minor(amount: Any, currency: str) -> int | None:
    """Whole cents; None for what is no amount."""
    if isinstance(amount, int):
        return amount
    try:
        return amounts.minor(Decimal(str(amount)), currency)
    except (InvalidOperation, ValueError):
        return None


def _worth(row: Mapping[str, Any], currency: str) -> int | None:
    """What one line comes to, in whichever way it says so."""
    for name in ("amount", "total"):
        if row.get(name) is not None:
            return minor(row[name], currency)
    quantity, unit = row.get("quantity_decimal"), row.get("unit_amount_decimal")
    if quantity is None or unit is None:
        return None
    try:
        return int((Decimal(str(quantity)) * Decimal(str(unit))).quantize(Decimal(1), ROUND_HALF_UP))
    except InvalidOperation:
        return None
