"""Invoices and payments as rows of their own, kept from snapshots: for sums, lists and the owner's pages."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.db import models

from connectors.amounts import minor
from syncs import bulk
from syncs.invoices.document import moment
from syncs.models import Invoice, Payment, Snapshot

if TYPE_CHECKING:
    from portal.models import Connection

_INVOICE = (
    "refers_to", "party_id", "number", "status", "currency", "total", "remaining", "issued_at", "due_at", "gone",
)  # fmt: skip
_PAYMENT = (
    "invoice_id", "refers_to", "customer_id", "status", "currency", "amount", "received", "refunded", "method",
    "failure", "dispute", "made_at", "paid_at",
)  # fmt: skip


def keep(connection: "Connection", resource: str, snapshots: Sequence[Snapshot]) -> None:
    """Store what these snapshots say of money; nothing for other kinds of records. Inside a transaction."""
    if (connection.connector, resource) in _KINDS:
        make, names = _KINDS[connection.connector, resource]
        rows = [make(connection, s) for s in snapshots if s.data]
        bulk.upsert_each(rows, ("connection", "external_id"), names)


def gone(connection: "Connection", resource: str, ids: Sequence[str]) -> None:
    """These invoices are there no more."""
    if resource == "invoices":
        Invoice.objects.filter(connection=connection, external_id__in=ids).update(gone=True)


def _from_jobber(connection: "Connection", snapshot: Snapshot) -> Invoice:
    data, currency = snapshot.data, connection.business.currency
    return Invoice(
        business_id=connection.business_id, connection=connection, external_id=snapshot.external_id,
        party_id=_text(data, "client_id"), number=_text(data, "number")[:120], status=_text(data, "status")[:40],
        currency=currency, total=_cents(data.get("total"), currency), remaining=_cents(data.get("balance"), currency),
        issued_at=moment(data.get("issued_on")), due_at=moment(data.get("due_on")),
        gone=snapshot.deleted_at is not None,
    )  # fmt: skip


def _from_stripe(connection: "Connection", snapshot: Snapshot) -> Invoice:
    data = snapshot.data
    return Invoice(
        business_id=connection.business_id, connection=connection, external_id=snapshot.external_id,
        refers_to=_text(data, "metadata.jobber_invoice_id"), party_id=_text(data, "customer"),
        number=_text(data, "number")[:120], status=_text(data, "status")[:40], currency=_text(data, "currency")[:3],
        total=int(data.get("total") or 0), remaining=int(data.get("amount_remaining") or 0),
        issued_at=epoch(data.get("effective_at") or data.get("created")), due_at=epoch(data.get("due_date")),
        gone=snapshot.deleted_at is not None,
    )  # fmt: skip


def _payment(connection: "Connection", snapshot: Snapshot) -> Payment:
    data = snapshot.data
    return Payment(
        business_id=connection.business_id, connection=connection, external_id=snapshot.external_id,
        invoice_id=_text(data, "invoice"), refers_to=_text(data, "metadata.jobber_invoice_id"),
        customer_id=_text(data, "customer"), status=_text(data, "status")[:20], currency=_text(data, "currency")[:3],
        amount=int(data.get("amount") or 0), received=int(data.get("amount_received") or 0),
        refunded=int(data.get("amount_refunded") or 0), method=_text(data, "method")[:80],
        failure=(_text(data, "failure_message") or _text(data, "failure_code"))[:300],
        dispute=_text(data, "dispute_status")[:60],
        made_at=epoch(data.get("tried_at") or data.get("created")) or snapshot.read_at,
        paid_at=epoch(data.get("paid_at")),
    )  # fmt: skip


_KINDS: dict[tuple[str, str], tuple[Callable[..., models.Model], tuple[str, ...]]] = {
    ("jobber", "invoices"): (_from_jobber, _INVOICE),
    ("stripe", "invoices"): (_from_stripe, _INVOICE),
    ("stripe", "payments"): (_payment, _PAYMENT),
}


def _text(data: dict[str, Any], path: str) -> str:
    return str(data.get(path) or "")[:255]


def _cents(amount: object, currency: str) -> int:
    try:
        return minor(Decimal(str(amount or "0")), currency)
    except InvalidOperation:
        return 0


def epoch(seconds: object) -> datetime | None:
    """Of seconds since 1970; None for what is none."""
    return datetime.fromtimestamp(int(seconds), UTC) if isinstance(seconds, int) and seconds else None
