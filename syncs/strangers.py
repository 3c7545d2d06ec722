"""Records that were made at the target: they get a link of their own, where the sync makes them at the source too."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from connectors.base import Record
from syncs import notice, recipes
from syncs.bothways import UNMADE
from syncs.models import Link, Sync, Write

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: An answer without which nothing can be said of new records is asked after this often.
HELD_OFF = timedelta(seconds=2)


def take_in(sync: Sync, records: Sequence[Record]) -> None:
    """Those that came after the sync went live, carry no cross reference and belong to no link."""
    if not _wanted(sync) or sync.live_since is None:
        return
    reference = recipes.get(sync.recipe).names.reference
    since = sync.live_since.replace(microsecond=0)  # services tell whole seconds
    new = [r for r in records if r.created_at and r.created_at >= since and not r.references.get(reference)]
    held = set(Link.objects.filter(sync=sync, target_id__in=[r.id for r in new]).values_list("target_id", flat=True))
    now = timezone.now()
    links = [
        Link(
            business_id=sync.business_id, sync=sync, source_id=f"{UNMADE}{r.id}", target_id=r.id, label=r.label[:300],
            noticed=1, noticed_at=now, noticed_by="made there",
        )
        for r in new
        if r.id not in held
    ]  # fmt: skip
    Link.objects.bulk_create(links, ignore_conflicts=True)


def _wanted(sync: Sync) -> bool:
    chosen = sync.live_options.get("two_way") and sync.live_options.get("create_back")
    return sync.writes and bool(chosen)


def hold_off(sync: Sync, due: "QuerySet[Link]") -> None:
    """A record of the target may be appearing at the source right now. Until that is settled, a source record that
    nobody knew must not be looked at: it may be that one, and would get a second counterpart. `due`: all links due."""
    open_states = [Write.State.INTENDED, Write.State.UNKNOWN]
    begun = Write.objects.filter(link__sync=sync, connection=sync.source_id, verb="create", state__in=open_states)
    if _wanted(sync) and begun.exists():
        due.filter(sync=sync, target_id=None, handled=0).update(next_try=timezone.now() + HELD_OFF)


def give_way(sync: Sync, links: Sequence[Link]) -> None:
    """These have found their counterparts: a link that only stood in for the missing side of one ends, and one that
    noticed the same source record later goes, and hands on what it was told. Inside the transaction that settles
    them."""
    if not _wanted(sync):
        return
    targets, keys = [link.target_id for link in links if link.target_id], [link.pk for link in links]
    standing_in = Link.objects.filter(sync=sync, source_id__startswith=UNMADE, target_id__in=targets)
    standing_in.exclude(pk__in=keys).update(state=Link.State.ENDED, cause_code="found", cause="", target_id=None)
    found = {link.source_id: link.pk for link in links}
    later = Link.objects.filter(sync=sync, source_id__in=found, target_id=None, history=None, writes=None)
    later = later.exclude(pk__in=keys)
    for told in later.select_for_update(of=("self",)):
        heirs = Link.objects.filter(pk=found[told.source_id])
        notice.again(heirs, told.noticed_by, timezone.now(), told.priority, stale_at=told.stale_at)
        told.delete()
