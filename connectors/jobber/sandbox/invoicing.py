"""Invoices, their payments and notes: every change goes through here, stamped and told onward."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.jobber.sandbox import customfields, invoices, payments
from connectors.jobber.sandbox.accounts import Account, Accounts, client_of
from connectors.jobber.sandbox.amounts import decimal
from connectors.jobber.sandbox.clients import Wrong
from connectors.jobber.sandbox.ids import encoded
from connectors.jobber.sandbox.invoices import BAD_DEBT, RECEIVED, RECEIVED_KEEPING, Invoice

#: What marking as received does, by the switch on the control page: Jobber does not say.
RECEIVED_WAYS = {
    "balance": "The balance becomes 0, and nothing is recorded as paid",
    "nothing": "The status becomes paid, and the balance stays as it was",
    "payment": "A payment of the balance is recorded",
}
_TEXTS = ("subject", "message", "contractDisclaimer")


class Invoicing:
    """Works on the same state as `accounts`. Times that are given and kept are in UTC, whole seconds."""

    def __init__(self, accounts: Accounts, state: dict[str, Any]) -> None:
        self._accounts, self._state = accounts, state
        #: How often each invoice number is used, by account: worked out once, then kept up.
        self._used: dict[int, Counter[str]] = {}

    def now(self) -> datetime:
        return invoices.moment(self._accounts.now())

    def add(self, account: Account, given: Mapping[str, Any]) -> Invoice:
        """`given` as InvoiceCreateInput. Raises Wrong.

        Lines may have a `taxRateId` of their own, and `tax` may be {"taxRateId": None}: no tax on the whole.
        """
        client = _input_client(account, given)
        count = self._accounts.new_number("Invoice")
        now = self._accounts.now()
        invoice = invoices.blank(encoded("Invoice", count), count, now)
        invoice |= {"clientId": client["id"], "taxPerLine": self._state["settings"]["tax_per_line"]}
        invoice |= self._header(account, invoice, {"invoiceNumber": None, **given})
        invoice["taxCalculationMethod"] = str(given["tax"]["taxCalculationMethod"]).lower()
        invoice["taxRateId"] = self._tax_rate(account, given["tax"])
        invoice["lineItems"] = invoices.lines(given["lineItems"], self._accounts.new_id, now)
        invoice["jobs"] = _jobs(account, given)
        if given.get("markSent"):
            invoice |= self._sent(invoice)
        invoice = invoices.completed(invoice, account["taxes"], [])
        self._store(account, invoice, Decimal(0))
        self._accounts.told(account, "INVOICE_CREATE", invoice["id"])
        for note in given.get("notes") or ():
            self.note(account, invoice["id"], note)
        return self.get(account, invoice["id"])

    def get(self, account: Account, invoice_id: str, *path: str) -> Invoice:
        found: Invoice | None = account["invoices"].get(invoice_id)
        if found is None:
            raise Wrong("Invoice not found", *(path or ("id",)))
        return found

    def edit(self, account: Account, invoice: Invoice, given: Mapping[str, Any]) -> Invoice:
        """`given` as InvoiceEditInput; as a person may besides: `lineItems`, `tax`, `jobIds`. Raises Wrong."""
        if invoice["closed"] and {"discount", "taxRateId", "lineItems", "tax"} & given.keys():
            raise Wrong("A closed invoice must be reopened first", "invoiceId")
        new = invoice | self._header(account, invoice, given)
        if "taxRateId" in given:
            new["taxRateId"] = self._tax_rate(account, given)
        if "tax" in given:
            new["taxCalculationMethod"] = str(given["tax"]["taxCalculationMethod"]).lower()
            new["taxRateId"] = self._tax_rate(account, given["tax"])
        if "lineItems" in given:
            new["lineItems"] = self._lines(invoice, given["lineItems"])
        if "jobIds" in given:
            new["jobs"] = _jobs(account, given)
        return self._replace(account, invoice, new)

    def mark_sent(self, account: Account, invoice: Invoice) -> Invoice:
        if invoice["sent"]:
            raise Wrong("Only a draft can be marked as sent", "id")
        return self._replace(account, invoice, invoice | self._sent(invoice))

    def close(self, account: Account, invoice: Invoice, option: str) -> Invoice:
        """`option`: MARK_RECEIVED or BAD_DEBT. Raises Wrong."""
        state = invoices.status(invoice, self.now())
        if state == "draft":
            raise Wrong("A draft can't be closed", "id")
        if state in {"paid", BAD_DEBT, "voided"}:
            raise Wrong("Invoice is already closed", "id")
        if option == "BAD_DEBT":
            return self._replace(account, invoice, invoice | {"closed": BAD_DEBT, "closedAt": self._accounts.now()})
        way = self._state["settings"]["received"]
        if way == "payment":
            self.pay(account, invoice["id"], {"amount": invoice["amounts"]["invoiceBalance"], "method": "OTHER"})
            return self.get(account, invoice["id"])
        closed = RECEIVED if way == "balance" else RECEIVED_KEEPING
        return self._replace(account, invoice, invoice | {"closed": closed, "closedAt": self._accounts.now()})

    def reopen(self, account: Account, invoice: Invoice) -> Invoice:
        if not invoice["closed"].startswith(RECEIVED):
            raise Wrong("Only an invoice that was marked as received can be reopened", "id")
        return self._replace(account, invoice, invoice | {"closed": "", "closedAt": None})

    def unmark_bad_debt(self, account: Account, invoice: Invoice) -> Invoice:
        if invoice["closed"] != BAD_DEBT:
            raise Wrong("Invoice is not a bad debt", "id")
        return self._replace(account, invoice, invoice | {"closed": "", "closedAt": None})

    def set_by_hand(self, account: Account, invoice: Invoice, status: str) -> Invoice:
        """A status of a newer version of the API; '' for what follows from the rest."""
        return self._replace(account, invoice, invoice | {"byHand": status})

    def destroy(self, account: Account, invoice: Invoice) -> None:
        """As a person deletes an invoice in Jobber, and its payments with it; no mutation does."""
        for payment_id in invoice["payments"]:
            del account["payments"][payment_id]
            self._accounts.told(account, "PAYMENT_DESTROY", payment_id)
        for note_id in invoice["notes"]:
            del account["notes"][note_id]
        del account["invoices"][invoice["id"]]
        self._numbers(account)[invoice["invoiceNumber"]] -= 1
        _owe(account, invoice["clientId"], -invoices.owed(invoice))
        self._accounts.told(account, "INVOICE_DESTROY", invoice["id"])

    # Payments: no mutation touches them, a person does.

    def pay(self, account: Account, invoice_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Record `amount` (above 0) by `method`; `kind`, `tip`, `entryDate`, `details` where they are given."""
        invoice = self.get(account, invoice_id)
        payment_id = self._accounts.new_id("PaymentRecord")
        payment = payments.recorded(payment_id, invoice, given, self._accounts.now())
        account["payments"][payment_id] = payment
        new = invoice | {"payments": [*invoice["payments"], payment_id]}
        self._paid(account, invoice, new, "PAYMENT_CREATE", payment_id)
        return payment

    def change_payment(self, account: Account, payment_id: str, amount: float) -> None:
        old = payments.held(account, payment_id)
        new = payments.changed(old, amount, self._accounts.now())
        if new["amount"] == old["amount"]:
            return
        account["payments"][payment_id] = new
        invoice = self.get(account, old["invoiceId"])
        self._paid(account, invoice, invoice, "PAYMENT_UPDATE", payment_id)

    def remove_payment(self, account: Account, payment_id: str) -> None:
        held = payments.held(account, payment_id)
        del account["payments"][payment_id]
        invoice = self.get(account, held["invoiceId"])
        new = invoice | {"payments": [p for p in invoice["payments"] if p != payment_id]}
        self._paid(account, invoice, new, "PAYMENT_DESTROY", payment_id)

    def _paid(self, account: Account, old: Invoice, new: Invoice, topic: str, payment_id: str) -> None:
        """Jobber tells of the invoice twice for one payment, in the same second and words."""
        self._keep(account, old, new)
        self._accounts.told(account, topic, payment_id)
        self._accounts.told(account, "INVOICE_UPDATE", old["id"])
        self._accounts.told(account, "INVOICE_UPDATE", old["id"])

    # Notes

    def note(
        self, account: Account, invoice_id: str, given: Mapping[str, Any], *, kind: str = "InvoiceNote",
        by_app: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """`given` as InvoiceCreateNoteInput. A new or changed note is a change of its invoice. Raises Wrong."""
        invoice, now = self.get(account, invoice_id, "invoiceId"), self._accounts.now()
        if not str(given.get("message") or "").strip():
            raise Wrong("Message can't be blank", "input", "message")
        note: dict[str, Any] = {
            "__typename": kind, "byApp": by_app, "id": encoded(kind, self._accounts.new_number("Note")),
            "message": given["message"], "pinned": bool(given.get("pinned")), "createdAt": now, "lastEditedAt": None,
            "invoiceId": invoice_id,
        }  # fmt: skip
        account["notes"][note["id"]] = note
        self._replace(account, invoice, invoice | {"notes": [*invoice["notes"], note["id"]]})
        return note

    def edit_note(self, account: Account, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` as InvoiceEditNoteInput. A client's note that is shown on an invoice is not an invoice's note."""
        held: dict[str, Any] | None = account["notes"].get(given["noteId"])
        if held is None or held["__typename"] != "InvoiceNote":
            raise Wrong("Note not found", "input", "noteId")
        if "message" in given and not str(given["message"] or "").strip():
            raise Wrong("Message can't be blank", "input", "message")
        new = held | {name: given[name] for name in ("message", "pinned") if given.get(name) is not None}
        if new == held:
            return held
        note: dict[str, Any] = new | {"lastEditedAt": self._accounts.now()}
        account["notes"][note["id"]] = note
        invoice = self.get(account, note["invoiceId"])
        self._keep(account, invoice, invoice)
        self._accounts.told(account, "INVOICE_UPDATE", invoice["id"])
        return note

    def job(self, account: Account, client_id: str, number: int, title: str, *, archived: bool = False) -> str:
        job_id = self._accounts.new_id("Job")
        account["jobs"][job_id] = {
            "id": job_id, "jobNumber": number, "title": title, "clientId": client_id,
            "jobStatus": "archived" if archived else "requires_invoicing",
            "jobberWebUri": f"https://secure.getjobber.com/work_orders/{number}",
        }  # fmt: skip
        return job_id

    # How it is kept

    def _header(self, account: Account, invoice: Invoice, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that are simply set. Raises Wrong."""
        found: dict[str, Any] = {name: given[name] or None for name in _TEXTS if name in given}
        if "subject" in found:
            found["subject"] = found["subject"] or ""
        if "invoiceNumber" in given:
            found["invoiceNumber"] = str(given["invoiceNumber"] or "").strip() or self._next(account, invoice)
        if {"issuedDate", "dueDetails"} & given.keys():
            found |= invoices.dates(invoice, given)
        if "salespersonId" in given:
            found["salespersonId"] = _among(account["users"], given["salespersonId"], "Salesperson", "salespersonId")
        if "discount" in given:
            found |= _discount(given["discount"])
        if given.get("customFields"):
            configs = customfields.of(account["configs"], "ALL_INVOICES")
            found["custom"] = customfields.changed(
                configs, invoice["custom"], given["customFields"], self._accounts.new_id
            )
        return found

    def _tax_rate(self, account: Account, given: Mapping[str, Any]) -> str | None:
        """The default rate where none is named."""
        if "taxRateId" not in given:
            return next((key for key, rate in account["taxes"].items() if rate["default"]), None)
        return _among(account["taxes"].values(), given["taxRateId"], "Tax rate", "taxRateId")

    def _lines(self, invoice: Invoice, given: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """A line keeps what is not said of it, and its times where it is as it was."""
        held = {line["id"]: line for line in invoice["lineItems"]}
        whole = [held.get(g.get("id"), {}) | g for g in given]
        made = invoices.lines(whole, self._accounts.new_id, self._accounts.now())
        stamps = ("createdAt", "updatedAt", "date")
        found = []
        for line in made:
            old = held.get(line["id"], line)
            same = all(old[name] == value for name, value in line.items() if name not in stamps)
            found.append(old if same else line | {"createdAt": old["createdAt"]})
        return found

    def _sent(self, invoice: Invoice) -> dict[str, Any]:
        """Issued today unless it says otherwise, and due so many days later."""
        issued = invoice["issuedDate"]
        at = invoices.moment(issued) if issued else invoices.day(self.now())
        return {"sent": True} | invoices.dates(invoice, {"issuedDate": at})

    def _next(self, account: Account, invoice: Invoice) -> str:
        return str(invoice["invoiceNumber"] or account["lastInvoiceNumber"] + 1)

    def _replace(self, account: Account, old: Invoice, new: Invoice) -> Invoice:
        if invoices.completed(new, account["taxes"], payments.of(account, new)) == old:
            return old
        new = self._keep(account, old, new)
        self._accounts.told(account, "INVOICE_UPDATE", new["id"])
        return new

    def _keep(self, account: Account, old: Invoice, new: Invoice) -> Invoice:
        new = new | {"updatedAt": max(self._accounts.now(), old["updatedAt"])}
        new = invoices.completed(new, account["taxes"], payments.of(account, new))
        self._store(account, new, invoices.owed(old))
        return new

    def number_repeats(self, account: Account, invoice: Invoice) -> bool:
        return self._numbers(account)[invoice["invoiceNumber"]] > 1

    def _numbers(self, account: Account) -> Counter[str]:
        found = self._used.get(account["number"])
        if found is None:
            found = self._used[account["number"]] = Counter(i["invoiceNumber"] for i in account["invoices"].values())
        return found

    def _store(self, account: Account, invoice: Invoice, owed_before: Decimal) -> None:
        used, old, number = self._numbers(account), account["invoices"].get(invoice["id"]), invoice["invoiceNumber"]
        if old:
            used[old["invoiceNumber"]] -= 1
        used[number] += 1
        account["invoices"][invoice["id"]] = invoice
        if number.isdecimal() and len(number) < 10:
            account["lastInvoiceNumber"] = max(account["lastInvoiceNumber"], int(number))
        _owe(account, invoice["clientId"], invoices.owed(invoice) - owed_before)


def _owe(account: Account, client_id: str, more: Decimal) -> None:
    """The client's balance follows, which is no change of the client: not stamped, not told."""
    client = account["clients"].get(client_id)
    if client is not None and more:
        account["clients"][client_id] = client | {"balance": float(decimal(client["balance"]) + more)}


def _input_client(account: Account, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return client_of(account, given["clientId"])
    except Wrong as wrong:
        raise Wrong(wrong.message, "input", "clientId") from None


def _jobs(account: Account, given: Mapping[str, Any]) -> list[str]:
    wanted = [*(given.get("jobIds") or ()), *([given["jobId"]] if given.get("jobId") else ())]
    for job_id in wanted:
        if job_id not in account["jobs"]:
            raise Wrong("Job not found", "input", "jobIds")
    return list(dict.fromkeys(wanted))


def _among(known: Any, wanted: str | None, what: str, name: str) -> str | None:
    if wanted is not None and all(each["id"] != wanted for each in known):
        raise Wrong(f"{what} not found", "input", name)
    return wanted


def _discount(given: Mapping[str, Any] | None) -> dict[str, Any]:
    rate, kind = float((given or {}).get("discountRate") or 0.0), (given or {}).get("discountType") or "Unit"
    if not 0 <= rate < (100.000001 if kind == "Percent" else invoices.LARGEST):
        raise Wrong("Discount must be between 0 and the whole", "input", "discount", "discountRate")
    return {"discountRate": rate, "discountType": kind}
