"""The counts that the pages show: where records stand, what a review found, what the last day brought."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    DateTimeField,
    F,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Substr
from django.utils import timezone

from portal.models import AlertDestination
from portal.models.alerts import FAILING
from portal.wording import Terms
from syncs import handling
from syncs.ledger import DUE
from syncs.models import Approval, Attempt, Incident, Link, Payment, Run, Sync

DAY = timedelta(hours=24)
#: So many of the newest looks that wrote speak for the time a change takes.
LATEST = 300
OPEN = (Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED)
_ONE = Value(1)


def _needing_somebody() -> tuple[QuerySet[Any], QuerySet[Any]]:
    """`n`: how many each stands for."""
    incidents = handling.once(Incident.objects.filter(handling.asking(timezone.now())))
    disputed = Payment.objects.filter(status=Payment.Status.DISPUTED)
    records = Case(When(records=0, then=Value(1)), default=F("records"), output_field=IntegerField())
    return incidents.annotate(n=records), disputed.annotate(n=Value(1))


def needing_somebody() -> dict[int, int]:
    """{business: what waits for a person there}, of those whose scope is open and in which something does: as `asking`
    counts it, in one query."""
    first, second = (rows.order_by().values_list("business", "n") for rows in _needing_somebody())
    counts = Counter[int]()
    for business, n in first.union(second, all=True).order_by():
        counts[business] += n
    return counts


def menu(roles: Iterable[str]) -> dict[str, Combinable]:
    """What the frame says of the business whose scope is open, as columns of any one row. `attention`: records,
    accounts or disputed payments that wait for a person; `waits_<role>`: plans that wait for the word of that role;
    `failing`: places at which alerts do not arrive."""
    incidents, disputed = _needing_somebody()
    waiting = Approval.objects.filter(state=Approval.State.WAITING)
    return {
        "attention": _sum(incidents, F("n")) + _sum(disputed),
        "failing": _sum(AlertDestination.objects.filter(FAILING)),
        **{f"waits_{role}": _sum(waiting.filter(role=role)) for role in roles},
    }


def _sum(rows: QuerySet[Any], n: Combinable = _ONE) -> Combinable:
    mine = rows.order_by().values("business").annotate(sum=Sum(n)).values("sum")
    return Coalesce(Subquery(mine, IntegerField()), 0)


# What a review found


class Group(StrEnum):
    """Where the plan puts a record; every record of a sync is in exactly one."""

    CREATE = "create"
    UPDATE = "update"
    SAME = "same"
    LOOK = "look"
    OUT = "out"
    LATER = "later"
    WAITING = "waiting"


#: In the order in which they are shown.
LABELS = {
    Group.CREATE: "To create",
    Group.UPDATE: "Matched, to update",
    Group.SAME: "Matched, already the same",
    Group.LOOK: "Needs a look",
    Group.OUT: "Left out",
    Group.LATER: "Waits for another record",
    Group.WAITING: "Not looked at yet",
}
_STATES = {
    Group.SAME: (Link.State.IN_STEP,),
    Group.LOOK: OPEN,
    Group.OUT: (Link.State.SKIPPED, Link.State.ENDED),
    Group.WAITING: (Link.State.DUE, Link.State.RETRYING),
}
_PLACE = {state: group for group, states in _STATES.items() for state in states}


def plan_counts(sync: Sync) -> dict[Group, int]:
    """How many records the plan puts where."""
    counts = dict.fromkeys(Group, 0)
    due = Case(When(DUE, then=Value(True)), default=Value(False), output_field=BooleanField())
    rows = Link.objects.filter(sync=sync).values("state", "verdict", due=due).annotate(n=Count("pk")).order_by()
    for row in rows:
        counts[Group.WAITING if row["due"] else _group(row["state"], row["verdict"])] += row["n"]
    return counts


def _group(state: str, verdict: str) -> Group:
    if state == Link.State.PLANNED:
        return Group.CREATE if verdict == "create" else Group.UPDATE
    if state == Link.State.DUE and verdict == "wait":
        return Group.LATER
    return _PLACE[Link.State(state)]


def in_group(sync: Sync, group: Group) -> QuerySet[Link]:
    links, later = Link.objects.filter(sync=sync), Q(state=Link.State.DUE, verdict="wait")
    if group == Group.WAITING:
        return links.filter(DUE | (Q(state__in=_STATES[group]) & ~later))
    links = links.exclude(DUE)
    if group == Group.LATER:
        return links.filter(later)
    if group in _STATES:
        return links.filter(state__in=_STATES[group])
    planned = links.filter(state=Link.State.PLANNED)
    return planned.filter(verdict="create") if group == Group.CREATE else planned.exclude(verdict="create")


def consequences(counts: dict[Group, int], names: Terms, *, both_ways: bool = False) -> list[str]:
    """What going live will write, and what not, sentence by sentence. `both_ways`: edits go back to the source too."""
    create, update, same = counts[Group.CREATE], counts[Group.UPDATE], counts[Group.SAME]
    look, out = counts[Group.LOOK], counts[Group.OUT]
    target = names.target
    told = [f"{names.count_there(create)} will be created in {target}." if create else f"Nothing is new to {target}."]
    if update + same:
        told.append(f"{names.count(update + same)} will be linked to {names.target_many} you already have.")
    if update:
        told.append(f"{_of_them(update, update + same)} get the details that differ; what is only in {target} stays.")
    if look:
        told.append(f"{names.count(look)} {_need(look)} a look: nothing is written for {_them(look)} until you decide.")
    if out:
        told.append(f"{names.count(out)} {'is' if out == 1 else 'are'} left out.")
    if counts[Group.LATER]:
        later = counts[Group.LATER]
        told.append(f"{names.count(later)} {'follows' if later == 1 else 'follow'} once what comes first is there.")
    kept = f"what is edited in {target} goes back to {names.source}" if both_ways else ""
    told.append(f"Nothing is deleted, and {kept or f'nothing is changed in {names.source}'}.")
    return told


def _of_them(some: int, whole: int) -> str:
    if some == whole:
        return "All of them" if some > 1 else "It will"
    return f"{some:,} of them"


def _need(count: int) -> str:
    return "needs" if count == 1 else "need"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


# Progress


@dataclass(frozen=True, slots=True)
class Progress:
    """`words` say what is being done; `percent` is None while nobody knows how much there is."""

    words: str
    done: int
    total: int | None

    @property
    def percent(self) -> int | None:
        return None if not self.total else min(100, 100 * self.done // self.total)


def progress(run: Run, names: Terms, waiting: int) -> Progress:
    """`waiting`: records of the sync not looked at yet."""
    seen = run.counts.get("seen", 0)
    if run.side == Run.Side.TARGET:
        read = run.counts.get("target_seen", 0)
        return Progress(f"Reading {names.target_many} in {names.target}: {read:,} so far", 0, None)
    total = max(run.total or 0, seen)
    if run.side == Run.Side.COMPARE:
        done = run.counts.get("compared", 0)
        return Progress(f"Comparing both sides: {done:,} of {total:,} {names.many}", min(done, total), total or 1)
    done = max(0, seen - waiting)
    if run.side == Run.Side.SOURCE:
        of_total = f" of {total:,}" if run.total else ""
        return Progress(f"Reading {names.many} in {names.source}: {seen:,}{of_total}", done, total or None)
    return Progress(f"Working through the {names.many}: {done:,} of {total:,}", done, total or 1)


# The last day


@dataclass(frozen=True, slots=True)
class LastDay:
    """`half` and `most`: seconds from noticing a change to its being written, for half and for 95 % of the latest
    changes; None when there were none."""

    written: int
    unchanged: int
    failed: int
    half: float | None
    most: float | None


type Hours = Counter[tuple[datetime, str]]
#: What a look can come to, among what is counted.
WRITTEN, UNCHANGED, FAILED = "written", "unchanged", "failed"


def by_hour(now: datetime, businesses: Collection[int] | None = None) -> Hours:
    """{(hour in UTC, what it came to): how many records} of the last 24 hours, in the scope that is open. Records that
    a run read and found as they were have no look of their own; they count when the run began. `businesses`: those the
    scope holds, where it is wide: rows are found by them."""
    looks, runs = _hourly(now, businesses)
    return _hours(looks.union(runs, all=True).order_by())


#: What is read together: the hour, or which of the other parts it is; two words; how many; two moments.
_TOGETHER = ("what", "came", "by", "n", "began", "ended")
_NEVER = Cast(Value(None), DateTimeField())


def _hourly(now: datetime, businesses: Collection[int] | None) -> tuple[QuerySet[Any], QuerySet[Any]]:
    mine = {} if businesses is None else {"business__in": businesses}
    looks = Attempt.objects.filter(at__gte=now - DAY, **mine)
    each = looks.values(what=_hour("at"), came=F("outcome"), by=F("verdict")).annotate(n=Count("pk"))
    unchanged = Sum(Cast(KeyTextTransform("unchanged", "counts"), IntegerField()))
    runs = Run.objects.filter(started_at__gte=now - DAY, **mine)
    same = {"came": Value("done", CharField()), "by": Value("skip", CharField())}
    counted = runs.values(what=_hour("started_at"), **same).annotate(n=unchanged)
    both = [rows.order_by().annotate(began=_NEVER, ended=_NEVER).values_list(*_TOGETHER) for rows in (each, counted)]
    return both[0], both[1]


def _hours(rows: Iterable[Sequence[Any]]) -> Hours:
    found: Hours = Counter()
    for hour, outcome, verdict, n, *_ in rows:
        found[_utc(hour), _kind(outcome, verdict)] += n or 0
    return found


def _hour(moment: str) -> Substr:
    """TruncHour is a call into Python per row on SQLite."""
    return Substr(Cast(moment, TextField()), 1, len("2026-01-31 09"))


def _utc(hour: str) -> datetime:
    return datetime.fromisoformat(hour).replace(tzinfo=UTC)


def total(hours: Hours, kind: str) -> int:
    return sum(n for (_, each), n in hours.items() if each == kind)


type Timed = Sequence[tuple[datetime, float]]
#: (a word, another, how many, since when)
type Counts = Sequence[tuple[str, str, int, datetime | None]]
_LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Lately:
    """The last 24 hours. `timed`: when each of the latest changes was written, and the seconds that took; `parts`: what
    was asked for with it, by its name."""

    hours: Hours
    timed: Timed
    parts: Mapping[str, Counts]

    @property
    def day(self) -> LastDay:
        half, most = _parts(sorted(waited for _, waited in self.timed))
        written, unchanged, failed = (total(self.hours, kind) for kind in (WRITTEN, UNCHANGED, FAILED))
        return LastDay(written, unchanged, failed, half, most)


def lately(
    now: datetime, businesses: Collection[int] | None = None, parts: Sequence[QuerySet[Any]] = ()
) -> Lately:  # fmt: skip
    """One query. `businesses` as for `by_hour`; `parts`: further counts, each made by `part`."""
    looks, runs = _hourly(now, businesses)
    found: dict[str, list[Any]] = defaultdict(list)
    for what, *row in looks.union(runs, _latest_ones(now, businesses), *parts, all=True).order_by():
        found["" if what[:1].isdigit() else what].append((what, *row))
    timed = _took((by, began, ended) for _, by, _, _, began, ended in found.pop(_LATEST, ()))
    hours = _hours(found.pop("", ()))
    return Lately(hours, timed, {what: [row[1:5] for row in rows] for what, rows in found.items()})


def part(name: str, rows: QuerySet[Any], came: str, by: str = "blank", began: str = "never") -> QuerySet[Any]:
    """Counts that are asked for with the looks: `rows` have `n`, and columns of these names."""
    named: QuerySet[Any] = rows.order_by().annotate(what=Value(name), blank=Value(""), never=_NEVER)
    return named.values_list("what", came, by, "n", began, "never")


def _latest_ones(now: datetime, businesses: Collection[int] | None) -> QuerySet[Any]:
    """The latest changes. A part of a union cannot end by itself, so they are found by their keys."""
    mine = {} if businesses is None else {"business__in": businesses}
    latest = _latest(Attempt.objects.filter(at__gte=now - DAY, **mine), LATEST)
    rows = Attempt.objects.filter(pk__in=latest.values("pk")).order_by()
    named = rows.annotate(what=Value(_LATEST), came=F("noticed_by"), by=Value(""), n=Value(1))
    return named.annotate(began=F("noticed_at"), ended=F("at")).values_list(*_TOGETHER)


def _kind(outcome: str, verdict: str) -> str:
    if outcome in {WRITTEN, FAILED}:
        return outcome
    return UNCHANGED if outcome == "done" and verdict in {"skip", "link"} else ""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds from noticing a change to its being written: for half, and for 95 %, of so many latest changes."""

    changes: int
    half: float
    most: float


