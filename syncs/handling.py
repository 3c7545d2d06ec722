"""What people do about an incident besides settling its records: who takes care of it, a note, later, not at all.

Each is in the audit trail. Nothing here touches the records.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.formats import date_format

from syncs import audit, flagging
from syncs.models import Incident, Link, Payment, SnapshotHistory, Sync

if TYPE_CHECKING:
    from portal.models import User

MOST_NOTE = 2000
STOPPED = (Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED)


class TooLate(Exception):
    """It is not as it was when it was shown. The text says so, in words for who tried."""


def asking(now: datetime) -> Q:
    """Of incidents: those that ask for somebody now."""
    return Q(state=Incident.State.OPEN) & (Q(snoozed_until=None) | Q(snoozed_until__lte=now))


def once(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Without those about disputes that stand among the payments, so that none is shown or counted twice."""
    place = Concat(Value("account:"), Cast("connection_id", CharField()), Value(":"), "external_id")
    known = Payment.objects.filter(status=Payment.Status.DISPUTED).annotate(place=place)
    return rows.exclude(Q(cause_code="dispute") & Exists(known.filter(place=OuterRef("subject"))))


def is_aside(incident: Incident, now: datetime) -> bool:
    """Not over, and put aside by somebody."""
    snoozed = incident.snoozed_until is not None and incident.snoozed_until > now
    return incident.state == Incident.State.IGNORED or (incident.state == Incident.State.OPEN and snoozed)


def records(incident: Incident) -> QuerySet[Link]:
    """The records that have its cause, the oldest first; none for an incident that is about no records."""
    if incident.sync_id is None or not incident.subject.startswith("sync:"):
        return Link.objects.none()
    if flagging.is_raised(incident.cause_code):
        return flagging.records_of(incident).order_by("since", "pk")
    return stopped(incident.sync_id, incident.cause_code)


def stopped(sync_id: int, code: str) -> QuerySet[Link]:
    """Records of a sync that stopped with this cause and wait for a person."""
    waiting = Link.objects.filter(sync=sync_id, cause_code=code, state__in=STOPPED, noticed__lte=F("handled"))
    return waiting.order_by("since", "pk")


def assign(incident: Incident, to: "User | None", by: "User") -> None:
    words = f"{to.get_short_name()} takes care of “{incident}”" if to else f"Nobody takes care of “{incident}” any more"
    _change(incident, by, "incident.assigned", words, assignee=to)


def note(incident: Incident, text: str, by: "User") -> None:
    kept = text.strip()[:MOST_NOTE]
    words = f"Noted on “{incident}”: {kept}" if kept else f"Took the note off “{incident}”"
    _change(incident, by, "incident.noted", words, note=kept)


def snooze(incident: Incident, until: datetime, by: "User") -> None:
    """It asks for nobody before then."""
    place = ZoneInfo(incident.business.time_zone)
    words = f"Put “{incident}” off until {date_format(until.astimezone(place), 'j M Y, g:i a')}"
    _change(incident, by, "incident.snoozed", words, snoozed_until=until, state=Incident.State.OPEN, ignored_at=None)


def ignore(incident: Incident, by: "User") -> None:
    """Until one of its records changes: then it opens anew. It closes by itself when it is over."""
    words = f"Ignored “{incident}” until one of its records changes"
    now = timezone.now()
    _change(
        incident, by, "incident.ignored", words, state=Incident.State.IGNORED, ignored_at=now, snoozed_until=None
    )  # fmt: skip


def reopen(incident: Incident, by: "User") -> None:
    words = f"Opened “{incident}” again"
    _change(incident, by, "incident.reopened", words, state=Incident.State.OPEN, ignored_at=None, snoozed_until=None)


def _change(incident: Incident, by: "User", action: str, words: str, **columns: Any) -> None:
    """TooLate when it is over."""
    with transaction.atomic():
        held = Incident.objects.filter(pk=incident.pk).exclude(state=Incident.State.RESOLVED)
        if not held.update(**columns):
            raise TooLate(f"“{incident}” is over already. Nothing was changed.")
        audit.record(incident.business_id, by, action, incident, words)


def open_if_changed(incident: Incident, sync: Sync) -> None:
    """What was ignored opens anew once one of its records, or how it stands, is not as it was then."""
    since = incident.ignored_at
    if incident.state != Incident.State.IGNORED or since is None or not _changed(incident, sync, since):
        return
    now = timezone.now()
    with transaction.atomic():
        fresh = {"state": Incident.State.OPEN, "ignored_at": None, "opened_at": now, "told_at": None}
        if Incident.objects.filter(pk=incident.pk, state=Incident.State.IGNORED).update(**fresh):
            words = f"“{incident}” opened anew: one of its records has changed"
            audit.record(incident.business_id, None, "incident.reopened", incident, words)


def _changed(incident: Incident, sync: Sync, since: datetime) -> bool:
    """One more record, or another state of one on either side."""
    links = records(incident)
    newer = SnapshotHistory.objects.filter(replaced_at__gt=since)
    here = newer.filter(
        snapshot__connection=sync.source_id, snapshot__resource=sync.source_resource,
        snapshot__external_id=OuterRef("source_id"),
    )  # fmt: skip
    there = newer.filter(
        snapshot__connection=sync.target_id, snapshot__resource=sync.target_resource,
        snapshot__external_id=OuterRef("target_id"),
    )  # fmt: skip
    return links.filter(Q(since__gt=since) | Exists(here) | Exists(there)).exists()
