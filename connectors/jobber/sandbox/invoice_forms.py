"""The invoice form of the control pages, read into what the API's own mutations take, and the lines besides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from connectors.jobber.sandbox import customfields, forms, invoices, listing
from connectors.jobber.sandbox.accounts import Account
from connectors.jobber.sandbox.clients import Client, Wrong
from connectors.jobber.sandbox.forms import Form
from connectors.jobber.sandbox.invoices import Invoice

#: Empty lines offered below those there are.
SPARE = 2


def client(account: Account, text: str) -> Client:
    """By the number in the client's address, or by name, email or phone where only one is found. Raises Wrong."""
    term = text.strip().casefold()
    every: list[Client] = list(account["clients"].values())
    found = [c for c in every if c["jobberWebUri"].endswith(f"/{term}")]
    found = found or [c for c in every if term and term in listing.text_of(c)]
    if len(found) == 1:
        return found[0]
    raise Wrong("Several clients are found: say more of the name." if found else "No client is found by this.")


def given(form: Form, account: Account, invoice: Invoice | None) -> dict[str, Any]:
    """As InvoiceCreateInput or InvoiceEditInput, with `tax` and `lineItems`. Raises Wrong."""
    configs = customfields.of(account["configs"], "ALL_INVOICES")
    found: dict[str, Any] = {
        "invoiceNumber": form.get("invoiceNumber", ""),
        "subject": form.get("subject", "").strip(),
        "message": form.get("message", "").strip().replace("\r\n", "\n"),
        "customFields": forms.changed_custom(form, configs, invoice["custom"] if invoice else {}),
        "salespersonId": form.get("salespersonId") or None,
        **_days(form, invoice),
    }
    tax = {"taxCalculationMethod": form.get("tax", "INCLUSIVE"), "taxRateId": form.get("taxRateId") or None}
    rate, kind = forms.number(form.get("discountRate", ""), "Discount"), form.get("discountType", "Unit")
    wanted = {"tax": tax, "lineItems": _lines(form), "discount": {"discountRate": rate, "discountType": kind}}
    held = _held(invoice) if invoice else {}
    return found | {name: value for name, value in wanted.items() if held.get(name) != value}


def shown(invoice: Invoice | None) -> dict[str, Any]:
    """What the form shows: days instead of moments, and lines with empty ones below."""
    held = list(invoice["lineItems"]) if invoice else []
    spare = {"id": "", "name": "", "description": "", "quantity": 1.0, "unitPrice": 0.0, "taxable": True}
    return {
        "issued": day(invoice["issuedDate"] if invoice else None),
        "due": day(invoice["dueDate"] if invoice else None),
        "lines": [*held, *(spare for _ in range(SPARE))],
    }


def payment(form: Form) -> dict[str, Any]:
    """As Invoicing.pay takes it. Raises Wrong."""
    found = {name: form.get(name, "").strip() for name in ("method", "kind", "details")}
    on = form.get("entryDate", "").strip()
    return found | {
        "amount": forms.number(form.get("amount", ""), "Amount"),
        "tip": forms.number(form.get("tip", ""), "Tip"),
        "entryDate": _moment(on, "Date").strftime("%Y-%m-%dT%H:%M:%SZ") if on else None,
    }


def _days(form: Form, invoice: Invoice | None) -> dict[str, Any]:
    """Only what differs: the moments of the API are finer than days."""
    found: dict[str, Any] = {}
    issued, due, net = (form.get(name, "").strip() for name in ("issuedDate", "dueDate", "invoiceNet"))
    if invoice is None or issued != day(invoice["issuedDate"]):
        found["issuedDate"] = _moment(issued, "Issued") if issued else None
    if net and not net.isdecimal():
        raise Wrong("Days to pay: this is not a whole number.")
    if invoice is None or due != day(invoice["dueDate"]):
        if due:
            return found | {"dueDetails": {"dueDate": _moment(due, "Due")}}
        return found | {"dueDetails": {"invoiceNet": int(net or 0)}}
    if net and int(net) != invoice["invoiceNet"]:
        found["dueDetails"] = {"invoiceNet": int(net)}
    return found


def _lines(form: Form) -> list[dict[str, Any]]:
    found = []
    for n in range(_count(form)):
        name = form[f"line_{n}"].strip()
        if not name:
            continue
        found.append(
            {
                "id": form.get(f"line_{n}_id", ""),
                "name": name,
                "description": form.get(f"line_{n}_description", "").strip(),
                "quantity": forms.number(form.get(f"line_{n}_quantity", "1"), f"{name}, quantity"),
                "unitPrice": forms.number(form.get(f"line_{n}_price", ""), f"{name}, price"),
                "taxable": form.get(f"line_{n}_taxable") == "on",
            }
        )
    return found


def _count(form: Form) -> int:
    count = 0
    while f"line_{count}" in form:
        count += 1
    return count


def _held(invoice: Invoice) -> dict[str, Any]:
    """What the form would say of an unchanged invoice."""
    names = ("id", "name", "description", "quantity", "unitPrice", "taxable")
    tax = {"taxCalculationMethod": invoice["taxCalculationMethod"].upper(), "taxRateId": invoice["taxRateId"]}
    return {
        "tax": tax,
        "lineItems": [{n: line[n] for n in names} for line in invoice["lineItems"]],
        "discount": {"discountRate": invoice["discountRate"], "discountType": invoice["discountType"]},
    }


def day(text: str | None) -> str:
    """The day in the account's place of a moment in UTC, '' for none."""
    return invoices.moment(text).astimezone(invoices.ZONE).date().isoformat() if text else ""


def _moment(text: str, label: str) -> datetime:
    """The beginning of a day, in the account's place."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Wrong(f"{label}: this is not a date.") from None
    return datetime.combine(found, time(), invoices.ZONE).astimezone(UTC)


def notes(account: Account, invoice: Invoice) -> Sequence[Mapping[str, Any]]:
    return [account["notes"][note_id] for note_id in invoice["notes"]]
