"""What is old goes: how long each thing is kept is set for the installation, and a daily task keeps to it.

Everything goes in batches, each in a transaction of its own: whoever stops it loses nothing, and the next one goes on
from there. What belongs to a chain goes in a way that the chain itself tells of (syncs.proof).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone
from django_q.tasks import async_task
from django_scopes import scope

from portal.models import Alert, Business, Delivery
from syncs import audit, proof
from syncs.models import (
    Approval,
    Attempt,
    AuditEntry,
    Event,
    Incident,
    Report,
    SnapshotHistory,
    Write,
)

log = logging.getLogger(__name__)
AT_ONCE = 500
#: One task of the queue is at it so long, then the next one goes on.
SECONDS = 20.0
type Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """`name`: in KEEP_DAYS. `old`: the rows from before a moment. `act`: what is done with some of them."""

    name: str
    words: str
    old: Callable[[datetime], "QuerySet[Any]"]
    act: Callable[["QuerySet[Any]"], object] = lambda rows: rows.delete()


def _events(before: datetime) -> "QuerySet[Any]":
    return Event._base_manager.filter(received_at__lt=before)


def _looks(before: datetime) -> "QuerySet[Any]":
    """But for the last of each record, which says how it stands."""
    newer = Attempt._base_manager.filter(link=OuterRef("link"), pk__gt=OuterRef("pk"))
    return Attempt._base_manager.filter(Exists(newer), at__lt=before)


def _alerts(before: datetime) -> "QuerySet[Any]":
    waiting = Delivery._base_manager.filter(alert=OuterRef("pk"), state=Delivery.State.WAITING)
    return Alert._base_manager.filter(~Exists(waiting), at__lt=before)


def _reports(before: datetime) -> "QuerySet[Any]":
    """But for the last of each sync, which the next is compared with."""
    newer = Report._base_manager.filter(sync=OuterRef("sync"), finished_at__isnull=False, pk__gt=OuterRef("pk"))
    return Report._base_manager.filter(Exists(newer), finished_at__lt=before)


KINDS = (
    Kind(
        "webhook_bodies", "What webhooks said word for word",
        lambda before: _events(before).exclude(body=""), lambda rows: rows.update(body=""),
    ),
    Kind("webhooks", "That a webhook came, and what it was about", _events),
    Kind(
        "states", "Earlier states of records",
        lambda before: SnapshotHistory._base_manager.filter(replaced_at__lt=before),
    ),
    Kind("looks", "Looks at records, and what was planned", _looks),
    Kind("looks", "Approvals that are decided", lambda before: Approval._base_manager.filter(decided_at__lt=before)),
    Kind("incidents", "Incidents that are over", lambda before: Incident._base_manager.filter(resolved_at__lt=before)),
    Kind("reports", "Reconciliation reports and their mismatches", _reports),
    Kind("alerts", "Alerts, and where they were sent", _alerts),
)  # fmt: skip
#: The two that belong to a chain: what was sent in a write, and the audit trail.
SENT, TRAIL = "sent", "audit"
WORDS = {kind.name: kind.words for kind in reversed(KINDS)} | {
    SENT: "What was sent to your accounts and what they answered, word for word", TRAIL: "The audit trail",
}  # fmt: skip


def kept() -> list[tuple[str, int]]:
    """(what, for how many days; 0 for ever), as people are told."""
    return [(words, settings.KEEP_DAYS[name]) for name, words in WORDS.items()]


def start_due(now: datetime | None = None) -> None:
    """Once a day, by whichever worker comes first."""
    if cache.add(f"retention:{(now or timezone.now()):%Y%m%d}", 1, 2 * 24 * 3600):
        async_task("portal.retention.work")


def work() -> None:
    """The task: for a while, and then it asks for the next."""
    if not prune(SECONDS):
        async_task("portal.retention.work")


def prune(seconds: float = 0, tell: Tell = lambda words, count: None) -> bool:
    """Whether it came to the end; without `seconds` it always does. `tell`: what goes, and how many by now."""
    until = time.monotonic() + seconds if seconds else float("inf")
    for kind in KINDS:
        if not _prune(kind, until, tell):
            return False
    for business in Business.objects.order_by("pk"):
        with scope(business=business):
            if not _blank_sent(business, until, tell):
                return False
            _cut_trail(business, tell)
    return True


def _before(name: str) -> datetime | None:
    days = settings.KEEP_DAYS[name]
    return timezone.now() - timedelta(days=days) if days else None


def _prune(kind: Kind, until: float, tell: Tell) -> bool:
    before, done = _before(kind.name), 0
    while before and (ids := list(kind.old(before).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])):
        model: type[Model] = kind.old(before).model
        with transaction.atomic():
            kind.act(model._base_manager.filter(pk__in=ids))
        done += len(ids)
        tell(kind.words, done)
        if time.monotonic() > until:
            return False
    return True


# What belongs to a chain


def _blank_sent(business: Business, until: float, tell: Tell) -> bool:
    """Writes stay, without what was sent. Those whose outcome is not known are still needed whole."""
    before, done = _before(SENT), 0
    if before is None:
        return True
    open_ones = (Write.State.INTENDED, Write.State.UNKNOWN)
    mine = Write.objects.filter(business=business)
    old = mine.filter(intended_at__lt=before).exclude(state__in=open_ones).exclude(params={}, nonce="")
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            if proof.accounted(business.pk).writes_until < ids[-1]:
                last = mine.filter(intended_at__lt=before).latest("pk").pk
                words = f"What was sent before {before:%Y-%m-%d} is no longer kept"
                audit.record(business.pk, None, proof.PRUNED, business, words, writes_until=last)
            mine.filter(pk__in=ids).update(params={}, nonce="", error="", answer="")
        done += len(ids)
        tell(f"{WORDS[SENT]}, of {business}", done)
        if time.monotonic() > until:
            return False
    return True


@transaction.atomic
def _cut_trail(business: Business, tell: Tell) -> None:
    """Its old beginning goes; a new entry says how many there were and which was the last of them. What they had said
    of things that are gone, it says again."""
    before = _before(TRAIL)
    trail = AuditEntry.objects.filter(business=business)
    last = trail.filter(at__lt=before).order_by("pk").last() if before else None
    if last is None:
        return
    gone, old = proof.accounted(business.pk), AuditEntry._base_manager.filter(business=business, pk__lte=last.pk)
    count = old.count()
    words = f"{count:,} entries from before {before:%Y-%m-%d} are no longer kept"
    audit.record(
        business.pk, None, proof.PRUNED, business, words, pruned=gone.pruned + count, before=last.hash,
        writes=sorted(gone.writes), entries=sorted(pk for pk in gone.entries if pk > last.pk),
        writes_until=gone.writes_until,
    )  # fmt: skip
    old._raw_delete("default")
    tell(f"{WORDS[TRAIL]}, of {business}", count)
