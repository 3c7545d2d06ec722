"""Who works where: waking a lane, holding it, parking it until a person or the service allows more."""

import os
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django_q.tasks import async_task

from syncs import incidents
from syncs.failpoints import failpoint
from syncs.models import Lane, Link, Run, Snapshot, Sync

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.models import Connection

LEASE = timedelta(seconds=90)
#: No outside write begins in this last part of a lease: it is longer than any call may take.
MARGIN_SECONDS = 45.0
#: A wake-up older than this is taken for lost.
WAKE_LOST = timedelta(seconds=30)
AGAIN_SECONDS = 1.0
#: So often a connection that works, as far as we know, may refuse in a row before its lane is parked: with the pauses
#: between, a minute or two. A parked one tries again after so long, since the refusal may have been a fault.
MOST_REFUSALS, PROBE_AFTER = 6, timedelta(minutes=5)
#: Who had something to do this short a time ago may well have more.
LATELY = timedelta(seconds=10)


#: As text: this is asked for every webhook, and a queryset takes ten times as long.
_WAKE = """UPDATE syncs_lane SET woken_at = %s
    WHERE id = %s AND (woken_at IS NULL OR woken_at < %s) AND (lease_until IS NULL OR lease_until < %s)"""

#: As text too: only whether there are any crosses the tenants' border.
_OTHERS_WAIT = """SELECT EXISTS (SELECT 1 FROM syncs_lane WHERE business_id <> %s AND parked = '' AND woken_at > %s
    AND (lease_until IS NULL OR lease_until < %s))"""
_OTHERS_LIVE = """SELECT EXISTS (SELECT 1 FROM syncs_lane AS lane JOIN syncs_sync AS sync ON sync.lane_id = lane.id
    JOIN syncs_link AS link ON link.sync_id = sync.id AND link.noticed > link.handled AND link.priority < %s
    WHERE lane.business_id <> %s AND lane.parked = '' AND (lane.lease_until >= %s OR lane.woken_at > %s)
    AND (link.next_try IS NULL OR link.next_try <= %s))"""
_OTHERS_LATELY = """SELECT EXISTS (SELECT 1 FROM syncs_lane AS lane WHERE business_id <> %s AND served_at > %s
    AND NOT EXISTS (SELECT 1 FROM syncs_run AS run JOIN syncs_sync AS sync ON run.sync_id = sync.id
        WHERE sync.lane_id = lane.id AND run.state = %s))"""


class LostLease(Exception):
    """Somebody else holds the lane now: what this worker knows is old and must not be stored."""


class Stepped(Exception):
    """The sync is in another mode now: what was read or planned in the one before must not be stored."""


def holder() -> str:
    """Names who holds a lease: supervisor, process, one claim."""
    return f"{os.environ.get('FIELDBRIDGE_SUPERVISOR', 'none')}/{os.getpid()}/{uuid.uuid4().hex[:12]}"


def wake(lane_id: int) -> None:
    """Put the lane's id in the queue, unless a wake-up is there already or it is being worked: who works it looks
    for more before letting go."""
    now = timezone.now()
    moment, lost = (connection.ops.adapt_datetimefield_value(at) for at in (now, now - WAKE_LOST))
    with connection.cursor() as cursor:
        woken = cursor.execute(_WAKE, [moment, lane_id, lost, moment]).rowcount
    if woken:
        async_task("syncs.tasks.work_lane", lane_id)


def others_wait(lane: Lane) -> bool:
    """Whether another business's lane was put in the queue and no worker has come to it yet."""
    now = timezone.now()
    return _are_there(_OTHERS_WAIT, lane.business_id, now - WAKE_LOST, now)


def others_are_live(lane: Lane) -> bool:
    """Whether what just happened at another business is being worked, or waits for a worker."""
    now = timezone.now()
    return _are_there(_OTHERS_LIVE, Link.Priority.BACKFILL, lane.business_id, now, now - WAKE_LOST, now)


