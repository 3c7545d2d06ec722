"""How fast changes arrive, and how lately anything was heard: measured from what was looked at and written."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max
from django.utils import timezone

from portal import figures, wording
from portal.figures import Speed
from syncs.models import Attempt, Event, Sync

HOUR = timedelta(hours=1)


def of(sync: Sync) -> Sequence[tuple[str, str]]:
    """(what, in words), for a sync that is not paused."""
    if sync.mode == Sync.Mode.OFF:
        return []
    now = timezone.now()
    looks, names, place = Attempt.objects.filter(link__sync=sync), wording.terms_of(sync), wording.zone(sync.business)
    heard = dict(
        Event.objects.filter(connection__in=[sync.source_id, sync.target_id])
        .values_list("connection")
        .annotate(at=Max("received_at"))
        .order_by()
    )
    hour, day = figures.speeds(looks, now, (HOUR, figures.DAY))
    sides = ((names.source, sync.source_id), (names.target, sync.target_id))
    return [
        ("From noticing to written, last hour", told(hour)),
        ("From noticing to written, last day", told(day)),
        *((f"Last webhook from {name}", _moment(heard.get(pk), place)) for name, pk in sides),
        ("Looked for missed changes", _moment(sync.polled_until, place)),
    ]


def _moment(at: datetime | None, place: ZoneInfo) -> str:
    return wording.moment(at, place) if at else "not yet"


def told(found: Speed | None) -> str:
    """'half within 0.4 s, 95 % within 2.1 s (12 changes)'."""
    if found is None:
        return "no change to measure"
    changes = f"{found.changes:,} change{'' if found.changes == 1 else 's'}"
    return f"half within {wording.seconds(found.half)}, 95 % within {wording.seconds(found.most)} ({changes})"
