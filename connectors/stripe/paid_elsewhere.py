"""Stripe payment records: payments that were taken outside Stripe, told to it to be attached to an invoice.

As `POST /v1/payment_records/report_payment` of the package's published types (API 2026-10-28.endive) takes them.
"""

from collections.abc import Mapping
from typing import Any

from connectors.base import Field, FieldType, Record, storable
from connectors.stripe import records
from connectors.stripe.money import shown
from connectors.stripe.records import METADATA, Json, moment

#: Nothing of one can be changed later.
FIELDS = (
    Field("id", "Payment record id"),
    Field("amount", "Amount", FieldType.MONEY, writable=True, required=True, help="In minor units."),
    Field("currency", "Currency", writable=True, required=True, max_length=3),
    Field("initiated_at", "Paid on", FieldType.DATETIME, writable=True, required=True),
    Field("customer", "Customer id", writable=True),
    Field("method", "How it was paid", writable=True),
    Field("reference", "Reference", writable=True),
    Field("description", "Description", writable=True),
    METADATA,
    Field("created", "Created", FieldType.DATETIME),
    Field("livemode", "Live mode", FieldType.BOOLEAN),
)
NAMES = {
    "amount": "amount_requested.value", "currency": "amount_requested.currency",
    "customer": "customer_details.customer", "method": "payment_method_details.custom.display_name",
    "reference": "processor_details.custom.payment_reference",
}  # fmt: skip


def record(found: Mapping[str, Any]) -> Record:
    """From a payment record as a dict. KeyError or TypeError when it is not one."""
    found = storable(found)
    amount, currency = int(found["amount"]["value"]), str(found["amount"]["currency"]).upper()
    data = {
        "id": found["id"],
        "amount": amount,
        "currency": currency,
        "customer": (found.get("customer_details") or {}).get("customer"),
        "method": ((found.get("payment_method_details") or {}).get("custom") or {}).get("display_name"),
        "reference": ((found.get("processor_details") or {}).get("custom") or {}).get("payment_reference"),
        "description": found.get("description"),
        "created": found["created"],
        "livemode": bool(found.get("livemode")),
        **records.metadata(found),
    }
    return Record(
        id=str(found["id"]),
        data=records.filled(data),
        label=f"Payment {shown(amount, currency)}, {data['description'] or data['method'] or 'outside Stripe'}",
        created_at=moment(found["created"]),
        references=_references(found),
    )


def _references(found: Mapping[str, Any]) -> dict[str, str]:
    """The payment's own first, by which it is found; then that of what it pays. Stripe keeps no order of its own."""
    held = records.references(found)
    return {name: held[name] for name in sorted(held, key=lambda name: ("payment" not in name, name))}


def params(data: Mapping[str, Any]) -> Json:
    """A payment that has arrived for good, at `initiated_at` (seconds since 1970)."""
    lower = {"currency": str(data["currency"]).lower()} if data.get("currency") else {}
    sent = records.params({**data, **lower}, NAMES)
    sent |= {"outcome": "guaranteed", "guaranteed": {"guaranteed_at": sent.get("initiated_at", "")}}
    sent["payment_method_details"] = {"custom": {"display_name": "Other"}, **sent.get("payment_method_details", {})}
    for part in ("payment_method_details", "processor_details"):
        if part in sent:
            sent[part] = {"type": "custom", **sent[part]}
    return sent
