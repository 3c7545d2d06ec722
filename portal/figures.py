"""The counts that the pages show: where records stand, what a review found, what the last day brought."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    F,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from portal.models import AlertDestination
from portal.models.alerts import FAILING
from portal.wording import Terms
from syncs import handling
from syncs.models import Approval, Attempt, Incident, Link, Payment, Run, Sync

DAY = timedelta(hours=24)
#: So many of the newest looks that wrote speak for the time a change takes.
LATEST = 300
DUE = Q(noticed__gt=F("handled"))
OPEN = (Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED)


@dataclass(frozen=True, slots=True)
class Asking:
    """`attention`: records, accounts or disputed payments that wait for a person; `approvals`: plans that wait for the
    word of the one who looks; `failing`: places at which alerts do not arrive."""

    attention: int = 0
    approvals: int = 0
    failing: int = 0


def _needing_somebody() -> tuple[QuerySet[Any], QuerySet[Any]]:
    """`n`: how many each stands for, 0 for one."""
    incidents = handling.once(Incident.objects.filter(handling.asking(timezone.now())))
    disputed = Payment.objects.filter(status=Payment.Status.DISPUTED)
    return incidents.annotate(n=F("records")), disputed.annotate(n=Value(1))


def needing_somebody() -> dict[int, int]:
    """{business: what waits for a person there}, of those whose scope is open and in which something does: as `asking`
    counts it, in one query."""
    first, second = (rows.order_by().values_list("business", "n") for rows in _needing_somebody())
    counts = Counter[int]()
    for business, n in first.union(second, all=True).order_by():
        counts[business] += n or 1
    return counts


def asking(asked_for: Sequence[str]) -> Asking:
    """What waits in the business whose scope is open, and for the word of one of these roles: in one query."""
    approvals = Approval.objects.filter(state=Approval.State.WAITING, role__in=asked_for)
    found = [
        *(rows.annotate(what=Value("attention")) for rows in _needing_somebody()),
        approvals.annotate(what=Value("approvals"), n=Value(1)),
        AlertDestination.objects.filter(FAILING).annotate(what=Value("failing"), n=Value(1)),
    ]
    first, *others = [rows.order_by().values_list("what", "n") for rows in found]
    counts = Counter[str]()
    for what, n in first.union(*others, all=True).order_by():
        counts[what] += n or 1
    return Asking(**counts)


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
    mine = {} if businesses is None else {"business__in": businesses}
    looks = Attempt.objects.filter(at__gte=now - DAY, **mine).annotate(hour=_hour("at"))
    unchanged = Sum(Cast(KeyTextTransform("unchanged", "counts"), IntegerField()))
    runs = Run.objects.filter(started_at__gte=now - DAY, **mine).annotate(hour=_hour("started_at"))
    same = {"came": Value("done", CharField()), "by": Value("skip", CharField())}
    counted = runs.annotate(**same).values("hour", "came", "by").annotate(n=unchanged).order_by()
    each = looks.values("hour", "outcome", "verdict").annotate(n=Count("pk")).order_by()
    both = each.values_list("hour", "outcome", "verdict", "n").union(
        counted.values_list("hour", "came", "by", "n"), all=True
    )  # fmt: skip
    found: Hours = Counter()
    for hour, outcome, verdict, n in both.order_by():
        found[_utc(hour), _kind(outcome, verdict)] += n or 0
    return found


def _hour(moment: str) -> Substr:
    """TruncHour is a call into Python per row on SQLite."""
    return Substr(Cast(moment, TextField()), 1, len("2026-01-31 09"))


def _utc(hour: str) -> datetime:
    return datetime.fromisoformat(hour).replace(tzinfo=UTC)


def total(hours: Hours, kind: str) -> int:
    return sum(n for (_, each), n in hours.items() if each == kind)


def last_day() -> LastDay:
    """Of the business whose scope is open."""
    now = timezone.now()
    hours = by_hour(now)
    half, most = _parts(waits(Attempt.objects.filter(at__gte=now - DAY)))
    return LastDay(total(hours, WRITTEN), total(hours, UNCHANGED), total(hours, FAILED), half, most)


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
    timed = _timed(looks.filter(at__gte=now - spans[-1]), LATEST)
    found = []
    for span in spans:
        half, most = _parts(taken := sorted(waited for at, waited in timed if at >= now - span))
        found.append(Speed(len(taken), half, most) if half is not None and most is not None else None)
    return found


def waits(looks: QuerySet[Attempt], latest: int = LATEST) -> list[float]:
    """Seconds from noticing to written, sorted, of the latest changes: as they happened, not those that a full reading
    came to."""
    return sorted(waited for _, waited in _timed(looks, latest))


def _timed(looks: QuerySet[Attempt], latest: int) -> list[tuple[datetime, float]]:
    written = looks.filter(outcome="written", noticed_at__isnull=False).order_by("-at")
    rows = written.values_list("noticed_by", "noticed_at", "at")[:latest]
    return [(at, _seconds(noticed, at)) for by, noticed, at in rows if by.startswith(("webhook", "asked"))]


def _parts(waits: list[float]) -> tuple[float | None, float | None]:
    if not waits:
        return None, None
    return waits[len(waits) // 2], waits[min(len(waits) - 1, int(len(waits) * 0.95))]


def _seconds(noticed: datetime | None, at: datetime) -> float:
    return max(0.0, (at - noticed).total_seconds()) if noticed else 0.0
