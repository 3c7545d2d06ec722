"""Writes that were begun and never settled: what is done about them before anything new is planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from connectors.base import Record, Session
from syncs import looking, settling
from syncs.applying import KEY_TRUSTED, Order
from syncs.models import Link, Sync, Write

#: Clocks differ a little, and the service notes the moment it began, not the one we asked.
SLACK = timedelta(minutes=5)


@dataclass(slots=True)
class Unsettled:
    """Creates whose outcome is unknown, by link; links that must first be given time are in neither list."""

    creates: list[tuple[Link, Write]] = field(default_factory=list)
    others: list[Link] = field(default_factory=list)


def sort_out(sync: Sync, links: Sequence[Link]) -> Unsettled:
    """An update whose outcome is unknown is planned anew: values are set as a whole. A create must be looked for."""
    open_states = [Write.State.INTENDED, Write.State.UNKNOWN]
    begun = {w.link_id: w for w in Write.objects.filter(link__in=links, state__in=open_states).order_by("id")}
    settling.supersede([w for w in begun.values() if w.verb == "update"])
    found = Unsettled()
    for link in links:
        write = begun.get(link.pk)
        if write is None or write.verb == "update":
            found.others.append(link)
        elif not _too_early(sync, link, write):
            found.creates.append((link, write))
    return found


def _too_early(sync: Sync, link: Link, write: Write) -> bool:
    """A service without idempotency keys may still do it late: then it is given that time first."""
    if sync.target.service.idempotent_writes:
        return False
    ready = write.intended_at + timedelta(seconds=sync.target.service.late_effect_seconds)
    if timezone.now() >= ready:
        return False
    Link.objects.filter(pk=link.pk).update(next_try=ready, claims=0)
    return True


def orders(sync: Sync, creates: Sequence[tuple[Link, Write]], session: Session, reference: str) -> list[Order]:
    """The same call with the same key again, or nothing but the record it made when that is found there."""
    if not creates:
        return []
    since = min(write.intended_at for _, write in creates) - SLACK
    made = _made_since(session, creates[0][1].resource, reference, since)
    return [
        Order(
            looking.look_of(sync, link, write),
            write,
            made=tuple(made.get(link.source_id, ())),
            send=_key_is_good(sync, write),
        )
        for link, write in creates
    ]


def _key_is_good(sync: Sync, write: Write) -> bool:
    """The key still protects: it is not spent on a saved failure, and not so old that it may be forgotten."""
    fresh = timezone.now() - write.intended_at < KEY_TRUSTED
    return sync.target.service.idempotent_writes and fresh and not write.spent


def _made_since(session: Session, resource: str, reference: str, since: datetime) -> Mapping[str, list[Record]]:
    """{source id: records made since then that carry it}, by one list for all: a search could lag behind."""
    found: dict[str, list[Record]] = {}
    cursor: str | None = None
    while True:
        page = session.page(resource, cursor, updated_since=since)
        for record in page.records:
            if reference in record.references:
                found.setdefault(record.references[reference], []).append(record)
        cursor = page.next_cursor
        if cursor is None:
            return found
