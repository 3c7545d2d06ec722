"""Invoices and payments as lines of a list: with what each belongs to, in a few queries for a whole page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform

from portal import invoices, wording
from portal.receivables import A_DAY, ASKING, KNOWS_LEFT, Books
from portal.ties import Client, Ties
from portal.wording import Badge
from syncs import currencies
from syncs.models import Invoice, Link, Payment, Snapshot


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


def invoice_lines(kept: Books, rows: Sequence[Invoice], tied: Ties, home: str, now: datetime) -> list[InvoiceLine]:
    """One query, however many rows."""
    names, disputed = _said_of(kept, rows, tied) if rows else ({}, set())
    return [_invoice_line(kept, row, tied, names, disputed, home, now) for row in rows]


def _said_of(kept: Books, rows: Sequence[Invoice], tied: Ties) -> tuple[dict[str, str], set[str]]:
    """What invoices call their client, where nothing keeps the client in step; and the ids of those, on either side,
    that a disputed payment is for."""
    ids = {row.external_id for row in rows} | {there.external_id for row in rows if (there := tied.there(row))}
    about = Q(invoice_id__in=ids, connection__in=kept.there) | Q(refers_to__in=ids)
    payments = Payment.objects.filter(about, status=Payment.Status.DISPUTED)
    alone = [row for row in rows if tied.client(row.connection_id, row.party_id) is None]
    held = Snapshot.objects.filter(
        connection__in={row.connection_id for row in alone}, resource="invoices",
        external_id__in=[row.external_id for row in alone],
    )  # fmt: skip
    said = held.annotate(what=Value("name"), called=KeyTextTransform("client_name", "data"))
    both = payments.annotate(what=Value("disputed")).values_list("what", "invoice_id", "refers_to")
    if alone:
        both = both.union(said.values_list("what", "external_id", "called"), all=True)
    found = list(both)
    names = {key: name or "" for what, key, name in found if what == "name"}
    return names, {key for what, *pair in found if what == "disputed" for key in pair if key}


def _invoice_line(
    kept: Books, row: Invoice, tied: Ties, names: Mapping[str, str], disputed: set[str], home: str, now: datetime
) -> InvoiceLine:
    here = row if row.connection_id in kept.here else None
    link, other = tied.here.get(row.external_id), tied.there(row)
    paying = other if here else row
    notes = list(_notes(kept, here, paying, now))
    if disputed & {row.external_id, other.external_id if other else ""} - {""}:
        notes.append("A payment of it is disputed")
    alone = Badge("Not looked at yet") if here else Badge(f"Only in {kept.terms.target}")
    state = wording.badge(link) if link else alone
    client = tied.client(row.connection_id, row.party_id) or Client(names.get(row.external_id, ""))
    return InvoiceLine(
        row, client, _amount(row, row.total, home), _amount(row, _left(row, other), home),
        invoices.status(here) if here else None, invoices.status(paying) if paying else None, state, notes,
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


# Payments


def payment_lines(rows: Sequence[Payment], tied: Ties, home: str) -> list[PaymentLine]:
    """One query at most, however many rows."""
    known = {row.pk: tied.client(row.connection_id, row.customer_id) for row in rows}
    names, said = _customer_names([row for row in rows if known[row.pk] is None]), tied.said
    return [
        _payment_line(
            row, known[row.pk] or Client(names.get(row.customer_id, "")), tied.paid_by(row),
            said.get(row.external_id), home,
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
