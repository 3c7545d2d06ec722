"""Stripe invoices as records, and what can be done to one as Stripe's parameters."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.amounts import plain
from connectors.base import Data, Field, FieldType, Record, storable
from connectors.stripe import records
from connectors.stripe.records import METADATA, Json, identity, moment

_ONCE = "Only when it is made."
_DRAFT = "Only while it is a draft."
#: Lengths as Stripe's published types say (API 2026-10-28.endive). Amounts are in minor units.
FIELDS = (
    Field("id", "Invoice id"),
    Field("number", "Number", writable=True, max_length=26, help="Given by Stripe unless it is set."),
    Field("status", "Status", FieldType.CHOICE, choices=(
        ("draft", "Draft"), ("open", "Open"), ("paid", "Paid"), ("uncollectible", "Uncollectible"), ("void", "Void"),
    )),
    Field("customer", "Customer id", writable=True, required=True, help=_ONCE),
    Field("currency", "Currency", writable=True, max_length=3, help=_ONCE),
    Field("description", "Memo", writable=True, max_length=1500),
    Field("footer", "Footer", writable=True, max_length=5000, help=_DRAFT),
    Field("collection_method", "How it is collected", FieldType.CHOICE, writable=True, choices=(
        ("send_invoice", "Sent to be paid"), ("charge_automatically", "Charged automatically"),
    )),
    Field("auto_advance", "Stripe takes it further by itself", FieldType.BOOLEAN, writable=True),
    Field("due_date", "Due", FieldType.DATETIME, writable=True, help="In the future when it is made."),
    Field("effective_at", "Date of issue", FieldType.DATETIME, writable=True),
    Field("custom_fields", "Custom fields", FieldType.LIST, writable=True,
          help="At most 4, each a name of 40 and a value of 140 characters. " + _DRAFT),
    METADATA,
    Field("lines", "Lines", FieldType.LIST),
    Field("subtotal", "Subtotal", FieldType.MONEY),
    Field("tax", "Tax", FieldType.MONEY),
    Field("total", "Total", FieldType.MONEY),
    Field("amount_due", "To pay", FieldType.MONEY),
    Field("amount_paid", "Paid", FieldType.MONEY),
    Field("amount_remaining", "Left to pay", FieldType.MONEY),
    Field("payments", "Payments", FieldType.LIST),
    Field("hosted_url", "Payment page"),
    Field("pdf_url", "PDF"),
    Field("created", "Created", FieldType.DATETIME),
    Field("finalized_at", "Finalised", FieldType.DATETIME),
    Field("paid_at", "Paid on", FieldType.DATETIME),
    Field("livemode", "Live mode", FieldType.BOOLEAN),
)  # fmt: skip
#: {action: what Stripe calls it in the address}; a draft is deleted with DELETE.
ACTIONS = {
    "add_lines": "add_lines", "update_lines": "update_lines", "remove_lines": "remove_lines", "finalize": "finalize",
    "void": "void", "mark_uncollectible": "mark_uncollectible", "pay_out_of_band": "pay",
    "attach_payment": "attach_payment", "send": "send",
}  # fmt: skip
#: Their tokens are fresh each time.
PASSING = frozenset({"hosted_url", "pdf_url"})
_PLAIN = (
    "id", "number", "status", "description", "footer", "collection_method", "due_date", "effective_at", "subtotal",
    "total", "amount_due", "amount_paid", "amount_remaining", "created",
)  # fmt: skip
_NAME_LENGTH = 250


def record(found: Mapping[str, Any]) -> Record:
    """From an invoice with all its `lines` and `payments` in it. KeyError or TypeError when it is not one."""
    found = storable(found)
    number = found.get("number")
    whose = found.get("customer_name") or found.get("customer_email") or identity(found["customer"])
    return Record(
        id=str(found["id"]),
        data=records.filled(_data(found)),
        label=f"Invoice {number}, {whose}" if number else f"Draft invoice, {whose}",
        created_at=moment(found["created"]),
        references=records.references(found),
        url=records.dashboard(found, "invoices"),
        passing=PASSING,
    )


def _data(found: Mapping[str, Any]) -> Data:
    times = found.get("status_transitions") or {}
    return {
        **{path: found[path] for path in _PLAIN},
        "customer": identity(found["customer"]),
        "currency": str(found["currency"]).upper(),
        "auto_advance": bool(found.get("auto_advance")),
        "tax": sum(int(tax["amount"]) for tax in found.get("total_taxes") or ()),
        "custom_fields": [{"name": f["name"], "value": f["value"]} for f in found.get("custom_fields") or ()],
        "lines": [_line(line) for line in found["lines"]["data"]],
        "payments": [_payment(p) for p in sorted(found["payments"]["data"], key=lambda p: (p["created"], p["id"]))],
        "hosted_url": found.get("hosted_invoice_url"),
        "pdf_url": found.get("invoice_pdf"),
        "finalized_at": times.get("finalized_at"),
        "paid_at": times.get("paid_at"),
        "livemode": bool(found.get("livemode")),
        **records.metadata(found),
    }


def _line(found: Mapping[str, Any]) -> Json:
    """`unit_amount` in minor units with their decimals, `amount` in whole ones."""
    quantity = found.get("quantity_decimal") or found.get("quantity")
    unit = (found.get("pricing") or {}).get("unit_amount_decimal")
    rates = [(tax.get("tax_rate_details") or {}).get("tax_rate") for tax in found.get("taxes") or ()]
    line = {
        "id": found["id"],
        "description": found.get("description"),
        "quantity": None if quantity is None else plain(quantity),
        "unit_amount": None if unit is None else plain(unit),
        "amount": found["amount"],
        "tax_rates": [identity(rate) for rate in rates if rate],
        "metadata": dict(found.get("metadata") or {}) or None,
    }
    return records.filled(line)


def _payment(found: Mapping[str, Any]) -> Json:
    """`amount` is what was paid, or what is to be paid while it is open."""
    payment = found["payment"]
    kind = str(payment["type"])
    paid = found.get("amount_paid")
    return {
        "id": found["id"],
        "amount": found["amount_requested"] if paid is None else paid,
        "status": found["status"],
        "kind": kind,
        "payment": identity(payment.get(kind)),
    }


def whole(found: Mapping[str, Any]) -> bool:
    """Whether it has all its lines and payments in it."""
    return all(part in found and not found[part]["has_more"] for part in ("lines", "payments"))


def params(data: Mapping[str, Any]) -> Json:
    """For creating and changing one. Stripe writes currencies in lower case."""
    sent = records.params(data)
    if sent.get("currency"):
        sent["currency"] = str(sent["currency"]).lower()
    return sent


def action_params(action: str, data: Mapping[str, Any], currency: str) -> Json:
    """`currency` is the invoice's own, needed for lines with a price."""
    match action:
        case "add_lines" | "update_lines":
            return {"lines": [line_params(line, currency.lower()) for line in data["lines"]]}
        case "remove_lines":
            return {"lines": [{"id": line, "behavior": "delete"} for line in data["ids"]]}
        case "finalize":
            return {"auto_advance": False}
        case "pay_out_of_band":
            return {"paid_out_of_band": True}
        case _:
            return dict(data)


