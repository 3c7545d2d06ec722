"""Saying "look at this record". However it comes to notice, it ends as a mark on one Link row."""

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.functions import Least
from django.utils import timezone

from connectors.base import Notice
from syncs import barring, bulk, lanes
from syncs.failpoints import failpoint
from syncs.models import Event, Link, Run, Snapshot, Sync, Write
from syncs.rules.holding import EXPIRED

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.models import Connection


def event_key(notice: Notice | None, body: bytes) -> str:
    """The service's event id, or the digest of the body where it has none."""
    return notice.event_id if notice and notice.event_id else hashlib.sha256(body).hexdigest()


def receive(
    connection: "Connection", notice: Notice, body: bytes, *, begun: float | None = None
) -> Event.Verdict:  # fmt: skip
    """Store a webhook delivery and mark what it is about, in one transaction. A repeated delivery marks again:
    two real edits within a second can have equal bodies, and a needless look costs no write.

    What has to be known is asked before the transaction begins: SQLite lets one writer in at a time.
    """
    sources, targets = _affected(connection, notice)
    barred = barring.concerns(notice, connection.pk)
    verdict = _verdict(connection, notice, sources, targets)
    with transaction.atomic():
        if verdict == Event.Verdict.MARKED:
            _mark_all(sources, targets, notice)
        store(connection, notice, body, verdict, begun=begun, barred=barred)
        failpoint("event.inside")
    failpoint("event.stored")
    return verdict


def store(
    connection: "Connection | None", notice: Notice | None, body: bytes, verdict: Event.Verdict, *,
    connector: str = "", begun: float | None = None, barred: bool = False,
) -> None:  # fmt: skip
    """One row per delivery; `connector` names the service where no connection is known. `barred`: it speaks of what
    was erased, so its body is not kept.

    `begun` is the time.monotonic() of its arrival: what is kept as the answer time lacks only the commit.
    """
    event = Event(
        business_id=connection.business_id if connection else None, connection=connection,
        connector=connection.connector if connection else connector, event_id=event_key(notice, body)[:120],
        account_id=notice.account_id[:120] if notice else "", verdict=verdict,
        body="" if barred else body.decode(errors="replace").replace("\0", "�"),
    )  # fmt: skip
    if notice:
        event.topic, event.resource, event.record_id = notice.topic[:80], notice.resource, notice.record_id[:255]
        event.occurred_at = notice.occurred_at
    if begun is not None:
        event.answered_ms = round((time.monotonic() - begun) * 1000, 2)
    bulk.insert_or_change(event, ("connector", "account_id", "event_id"), "deliveries = {now}.deliveries + 1")


#: As text: a queryset takes four times as long, most of it to make the same text again. It names the business itself,
#: so the scope is not made into a queryset either.
_OF_CONNECTION = """SELECT id, business_id, source_id, source_resource, target_id, target_resource, lane_id
    FROM syncs_sync WHERE mode <> 'off' AND business_id = %s AND (source_id = %s OR target_id = %s)"""


def _affected(connection: "Connection", notice: Notice) -> tuple[list[Sync], list[Sync]]:
    """Syncs whose source, and syncs whose target, the record is."""
    if not notice.record_id:
        return [], []
    syncs = list(Sync._base_manager.raw(_OF_CONNECTION, [connection.business_id, connection.pk, connection.pk]))
    sources = [s for s in syncs if s.source_id == connection.pk and s.source_resource == notice.resource]
    targets = [s for s in syncs if s.target_id == connection.pk and s.target_resource == notice.resource]
    return sources, targets


def _verdict(
    connection: "Connection", notice: Notice, sources: Sequence[Sync], targets: Sequence[Sync]
) -> Event.Verdict:  # fmt: skip
    if not (sources or targets):
        return Event.Verdict.UNUSED
    quiet = None if sources else _tells_nothing(connection, notice)
    return quiet or Event.Verdict.MARKED


def _mark_all(sources: Sequence[Sync], targets: Sequence[Sync], notice: Notice) -> None:
    why, now = f"webhook {notice.topic}"[:60], timezone.now()
    for lane_id in sorted({s.lane_id for s in (*sources, *targets)}):
        lanes.wake(lane_id)  # lanes before links, as a worker locks them: the other way round they could meet crosswise
    for sync in sources:
        mark(sync, notice.record_id, why, now)
    for sync in targets:
        mark_target(sync, notice.record_id, why, now)


