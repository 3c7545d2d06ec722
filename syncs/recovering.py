"""Writes that were begun and never settled: what is done about them before anything new is planned."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from connectors.base import Data, Record
from syncs import bulk, lanes, looking, settling
from syncs.applying import KEY_TRUSTED, Order
from syncs.comparing import same
from syncs.models import Lane, Link, Snapshot, Sync, Write
from syncs.sessions import Sessions
from syncs.transforms import is_empty

if TYPE_CHECKING:
    from portal.models import Connection

#: Our clock may differ from the service's by ten minutes, and the service notes the moment it began, not the one we
#: asked.
SLACK = timedelta(minutes=15)


@dataclass(slots=True)
class Unsettled:
    """Calls whose outcome is unknown and that go out again, by link; links that must first be given time are in
    neither list. `anew`: calls in whose place something else is planned for the others."""

    again: list[tuple[Link, Write]] = field(default_factory=list)
    others: list[Link] = field(default_factory=list)
    anew: list[tuple[Link, Write]] = field(default_factory=list)


def sort_out(sync: Sync, links: Sequence[Link]) -> Unsettled:
    """An update whose outcome is unknown is planned anew from what is there, once it can no longer take effect: values
    are set as a whole, and an old one that comes late would undo a newer one. A create must be looked for, and an
    action goes out again with its key, or is planned anew too."""
    open_states = [Write.State.INTENDED, Write.State.UNKNOWN]
    writes = Write.objects.filter(link__in=links, state__in=open_states).select_related("connection").order_by("id")
    begun = {w.link_id: w for w in writes}
    found = Unsettled()
    for link in links:
        write = begun.get(link.pk)
        if write is None:
            found.others.append(link)
        elif _too_early(link, write):
            continue
        elif write.verb == "create" or (write.verb != "update" and _key_is_good(write)):
            found.again.append((link, write))
        else:
            _seen_afresh(sync, link, write)
            found.others.append(link)
            found.anew.append((link, write))
    return found


def _seen_afresh(sync: Sync, link: Link, write: Write) -> None:
    """What it was done to is read again before anything else is planned."""
    now = timezone.now()
    if write.connection_id == sync.source_id:
        link.stale_at = now  # for this look alone: nobody has said anything
    there = Snapshot.objects.filter(
        connection=write.connection_id, resource=write.resource, external_id=write.target_id
    )
    there.update(noticed_at=now)


def planned_anew(lane: Lane, sync: Sync, looks: Sequence[looking.Look], anew: Sequence[tuple[Link, Write]]) -> None:
    """Once both sides were read: what a lost call has brought over counts as agreed, and the call as settled. Before
    that it stays open, so that a look that fails forgets nothing."""
    read = {look.link.pk: look for look in looks}
    settled = [(link, write) for link, write in anew if link.pk in read]
    landed = [(link, write) for link, write in settled if _landed(read[link.pk], sync, write)]
    for link, _ in landed:
        link.written_at = timezone.now()
    if settled:
        with transaction.atomic():
            lanes.guard(lane)
            bulk.update_each([link for link, _ in settled], ("base", "rendered", "written_at"))
            settling.supersede([write for _, write in settled], [write for _, write in landed])


def _landed(look: looking.Look, sync: Sync, write: Write) -> bool:
    """Whether the record that it changes shows what it was to bring about."""
    sides = {
        (sync.source_id, sync.source_resource): look.source_record,
        (sync.target_id, sync.target_resource): look.target_record,
    }
    record = sides.get((write.connection_id, write.resource))
    if record is None or write.target_id != record.id:
        return False
    if write.verb == "delete" or record.deleted:
        return write.verb == "delete" and record.deleted
    return write.verb == "update" and all(same(record.data.get(path), value) for path, value in write.params.items())


def _too_early(link: Link, write: Write) -> bool:
    """Without a key that makes it once the service may still do it late, as it may an update: what is planned anew has
    another key. It is given that time first, unless it has said that it failed."""
    if write.spent or (write.verb != "update" and write.connection.service.idempotent_writes):
        return False
    ready = write.intended_at + timedelta(seconds=write.connection.service.late_effect_seconds)
    if timezone.now() >= ready:
        return False
    Link.objects.filter(pk=link.pk).update(next_try=ready, claims=0)
    return True


def orders(sync: Sync, begun: Sequence[tuple[Link, Write]], sessions: Sessions, reference: str) -> list[Order]:
    """The same call with the same key again, or nothing but the record it made when that is found there. Raises
    connector errors when that cannot be read."""
    there = [(link, write) for link, write in begun if _makes(write, sync.target_id, sync.target_resource)]
    here = [(link, write) for link, write in begun if _makes(write, sync.source_id, sync.source_resource)]
    made: dict[str, Sequence[Record]] = {}
    if there:
        found = _written_since(sync.target, [write for _, write in there], sessions)
        others = _of_other_calls(sync, found)
        for link, write in there:
            mine = [r for r in found if r.references.get(reference) == link.source_id]
            made[write.key] = [r for r in mine if r.id not in others]
    if here:
        made |= _made_here(sync, [write for _, write in here], sessions)
    made |= _made_beside(sync, [write for _, write in begun], sessions)
    return [
        Order(
            looking.look_of(sync, link, write),
            write,
            made=made.get(write.key, ()),
            send=_key_is_good(write),
            again=True,
        )
        for link, write in begun
    ]


def _makes(write: Write, connection_id: int, resource: str) -> bool:
    """Whether it makes one of the two records, at this side, and not a thing beside them."""
    return (write.verb, write.connection_id, write.resource) == ("create", connection_id, resource)


def _key_is_good(write: Write) -> bool:
    """The key still protects: it is not spent on a saved failure, and not so old that it may be forgotten."""
    fresh = timezone.now() - write.intended_at < KEY_TRUSTED
    return write.connection.service.idempotent_writes and fresh and not write.spent


def _written_since(connection: "Connection", creates: Sequence[Write], sessions: Sessions) -> list[Record]:
    """All records made since these creates were begun, by one list for all: a search could lag behind."""
    since, sent = min(write.intended_at for write in creates) - SLACK, [write.params for write in creates]
    return sessions.call(connection, lambda session: session.written_since(creates[0].resource, since, sent))


def _of_other_calls(sync: Sync, found: Sequence[Record]) -> set[str]:
    """What is known to have come of another call, such as an invoice whose place this one takes."""
    known = Write.objects.filter(
        connection=sync.target_id, resource=sync.target_resource, verb="create", state=Write.State.CONFIRMED,
        outside_id__in=[record.id for record in found],
    )  # fmt: skip
    return set(known.values_list("outside_id", flat=True))


def _made_here(sync: Sync, creates: Sequence[Write], sessions: Sessions) -> dict[str, Sequence[Record]]:
    """{key of the write: the record it made}. Records of the source carry no cross reference, so each is known by what
    it shows of what was sent: all of it, or, as somebody may have edited it since, the most of it. One that has its
    counterpart is no answer, nor is one for two writes."""
    found = _written_since(sync.source, creates, sessions)
    linked = Link.objects.filter(sync=sync, source_id__in=[r.id for r in found]).exclude(target_id=None)
    taken = set(linked.values_list("source_id", flat=True))
    free = [(write, record) for write in creates for record in found if record.id not in taken]
    alike = [(_shown(record, write), write, record) for write, record in free if _may_have_made(write, record)]
    made: dict[str, Sequence[Record]] = {}
    for part, write, record in sorted(alike, key=lambda pair: -pair[0]):
        if part > 0.5 and write.key not in made and record.id not in taken:
            made[write.key] = [record]
            taken.add(record.id)
    return made


def _may_have_made(write: Write, record: Record) -> bool:
    return record.created_at is None or record.created_at >= write.intended_at - SLACK


def _shown(record: Record, write: Write) -> float:
    """Which part of what was sent it shows."""
    sent = {path: value for path, value in write.params.items() if not is_empty(value)}
    return sum(same(record.data.get(path), value) for path, value in sent.items()) / max(1, len(sent))


def _made_beside(sync: Sync, begun: Sequence[Write], sessions: Sessions) -> dict[str, Sequence[Record]]:
    """{key of the write: the thing that it made beside the counterpart}, such as a tax rate or the record of a payment,
    where its key would not keep it from being made twice."""
    made: dict[str, Sequence[Record]] = {}
    creates = [w for w in begun if w.verb == "create" and w.connection_id == sync.target_id and not _key_is_good(w)]
    beside = [write for write in creates if write.resource != sync.target_resource]
    for resource in sorted({write.resource for write in beside}):
        writes = [write for write in beside if write.resource == resource]
        found = _written_since(sync.target, writes, sessions)
        made |= {w.key: [r] for w in writes for r in found if _told_in(r, w.params)}
    return made


def _told_in(record: Record, sent: Data) -> bool:
    """Whether it is what came of this, as far as a record of its kind shows it: what it refers to it always does."""
    told = [path for path in sent if path in record.data or path.startswith("metadata.")]
    return bool(told) and all(same(record.data.get(path), sent[path]) for path in told)