def speeds(looks: QuerySet[Attempt], now: datetime, spans: Sequence[timedelta]) -> list[Speed | None]:
    """Of the changes written within each span, the longest last; None where there were none. One query: what is latest
    of a span is latest of a longer one too."""
    return parted(_timed(looks.filter(at__gte=now - spans[-1]), LATEST), now, spans)


def parted(timed: Timed, now: datetime, spans: Sequence[timedelta]) -> list[Speed | None]:
    found = []
    for span in spans:
        half, most = _parts(taken := sorted(waited for at, waited in timed if at >= now - span))
        found.append(Speed(len(taken), half, most) if half is not None and most is not None else None)
    return found


def waits(looks: QuerySet[Attempt], latest: int = LATEST) -> list[float]:
    """Seconds from noticing to written, sorted, of the latest changes: as they happened, not those that a full reading
    came to."""
    return sorted(waited for _, waited in _timed(looks, latest))


def _timed(looks: QuerySet[Attempt], latest: int) -> Timed:
    return _took(_latest(looks, latest).values_list("noticed_by", "noticed_at", "at"))


def _latest(looks: QuerySet[Attempt], latest: int) -> QuerySet[Attempt]:
    return looks.filter(outcome="written", noticed_at__isnull=False).order_by("-at")[:latest]


def _took(rows: Iterable[tuple[str, datetime | None, datetime]]) -> Timed:
    return [(at, _seconds(noticed, at)) for by, noticed, at in rows if by.startswith(("webhook", "asked"))]


def _parts(waits: list[float]) -> tuple[float | None, float | None]:
    if not waits:
        return None, None
    return waits[len(waits) // 2], waits[min(len(waits) - 1, int(len(waits) * 0.95))]


def _seconds(noticed: datetime | None, at: datetime) -> float:
    return max(0.0, (at - noticed).total_seconds()) if noticed else 0.0
