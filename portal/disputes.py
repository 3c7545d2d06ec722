"""Payments that the payer's bank disputes, for who has to answer: until each is won, lost or closed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, CharField, F, JSONField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from portal.receivables import Books
from syncs import currencies
from syncs.models import Invoice, Link, Payment, Snapshot
from syncs.money import epoch

#: States in which the bank waits for an answer; none at all is what a payment says before its dispute was read.
_ASKED = {"", "needs_response", "warning_needs_response"}


@dataclass(frozen=True, slots=True)
class Dispute:
    """`client` and `invoice`: names, with their pages' ids where there are any. `due`: until when the bank takes an
    answer, None where nobody has said; `page`: where it is answered."""

    payment: Payment
    amount: str
    client: str
    client_link: int | None
    invoice: str
    invoice_id: int | None
    due: datetime | None
    page: str

    @property
    def asked(self) -> bool:
        return self.payment.dispute in _ASKED

    @property
    def late(self) -> bool:
        return self.due is not None and self.due < timezone.now()

    @property
    def title(self) -> str:
        whose = f" by {self.client[:80]}" if self.client else ""
        return f"The payment of {self.amount}{whose} is disputed."


def waiting(kept: Books, home: str, most: int) -> list[Dispute]:
    """Those that are to be answered first, first. One query."""
    disputed = Payment.objects.filter(status=Payment.Status.DISPUTED).order_by("-made_at", "-pk")
    rows = _with_invoice(kept, _with_client(_with_record(disputed)))[:most]
    found = [_dispute(row, home) for row in rows]
    return sorted(found, key=lambda d: (not d.asked, d.due is None, d.due.timestamp() if d.due else 0))


def _with_record(rows: QuerySet[Payment]) -> Any:
    """What the service says of the payment."""
    held = Snapshot.objects.filter(
        connection=OuterRef("connection"), resource="payments", external_id=OuterRef("external_id")
    )
    return rows.annotate(
        said=Subquery(held.values("data")[:1], JSONField()),
        own_page=Subquery(held.values("url")[:1]),
    )


def _with_client(rows: Any) -> Any:
    """Who has paid: the client that is kept in step, else who the service says."""
    known = Link.objects.filter(sync__source_resource="clients", sync__target=OuterRef("connection"))
    clients = known.filter(target_id=OuterRef("customer_id")).exclude(state=Link.State.ENDED).order_by("pk")
    customers = Snapshot.objects.filter(
        connection=OuterRef("connection"), resource="customers", external_id=OuterRef("customer_id")
    )
    return rows.annotate(
        client_link=Subquery(clients.values("pk")[:1], BigIntegerField()),
        client_label=Subquery(clients.values("label")[:1]),
        customer_label=Subquery(customers.values("label")[:1]),
    )


def _with_invoice(kept: Books, rows: Any) -> Any:
    """The invoice that was paid: the one that was written, else the one at the service itself."""
    links = kept.links.filter(target_id=OuterRef("invoice_id")).exclude(state=Link.State.ENDED).order_by("pk")
    linked = Subquery(links.values("source_id")[:1])
    rows = rows.annotate(written_as=Coalesce(linked, F("refers_to"), output_field=CharField()))
    here = Invoice.objects.filter(connection__in=kept.here, external_id=OuterRef("written_as"))
    there = Invoice.objects.filter(connection=OuterRef("connection"), external_id=OuterRef("invoice_id"))
    return rows.annotate(
        paid_pk=Coalesce(Subquery(here.values("pk")[:1]), Subquery(there.values("pk")[:1])),
        paid_number=Coalesce(Subquery(here.values("number")[:1]), Subquery(there.values("number")[:1])),
    )


def _dispute(row: Any, home: str) -> Dispute:
    said: dict[str, Any] = row.said or {}
    pages = [str(said.get("dispute_url") or ""), row.own_page or ""]
    page = next((address for address in pages if address.startswith("https://")), "")
    return Dispute(
        row, currencies.shown(row.amount, row.currency or home, home), row.client_label or row.customer_label or "",
        row.client_link, row.paid_number or "", row.paid_pk, epoch(said.get("dispute_due_at")), page,
    )  # fmt: skip
