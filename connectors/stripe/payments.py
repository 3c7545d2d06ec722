"""Stripe payments as records: one for each payment intent, and one for each charge that was made without one."""

from collections.abc import Mapping
from typing import Any

from connectors.base import Data, Field, FieldType, Record, storable
from connectors.stripe import records
from connectors.stripe.money import shown
from connectors.stripe.records import identity, moment

STATUSES = (
    ("paid", "Paid"), ("part_refunded", "Part refunded"), ("refunded", "Refunded"), ("disputed", "Disputed"),
    ("dispute_lost", "Lost in a dispute"), ("processing", "Processing"), ("authorised", "Authorised only"),
    ("failed", "Failed"), ("cancelled", "Cancelled"), ("none", "Not paid yet"),
)  # fmt: skip
#: Amounts are in minor units.
FIELDS = (
    Field("id", "Payment id"),
    Field("status", "Status", FieldType.CHOICE, choices=STATUSES),
    Field("amount", "Amount", FieldType.MONEY),
    Field("amount_received", "Received", FieldType.MONEY),
    Field("amount_refunded", "Refunded", FieldType.MONEY),
    Field("currency", "Currency"),
    Field("customer", "Customer id"),
    Field("invoice", "Invoice id"),
    Field("charge", "Charge id"),
    Field("description", "Description"),
    Field("method", "Paid with"),
    Field("failure_code", "Why it failed, in a word"),
    Field("failure_message", "Why it failed"),
    Field("dispute_status", "State of the dispute"),
    Field("dispute_id", "Dispute id"),
    Field("dispute_due_at", "Answer the dispute by", FieldType.DATETIME),
    Field("dispute_url", "Dispute"),
    Field("receipt_url", "Receipt"),
    Field("metadata.*", "Metadata", custom=True),
    Field("created", "Created", FieldType.DATETIME),
    Field("tried_at", "Last tried on", FieldType.DATETIME),
    Field("paid_at", "Paid on", FieldType.DATETIME),
    Field("livemode", "Live mode", FieldType.BOOLEAN),
)
PASSING = frozenset({"receipt_url"})
#: A dispute that ended well, or never took the money: the payment is what it was before.
_WITHOUT_LOSS = frozenset({"won", "warning_closed", "prevented"})
_INTENTS = {
    "succeeded": "paid", "processing": "processing", "requires_capture": "authorised", "canceled": "cancelled",
    "requires_payment_method": "none", "requires_confirmation": "none", "requires_action": "none",
}  # fmt: skip


def intent(found: Mapping[str, Any], invoice: str, dispute: Mapping[str, Any] | None) -> Record:
    """From a payment intent with its latest charge and its customer expanded. KeyError or TypeError when it is not one.

    `invoice`: the id of the invoice it pays, '' for none. `dispute`: the latest about it.
    """
    found = storable(found)
    charge = found.get("latest_charge")
    charge = charge if isinstance(charge, Mapping) else None
    status = _charge_status(charge, dispute) if charge else _intent_status(found)
    if found["status"] == "canceled" and status == "authorised":
        status = "cancelled"  # the money that was held was let go
    about = {"amount_received": found["amount_received"], "charge": identity(charge)}
    return _record(found, charge, status, invoice, dispute, about, found.get("last_payment_error") or {})


def bare_charge(found: Mapping[str, Any], dispute: Mapping[str, Any] | None) -> Record:
    """From a charge made without a payment intent, with its customer expanded."""
    found = storable(found)
    received = found["amount_captured"] if found["status"] == "succeeded" else 0
    about = {"amount_received": received, "charge": found["id"]}
    return _record(found, found, _charge_status(found, dispute), "", dispute, about, {})