def others_were_served(lane: Lane) -> bool:
    """Whether another business was lately, with more than a run through all it has."""
    return _are_there(_OTHERS_LATELY, lane.business_id, timezone.now() - LATELY, Run.State.RUNNING)


def _are_there(question: str, *asked: Any) -> bool:
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(question, [adapt(value) if isinstance(value, datetime) else value for value in asked])
        return bool(cursor.fetchone()[0])


def claim(lane_id: int) -> Lane | None:
    """The lane, held by us; None while somebody else holds it or it must wait."""
    failpoint("claim.before")
    now, name = timezone.now(), holder()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    allowed = Q(resume_at=None) | Q(resume_at__lte=now)
    taken = Lane.objects.filter(free, allowed, pk=lane_id, parked="").update(
        lease=name, lease_until=now + LEASE, woken_at=None, served_at=now
    )
    if not taken:
        Lane.objects.filter(pk=lane_id).update(woken_at=None)
        return None
    failpoint("claim.after")
    return Lane.objects.select_related("business", "target").get(pk=lane_id, lease=name)


def renew(lane: Lane) -> None:
    """LostLease when it is not ours any more."""
    until = timezone.now() + LEASE
    if not Lane.objects.filter(pk=lane.pk, lease=lane.lease).update(lease_until=until):
        raise LostLease(lane.lease)
    lane.lease_until = until


def guard(lane: Lane, sync: Sync | None = None) -> None:
    """Inside the transaction that stores results: locks the lane, or LostLease. With a sync, Stepped where its mode is
    not the one that it was worked in."""
    held = Lane.objects.select_for_update().filter(pk=lane.pk, lease=lane.lease, lease_until__gt=timezone.now())
    if held.values_list("pk", flat=True).first() is None:
        raise LostLease(lane.lease)
    if sync and not in_mode(sync):
        raise Stepped(f"{sync} is not in {sync.mode} any more.")


def in_mode(sync: Sync) -> bool:
    """Whether it still is in the mode that it was read in."""
    return Sync.objects.filter(pk=sync.pk, mode=sync.mode).exists()


def lock(lane_id: int) -> Lane | None:
    """Inside a transaction, before its links and runs are touched: workers lock in this order too."""
    return Lane.objects.select_for_update().filter(pk=lane_id).first()


def release(lane: Lane) -> None:
    failpoint("release.before")
    Lane.objects.filter(pk=lane.pk, lease=lane.lease).update(lease="", lease_until=None)


def release_all_of(supervisor: str) -> int:
    """Free what the dead workers of one supervisor held. Only for who has seen them die."""
    return Lane.objects.filter(lease__startswith=f"{supervisor}/").update(lease="", lease_until=None)


def wait(
    lane: Lane, seconds: float, *, failed: bool, refused: bool = False, side: "Connection | None" = None
) -> None:  # fmt: skip
    """The service at this `side` asked for a pause, does not answer, or refuses our sign-in: nothing of this lane
    before then."""
    lane.resume_at = timezone.now() + timedelta(seconds=seconds)
    lane.failures += failed
    lane.refusals += refused
    lane.failing = side if failed else lane.failing
    Lane.objects.filter(pk=lane.pk).update(
        resume_at=lane.resume_at, failures=lane.failures, refusals=lane.refusals, failing=lane.failing
    )


def broke_off(lane: Lane, error: Exception, seconds: float) -> None:
    """The slice ended by a fault of ours or the database's. One that has hung up on us is spoken to by a new
    connection: else nobody could work here until the lease runs out. No record is blamed for that."""
    if isinstance(error, OperationalError | InterfaceError):
        connection.close()
        Link.objects.filter(sync__lane=lane.pk, claims__gt=0).update(claims=0)
    wait(lane, seconds, failed=True)


def answered(lane: Lane) -> None:
    """The service works again."""
    if lane.failures or lane.refusals or lane.resume_at:
        lane.failures, lane.refusals, lane.resume_at = 0, 0, None
        Lane.objects.filter(pk=lane.pk).update(failures=0, refusals=0, resume_at=None)


