"""What the invoices and payments of a page belong to: who they are of, what keeps them in step, what they pay."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

from portal.receivables import Books
from syncs.models import Invoice, Link, Payment, Sync


@dataclass(frozen=True, slots=True)
class Client:
    """`link`: the record that keeps the client in step, None where nothing does."""

    name: str
    link: int | None = None


@dataclass(frozen=True, slots=True)
class Ties:
    """`here`: by the id of an invoice where it is written, what keeps it in step; `sources`: that id by the one where
    it is paid. `clients`: by (connection, client or customer there). `own`: links of the syncs that tell of what
    happens where invoices are paid. `invoices`: by their id on either side."""

    here: Mapping[str, Link]
    sources: Mapping[str, str]
    clients: Mapping[tuple[int, str], Client]
    own: Sequence[Link]
    invoices: Mapping[str, Invoice]

    @property
    def said(self) -> dict[str, Link]:
        """How each payment's own sync stands, by the payment's id."""
        return {link.source_id: link for link in self.own if link.sync.source_resource == "payments"}

    def told(self, keys: Collection[str]) -> list[Link]:
        """What keeps these invoices and payments in step."""
        return told((*self.here.values(), *self.own), keys)

    def client(self, connection: int, party: str) -> Client | None:
        return self.clients.get((connection, party))

    def there(self, row: Invoice) -> Invoice | None:
        """The counterpart of an invoice that is written here."""
        link = self.here.get(row.external_id)
        return self.invoices.get(link.target_id or "") if link else None

    def paid_by(self, row: Payment) -> Invoice | None:
        """The one that was written comes first."""
        for key in filter(None, (row.invoice_id, row.refers_to)):
            found = self.invoices.get(self.sources.get(key, "")) or self.invoices.get(key)
            if found:
                return found
        return None


def of(
    kept: Books, rows: Sequence[Invoice] = (), paid: Sequence[Payment] = (), known: Sequence[Invoice] = (),
    pages: Collection[str] = (),
) -> Ties:  # fmt: skip
    """Two queries, however many rows. `known`: further invoices that are read already; `pages`: ids of invoices where
    they are paid, whose own syncs are asked for too."""
    found = links(kept, rows, paid, pages)
    mine = {sync.pk for sync in kept.syncs}
    written = [link for link in found if link.sync_id in mine]
    own = [link for link in found if link.sync_id not in mine and link.sync.source_resource != "clients"]
    here = {link.source_id: link for link in written}
    sources = {link.target_id: link.source_id for link in written if link.target_id}
    wanted = {link.target_id or "" for row in rows if (link := here.get(row.external_id))}
    named = _named(paid)
    wanted |= named | {sources[key] for key in named & sources.keys()}
    held = {row.external_id: row for row in (*rows, *known)}
    return Ties(here, sources, _clients(found), own, held | _invoices(kept, paid, wanted - held.keys() - {""}))


def told(links: Iterable[Link], keys: Collection[str]) -> list[Link]:
    return [link for link in links if link.source_id in keys and link.sync.source_resource != "clients"]


def _named(paid: Sequence[Payment]) -> set[str]:
    """Ids of the invoices that payments are for, as these name them."""
    return {key for row in paid for key in (row.invoice_id, row.refers_to) if key}


def links(
    kept: Books, rows: Sequence[Invoice], paid: Sequence[Payment], pages: Collection[str] = ()
) -> list[Link]:  # fmt: skip
    """One query, by the keys of syncs and of records, so that it takes no longer the more records there are."""
    parties = {row.party_id for row in rows} | {row.customer_id for row in paid}
    payers = {*kept.there, *(row.connection_id for row in paid)}
    others = [s for s in kept.every if s.source_id in payers and s.source_resource != "clients"]
    asked = [
        _about(kept.syncs, "source_id", {row.external_id for row in rows if row.connection_id in kept.here}),
        _about(kept.syncs, "target_id", _named(paid)),
        _about(kept.of("clients"), "source_id", parties),
        _about(kept.of("clients"), "target_id", parties),
        _about(others, "source_id", {row.external_id for row in paid} | set(pages)),
    ]
    either = [each for each in asked if each]
    syncs = {sync.pk: sync for sync in kept.every}
    found = list(Link.objects.filter(reduce(or_, either)).order_by("pk")) if either else []
    for link in found:
        link.sync = syncs[link.sync_id]
    return found


def _about(syncs: Sequence[Sync], column: str, keys: set[str]) -> Q | None:
    keys = keys - {""}
    return Q(sync__in=[s.pk for s in syncs], **{f"{column}__in": keys}) if syncs and keys else None


def _clients(links: Sequence[Link]) -> dict[tuple[int, str], Client]:
    """Clients and customers that a sync keeps in step, by their id on either side; of several, the first that was."""
    return {key: who for link in reversed(links) for key, who in _sides(link)}


def _sides(link: Link) -> Iterator[tuple[tuple[int, str], Client]]:
    if link.sync.source_resource == "clients":
        who = Client(str(link), link.pk)
        yield (link.sync.source_id, link.source_id), who
        yield (link.sync.target_id, link.target_id or ""), who


def _invoices(kept: Books, paid: Sequence[Payment], ids: set[str]) -> dict[str, Invoice]:
    connections = {*kept.here, *kept.there, *(row.connection_id for row in paid)}
    rows = Invoice.objects.filter(connection__in=connections, external_id__in=ids) if ids else ()
    return {row.external_id: row for row in rows}
