"""How the syncs of a business have done: what was written day by day, and what services let it use."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.formats import date_format

from portal import figures
from portal.models import Connection
from syncs.models import Link, Sync, Write

#: Today and the days before it.
DAYS = 30
DONE = Write.State.CONFIRMED
NOT_TAKEN = Write.State.REJECTED
LAST_DAY = "24h"
#: What typing one change into the other service by hand is reckoned to take. The page says so beside the hours.
TYPING_MINUTES = 2


@dataclass(frozen=True, slots=True)
class Day:
    """A day there: outward calls that were done, and those that the service refused."""

    on: date
    written: int = 0
    refused: int = 0


#: (the day there, the sync's key, calls that were done, calls that were refused)
type Calls = Sequence[tuple[date, int, int, int]]


def calls(now: datetime, place: ZoneInfo) -> Calls:
    """Of the business whose scope is open: one query, which is the dearest of the page."""
    every = _days(now, place)
    rows = settled(every[0], every[-1], place).order_by()
    grouped = rows.annotate(day=_number_of(every, place)).values_list("day", "link__sync")
    done, not_taken = (Count("pk", filter=Q(state=state)) for state in (DONE, NOT_TAKEN))
    counted = grouped.annotate(done=done, not_taken=not_taken)
    return [(every[day], sync_id, written, refused) for day, sync_id, written, refused in counted]


def _days(now: datetime, place: ZoneInfo) -> list[date]:
    """The last day last."""
    today = now.astimezone(place).date()
    return [today - timedelta(days=n) for n in reversed(range(DAYS))]


def _number_of(days: Sequence[date], place: ZoneInfo) -> Case:
    """Which of these days a call was settled on. TruncDate is a call into Python per row on SQLite."""
    ends = [datetime.combine(day, time(), place) for day in days[1:]]
    return Case(
        *(When(settled_at__lt=end, then=Value(n)) for n, end in enumerate(ends)),
        default=Value(len(ends)), output_field=IntegerField(),
    )  # fmt: skip


def days(counted: Calls, now: datetime, place: ZoneInfo) -> list[Day]:
    """The last day last."""
    written, refused = Counter[date](), Counter[date]()
    for on, _, done, not_taken in counted:
        written[on] += done
        refused[on] += not_taken
    return [Day(on, written[on], refused[on]) for on in _days(now, place)]


@dataclass(frozen=True, slots=True)
class Kept:
    """What one sync keeps in step: `fields` and `rules` of its live version, `records` it knows of, and what was
    written for it on the days."""

    sync: Sync
    both_ways: bool
    fields: int
    rules: int
    records: int
    written: int


def kept(syncs: Sequence[Sync], counted: Calls) -> list[Kept]:
    """One query, however many syncs."""
    written = Counter[int]()
    for _, sync_id, done, _ in counted:
        written[sync_id] += done
    records = dict(Link.objects.filter(sync__in=syncs).order_by().values_list("sync").annotate(n=Count("pk")))
    live = [(sync, sync.version.content if sync.version else {}) for sync in syncs]
    return [
        Kept(
            sync, bool(sync.live_options.get("two_way")), len(content.get("mappings", ())),
            len(content.get("rules", ())), records.get(sync.pk, 0), written[sync.pk],
        )
        for sync, content in live
    ]  # fmt: skip


def typing_hours(written: int) -> int:
    return round(written * TYPING_MINUTES / 60)


def settled(first: date, last: date, place: ZoneInfo) -> QuerySet[Write]:
    """Outward calls whose outcome came on these days, there."""
    begin = datetime.combine(first, time(), place)
    end = datetime.combine(last + timedelta(days=1), time(), place)
    return Write.objects.filter(settled_at__gte=begin, settled_at__lt=end)


@dataclass(frozen=True, slots=True)
class Written:
    """When, as the address has it and in words; both '' for always."""

    asked: str = ""
    words: str = ""


def written(links: QuerySet[Link], asked: str, place: ZoneInfo) -> tuple[QuerySet[Link], Written]:
    """Those that were written on a day, given as '2026-11-28', or within '24h'; all of them for what is neither."""
    try:
        if asked == LAST_DAY:
            done, words = Write.objects.filter(settled_at__gte=timezone.now() - figures.DAY), "in the last 24 hours"
        else:
            on = date.fromisoformat(asked)
            done, words = settled(on, on, place), f"on {date_format(on, 'j F Y')}"
    except (ValueError, OverflowError):
        return links, Written()
    return links.filter(pk__in=done.filter(state=DONE).values("link")), Written(asked, words)


@dataclass(frozen=True, slots=True)
class Used:
    """What a service lets us use, as it said last: `percent` of a budget is used; or at most `pace` calls a second."""

    row: Connection
    label: str
    percent: int | None = None
    pace: float | None = None

    @property
    def left(self) -> int:
        """In percent."""
        return 100 - (self.percent or 0)


def used(connections: Sequence[Connection]) -> list[Used]:
    """A budget that is whole again within a second is a pace; of several, the slowest counts."""
    found = []
    for row in connections:
        paces = []
        for kept in row.budgets:
            left, maximum = float(kept["available"]), float(kept["maximum"])
            if maximum > float(kept["restore_per_second"]):
                percent = round(100 * (1 - min(max(left, 0.0), maximum) / maximum))
                found.append(Used(row, str(kept["label"]).removeprefix(f"{row.service.name} "), percent))
            elif maximum > 0:
                paces.append(maximum)
        if paces:
            found.append(Used(row, "calls a second", pace=min(paces)))
    return found


def in_step(counts: dict[str, int]) -> str:
    """'98.7 %' of what is kept in step at all, rounded down so that it says 100 only when all is; '' of nothing."""
    whole = counts["seen"] - counts["skipped"]
    tenths = 1000 * (counts["written"] + counts["unchanged"]) // whole if whole else 0
    return f"{tenths / 10:.1f} %".replace(".0 %", " %") if whole else ""
