"""The ledger of outward calls, chained so that a changed or missing entry shows, and its equation."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Count, F, Min, Q, QuerySet, Value, When

from syncs import audit, bulk
from syncs.models import ChainHead, Link, Run, Sync, Write

#: Where a link's state puts its record in the equation.
_PLACE: dict[str, tuple[str, ...]] = {
    "waiting": (Link.State.DUE, Link.State.PLANNED, Link.State.RETRYING),
    "skipped": (Link.State.SKIPPED, Link.State.ENDED),
    "held": (Link.State.HELD, Link.State.CONFLICT),
    "failed": (Link.State.PARKED,),
}
#: Noticed, and not worked since.
DUE = Q(noticed__gt=F("handled"))
PLACES = ("written", "unchanged", "skipped", "held", "failed", "waiting")


def entry_hash(previous: str, write: Write) -> str:
    """SHA-256 over the previous entry and what this one intends. Of what was sent, which can hold somebody's data and
    be erased, only the seal is reckoned with."""
    sent = write.seal or write.params
    return audit.digest([
        previous, write.business_id, write.link_id, write.connection_id, write.verb, write.resource,
        write.target_id, write.key, sent, write.intended_at.isoformat(),
    ])  # fmt: skip


def append(business_id: int, writes: Sequence[Write]) -> None:
    """Store intended writes at the end of the business's chain. Inside a transaction."""
    ChainHead.objects.get_or_create(business_id=business_id)
    head = ChainHead.objects.select_for_update().get(business_id=business_id)
    for write in writes:
        write.previous_hash, write.nonce = head.hash, secrets.token_hex(16)
        write.seal = audit.sealed(write.nonce, write.params)
        head.hash = write.hash = entry_hash(head.hash, write)
    bulk.insert_each(writes)
    head.save(update_fields=["hash"])


def equation(sync: Sync) -> dict[str, int]:
    """Where each record the sync has seen stands: seen = written + unchanged + skipped + held + failed + waiting.

    Of those in step, `written` have been written at least once, and `unchanged` were as they should be when found.
    """
    return count(Link.objects.filter(sync=sync))


def count(links: QuerySet[Link], since: datetime | None = None) -> dict[str, int]:
    """A record with a notice not yet worked waits, whatever its last look said. `since`: what was written before that
    counts as unchanged."""
    return standing(links, since)[0]


def standing(links: QuerySet[Link], since: datetime | None = None) -> tuple[dict[str, int], datetime | None]:
    """As `count`, and since when the first of those waits that were noticed and not worked yet."""
    return summed((row["place"], row["n"], row["first"]) for row in by_place(links, since))


def by_place(links: QuerySet[Link], since: datetime | None = None) -> QuerySet[Any]:
    """`place`, `n`, and `first`: when the first of them was noticed that was not worked yet."""
    written = Q(written_at__gte=since) if since else Q(written_at__isnull=False)
    place = Case(
        When(DUE, then=Value("waiting")),
        *(When(state__in=states, then=Value(name)) for name, states in _PLACE.items()),
        When(written, then=Value("written")), default=Value("unchanged"), output_field=CharField(),
    )  # fmt: skip
    return links.values(place=place).annotate(n=Count("pk"), first=Min("noticed_at", filter=DUE)).order_by()


def summed(rows: Iterable[tuple[str, int, datetime | None]]) -> tuple[dict[str, int], datetime | None]:
    """Of rows as `by_place` gives them: how many are where, and the first moment."""
    places, firsts = dict.fromkeys(PLACES, 0), []
    for place, n, first in rows:
        places[place] += n
        firsts += [first] if first else []
    return {"seen": sum(places.values()), **places}, min(firsts, default=None)


def run_equation(run: Run) -> dict[str, int]:
    """The same for the records of one run; those whose page showed no change count as unchanged."""
    places = count(Link.objects.filter(run=run), run.started_at)
    still = run.counts.get("unchanged", 0)
    return {**places, "seen": places["seen"] + still, "unchanged": places["unchanged"] + still}
