"""Reading many records page by page: a first-sync review, a backfill, a poll, a reconciliation. Resumable at any page.

A reconciliation only takes in what there is and remembers what has changed: it is looked at once the report stands.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from connectors.base import Page, Session
from syncs import barring, bulk, drifting, lanes, ledger, notice, snapshots, strangers
from syncs.failpoints import failpoint
from syncs.models import Lane, Link, Run, Snapshot, Sync
from syncs.rules.routes import ROUTED

if TYPE_CHECKING:
    from portal.models import Connection

#: Changes this long before the last poll are read once more: services list a change a little after it happened.
OVERLAP = timedelta(minutes=10)
#: The target is read again by a full run when its last whole reading is older than this.
TARGET_OLD = timedelta(minutes=10)
#: Both sides are compared whole this often, whatever webhooks and polls have said.
WHOLE_EVERY = timedelta(hours=24)
#: What could not be read is tried again after so long, so many records with each poll.
UNREADABLE_REST, UNREADABLE_MOST = timedelta(hours=1), 20
_SETTLED = {Link.State.IN_STEP, Link.State.SKIPPED, Link.State.ENDED}


def start(sync: Sync, kind: str, *, whole: bool = True) -> Run:
    """The running run of the sync: a new one, or the one already under way.

    A poll reads what changed at the source since the last reading. Others read both sides whole, except a target that
    was read just now (a reconciliation reads that too), and with `whole` False only the changes at the source: then
    all that is owed a look gets one.
    """
    skip_target = kind == Run.Kind.POLL or (kind != Run.Kind.RECONCILE and _just_read(sync))
    changes_only = kind == Run.Kind.POLL or not whole
    since = sync.polled_until - OVERLAP if changes_only and sync.polled_until else None
    try:
        with transaction.atomic():
            run = Run.objects.create(
                business_id=sync.business_id, sync=sync, kind=kind, since=since,
                side=Run.Side.SOURCE if skip_target else Run.Side.TARGET,
            )  # fmt: skip
            lanes.wake(sync.lane_id)
            return run
    except IntegrityError:
        return Run.objects.get(sync=sync, state=Run.State.RUNNING)


def catch_up(sync: Sync) -> Run:
    """What has changed at the source since it was read last, and the target; all where that was more than a day ago."""
    recent = sync.polled_until is not None and timezone.now() - sync.polled_until < WHOLE_EVERY
    return start(sync, Run.Kind.BACKFILL, whole=not recent)


def catch_up_on(connection: "Connection") -> None:
    """After nothing was heard of it for a while."""
    either = Q(source=connection) | Q(target=connection)
    for sync in _able().filter(either):
        unheard(sync)
        catch_up(sync)


def unheard(sync: Sync) -> None:
    """Webhooks may have told of changes at the target, and nobody listened: that it was read just now says nothing."""
    sync.target_read_at = None
    sync.save(update_fields=["target_read_at"])


def _able() -> QuerySet[Sync]:
    """Syncs that write, and are kept from it by nothing."""
    return Sync.objects.filter(
        mode__in=Sync.WRITING, source__status="active", target__status="active", lane__parked=""
    )  # fmt: skip


def _just_read(sync: Sync) -> bool:
    return sync.target_read_at is not None and timezone.now() - sync.target_read_at < TARGET_OLD


def next_due(syncs: Iterable[int]) -> Run | None:
    """A run with pages left to read."""
    ready = Q(next_try=None) | Q(next_try__lte=timezone.now())
    running = Run.objects.filter(ready, sync__in=list(syncs), state=Run.State.RUNNING).exclude(side=Run.Side.WORK)
    return running.order_by("id").first()


def side_of(run: Run, sync: Sync) -> "Connection":
    """The connection whose records are read next."""
    return sync.target if run.side == Run.Side.TARGET else sync.source


def ask(session: Session, run: Run, sync: Sync) -> Page:
    """The page at the run's cursor: the network and nothing else."""
    resource = sync.target_resource if run.side == Run.Side.TARGET else sync.source_resource
    return session.page(resource, run.cursor or None, updated_since=None if run.side == Run.Side.TARGET else run.since)


def wait(run: Run, seconds: float) -> None:
    """The service lets no more be read just now; what waits to be written need not wait with it."""
    Run.objects.filter(pk=run.pk).update(next_try=timezone.now() + timedelta(seconds=seconds))


def take(lane: Lane, run: Run, sync: Sync, page: Page, asked: datetime) -> None:
    """Store a page that was asked for at `asked`, its marks and the cursor in one transaction."""
    with transaction.atomic():
        lanes.guard(lane, sync)
        side = side_of(run, sync)
        resource = sync.target_resource if run.side == Run.Side.TARGET else sync.source_resource
        page = replace(page, records=barring.kept(side, resource, page.records, asked))
        if run.side == Run.Side.TARGET:
            _take_targets(run, sync, page, asked)
        else:
            _take_sources(run, sync, page, asked)
        failpoint("checkpoint.inside")
        run.moved_at = timezone.now()
        run.save(update_fields=["side", "cursor", "counts", "total", "moved_at"])
    failpoint("checkpoint.after")


