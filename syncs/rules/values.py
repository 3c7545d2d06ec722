"""What a record and its link hold, read as what the catalogue says it is. Whatever they hold, nothing here raises.

A text is never missing, only empty, and so is a list; a yes or no that is missing is a no. A number or a date that is
missing, or cannot be read as one, is None, and whatever is asked about it is not so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from connectors import amounts
from connectors.base import FieldType


class Kind(StrEnum):
    """What can be asked about a field follows from this."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "amount"
    YES_NO = "yes or no"
    DATE = "date"
    LIST = "list"


_KINDS = {
    FieldType.NUMBER: Kind.NUMBER, FieldType.MONEY: Kind.MONEY, FieldType.BOOLEAN: Kind.YES_NO,
    FieldType.DATETIME: Kind.DATE, FieldType.LIST: Kind.LIST,
}  # fmt: skip
#: Fields of the link, beside those of the record.
LINK_FIELDS = {
    "link.is_new": "It has no counterpart yet",
    "link.has_counterpart": "It has a counterpart",
    "link.ended": "Its counterpart was deleted",
}
#: More of a text, or of a list, is not looked at: a rule has its bounds in time.
LONGEST_TEXT, LONGEST_LIST = 2000, 100
#: A number with more digits is not one that anybody means, and a machine would round it.
MOST_DIGITS, MOST_PLACES = 15, 9
#: Dates outside of these years are typing errors.
YEARS = range(1900, 2200)
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0", ""}


def kind_of(field: FieldType) -> Kind:
    return _KINDS.get(field, Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Facts:
    """One record as a rule sees it. `now`: the clock, in the business's time zone. `link`: {path: yes or no}."""

    data: Mapping[str, Any]
    link: Mapping[str, bool]
    now: datetime

    def value(self, path: str, kind: Kind) -> Any:
        found = self.link.get(path) if path in LINK_FIELDS else self.data.get(path)
        match kind:
            case Kind.NUMBER:
                return number(found)
            case Kind.MONEY:
                return self._money(found)
            case Kind.YES_NO:
                return yes_no(found)
            case Kind.DATE:
                return date(found, self.now)
            case Kind.LIST:
                return texts(found)
        return text(found)

    def unreadable(self, path: str, kind: Kind) -> bool:
        """It holds something, but nothing of its kind."""
        return self.data.get(path) not in (None, "") and self.value(path, kind) is None

    def _money(self, found: Any) -> Decimal | None:
        """Whole numbers are minor units, text is decimal."""
        if isinstance(found, int) and not isinstance(found, bool):
            read = number(found)
            return amounts.major(int(read), text(self.data.get("currency"))) if read is not None else None
        return number(found)


def text(found: Any) -> str:
    match found:
        case None:
            return ""
        case str():
            plain = found
        case bool():
            plain = "yes" if found else "no"
        case list() | tuple():
            plain = ", ".join(texts(found))
        case Mapping():
            plain = json.dumps(found, default=str, skipkeys=True)
        case _:
            plain = str(found)
    return clean(plain[:LONGEST_TEXT])


def clean(plain: str) -> str:
    """Trimmed, without the halves of characters that no text may hold."""
    return plain.encode("utf-8", "ignore").decode().strip()


def texts(found: Any) -> tuple[str, ...]:
    """The entries of a list; of rows, such as an invoice's lines, their names."""
    rows = found if isinstance(found, list | tuple) else [found]
    named = [row.get("name") if isinstance(row, Mapping) else row for row in rows[:LONGEST_LIST]]
    return tuple(entry for one in named if not isinstance(one, list | tuple | Mapping) and (entry := text(one)))


def number(found: Any) -> Decimal | None:
    if isinstance(found, bool) or not isinstance(found, int | float | str | Decimal):
        return None
    try:
        read = Decimal(found.strip() if isinstance(found, str) else str(found))
    except (InvalidOperation, ValueError):  # ValueError: an int of thousands of digits
        return None
    return read if _bounded(read) else None


def _bounded(read: Decimal) -> bool:
    if not read.is_finite() or read.adjusted() >= MOST_DIGITS:
        return False
    _, digits, exponent = read.as_tuple()
    zeros = next((n for n, digit in enumerate(reversed(digits)) if digit), len(digits) - 1)
    return len(digits) - zeros <= MOST_DIGITS and int(exponent) + zeros >= -MOST_PLACES


def yes_no(found: Any) -> bool | None:
    if found is None or isinstance(found, bool):
        return bool(found)
    said = text(found).casefold()
    return True if said in _YES else False if said in _NO else None


def date(found: Any, now: datetime) -> datetime | None:
    """Of an ISO date or time, or of seconds; a day begins when it does where the business is."""
    try:
        if isinstance(found, int | float) and not isinstance(found, bool):
            read = datetime.fromtimestamp(found, UTC)
        else:
            read = datetime.fromisoformat(str(found))
            read = read if read.tzinfo else read.replace(tzinfo=now.tzinfo)
        return read.astimezone(UTC) if read.year in YEARS else None
    except (ValueError, OverflowError, OSError):
        return None


def start_of(day: datetime) -> datetime:
    return datetime.combine(day.date(), time(), day.tzinfo)


def shown(value: Any) -> str:
    """A value as a person reads it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:,f}"
        case datetime():
            return value.date().isoformat()
        case list() | tuple():
            return ", ".join(shown(v) for v in value)
    return "" if value is None else str(value)