def _record(
    found: Mapping[str, Any], charge: Mapping[str, Any] | None, status: str, invoice: str,
    dispute: Mapping[str, Any] | None, about: Data, error: Mapping[str, Any],
) -> Record:  # fmt: skip
    amount, currency = int(found["amount"]), str(found["currency"]).upper()
    taken = charge or {}
    data = {
        "id": found["id"],
        "status": status,
        "amount": amount,
        "amount_refunded": int(taken.get("amount_refunded") or 0),
        "currency": currency,
        "customer": identity(found.get("customer")),
        "invoice": invoice,
        "description": found.get("description"),
        "method": _method(taken.get("payment_method_details") or {}),
        **(_dispute(dispute) if dispute else {}),
        "receipt_url": taken.get("receipt_url"),
        "created": found["created"],
        "tried_at": taken.get("created"),
        "paid_at": taken["created"] if taken.get("status") == "succeeded" and taken.get("captured") else None,
        "livemode": bool(found.get("livemode")),
        **about,
        **(_failure(taken, error) if status == "failed" else {}),
        **records.metadata(found),
    }
    return Record(
        id=str(found["id"]),
        data=records.filled(data),
        label=f"Payment {shown(amount, currency)}, {_whose(found, taken)}",
        created_at=moment(found["created"]),
        references=records.references(found),
        url=records.dashboard(found, "payments"),
        passing=PASSING,
    )


def _charge_status(charge: Mapping[str, Any], dispute: Mapping[str, Any] | None) -> str:
    """Pending or failed says so; then what is not captured, disputed or refunded; else it is paid. A word of Stripe's
    that we do not know stays as it is."""
    if charge["status"] != "succeeded":
        return {"failed": "failed", "pending": "processing"}.get(charge["status"], str(charge["status"]))
    if not charge["captured"]:
        return "authorised"
    disputed = str(dispute["status"]) if dispute else "needs_response" if charge["disputed"] else "won"
    if disputed not in _WITHOUT_LOSS:
        return "dispute_lost" if disputed == "lost" else "disputed"
    if charge["refunded"]:
        return "refunded"
    return "part_refunded" if charge["amount_refunded"] else "paid"


def _intent_status(found: Mapping[str, Any]) -> str:
    """Of an intent that has not led to a charge."""
    if found.get("last_payment_error") and found["status"] == "requires_payment_method":
        return "failed"
    return _INTENTS.get(found["status"], str(found["status"]))


def _dispute(found: Mapping[str, Any]) -> Data:
    """The deadline is that of the bank; Stripe names none where nothing can be answered."""
    return {
        "dispute_status": found["status"],
        "dispute_id": found["id"],
        "dispute_due_at": (found.get("evidence_details") or {}).get("due_by"),
        "dispute_url": records.dashboard(found, "disputes"),
    }


def _failure(charge: Mapping[str, Any], error: Mapping[str, Any]) -> Data:
    return {
        "failure_code": charge.get("failure_code") or error.get("decline_code") or error.get("code"),
        "failure_message": charge.get("failure_message") or error.get("message"),
    }


#: Ways to pay as people call them, where that is not what Stripe calls them.
_KINDS = {
    "au_becs_debit": "bank debit", "us_bank_account": "bank debit", "bacs_debit": "bank debit",
    "acss_debit": "bank debit", "sepa_debit": "bank debit", "nz_bank_account": "bank debit",
    "customer_balance": "bank transfer",
}  # fmt: skip


def _method(details: Mapping[str, Any]) -> str:
    """'card visa 4242', 'bank debit 3456'."""
    kind = str(details.get("type") or "")
    more = details.get(kind) or {}
    said = _KINDS.get(kind, kind.replace("_", " "))
    return " ".join(str(part) for part in (said, more.get("brand"), more.get("last4")) if part)


def _whose(found: Mapping[str, Any], charge: Mapping[str, Any]) -> str:
    customer = found.get("customer")
    named = customer.get("name") or customer.get("email") if isinstance(customer, Mapping) else ""
    billed = (charge.get("billing_details") or {}).get("name")
    return str(named or billed or found.get("description") or found["id"])


def payment_of(found: Mapping[str, Any]) -> str:
    """The id of the payment that a refund, a dispute or a charge is about."""
    return identity(found.get("payment_intent")) or identity(found.get("charge")) or str(found["id"])
