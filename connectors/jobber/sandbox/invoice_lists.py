"""Lists of invoices and payments: what is filtered, searched and sorted by."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.jobber.sandbox import invoices, listing
from connectors.jobber.sandbox.accounts import Account
from connectors.jobber.sandbox.invoices import Invoice
from connectors.jobber.sandbox.listing import Ordering
from connectors.jobber.sandbox.refusals import Refused

type Order = Callable[[Mapping[str, Any]], str]


def _amount(number: float) -> str:
    """Text that sorts as the number does."""
    return f"{number + invoices.LARGEST * 1000:020.2f}"


_ORDERS: dict[str, Order] = {
    "CREATED_AT": lambda i: str(i["createdAt"]),
    "DUE_DATE": lambda i: str(i["dueDate"] or ""),
    "INVOICE_BALANCE": lambda i: _amount(i["amounts"]["invoiceBalance"]),
    "INVOICE_NUMBER": lambda i: str(i["invoiceNumber"]).rjust(20),
    "INVOICE_TOTAL": lambda i: _amount(i["amounts"]["total"]),
    "ISSUED_DATE": lambda i: str(i["issuedDate"] or ""),
    "UPDATED_AT": lambda i: str(i["updatedAt"]),
}
_PAYMENT_ORDERS: dict[str, Order] = {
    "CREATED_AT": lambda p: str(p["createdAt"]),
    "ENTRY_DATE": lambda p: str(p["entryDate"]),
    "UPDATED_AT": lambda p: str(p["updatedAt"]),
}


def of(account: Account, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """An InvoiceConnection, oldest first unless sorted."""
    found = list(account["invoices"].values())
    if arguments.get("filter"):
        wanted = _wanted(arguments["filter"], now)
        found = [i for i in found if wanted(i)]
    if arguments.get("searchTerm"):
        term = str(arguments["searchTerm"]).casefold()
        found = [i for i in found if term in text_of(account, i)]
    return listing.connection(found, arguments, _ordering(arguments.get("sort") or []))


def text_of(account: Account, invoice: Invoice) -> str:
    """What a search looks at."""
    client = account["clients"].get(invoice["clientId"]) or {"name": ""}
    return "\n".join((invoice["invoiceNumber"], invoice["subject"], client["name"])).casefold()


def payments(account: Account, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A PaymentRecordInterfaceConnection."""
    found = [p for p in account["payments"].values() if _payment_wanted(arguments.get("filter") or {}, p)]
    sort = arguments.get("sort")
    ordering = (_PAYMENT_ORDERS[sort["key"]], sort["direction"] == "DESCENDING") if sort else None
    return listing.connection(found, arguments, ordering)


def payments_of(held: list[dict[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the payments of one invoice."""
    found = [p for p in held if _payment_wanted(arguments.get("filter") or {}, p)]
    return listing.connection(found, arguments)


def _payment_wanted(filter_: Mapping[str, Any], payment: Mapping[str, Any]) -> bool:
    names = ("adjustmentType", "clientId", "paymentType")
    if any(filter_.get(name) not in (None, payment[name]) for name in names):
        return False
    return not filter_.get("entryDate") or _within(payment["entryDate"], listing.bounds(filter_["entryDate"]))


def _wanted(filter_: Mapping[str, Any], now: datetime) -> Callable[[Invoice], bool]:
    moments = ("createdAt", "dueDate", "issuedDate", "updatedAt")
    ranges = [(name, listing.bounds(filter_[name])) for name in moments if filter_.get(name)]
    client, state = filter_.get("clientId"), filter_.get("status")
    numbers = _numbers(filter_["invoiceNumber"]) if filter_.get("invoiceNumber") else None
    total = filter_.get("total") or {}

    def wanted(invoice: Invoice) -> bool:
        if client is not None and invoice["clientId"] != client:
            return False
        if numbers is not None and invoice["invoiceNumber"] not in numbers:
            return False
        if not all(_within(invoice[name], bounds) for name, bounds in ranges):
            return False
        if state is not None and invoices.status(invoice, now) != state:
            return False
        return not total or _in_range(invoice["amounts"]["total"], total)

    return wanted


def _within(at: str | None, bounds: tuple[str, str]) -> bool:
    return at is not None and bounds[0] <= at <= bounds[1]


def _in_range(amount: float, asked: Mapping[str, Any]) -> bool:
    low, high, same = asked.get("min"), asked.get("max"), asked.get("eq")
    return (low is None or amount >= low) and (high is None or amount <= high) and same in (None, amount)


def _numbers(given: str) -> set[str]:
    """The schema has an EncodedId here, and Jobber does not say of what: the number itself, or it encoded."""
    try:
        decoded = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return {given}
    return {given, decoded, decoded.rpartition("/")[2]}


def _ordering(sorts: list[Mapping[str, Any]]) -> Ordering | None:
    """By several keys where all go the same way."""
    if len({sort["direction"] for sort in sorts}) > 1:
        raise Refused([{"message": "This stand-in sorts in one direction at a time"}])
    if not sorts:
        return None
    orders = [_ORDERS[sort["key"]] for sort in sorts]
    return lambda i: "\n".join(order(i) for order in orders), sorts[0]["direction"] == "DESCENDING"
