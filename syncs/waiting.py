"""Records that others wait for: an invoice's client, a payment's invoice. Nothing fails for being early."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from syncs import lanes, notice
from syncs.models import Link, Sync
from syncs.planning import Parent

if TYPE_CHECKING:
    from portal.models import Connection

_STOPPED = {
    Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED, Link.State.SKIPPED, Link.State.ENDED,
}  # fmt: skip


UNKNOWN = Parent("unknown")


def parents(
    source: "Connection", resource: str, target: "Connection", ids: Sequence[str], *, notices: bool = True
) -> Mapping[str, Parent]:  # fmt: skip
    """{source id: its parent} for records of this resource that go to this target. What nobody has noticed yet is
    noticed now, or with `notices` False taken for what would be. A sync that is paused goes on one day."""
    alike = Sync.objects.filter(source=source, source_resource=resource, target=target)
    sync = alike.exclude(mode="off").first() or alike.exclude(live_since=None).first()
    wanted = {i for i in ids if i}
    if sync is None or not wanted:
        return dict.fromkeys(wanted, UNKNOWN)
    held = _links(sync, wanted)
    missing = sorted(wanted - held.keys())
    if missing and notices:
        with transaction.atomic():
            lanes.wake(sync.lane_id)
            for key in missing:
                notice.mark(sync, key, "another record needs it", timezone.now())
        held = _links(sync, wanted)
    coming = {key: Parent("coming", "", key) for key in missing}
    return coming | {key: of(link) for key, link in held.items()}


def _links(sync: Sync, ids: set[str]) -> dict[str, Link]:
    return {link.source_id: link for link in Link.objects.filter(sync=sync, source_id__in=ids)}


def of(link: Link) -> Parent:
    """How a record that another one waits for stands."""
    gone = link.state == Link.State.ENDED or link.cause_code == "target_deleted"
    if link.target_id and not gone:
        return Parent("ready", link.target_id, link.label, key=link.pk)
    stopped = link.state in _STOPPED and link.noticed <= link.handled
    return Parent("stopped" if stopped else "coming", "", link.label or link.source_id, link.cause, link.pk)


def wake(sync: Sync, links: Sequence[Link]) -> None:
    """Whatever waits for these is looked at again. Inside the transaction that settles them."""
    waiting = Link.objects.filter(waits_for__in=[link.pk for link in links], noticed__lte=F("handled"))
    lanes_of = set(waiting.values_list("sync__lane", flat=True))
    for lane_id in sorted(lanes_of - {sync.lane_id}):
        lanes.wake(lane_id)
    if lanes_of:
        notice.again(waiting, "what it waited for has moved", timezone.now(), Link.Priority.LIVE)
