"""Writes that were begun and never settled: what is done about them before anything new is planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from connectors.base import Record, Session
from syncs import looking, settling
from syncs.applying import KEY_TRUSTED, Order
from syncs.models import Link, Snapshot, Sync, Write

#: Clocks differ a little, and the service notes the moment it began, not the one we asked.
SLACK = timedelta(minutes=5)


@dataclass(slots=True)
class Unsettled:
    """Calls whose outcome is unknown and that go out again, by link; links that must first be given time are in
    neither list."""

    again: list[tuple[Link, Write]] = field(default_factory=list)
    others: list[Link] = field(default_factory=list)


def sort_out(sync: Sync, links: Sequence[Link]) -> Unsettled:
    """An update whose outcome is unknown is planned anew: values are set as a whole. A create must be looked for, and
    an action goes out again with its key, or is planned anew from what is there by then."""
    open_states = [Write.State.INTENDED, Write.State.UNKNOWN]
    writes = Write.objects.filter(link__in=links, state__in=open_states).select_related("connection").order_by("id")
    begun = {w.link_id: w for w in writes}
    found = Unsettled()
    for link in links:
        write = begun.get(link.pk)
        if write is None or write.verb == "update":
            found.others.append(link)
        elif _too_early(link, write):
            continue
        elif write.verb == "create" or _key_is_good(write):
            found.again.append((link, write))
        else:
            _seen_afresh(write)
            found.others.append(link)
    settling.supersede([begun[link.pk] for link in found.others if link.pk in begun])
    return found


def _seen_afresh(write: Write) -> None:
    """What it was done to is read again before anything else is planned."""
    there = Snapshot.objects.filter(
        connection=write.connection_id, resource=write.resource, external_id=write.target_id
    )
    there.update(noticed_at=timezone.now())


def _too_early(link: Link, write: Write) -> bool:
    """A service without idempotency keys may still do it late: then it is given that time first."""
    if write.connection.service.idempotent_writes:
        return False
    ready = write.intended_at + timedelta(seconds=write.connection.service.late_effect_seconds)
    if timezone.now() >= ready:
        return False
    Link.objects.filter(pk=link.pk).update(next_try=ready, claims=0)
    return True


def orders(sync: Sync, begun: Sequence[tuple[Link, Write]], session: Session, reference: str) -> list[Order]:
    """The same call with the same key again, or nothing but the record it made when that is found there."""
    creates = [write for _, write in begun if _makes_counterpart(sync, write)]
    made = _made_by(creates, session, reference) if creates else {}
    return [
        Order(
            looking.look_of(sync, link, write),
            write,
            made=tuple(made.get(link.source_id, ())) if _makes_counterpart(sync, write) else (),
            send=_key_is_good(write),
        )
        for link, write in begun
    ]


def _makes_counterpart(sync: Sync, write: Write) -> bool:
    return write.verb == "create" and write.resource == sync.target_resource


def _key_is_good(write: Write) -> bool:
    """The key still protects: it is not spent on a saved failure, and not so old that it may be forgotten."""
    fresh = timezone.now() - write.intended_at < KEY_TRUSTED
    return write.connection.service.idempotent_writes and fresh and not write.spent


def _made_by(creates: Sequence[Write], session: Session, reference: str) -> Mapping[str, list[Record]]:
    """{source id: records made meanwhile that carry it}, by one list for all: a search could lag behind."""
    since = min(write.intended_at for write in creates) - SLACK
    found: dict[str, list[Record]] = {}
    for record in session.written_since(creates[0].resource, since, [write.params for write in creates]):
        if reference in record.references:
            found.setdefault(record.references[reference], []).append(record)
    return found
