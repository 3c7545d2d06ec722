"""How connections and syncs stand now: the facts `portal.health` judges, read for many syncs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Count, F, Max, Min, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from portal import accountwatch, figures, health
from portal.health import Health
from portal.models import Connection, WorkerBeat
from syncs import watching
from syncs.models import Incident, Link, Sync

#: What `of` needs of a sync, read with it.
RELATED = ("business", "source", "target", "lane", "version")
FAILED = Link.State.PARKED
UNDECIDED = (Link.State.HELD, Link.State.CONFLICT)


@dataclass(frozen=True, slots=True)
class Standing:
    """One sync: its health, and how many of its records wait, need a decision, or were given up."""

    sync: Sync
    health: Health
    waiting: int
    waiting_since: datetime | None
    held: int
    failed: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """What holds up the work of a sync beyond any record."""

    title: str
    next_step: str
    since: datetime


def of_account(row: Connection) -> Health:
    """Of a connection, with what the service says about the account; that alone holds up no sync."""
    first = next(iter(accountwatch.told(row)), None)
    return of_connection(row, *((first.title, first.next_step) if first else ()))


def of_connection(row: Connection, told: str = "", told_step: str = "") -> Health:
    """As for a connection that something uses."""
    facts = health.ConnectionFacts(
        service=row.service.name, status=row.status, reason=row.status_reason, since=row.status_since,
        refreshed_at=row.refreshed_at, refresh_failed_at=row.refresh_failed_at, last_ok_at=row.last_ok_at,
        told=told, told_step=told_step,
    )  # fmt: skip
    return health.of_connection(facts)


def of(syncs: Sequence[Sync]) -> list[Standing]:
    """Three queries, however many syncs there are: their links, stuck work, the workers."""
    due, stuck = waiting(syncs)
    counts = [row[1:5] for row in due.union(stuck, all=True).order_by()]
    return judged(syncs, counts, stuck_work(syncs), last_beat())


LINKS = "links"


def waiting(syncs: Sequence[Sync]) -> list[QuerySet[Any]]:
    """Parts of `figures.lately`: links of these syncs that wait for their turn, and those that wait for a person."""
    links = Link.objects.filter(sync__in=syncs).annotate(whose=Cast("sync_id", CharField()))
    due = links.filter(noticed__gt=F("handled")).annotate(how=Value("", CharField()))
    stuck = links.filter(state__in=[*UNDECIDED, FAILED], noticed__lte=F("handled")).annotate(how=F("state"))
    each = [rows.values("how", "whose").annotate(n=Count("pk"), first=Min("noticed_at")) for rows in (due, stuck)]
    return [figures.part(LINKS, rows, "how", "whose", "first") for rows in each]


def judged(
    syncs: Sequence[Sync], counts: figures.Counts, held_up: Mapping[int, Stuck], beat: datetime | None
) -> list[Standing]:  # fmt: skip
    """`counts`: what `waiting` has found."""
    found = {(int(whose), how): (n, first) for how, whose, n, first in counts}
    return [_standing(sync, found, beat, held_up.get(sync.pk)) for sync in syncs]


def stuck_work(syncs: Sequence[Sync]) -> dict[int, Stuck]:
    """By sync."""
    rows = Incident.objects.filter(sync__in=syncs, subject__startswith="work:", state=Incident.State.OPEN)
    found = rows.exclude(cause_code__in=watching.ASIDE)
    return {row.sync_id: Stuck(row.title, row.next_step, row.opened_at) for row in found if row.sync_id}


def last_beat() -> datetime | None:
    found: datetime | None = WorkerBeat.objects.filter(stopped_at=None).aggregate(at=Max("beat_at"))["at"]
    return found


def _standing(
    sync: Sync, counts: Mapping[tuple[int, str], tuple[int, datetime | None]], beat: datetime | None,
    held_up: Stuck | None,
) -> Standing:  # fmt: skip
    sync.lane.business, sync.lane.target = sync.business, sync.target  # as they are, so that its name asks for nothing
    nothing = (0, None)
    waiting, since = counts.get((sync.pk, ""), nothing)
    if since and sync.version:  # publishing has every record looked at once more, whenever its last notice was
        since = max(since, sync.version.published_at)
    held = sum(counts.get((sync.pk, s), nothing)[0] for s in UNDECIDED)
    failed = counts.get((sync.pk, FAILED), nothing)[0]
    facts = health.SyncFacts(
        mode=sync.mode, connections=(of_connection(sync.source), of_connection(sync.target)),
        parked=sync.lane.parked, resume_at=sync.lane.resume_at, failures=sync.lane.failures, waiting=waiting,
        waiting_since=since, held=held, failed=failed, polled_until=sync.polled_until, poll_minutes=sync.poll_minutes,
        beat_at=beat, stuck=held_up.title if held_up else "", stuck_since=held_up.since if held_up else None,
        stuck_step=held_up.next_step if held_up else "",
    )  # fmt: skip
    return Standing(sync, health.of_sync(facts, timezone.now()), waiting, since, held, failed)
