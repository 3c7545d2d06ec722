"""An invoice as the stand-in keeps it: a plain dict in the shape of the API, replaced and never changed in place."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.jobber.sandbox import amounts
from connectors.jobber.sandbox.amounts import Priced
from connectors.jobber.sandbox.clients import NewId, Wrong

type Invoice = dict[str, Any]
type Rates = Mapping[str, Mapping[str, Any]]

#: Dates are kept as the moment at which the day begins in the account's own place.
ZONE = ZoneInfo("Australia/Sydney")
#: Closed as received, with the balance at 0 or left as it was.
RECEIVED, RECEIVED_KEEPING, BAD_DEBT = "received", "received_keeping", "bad_debt"
#: Statuses that a person may set by hand, as newer versions of the API have them.
BY_HAND = ("sent_not_due", "voided")
STATUSES = ("draft", "awaiting_payment", "past_due", "paid", "bad_debt", *BY_HAND)
LARGEST = 1e9


def blank(invoice_id: str, count: int, now: str) -> Invoice:
    return {
        "id": invoice_id, "count": count, "createdAt": now, "updatedAt": now, "clientId": "", "invoiceNumber": "",
        "subject": "", "message": None, "contractDisclaimer": None, "issuedDate": None, "dueDate": None,
        "invoiceNet": None, "taxCalculationMethod": "exclusive", "taxRateId": None, "discountRate": 0.0,
        "discountType": "Unit", "lineItems": [], "payments": [], "notes": [], "jobs": [], "salespersonId": None,
        "custom": {}, "sent": False, "closed": "", "closedAt": None, "byHand": "", "taxPerLine": False,
        "dateViewedInClientHub": None, "jobberWebUri": f"https://secure.getjobber.com/invoices/{count}",
    }  # fmt: skip


def completed(invoice: Invoice, rates: Rates, payments: Sequence[Mapping[str, Any]]) -> Invoice:
    """With the fields that follow from the others. Raises Wrong for a discount that is more than the lines."""
    priced = [_priced(line, invoice, rates) for line in invoice["lineItems"]]
    off = amounts.discount(priced, amounts.decimal(invoice["discountRate"]), invoice["discountType"])
    if off and off > sum(line.amount for line in priced):
        raise Wrong("Discount can't be more than the subtotal", "input", "discount")
    inclusive = invoice["taxCalculationMethod"] == "inclusive"
    total = amounts.sums(priced, inclusive, off, per_line=invoice["taxPerLine"])
    shown = amounts.shown(total, payments)
    settled = invoice["sent"] and shown["invoiceBalance"] <= 0 and not invoice["closed"]
    if invoice["closed"] == RECEIVED:
        shown["invoiceBalance"] = 0.0
    received = max((p["entryDate"] for p in payments), default=invoice["updatedAt"]) if settled else None
    return invoice | {
        "amounts": shown,
        "settled": settled,
        "receivedDate": invoice["closedAt"] if invoice["closed"].startswith(RECEIVED) else received,
        "clientHubUri": _hub(invoice["id"]) if invoice["sent"] else None,
    }


def _priced(line: Mapping[str, Any], invoice: Invoice, rates: Rates) -> Priced:
    rate = rates.get(line["taxRateId"] or invoice["taxRateId"] or "")
    percent = amounts.decimal(rate["tax"]) if rate and line["taxable"] else None
    return Priced(amounts.decimal(line["quantity"]) * amounts.decimal(line["unitPrice"]), percent)


def _hub(invoice_id: str) -> str:
    """The same for an invoice each time, and not to be guessed by its number."""
    key = hashlib.sha256(f"client hub of {invoice_id}".encode()).hexdigest()[:32]
    return f"https://clienthub.getjobber.com/hubs/{key}/invoices"


def status(invoice: Invoice, now: datetime) -> str:
    """An invoice is past due from the day after its due date; nothing is told when that comes."""
    if invoice["byHand"] == "voided":
        return "voided"
    if not invoice["sent"]:
        return "draft"
    if invoice["closed"] == BAD_DEBT:
        return BAD_DEBT
    if invoice["closed"] or invoice["settled"]:
        return "paid"
    due = invoice["dueDate"]
    if due and moment(due) + timedelta(days=1) <= now:
        return "past_due"
    return str(invoice["byHand"] or "awaiting_payment")


def owed(invoice: Invoice) -> Decimal:
    """What counts towards the client's balance: not drafts, nor what was written off."""
    if not invoice["sent"] or invoice["closed"] == BAD_DEBT or invoice["byHand"] == "voided":
        return Decimal(0)
    return amounts.decimal(invoice["amounts"]["invoiceBalance"])


def lines(given: Sequence[Mapping[str, Any]], new_id: NewId, now: str) -> list[dict[str, Any]]:
    """From InvoiceCreationLineItemInput, with `id` and `taxRateId` too. Raises Wrong."""
    if not given:
        raise Wrong("Line items can't be blank", "input", "lineItems")
    return [_line(line, new_id, now, "input", "lineItems", f"{n}") for n, line in enumerate(given)]


def _line(given: Mapping[str, Any], new_id: NewId, now: str, *path: str) -> dict[str, Any]:
    if not str(given["name"]).strip():
        raise Wrong("Name can't be blank", *path, "name")
    quantity = given.get("quantity")
    quantity = 1.0 if quantity is None else float(quantity)
    price = given.get("unitPrice")
    if price is None:  # the older `cost` is for the whole line
        price = (given.get("cost") or 0.0) / quantity if quantity else 0.0
    if not (abs(quantity) < LARGEST and abs(price) < LARGEST):
        raise Wrong("Unit price is too large", *path, "unitPrice")
    total = amounts.cents(amounts.decimal(quantity) * amounts.decimal(float(price)))
    taxable = given.get("taxable")
    return {
        "id": given.get("id") or new_id("InvoiceLineItem"), "name": given["name"],
        "description": given.get("description") or "", "quantity": quantity, "unitPrice": float(price),
        "totalPrice": float(total), "taxable": True if taxable is None else taxable,
        "taxRateId": given.get("taxRateId"), "category": given.get("category") or "SERVICE", "date": None,
        "createdAt": now, "updatedAt": now,
    }  # fmt: skip


def dates(invoice: Invoice, given: Mapping[str, Any]) -> dict[str, Any]:
    """Issued and due after `issuedDate` and `dueDetails` of an input. Raises Wrong."""
    issued = given["issuedDate"] if "issuedDate" in given else _read(invoice["issuedDate"])
    details = given.get("dueDetails")
    net, due = invoice["invoiceNet"], _read(invoice["dueDate"])
    if details is not None:
        net, due = details.get("invoiceNet"), details.get("dueDate")
        if (net is None) == (due is None):
            raise Wrong("Due details need a due date or a number of days", "input", "dueDetails")
        if net is not None and not 0 <= net <= 3650:
            raise Wrong("Net days must be between 0 and 3650", "input", "dueDetails", "invoiceNet")
    if net is not None:
        due = issued + timedelta(days=net) if issued else None
    if issued and due and due < issued:
        raise Wrong("Due date can't be before the issued date", "input", "dueDetails", "dueDate")
    return {"issuedDate": _iso(issued), "dueDate": _iso(due), "invoiceNet": net}


def day(at: datetime) -> datetime:
    """When the day began in the account's place."""
    return at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _read(text: str | None) -> datetime | None:
    return moment(text) if text else None


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