def _tells_nothing(connection: "Connection", notice: Notice) -> Event.Verdict | None:
    """Our own write come back, or a state that we hold already."""
    if notice.write_key and Write.objects.filter(key=notice.write_key).exists():
        return Event.Verdict.ECHO
    if notice.hint is None:
        return None
    held = Snapshot.objects.filter(connection=connection, resource=notice.resource, external_id=notice.record_id)
    if held.filter(fingerprint=notice.hint.fingerprint, deleted_at=None).exists():
        return Event.Verdict.KNOWN
    return None


#: One more notice of a link: as `again` has it.
_ONE_MORE = """noticed = {now}.noticed + 1, noticed_by = excluded.noticed_by, stale_at = excluded.stale_at,
    next_try = NULL,
    noticed_at = CASE WHEN {now}.noticed <= {now}.handled THEN excluded.noticed_at ELSE {now}.noticed_at END,
    priority = CASE WHEN {now}.noticed > {now}.handled AND {now}.priority < excluded.priority
        THEN {now}.priority ELSE excluded.priority END"""


def mark(sync: Sync, source_id: str, why: str, now: datetime, priority: int = Link.Priority.LIVE) -> None:
    """One more notice of this source record; the link is made when there is none."""
    link = Link(
        business_id=sync.business_id, sync=sync, source_id=source_id, noticed=1, noticed_at=now,
        noticed_by=why[:60], priority=priority, stale_at=now,
    )  # fmt: skip
    bulk.insert_or_change(link, ("sync", "source_id"), _ONE_MORE)


def again(links: "QuerySet[Link]", why: str, now: datetime, priority: int, **more: Any) -> int:
    """One more notice of each of these links. Returns how many there are.

    `more`: other columns, such as stale_at when something was said about the source. A link that waits already goes
    on waiting since its first notice, at the higher of both priorities.
    """
    seen = {"noticed": F("noticed") + 1, "noticed_by": why[:60], "next_try": None, **more}
    rests = Q(noticed__lte=F("handled"))
    first = Case(When(rests, then=Value(now)), default=F("noticed_at"))
    rank = Case(When(rests, then=Value(priority)), default=Least(F("priority"), priority), output_field=IntegerField())
    return links.update(**seen, noticed_at=first, priority=rank)


def mark_target(sync: Sync, target_id: str, why: str, now: datetime) -> None:
    """The counterpart is to be read again, and its link looked at. A stranger is only read, to be known."""
    held = Snapshot.objects.filter(connection_id=sync.target_id, resource=sync.target_resource, external_id=target_id)
    if not held.update(noticed_at=now):
        Snapshot.objects.bulk_create([_stranger(sync, target_id, now)], ignore_conflicts=True)
    links = Link.objects.filter(sync=sync, target_id=target_id).exclude(state=Link.State.ENDED)
    again(links, why, now, Link.Priority.LIVE)


def _stranger(sync: Sync, target_id: str, now: datetime) -> Snapshot:
    return Snapshot(
        business_id=sync.business_id, connection_id=sync.target_id, resource=sync.target_resource,
        external_id=target_id, data={}, fingerprint="", label=target_id, noticed_at=now,
        read_at=datetime(1970, 1, 1, tzinfo=now.tzinfo),
    )  # fmt: skip


def ask(link: Link, who: str) -> None:
    """A person wants this record looked at now, whatever was known. What nobody decided about in time is asked about
    once more."""
    sync, now = link.sync, timezone.now()
    with transaction.atomic():
        lanes.wake(sync.lane_id)  # before the link, as in `_verdict`
        mark(sync, link.source_id, f"asked by {who}"[:60], now, Link.Priority.PERSON)
        if EXPIRED in link.decision:
            left = {name: value for name, value in link.decision.items() if name != EXPIRED}
            Link.objects.filter(pk=link.pk).update(decision=left)
        Snapshot.objects.filter(
            connection_id=sync.target_id, resource=sync.target_resource, external_id=link.target_id or ""
        ).update(noticed_at=now)


def all_again(sync: Sync, why: str) -> int:
    """Every link that has not ended is looked at again, with what is known of it. Returns how many."""
    with transaction.atomic():
        lanes.wake(sync.lane_id)
        links = Link.objects.filter(sync=sync).exclude(state=Link.State.ENDED)
        return again(links, why, timezone.now(), Link.Priority.BACKFILL)


def running(sync: Sync) -> Run | None:
    return Run.objects.filter(sync=sync, state=Run.State.RUNNING).first()
