"""Invoices and payments as lines of a list: with what each belongs to, in a few queries for a whole page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from portal import invoices, wording
from portal.receivables import A_DAY, ASKING, KNOWS_LEFT, Books
from portal.wording import Badge
from syncs import currencies
from syncs.models import Invoice, Link, Payment, Snapshot


@dataclass(frozen=True, slots=True)
class Client:
    """`link`: the record that keeps the client in step, None where nothing does."""

    name: str
    link: int | None = None


NOBODY = Client("")


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """`there`: how it stands where it is paid, None where it is not there. `notes`: what is worth knowing of it."""

    invoice: Invoice
    client: Client
    total: str
    left: str
    here: Badge | None
    there: Badge | None
    state: Badge
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """`invoice`: what it pays, None where nothing matches. `said`: how it stands as a note where invoices are
    written."""

    payment: Payment
    badge: Badge
    amount: str
    kept: str
    client: Client
    invoice: Invoice | None
    said: Link | None
    said_badge: Badge | None
    notes: Sequence[str] = field(default_factory=tuple)


# Invoices


def invoice_lines(kept: Books, rows: Sequence[Invoice], home: str, now: datetime) -> list[InvoiceLine]:
    """Four queries, however many rows."""
    if not rows:
        return []
    links = _links(kept, rows)
    there = _there(kept, links.values())
    clients = _clients(kept, rows)
    disputed = _disputed(kept, rows, there.values())
    return [_invoice_line(kept, row, links.get(row.external_id), there, clients, disputed, home, now) for row in rows]


def _links(kept: Books, rows: Sequence[Invoice]) -> dict[str, Link]:
    mine = [row.external_id for row in rows if row.connection_id in kept.here]
    return {link.source_id: link for link in kept.links.filter(source_id__in=mine)} if mine else {}


def _there(kept: Books, links: Iterable[Link]) -> dict[str, Invoice]:
    ids = [link.target_id for link in links if link.target_id]
    rows = Invoice.objects.filter(connection__in=kept.there, external_id__in=ids) if ids else ()
    return {row.external_id: row for row in rows}


def _disputed(kept: Books, rows: Sequence[Invoice], there: Iterable[Invoice]) -> set[str]:
    """Ids of invoices, on either side, that a disputed payment is for."""
    ids = [row.external_id for row in (*rows, *there)]
    about = Q(invoice_id__in=ids, connection__in=kept.there) | Q(refers_to__in=ids)
    found = Payment.objects.filter(about, status=Payment.Status.DISPUTED).values_list("invoice_id", "refers_to")
    return {key for pair in found for key in pair if key}


def _invoice_line(
    kept: Books, row: Invoice, link: Link | None, there: Mapping[str, Invoice],
    clients: Mapping[tuple[int, str], Client], disputed: set[str], home: str, now: datetime,
) -> InvoiceLine:  # fmt: skip
    here = row if row.connection_id in kept.here else None
    other = there.get(link.target_id or "") if link else None
    paying = other if here else row
    notes = list(_notes(kept, here, paying, now))
    if disputed & {row.external_id, other.external_id if other else ""} - {""}:
        notes.append("A payment of it is disputed")
    alone = Badge("Not looked at yet") if here else Badge(f"Only in {kept.terms.target}")
    state = wording.badge(link) if link else alone
    return InvoiceLine(
        row, clients.get((row.connection_id, row.party_id), NOBODY), _amount(row, row.total, home),
        _amount(row, _left(row, other), home), invoices.status(here) if here else None,
        invoices.status(paying) if paying else None, state, notes,
    )  # fmt: skip


def _left(row: Invoice, other: Invoice | None) -> int:
    """The less of the two: each side may know of a payment that the other does not."""
    known = other is not None and other.status in KNOWS_LEFT
    return min(row.remaining, other.remaining) if other and known else row.remaining


def _notes(kept: Books, here: Invoice | None, paying: Invoice | None, now: datetime) -> Iterable[str]:
    asking = here is not None and here.status in ASKING and here.remaining > 0
    if here and asking and paying and paying.status == "paid":
        yield f"Paid in {kept.terms.target}, still open in {kept.terms.source}"
    elif here and asking and (here.status == "past_due" or (here.due_at and here.due_at <= now - A_DAY)):
        yield "Overdue"


def _amount(row: Invoice | Payment, cents: int, home: str) -> str:
    return currencies.shown(cents, row.currency or home, home)


def _clients(kept: Books, rows: Sequence[Invoice]) -> dict[tuple[int, str], Client]:
    """{(connection, client or customer there): who it is}."""
    ids = {(row.connection_id, row.party_id) for row in rows if row.party_id}
    found = by_party(ids)
    unnamed = [row for row in rows if (row.connection_id, row.party_id) not in found]
    names = _said_names(unnamed)
    return {**{(row.connection_id, row.party_id): Client(names.get(row.external_id, "")) for row in unnamed}, **found}


def by_party(ids: set[tuple[int, str]]) -> dict[tuple[int, str], Client]:
    """Clients and customers that a sync keeps in step, by their id on either side."""
    if not ids:
        return {}
    keys = {key for _, key in ids}
    either = Q(source_id__in=keys) | Q(target_id__in=keys)
    links = Link.objects.filter(either, sync__source_resource="clients").select_related("sync")
    found: dict[tuple[int, str], Client] = {}
    for link in links.order_by("-pk"):
        who = Client(str(link), link.pk)
        found |= {(link.sync.source_id, link.source_id): who, (link.sync.target_id, link.target_id or ""): who}
    return {pair: who for pair, who in found.items() if pair in ids}


def _said_names(rows: Sequence[Invoice]) -> dict[str, str]:
    """What the invoices themselves call their client."""
    if not rows:
        return {}
    held = Snapshot.objects.filter(
        connection__in={row.connection_id for row in rows}, resource="invoices",
        external_id__in=[row.external_id for row in rows],
    )  # fmt: skip
    return {key: name or "" for key, name in held.values_list("external_id", "data__client_name")}


# Payments


def payment_lines(kept: Books, rows: Sequence[Payment], home: str) -> list[PaymentLine]:
    """Five queries, however many rows."""
    if not rows:
        return []
    clients = by_party({(row.connection_id, row.customer_id) for row in rows if row.customer_id})
    names = _customer_names([row for row in rows if (row.connection_id, row.customer_id) not in clients])
    paid, said = _paid(kept, rows), _said(rows)
    return [
        _payment_line(
            row, clients.get((row.connection_id, row.customer_id)) or Client(names.get(row.customer_id, "")),
            paid.get(row.invoice_id) or paid.get(row.refers_to), said.get(row.external_id), home,
        )
        for row in rows
    ]  # fmt: skip


def _customer_names(rows: Sequence[Payment]) -> dict[str, str]:
    ids = {row.customer_id for row in rows if row.customer_id}
    if not ids:
        return {}
    held = Snapshot.objects.filter(
        connection__in={row.connection_id for row in rows}, resource="customers", external_id__in=ids
    )  # fmt: skip
    return dict(held.values_list("external_id", "label"))


def _paid(kept: Books, rows: Sequence[Payment]) -> dict[str, Invoice]:
    """{id on either side: the invoice that payments name by it}. The one that was written comes first."""
    ids = {key for row in rows for key in (row.invoice_id, row.refers_to) if key}
    if not ids:
        return {}
    links = {t: s for s, t in kept.links.filter(target_id__in=ids).values_list("source_id", "target_id")}
    both = Invoice.objects.filter(
        connection__in=[*kept.here, *kept.there, *{row.connection_id for row in rows}],
        external_id__in=[*ids, *links.values()],
    )  # fmt: skip
    held = {row.external_id: row for row in both}
    return {key: found for key in ids if (found := held.get(links.get(key, "")) or held.get(key))}


def _said(rows: Sequence[Payment]) -> dict[str, Link]:
    """How each payment's own sync stands."""
    links = Link.objects.filter(
        sync__source__in={row.connection_id for row in rows}, sync__source_resource="payments",
        source_id__in=[row.external_id for row in rows],
    )  # fmt: skip
    return {link.source_id: link for link in links}


def _payment_line(row: Payment, client: Client, paid: Invoice | None, said: Link | None, home: str) -> PaymentLine:
    kept = _amount(row, row.received - row.refunded, home) if row.refunded else ""
    notes = [words for words in (row.failure, _dispute(row)) if words]
    return PaymentLine(
        row, invoices.payment_badge(row), _amount(row, row.amount, home), kept, client, paid, said,
        wording.badge(said) if said else None, notes,
    )  # fmt: skip


_DISPUTES = {
    "needs_response": "The bank of the payer disputes it: answer in Stripe before the deadline there",
    "warning_needs_response": "The bank of the payer asks about it: answer in Stripe before the deadline there",
    "under_review": "The dispute is being looked at by the bank",
    "warning_under_review": "The question is being looked at by the bank",
    "won": "A dispute was decided for you",
    "lost": "A dispute was decided for the payer",
}


def _dispute(row: Payment) -> str:
    return _DISPUTES.get(row.dispute, row.dispute.replace("_", " ").capitalize())
