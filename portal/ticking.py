"""What time brings about: lanes whose wait is over, polls that are due, and what dead workers left behind."""

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task
from django_scopes import scope, scopes_disabled

from portal import beats
from portal.models import WorkerBeat
from syncs import lanes, reports, runs
from syncs.models import Incident, Lane, Sync

log = logging.getLogger(__name__)
#: Mails of incidents that were not sent by then are asked for again.
UNTOLD = timedelta(minutes=2)
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
    for business_id in ids:
        try:
            with scope(business=business_id):
                runs.start_due_polls()
                reports.start_due()
        except Exception:
            log.exception("Polls of business %s could not be started", business_id)


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


def tell_again() -> None:
    """Mails of incidents whose task was lost on the way."""
    with scopes_disabled():  # ids only; the task opens the incident's own business
        late = Incident.objects.filter(told_at=None, state=Incident.State.OPEN, opened_at__lt=timezone.now() - UNTOLD)
        ids = list(late.values_list("pk", flat=True)[:100])
    for incident_id in ids:
        async_task("syncs.tasks.tell", incident_id)


def prune() -> None:
    """Traces of the queue that nobody will read."""
    Task.objects.filter(stopped__lt=timezone.now() - OLD).delete()
    OrmQ.objects.filter(lock__lt=timezone.now() - OLD).delete()
    beats.prune()