def accepted(lane: Lane, answering: "Iterable[Connection]") -> None:
    """Nobody refused our sign-in in a whole slice, in which these have answered."""
    lane.refusals = 0
    Lane.objects.filter(pk=lane.pk).update(refusals=0)
    for side in answering:
        if side.status == "active":
            incidents.connection_works(side)


def refused(lane: Lane, side: "Connection", code: str, words: str) -> None:
    """The lane waits for a person, unless that side was connected again since it was last read: then it goes on."""
    with transaction.atomic():
        same = type(side).objects.select_for_update().filter(pk=side.pk, credentials_digest=side.credentials_digest)
        if same.values_list("pk", flat=True).first() is None:
            wait(lane, AGAIN_SECONDS, failed=False)
            return
        probe = timezone.now() + PROBE_AFTER if side.status == "active" else None
        Lane.objects.filter(pk=lane.pk).update(parked=words[:300], parked_code=code, resume_at=probe)
        incidents.connection_refused(side, code, words)


def probe() -> None:
    """Parked lanes whose connections are all good as far as we know go on, to be parked again by the next refusal."""
    given_up = Sync.objects.filter(lane=OuterRef("pk")).exclude(source__status="active", target__status="active")
    late = Lane.objects.filter(resume_at__lte=timezone.now()).exclude(Exists(given_up)).exclude(parked="")
    for lane in late:
        again = Lane.objects.filter(pk=lane.pk, resume_at=lane.resume_at).exclude(parked="")
        if again.update(parked="", parked_code="", resume_at=None, failures=0, refusals=MOST_REFUSALS):
            wake(lane.pk)


def park(connection: "Connection", code: str, words: str) -> None:
    """Lanes that read or write this connection wait for a person."""
    _of(connection).update(parked=words[:300], parked_code=code)


def unpark(connection: "Connection") -> None:
    """The connection works again: its incidents close, and lanes whose other side works too go on."""
    incidents.connection_works(connection)
    for lane in _of(connection):
        broken = lane.syncs.exclude(source__status="active", target__status="active").filter(
            ~Q(source__status="active") | ~Q(target__status="active")
        )
        if not broken.exists():
            Lane.objects.filter(pk=lane.pk).update(parked="", parked_code="", resume_at=None, failures=0, refusals=0)
            wake(lane.pk)


def _of(connection: "Connection") -> "QuerySet[Lane]":
    ids = Sync.objects.filter(Q(source=connection) | Q(target=connection)).values("lane")
    return Lane.objects.filter(Q(pk__in=ids) | Q(target=connection))


def with_work() -> "QuerySet[Lane]":
    """Lanes that have something to do now and nobody doing it."""
    now = timezone.now()
    ready = Q(next_try=None) | Q(next_try__lte=now)
    working = Sync.objects.filter(lane=OuterRef("pk")).exclude(mode=Sync.Mode.OFF)
    links = Link.objects.filter(ready, sync__lane=OuterRef("pk"), noticed__gt=F("handled")).exclude(sync__mode="off")
    left = Link.objects.filter(run=OuterRef("pk"), noticed__gt=F("handled"))
    runs = Run.objects.filter(ready, sync__lane=OuterRef("pk"), state=Run.State.RUNNING)
    runs = runs.filter(~Q(side=Run.Side.WORK) | ~Exists(left))
    written_to = (
        Sync.objects.filter(lane=OuterRef(OuterRef("pk"))).exclude(mode=Sync.Mode.OFF).values("target_resource")
    )
    stale = Snapshot.objects.filter(Snapshot.stale(now), connection=OuterRef("target"), resource__in=written_to)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    allowed = Q(resume_at=None) | Q(resume_at__lte=now)
    waiting = Lane.objects.filter(free, allowed, Exists(working), parked="")
    return waiting.filter(Exists(links) | Exists(runs) | Exists(stale))