def _take_targets(run: Run, sync: Sync, page: Page, asked: datetime) -> None:
    if run.kind != Run.Kind.RECONCILE or sync.reconciling_writes:
        strangers.take_in(sync, page.records)
    _, changed = snapshots.keep(sync.target, sync.target_resource, page.records, asked, by=sync)
    _mark_by_target(run, sync, changed)
    _count(run, target_seen=len(page.records))
    run.cursor = page.next_cursor or ""
    if not run.cursor:
        _targets_read(run, sync)
        run.side = Run.Side.SOURCE


def _targets_read(run: Run, sync: Sync) -> None:
    """What the whole reading did not show is gone; from now on absence among the snapshots means absence there."""
    unseen = Snapshot.objects.filter(
        connection=sync.target, resource=sync.target_resource, deleted_at=None, read_at__lt=run.started_at,
        created_at__lt=run.started_at,
    )  # fmt: skip
    gone = list(unseen.values_list("external_id", flat=True))
    snapshots.lose(sync.target, sync.target_resource, gone, by=sync)
    _mark_by_target(run, sync, gone)
    sync.target_read_at = run.started_at
    sync.save(update_fields=["target_read_at"])


def _take_sources(run: Run, sync: Sync, page: Page, asked: datetime) -> None:
    _, changed = snapshots.keep(sync.source, sync.source_resource, page.records, asked, by=sync)
    drifting.cross_off(run, sync, page.records)
    changed |= set(page.unreadable)  # the look at each of them will say so
    labels = {r.id: r.label for r in page.records} | {key: key for key in page.unreadable}
    links = {x.source_id: x for x in Link.objects.filter(sync=sync, source_id__in=list(labels))}
    fresh = [(key, label[:300]) for key, label in labels.items() if key not in links]
    bulk.insert_alike(_new_link(run, sync, asked), ("source_id", "label"), fresh)
    if run.kind == Run.Kind.RECONCILE:
        _remember(run, sync, [key for key, _ in fresh], [x.pk for x in links.values() if x.source_id in changed])
        _count(run, seen=len(labels))
        _next_page(run, sync, page)
        return
    marked = {x.pk for x in links.values() if x.source_id in changed or _unsettled(x, sync)}
    _mark(marked, run, asked)
    unchanged = sum(1 for x in links.values() if x.pk not in marked and x.run_id != run.pk)
    found = len(fresh) + len(changed & links.keys())
    _count(run, seen=len(labels), marked=len(fresh) + len(marked), unchanged=unchanged, found=found)
    _next_page(run, sync, page)


def _next_page(run: Run, sync: Sync, page: Page) -> None:
    """Or, after the last one, what comes of the whole reading."""
    run.total = page.total if page.total is not None else run.total
    run.cursor = page.next_cursor or ""
    if run.cursor:
        return
    drifting.conclude(run)
    if run.kind == Run.Kind.RECONCILE:
        run.side = Run.Side.COMPARE
    else:
        run.side = Run.Side.WORK
        _mark_rest(run, sync)
    Sync.objects.filter(pk=sync.pk).update(polled_until=run.started_at)


def _mark_rest(run: Run, sync: Sync) -> None:
    _mark_unreadable(run, sync)
    if run.since is None:
        _mark_unseen(run, sync)
    elif run.kind == Run.Kind.BACKFILL:
        _mark_owed(run, sync)


def _unsettled(link: Link, sync: Sync) -> bool:
    """A look is owed, although the record is as we knew it: planned only, or planned with another version."""
    matched_only = link.state == Link.State.IN_STEP and not link.target_id
    untold = link.cause_code == ROUTED and link.routed_to_id is None
    other_version = link.version_id != sync.version_id and link.state != Link.State.ENDED
    return link.state not in _SETTLED or matched_only or other_version or untold


def _mark_unseen(run: Run, sync: Sync) -> None:
    """What a whole reading of the source did not show is asked for by its id: it may be gone."""
    unseen = Snapshot.objects.filter(
        connection=sync.source, resource=sync.source_resource, deleted_at=None, read_at__lt=run.started_at
    ).values("external_id")  # fmt: skip
    links = Link.objects.filter(sync=sync, source_id__in=unseen).exclude(state=Link.State.ENDED)
    now = timezone.now()
    notice.again(links, run.get_kind_display(), now, Link.Priority.BACKFILL, stale_at=now, run=run)


def _mark_unreadable(run: Run, sync: Sync) -> None:
    """Some of those whose answer was not as we know it: the service may be well again by now."""
    now = timezone.now()
    held = Link.objects.filter(
        sync=sync, state=Link.State.HELD, cause_code="contract", verdict="hold", noticed=F("handled"),
        noticed_at__lt=now - UNREADABLE_REST,
    )  # fmt: skip
    some = list(held.order_by("noticed_at", "pk").values_list("pk", flat=True)[:UNREADABLE_MOST])
    notice.again(Link.objects.filter(pk__in=some), run.get_kind_display(), now, Link.Priority.BACKFILL, stale_at=now)


