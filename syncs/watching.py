"""Work that does not move although it should, webhooks that stay away and mapped fields that are gone: found as time
goes by, told as incidents.

No work is repaired here: retries, leases and polls do that. What is found lies beyond them, and closes when it moves
again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Min, Q, Sum
from django.db.models.fields import IntegerField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from syncs import describing, drifting, incidents, lanes, recipes
from syncs.models import Attempt, Event, Incident, Lane, Link, Run, Sync, Write

#: A change may wait this long for its turn; what waits at its own word, such as for its next try, waits beside that.
DUE_TOO_LONG = timedelta(minutes=30)
#: The service has not answered for so long that somebody may want to know.
DOWN_TOO_LONG = timedelta(hours=4)
#: A slice takes seconds.
HELD_TOO_LONG = timedelta(minutes=10)
#: The outcome of a call is looked for within minutes, with pauses of an hour at most.
OPEN_TOO_LONG = timedelta(hours=2)
STILL_TOO_LONG = timedelta(minutes=30)
#: Changes that only polls found, within so long, while no webhook came.
SILENCE = timedelta(hours=3)
MISSED_POLLS = 2
SILENT, DRIFT = "webhooks_silent", "fields_gone"
#: What holds up no work.
ASIDE = {SILENT, DRIFT}
type Words = tuple[str, str]
_OPERATOR = "Tell whoever runs Fieldbridge: the worker's log says more. Nothing is lost."


def look(now: datetime | None = None) -> None:
    """Open and close the incidents of every sync of the business whose scope is open."""
    now = now or timezone.now()
    related = ("lane__failing", "source", "target")
    for sync in Sync.objects.exclude(mode=Sync.Mode.OFF).filter(version__isnull=False).select_related(*related):
        say_again(sync)
        incidents.work_stuck(sync, found(sync, now))
    for row in Incident.objects.filter(subject__startswith="work:", sync__mode="off").exclude(state="resolved"):
        assert row.sync is not None  # noqa: S101  # it is filtered by it
        incidents.work_stuck(row.sync, {})


def say_again(sync: Sync) -> None:
    """The incidents of its records as they are by now, where nobody works it: a worker that was killed right after it
    had stored how they stand has not said so."""
    with transaction.atomic():
        lane = lanes.lock(sync.lane_id)
        if lane and (lane.lease_until is None or lane.lease_until < timezone.now()):
            incidents.refresh(sync)


def found(sync: Sync, now: datetime) -> dict[str, Words]:
    """{code: (title, next step)}. A lane that waits for a person says so itself."""
    told = {code: words for code, words in ((SILENT, _silent(sync, now)), (DRIFT, _drifted(sync))) if words}
    if sync.lane.parked:
        return told
    if _pauses(sync.lane, now):
        down = _down(sync, now)
        return told | ({"service_down": down} if down else {})
    checks: Sequence[tuple[str, Callable[[Sync, datetime], Words | None]]] = (
        ("stuck_lane", _held), ("stuck_due", _waiting), ("stuck_write", _open), ("stuck_run", _still),
    )  # fmt: skip
    return told | {code: words for code, check in checks if (words := check(sync, now))}


def _pauses(lane: Lane, now: datetime) -> bool:
    return lane.failures > 0 or (lane.resume_at is not None and lane.resume_at > now)


def _names(sync: Sync) -> tuple[str, str]:
    names = recipes.get(sync.recipe).names
    return names.source, names.target


def _due(sync: Sync) -> "tuple[int, datetime | None]":
    """How many records wait, and since when the first."""
    rows = Link.objects.filter(sync=sync, noticed__gt=F("handled"))
    return rows.count(), rows.aggregate(first=Min("noticed_at"))["first"]


def _down(sync: Sync, now: datetime) -> Words | None:
    """Where no record is known to wait, nothing can be heard of any: what was to be read waits."""
    count, first = _due(sync)
    run = Run.objects.filter(sync=sync, state=Run.State.RUNNING).exclude(side=Run.Side.WORK).first()
    began = min((at for at in (first, run.moved_at if run else None) if at), default=None)
    if began is None or now - began < DOWN_TOO_LONG or not sync.lane.failures:
        return None
    service = sync.lane.failing.service.name if sync.lane.failing else _names(sync)[1]
    waits = f"{_records(count)} {_wait(count)} because" if count else "no change can be seen:"
    return (
        f"{sync}: {waits} {service} has not answered for hours",
        f"Nothing: it is tried again every hour. See whether {service} reports trouble of its own.",
    )


def _held(sync: Sync, now: datetime) -> Words | None:
    lane = sync.lane
    held = lane.lease and lane.lease_until and lane.lease_until > now
    if not held or lane.served_at is None or now - lane.served_at < HELD_TOO_LONG:
        return None
    return f"{sync}: one worker has held the work for too long", _OPERATOR


def _waiting(sync: Sync, now: datetime) -> Words | None:
    """Changes as they happened. A first reading may take hours: it counts only where nothing at all moves."""
    ready = Q(next_try=None) | Q(next_try__lt=now - DUE_TOO_LONG)
    rows = Link.objects.filter(ready, sync=sync, noticed__gt=F("handled"), noticed_at__lt=now - DUE_TOO_LONG)
    if Attempt.objects.filter(link__sync=sync, at__gt=now - DUE_TOO_LONG).exists():
        rows = rows.exclude(priority=Link.Priority.BACKFILL)
    count = rows.count()
    return (f"{sync}: {_records(count)} {_wait(count)} for longer than usual", _OPERATOR) if count else None


def _open(sync: Sync, now: datetime) -> Words | None:
    states = [Write.State.INTENDED, Write.State.UNKNOWN]
    late = Write.objects.filter(link__sync=sync, state__in=states, intended_at__lt=now - OPEN_TOO_LONG)
    sent_to = list(late.values_list("connection", flat=True))
    if not sent_to:
        return None
    here, there = _names(sync)
    where = sorted({here if key == sync.source_id else there for key in sent_to})
    calls = "call is" if len(sent_to) == 1 else "calls are"
    return f"{sync}: {len(sent_to):,} {calls} without a known outcome in {' and '.join(where)}", _OPERATOR


def _still(sync: Sync, now: datetime) -> Words | None:
    ready = Q(next_try=None) | Q(next_try__lt=now)
    running = Run.objects.filter(ready, sync=sync, state=Run.State.RUNNING, moved_at__lt=now - STILL_TOO_LONG)
    run = running.exclude(side=Run.Side.WORK).first()
    return (f"{sync}: “{run.get_kind_display()}” does not get ahead", _OPERATOR) if run else None


def _silent(sync: Sync, now: datetime) -> Words | None:
    """Polls find changes that webhooks should have told of, and no webhook comes at all."""
    if not sync.writes or sync.source.method == "key" or sync.source.status != "active":
        return None
    heard = Event.objects.filter(connection=sync.source_id)
    known = Incident.objects.filter(subject=f"work:{sync.pk}", cause_code=SILENT).exclude(state="resolved").first()
    if known:
        return None if heard.filter(received_at__gt=known.opened_at).exists() else (known.title, known.next_step)
    missed = Cast(KeyTextTransform("found", "counts"), IntegerField())
    polls = Run.objects.filter(sync=sync, kind=Run.Kind.POLL, state=Run.State.DONE, started_at__gt=now - SILENCE)
    found = polls.annotate(missed=missed).filter(missed__gt=0)
    told = found.aggregate(first=Min("started_at"), changes=Sum("missed"))
    if found.count() < MISSED_POLLS or heard.filter(received_at__gt=told["first"] - STILL_TOO_LONG).exists():
        return None
    source = _names(sync)[0]
    return (
        f"{sync}: {source} sends no webhooks, {told['changes']:,} changes were found by looking",
        f"Changes take up to {sync.poll_minutes} minutes until {source} sends webhooks again: enter address and topics "
        "there anew (docs/operating.md).",
    )


def _drifted(sync: Sync) -> Words | None:
    gone = drifting.gone(sync)
    if not gone:
        return None
    source, fields = _names(sync)[0], ", ".join(f"“{describing.label(path, ())}”" for path in gone)
    return (
        f"{sync}: no record in {source} has {fields} any more",
        f"See whether that was renamed or deleted in {source}. Then have its row of the mapping read the new one, or "
        "take the row out, and publish: until then, what was written from it is emptied.",
    )


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"