def priced(lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of these lines names a price, for which Stripe wants the currency."""
    return any(_unit(line) is not None for line in lines)


def line_params(line: Mapping[str, Any], currency: str) -> Json:
    """One line to add or change, with `quantity_decimal` and `unit_amount_decimal` in minor units as decimal text.

    Stripe takes a price per unit with a product of that name only, and none below zero: that is sent as the amount of
    the whole line, without a quantity. Everything else goes as it is given.
    """
    unit, quantity = _unit(line), Decimal(str(line.get("quantity_decimal") or 1))
    sent = {k: "" if v == [] else v for k, v in line.items() if k not in ("quantity_decimal", "unit_amount_decimal")}
    if unit is not None and unit < 0:
        return sent | {"amount": int((unit * quantity).quantize(Decimal(1), ROUND_HALF_UP))}
    if line.get("quantity_decimal"):
        sent["quantity_decimal"] = plain(quantity)
    if unit is not None:
        name = str(line.get("description") or "").strip().partition("\n")[0][:_NAME_LENGTH]
        sent["price_data"] = {
            "currency": currency, "unit_amount_decimal": plain(unit), "product_data": {"name": name or "Item"},
        }  # fmt: skip
    return sent


def _unit(line: Mapping[str, Any]) -> Decimal | None:
    unit = line.get("unit_amount_decimal")
    return None if unit in (None, "") else Decimal(str(unit))
