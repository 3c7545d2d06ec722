"""Transforms of dates and times. Pure: none of them asks what time it is."""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from connectors.base import FieldType
from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import Notes, is_empty, plain, quoted

transform = theme("Dates and times")
#: Longer texts are no dates.
_LONGEST = 60
#: Seconds since 1970, up to the year 5138.
_SECONDS = 10**11
_CODES = frozenset("aAbBdHIjmMpSyYzZ%")


@transform(
    eg("2026-01-31T20:00:00+11:00", "2026-01-31T09:00:00Z"), eg("2026-02-30", ""),
    gives=FieldType.DATETIME, longest=lambda given, came: 20,
)  # fmt: skip
def utc_time(value: Any, notes: Notes) -> str:
    """ISO 8601 in UTC, whole seconds. A time without a zone is taken for UTC."""
    if is_empty(value):
        return ""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        notes.append(f"“{plain(value)[:40]}” is not a date and time, so it was not sent")
        return ""


def _format(text: str) -> None:
    """Only what looks the same on every machine."""
    for code in re.findall(r"%(-?.?)", text, flags=re.DOTALL):
        if code.removeprefix("-") not in _CODES:
            raise ValueError(f"“%{code}” means nothing. Use codes such as %Y-%m-%d %H:%M, %d %b %Y or %I:%M %p.")


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("there is no such time zone. Write it as Australia/Sydney or UTC.") from None


@transform(
    eg("2026-01-31T20:00:00Z", "01/02/2026", format="%d/%m/%Y", zone="Australia/Sydney"),
    eg("31/1/2026", "2026-01-31"), eg("1/2/2026", "2 Jan 2026", format="%-d %b %Y", order="month first"),
    says="as a date ({format}, {zone})",
)  # fmt: skip
def date_(
    value: Any, notes: Notes, *,
    format: Annotated[
        str, Arg("%Y year, %m month, %d day, %H:%M time, %b Jan, %a Sat", least=2, most=60, check=_format)
    ] = "%Y-%m-%d",
    zone: Annotated[str, Arg("the time zone it is shown in", least=1, most=60, check=_zone)] = "UTC",
    order: Annotated[Literal["day first", "month first"], Arg("how 1/2/2026 is read")] = "day first",
) -> str:  # fmt: skip
    """A date or time in a form and a zone of your choice. It reads ISO 8601, seconds since 1970, and what people write.

    A time without a zone is taken for UTC; a day without a time stays that day. Half a date is none.
    """
    if is_empty(value) or (isinstance(value, str) and not plain(value)):
        return ""
    try:
        moment = _read(value, day_first=order == "day first")
        shown = moment.astimezone(_zone(zone)) if isinstance(moment, datetime) else moment
        return plain(shown.strftime(format))
    except (ValueError, OverflowError, TypeError, ArithmeticError, LookupError):
        notes.append(f"{quoted(plain(value))} is not a date, so it was not sent")
        return ""


def _read(value: Any, *, day_first: bool) -> date:
    """A date, or a moment with a zone. ValueError and its like for what is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value < _SECONDS:
            raise ValueError("no moment")
        return datetime.fromtimestamp(value, UTC)
    raw = plain(value)
    if not isinstance(value, str) or len(raw) > _LONGEST:
        raise ValueError("no date")
    try:
        moment = datetime.fromisoformat(raw)
        whole_day = len(raw) <= len("2026-W05-6")
    except ValueError:
        moment, whole_day = _loosely(raw, day_first=day_first)
    if whole_day:
        return moment.date()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _loosely(raw: str, *, day_first: bool) -> tuple[datetime, bool]:
    """As people write it. What the text leaves open must not be made up, so it is read twice, with other gaps."""
    from dateutil import parser  # deferred: only needed for dates that are not ISO

    one, other, third = (
        parser.parse(raw, dayfirst=day_first, default=gaps, tzinfos=_named)
        for gaps in (datetime(2000, 1, 1, 1, 1), datetime(2001, 2, 2, 2, 2), datetime(2000, 1, 1, 2, 2))
    )
    if one.date() != other.date():
        raise ValueError("half a date")
    return one, one.time() != third.time()


def _named(name: str | None, offset: int | None) -> tzinfo | None:
    """Names of zones mean other things elsewhere (EST is a state's in Australia), so only a number counts."""
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    if name and name.upper() not in {"UTC", "GMT", "Z"}:
        raise ValueError("no zone we know")
    return UTC if name else None
