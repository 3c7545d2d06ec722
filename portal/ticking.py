"""What time brings about: lanes whose wait is over, polls that are due, and what dead workers left behind."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task
from django_scopes import scope, scopes_disabled

from portal import accountwatch, beats, retention
from portal.alerts import noting, sending
from portal.models import AlertSettings, Business, WorkerBeat
from syncs import approvals, lanes, reports, runs, watching, whatif
from syncs.models import Approval, Incident, Lane, Sync

log = logging.getLogger(__name__)
#: Deliveries of alerts, or looks at accounts, that are asked for at once.
AT_ONCE = 100
#: Failed tasks and abandoned queue rows older than this say nothing any more.
OLD = timedelta(days=14)


def wake() -> int:
    """Put every lane in the queue that has something to do and is not there. Returns how many."""
    asleep = Q(woken_at=None) | Q(woken_at__lt=timezone.now() - lanes.WAKE_LOST)
    with scopes_disabled():  # a lane's id goes in the queue, nothing of any business comes out
        ids = list(lanes.with_work().filter(asleep).values_list("pk", flat=True))
        for lane_id in ids:
            lanes.wake(lane_id)
    return len(ids)


def start_polls() -> None:
    """Look for missed changes, and compare both sides, where that is due. One business's failure is not another's."""
    with scopes_disabled():  # which businesses have syncs at work; each is then worked in its own scope
        ids = list(Sync.objects.exclude(mode=Sync.Mode.OFF).order_by().values_list("business_id", flat=True).distinct())
    _each(ids, lambda _: (runs.start_due_polls(), reports.start_due()), "Polls of business %s could not be started")


def probe() -> None:
    """Lanes that were parked although their connections seem to work try again."""
    with scopes_disabled():  # lanes only, as in `wake`
        lanes.probe()


def watch() -> None:
    """Find work that does not move, and webhooks that stay away."""
    with scopes_disabled():  # which businesses have syncs that are not paused, or incidents of such; as above
        ids = set(Sync.objects.exclude(mode=Sync.Mode.OFF).values_list("business_id", flat=True))
        stuck = Incident.objects.filter(subject__startswith="work:").exclude(state=Incident.State.RESOLVED)
        ids |= set(stuck.values_list("business_id", flat=True))
    _each(ids, lambda _: watching.look(), "The work of business %s could not be looked at")


def watch_accounts() -> None:
    """Ask services how the accounts stand, where that is due."""
    with scopes_disabled():  # ids only; the task opens the connection's own business
        for row in accountwatch.due(timezone.now())[:AT_ONCE]:
            accountwatch.ask(row)


def expire_approvals() -> None:
    """What nobody has decided about in time is left as it is. One business's failure is not another's."""
    with scopes_disabled():  # which businesses have any; each is then worked in its own scope
        late = Approval.objects.filter(state=Approval.State.WAITING, expires_at__lte=timezone.now()).order_by()
        ids = list(late.values_list("business_id", flat=True).distinct())
    _each(ids, lambda _: approvals.expire(), "Approvals of business %s could not expire")


def release(supervisor: str) -> None:
    """Free what the workers of a dead supervisor, or of a dead cluster of ours, held and were about to take up."""
    with scopes_disabled():  # leases are the machine's, not a business's
        freed = lanes.release_all_of(supervisor)
        Lane.objects.exclude(woken_at=None).update(woken_at=None)
    if freed:
        log.info("Freed %s lanes that a dead worker held", freed)


def release_dead() -> None:
    """The same for supervisors that died without a word."""
    with scopes_disabled():  # as above
        held = Lane.objects.exclude(lease="").values_list("lease", flat=True)
        names = {lease.split("/")[0] for lease in held}
    names |= set(WorkerBeat.objects.filter(stopped_at=None).values_list("supervisor", flat=True))
    for name in names:
        if beats.is_gone(name):
            release(name)
            beats.end(name)


def tell() -> None:
    """Note what is to be told, business by business, and have the worker send what is due."""
    now = timezone.now()
    with scopes_disabled():  # which businesses have something to tell; each is then told in its own scope
        ids = set(noting.began(now).values_list("business_id", flat=True))
        ids |= set(noting.over(now).values_list("business_id", flat=True))
        ids |= set(AlertSettings.objects.exclude(digest_at=None).values_list("business_id", flat=True))
    _each(sorted(ids), lambda business: noting.note(business), "Alerts of business %s could not be noted")
    with scopes_disabled():  # ids only; the task opens the delivery's own business
        sending.ask(list(sending.waiting(now).values_list("pk", flat=True)[:AT_ONCE]), now)


def _each(ids: Iterable[int], work: Callable[[Business], object], trouble: str) -> None:
    """One business's failure is not another's."""
    for business in Business.objects.filter(pk__in=ids).order_by("pk"):
        try:
            with scope(business=business):
                work(business)
        except Exception:
            log.exception(trouble, business.pk)


def try_again() -> None:
    """What-ifs whose worker died, or whose task was lost: they go on where they were."""
    with scopes_disabled():  # ids only; the task opens the what-if's own business
        ids = whatif.lost()
    for what_if_id in ids:
        async_task("syncs.tasks.try_out", what_if_id)


def prune() -> None:
    """Traces of the queue that nobody will read, and records of what-ifs after a while."""
    with scopes_disabled():  # by age alone
        whatif.prune()
    Task.objects.filter(stopped__lt=timezone.now() - OLD).delete()
    OrmQ.objects.filter(lock__lt=timezone.now() - OLD).delete()
    beats.prune()
    retention.start_due()
