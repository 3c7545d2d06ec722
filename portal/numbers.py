"""How the syncs of a business have done: what was written day by day, and what services let it use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate

from portal.models import Connection
from syncs.models import Link, Write

#: Today and the days before it.
DAYS = 30
DONE = Write.State.CONFIRMED
NOT_TAKEN = Write.State.REJECTED


@dataclass(frozen=True, slots=True)
class Day:
    """A day there: outward calls that were done, and those that the service refused."""

    on: date
    written: int = 0
    refused: int = 0


def days(now: datetime, place: ZoneInfo) -> list[Day]:
    """Of the business whose scope is open, the last day last: one query."""
    today = now.astimezone(place).date()
    first = today - timedelta(days=DAYS - 1)
    rows = settled(first, today, place).values(on=TruncDate("settled_at", tzinfo=place)).order_by()
    counted = rows.annotate(written=Count("pk", filter=Q(state=DONE)), refused=Count("pk", filter=Q(state=NOT_TAKEN)))
    known = {row["on"]: Day(**row) for row in counted}
    every = [first + timedelta(days=n) for n in range(DAYS)]
    return [known.get(on, Day(on)) for on in every]


def settled(first: date, last: date, place: ZoneInfo) -> QuerySet[Write]:
    """Outward calls whose outcome came on these days, there."""
    begin = datetime.combine(first, time(), place)
    end = datetime.combine(last + timedelta(days=1), time(), place)
    return Write.objects.filter(settled_at__gte=begin, settled_at__lt=end)


def written_on(links: QuerySet[Link], asked: str, place: ZoneInfo) -> tuple[QuerySet[Link], date | None]:
    """Those that were written on a day, given as '2026-11-28'; all of them for what is no day."""
    try:
        on = date.fromisoformat(asked)
        done = settled(on, on, place).filter(state=DONE)
    except (ValueError, OverflowError):
        return links, None
    return links.filter(pk__in=done.values("link")), on


@dataclass(frozen=True, slots=True)
class Used:
    """Of what a service lets us use, as it said last, in percent."""

    row: Connection
    label: str
    percent: int
    left: float
    maximum: float


def used(connections: Sequence[Connection]) -> list[Used]:
    found = []
    for row in connections:
        for kept in row.budgets:
            left, maximum = float(kept["available"]), float(kept["maximum"])
            if maximum > 0:
                percent = round(100 * (1 - min(max(left, 0.0), maximum) / maximum))
                found.append(Used(row, str(kept["label"]), percent, left, maximum))
    return found


def in_step(counts: dict[str, int]) -> str:
    """'98.7 %' of what is kept in step at all, rounded down so that it says 100 only when all is; '' of nothing."""
    whole = counts["seen"] - counts["skipped"]
    tenths = 1000 * (counts["written"] + counts["unchanged"]) // whole if whole else 0
    return f"{tenths / 10:.1f} %".replace(".0 %", " %") if whole else ""