def _mark_owed(run: Run, sync: Sync) -> None:
    """What `_unsettled` says of each link, for all that no page has shown."""
    matched_only = Q(state=Link.State.IN_STEP, target_id=None)
    untold = Q(cause_code=ROUTED, routed_to=None)
    owed = ~Q(state__in=_SETTLED) | matched_only | untold | ~Q(version=sync.version_id) | Q(version=None)
    links = (
        Link.objects.filter(owed, sync=sync).exclude(state=Link.State.ENDED).exclude(run=run, noticed__gt=F("handled"))
    )
    marked = notice.again(links, run.get_kind_display(), timezone.now(), Link.Priority.BACKFILL, run=run)
    _count(run, seen=marked, marked=marked)


def _mark_by_target(run: Run, sync: Sync, target_ids: Iterable[str]) -> None:
    """Counterparts that are not as we knew them: their records are looked at, whatever the source says."""
    links = Link.objects.filter(sync=sync, target_id__in=list(target_ids)).exclude(state=Link.State.ENDED)
    if run.kind == Run.Kind.RECONCILE:
        _remember(run, sync, (), list(links.values_list("pk", flat=True)))
        return
    notice.again(links, run.get_kind_display(), timezone.now(), Link.Priority.BACKFILL, run=run)


def _remember(run: Run, sync: Sync, fresh: Sequence[str], changed: Sequence[int]) -> None:
    """With the page, so that nothing is forgotten should the report never be made."""
    made = Link.objects.filter(sync=sync, source_id__in=fresh).values_list("pk", flat=True)
    kept = {*run.counts.get("changed", ()), *changed, *(made if fresh else ())}
    run.counts = {**run.counts, "changed": sorted(kept)}


def owed(run: Run, but: Collection[int] = ()) -> int:
    """What a reconciliation found changed gets its look, `but` these links. Returns how many do."""
    links = Link.objects.filter(pk__in=set(run.counts.get("changed", ())) - set(but))
    return notice.again(links, run.get_kind_display(), timezone.now(), Link.Priority.BACKFILL, run=run)


def _new_link(run: Run, sync: Sync, asked: datetime) -> Link:
    """What new records of a page have in common. A reconciliation only remembers them."""
    return Link(
        business_id=sync.business_id, sync=sync, noticed=0 if run.kind == Run.Kind.RECONCILE else 1, noticed_at=asked,
        noticed_by=run.get_kind_display()[:60], priority=Link.Priority.BACKFILL, run=run, stale_at=asked,
    )  # fmt: skip


def _mark(ids: Iterable[int], run: Run, asked: datetime) -> None:
    """What stands otherwise stands until it was looked at: an incident is not over because a reading has begun."""
    links = Link.objects.filter(pk__in=list(ids))
    links.filter(noticed=F("handled"), state=Link.State.PLANNED).update(state=Link.State.DUE)
    notice.again(links, run.get_kind_display(), asked, Link.Priority.BACKFILL, stale_at=asked, run=run)


def _count(run: Run, **more: int) -> None:
    run.counts = {**run.counts, **{k: run.counts.get(k, 0) + n for k, n in more.items()}}


def finish_if_done(sync: Sync) -> None:
    """A run ends when all its links are handled; its equation is kept as it stood then."""
    run = Run.objects.filter(sync=sync, state=Run.State.RUNNING, side=Run.Side.WORK).first()
    if run is None or Link.objects.filter(run=run, noticed__gt=F("handled")).exists():
        return
    run.counts = {**run.counts, "ledger": ledger.run_equation(run)}
    run.state, run.finished_at = Run.State.DONE, timezone.now()
    run.save(update_fields=["counts", "state", "finished_at"])


def stop(sync: Sync) -> None:
    for run in Run.objects.filter(sync=sync, state=Run.State.RUNNING, kind=Run.Kind.RECONCILE):
        owed(run)
    Run.objects.filter(sync=sync, state=Run.State.RUNNING).update(state=Run.State.STOPPED, finished_at=timezone.now())


def start_due_polls() -> int:
    """The fallback for lost webhooks: syncs that write, not read for a while. Returns how many were started.

    Changes at the source are asked for every few minutes; once a day both sides are read whole, since not every
    service can say what has changed.
    """
    due = [(sync, kind) for sync in _able().exclude(runs__state=Run.State.RUNNING) if (kind := _due_kind(sync))]
    for sync, kind in due:
        start(sync, kind)
    return len(due)


def _due_kind(sync: Sync) -> str:
    now = timezone.now()
    if sync.polled_until is None or sync.target_read_at is None or now - sync.target_read_at > WHOLE_EVERY:
        return Run.Kind.BACKFILL
    return Run.Kind.POLL if now - sync.polled_until > timedelta(minutes=sync.poll_minutes) else ""
