"""What is behind each field of invoices, payments, tax rates and notes that is no plain value."""

from collections.abc import Callable, Iterator
from typing import Any

from connectors.jobber.sandbox import customfields, invoice_lists, invoices, listing, payments
from connectors.jobber.sandbox.answers import Asked, Resolvers
from connectors.jobber.sandbox.ids import encoded, number
from connectors.jobber.sandbox.invoices import Invoice
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.jobber.sandbox.payloads import Resolve, connections, payload, payloads

type Arguments = dict[str, Any]

#: A line must have a rate: this is the one where the invoice has none.
NO_TAX = {
    "id": encoded("TaxRate", 0), "name": "No tax", "label": "No tax (0%)", "description": None, "tax": 0.0,
    "default": False, "components": None,
}  # fmt: skip


def _invoice(source: Any, arguments: Arguments, asked: Asked) -> Invoice | None:
    """Another account's id is nothing here."""
    found: Invoice | None = asked.account["invoices"].get(arguments["id"])
    return found


def _invoices(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return invoice_lists.of(asked.account, arguments, asked.caller.invoicing.now())


def _clients_invoices(client: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    mine = [i for i in asked.account["invoices"].values() if i["clientId"] == client["id"]]
    return listing.connection(mine, arguments)


def _client(source: Any, arguments: Arguments, asked: Asked) -> Any:
    """None where the client was deleted."""
    return asked.account["clients"].get(source["clientId"])


def _status(invoice: Invoice, arguments: Arguments, asked: Asked) -> str:
    return invoices.status(invoice, asked.caller.invoicing.now())


def _repeats(invoice: Invoice, arguments: Arguments, asked: Asked) -> bool:
    invoicing: Invoicing = asked.caller.invoicing
    return invoicing.number_repeats(asked.account, invoice)


def _custom_fields(invoice: Invoice, arguments: Arguments, asked: Asked) -> list[dict[str, Any]]:
    if "configs" not in asked.memo:
        asked.memo["configs"] = customfields.of(asked.account["configs"], "ALL_INVOICES")
    return customfields.shown(asked.memo["configs"], invoice["custom"])


def _lines(invoice: Invoice, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    rate = invoice["taxRateId"]
    shown = [line if line["taxRateId"] else line | {"taxRateId": rate} for line in invoice["lineItems"]]
    return listing.connection(shown, arguments)


def _tax_rate(source: Any, arguments: Arguments, asked: Asked) -> Any:
    return asked.account["taxes"].get(source["taxRateId"])


def _line_tax_rate(line: Any, arguments: Arguments, asked: Asked) -> Any:
    return asked.account["taxes"].get(line["taxRateId"]) or NO_TAX


def _tax_details(invoice: Invoice, arguments: Arguments, asked: Asked) -> dict[str, Any] | None:
    rate = asked.account["taxes"].get(invoice["taxRateId"])
    return {"totalTaxAmount": invoice["amounts"]["taxAmount"], "totalTaxRate": rate} if rate else None


def _tax_rates(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    term = str(arguments.get("searchTerm") or "").casefold()
    found = [rate for rate in asked.account["taxes"].values() if term in rate["name"].casefold()]
    return listing.connection(found, arguments)


def _salesperson(invoice: Invoice, arguments: Arguments, asked: Asked) -> Any:
    return next((user for user in asked.account["users"] if user["id"] == invoice["salespersonId"]), None)


def _billing_address(invoice: Invoice, arguments: Arguments, asked: Asked) -> Any:
    client = asked.account["clients"].get(invoice["clientId"])
    return client["billingAddress"] if client else None


def _jobs(archived: bool) -> Resolve:
    def resolve(invoice: Invoice, arguments: Arguments, asked: Asked) -> dict[str, Any]:
        found = [asked.account["jobs"][job_id] for job_id in sorted(invoice["jobs"], key=number)]
        return listing.connection([j for j in found if (j["jobStatus"] == "archived") == archived], arguments)

    return resolve


def _payments(invoice: Invoice, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return invoice_lists.payments_of(payments.of(asked.account, invoice), arguments)


def _all_payments(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return invoice_lists.payments(asked.account, arguments)


def _payment(source: Any, arguments: Arguments, asked: Asked) -> Any:
    return asked.account["payments"].get(arguments["id"])


def _payments_invoice(payment: Any, arguments: Arguments, asked: Asked) -> Any:
    return asked.account["invoices"].get(payment["invoiceId"])


def _notes(invoice: Invoice, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return listing.connection([asked.account["notes"][note_id] for note_id in invoice["notes"]], arguments)


def _written_by(note: Any, arguments: Arguments, asked: Asked) -> Any:
    """An app by the API, a person on Jobber's pages."""
    if note["byApp"]:
        return asked.caller.app() | {"__typename": "Application"}
    return asked.account["users"][0] | {"__typename": "User"}


def _change(work: Callable[[Invoicing, Any, Invoice, Arguments], Invoice], name: str = "id") -> Resolve:
    """A mutation of one invoice, whose id is the argument called `name`."""

    def change(arguments: Arguments, asked: Asked) -> Invoice:
        invoicing: Invoicing = asked.caller.invoicing
        return work(invoicing, asked.account, invoicing.get(asked.account, arguments[name], name), arguments)

    return payload("invoice", change)


def _close(invoicing: Invoicing, account: Any, invoice: Invoice, arguments: Arguments) -> Invoice:
    return invoicing.close(account, invoice, arguments["input"]["closeOption"])


def _create(arguments: Arguments, asked: Asked) -> Invoice:
    invoicing: Invoicing = asked.caller.invoicing
    return invoicing.add(asked.account, arguments["input"])


def _create_note(arguments: Arguments, asked: Asked) -> tuple[Invoice, Any]:
    invoicing: Invoicing = asked.caller.invoicing
    note = invoicing.note(asked.account, arguments["invoiceId"], arguments["input"], by_app=not asked.caller.operator)
    return invoicing.get(asked.account, arguments["invoiceId"]), note


def _edit_note(arguments: Arguments, asked: Asked) -> tuple[Invoice, Any]:
    invoicing: Invoicing = asked.caller.invoicing
    note = invoicing.edit_note(asked.account, arguments["input"])
    return invoicing.get(asked.account, note["invoiceId"]), note


def _of_each(kinds: list[str], fields: dict[str, Resolve]) -> Iterator[tuple[str, Resolve]]:
    return ((f"{kind}.{name}", resolve) for kind in kinds for name, resolve in fields.items())


RESOLVERS: Resolvers = {
    "Query.invoice": _invoice,
    "Query.invoices": _invoices,
    "Query.paymentRecord": _payment,
    "Query.paymentRecords": _all_payments,
    "Query.taxRates": _tax_rates,
    "Client.invoices": _clients_invoices,
    "Invoice.archivedJobs": _jobs(archived=True),
    "Invoice.billingAddress": _billing_address,
    "Invoice.client": _client,
    "Invoice.customFields": _custom_fields,
    "Invoice.hasInvoiceNumberDuplicates": _repeats,
    "Invoice.invoiceStatus": _status,
    "Invoice.jobs": _jobs(archived=False),
    "Invoice.lineItems": _lines,
    "Invoice.notes": _notes,
    "Invoice.paymentRecords": _payments,
    "Invoice.salesperson": _salesperson,
    "Invoice.taxDetails": _tax_details,
    "Invoice.taxRate": _tax_rate,
    "InvoiceLineItem.taxRate": _line_tax_rate,
    "Job.client": _client,
    "JobberPaymentsCreditCardPaymentRecord.lastDigits": lambda payment, _, __: payment["jobberPaymentLast4"],
    "JobberPaymentsCreditCardPaymentRecord.transactionStatus": (
        lambda payment, _, __: payment["jobberPaymentTransactionStatus"]
    ),
    "Mutation.invoiceClose": _change(_close),
    "Mutation.invoiceCreate": payload("invoice", _create),
    "Mutation.invoiceCreateNote": payloads(("invoice", "invoiceNote"), _create_note),
    "Mutation.invoiceEdit": _change(lambda i, account, invoice, a: i.edit(account, invoice, a["input"]), "invoiceId"),
    "Mutation.invoiceEditNote": payloads(("invoice", "invoiceNote"), _edit_note),
    "Mutation.invoiceMarkAsSent": _change(lambda i, account, invoice, _: i.mark_sent(account, invoice)),
    "Mutation.invoiceReopen": _change(lambda i, account, invoice, _: i.reopen(account, invoice)),
    "Mutation.invoiceUnmarkBadDebt": _change(lambda i, account, invoice, _: i.unmark_bad_debt(account, invoice)),
    **dict(_of_each(["ClientNote", "InvoiceNote"], {"createdBy": _written_by})),
    **dict(_of_each(list(payments.METHODS.values()), {"client": _client, "invoice": _payments_invoice})),
    **connections("Invoice"),
    **connections("InvoiceLineItem"),
    **connections("InvoiceNoteUnion"),
    **connections("Job"),
    **connections("PaymentRecord"),
    **connections("PaymentRecordInterface"),
    **connections("TaxRate"),
}
