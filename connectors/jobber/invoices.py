"""Jobber invoices as records, and their field catalogue. Amounts are decimal text in the business's currency."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.amounts import plain
from connectors.base import Data, Field, FieldType, Record, storable
from connectors.jobber.records import custom_fields, moment

_TEXT = {
    "id": "Invoice id", "number": "Number", "subject": "Subject", "message": "Message", "status": "Status",
    "url": "Link to Jobber", "client_hub_url": "Link for the client", "client_id": "Client id",
    "client_name": "Client", "tax_calculation": "Prices hold the tax", "tax_rate.id": "Tax rate id",
    "tax_rate.name": "Tax", "salesperson_email": "Salesperson's email", "salesperson_name": "Salesperson",
}  # fmt: skip
_AMOUNTS = {
    "subtotal": ("subtotal", "Subtotal"), "discount": ("discountAmount", "Discount"), "tax": ("taxAmount", "Tax"),
    "non_tax": ("nonTaxAmount", "Not taxed"), "total": ("total", "Total"), "deposit": ("depositAmount", "Deposit"),
    "payments_total": ("paymentsTotal", "Paid"), "tips": ("tipsTotal", "Tips"),
    "balance": ("invoiceBalance", "Left to pay"),
}  # fmt: skip
_TIMES = {
    "issued_on": ("issuedDate", "Issued"), "due_on": ("dueDate", "Due"), "received_on": ("receivedDate", "Received"),
    "created_at": ("createdAt", "Created"), "updated_at": ("updatedAt", "Updated"),
}  # fmt: skip
FIELDS = (
    *(Field(path, label) for path, label in _TEXT.items()),
    *(Field(path, label, FieldType.MONEY) for path, (_, label) in _AMOUNTS.items()),
    *(Field(path, label, FieldType.DATETIME) for path, (_, label) in _TIMES.items()),
    Field("tax_rate.percent", "Tax, percent", FieldType.NUMBER),
    Field("net_days", "Days to pay", FieldType.NUMBER),
    Field("number_repeats", "Another invoice has its number", FieldType.BOOLEAN),
    Field("lines", "Lines", FieldType.LIST),
    Field("payments", "Payments", FieldType.LIST),
    Field("job_numbers", "Job numbers", FieldType.LIST),
    Field("custom.*", "Custom fields", writable=True, custom=True),
)
_PLAIN = {
    "id": "id", "number": "invoiceNumber", "subject": "subject", "message": "message", "status": "invoiceStatus",
    "url": "jobberWebUri", "client_hub_url": "clientHubUri", "net_days": "invoiceNet",
    "number_repeats": "hasInvoiceNumberDuplicates", **{path: name for path, (name, _) in _TIMES.items()},
}  # fmt: skip


def record(node: Mapping[str, Any]) -> Record:
    """From a node of the InvoiceFields fragment with all that its connections hold. KeyError, TypeError or ValueError
    names what is not as we know it."""
    node = storable(node)
    data = {path: node[name] for path, name in _PLAIN.items() if node[name] not in (None, "")}
    data |= _amounts(node) | _tax(node) | _people(node)
    data["lines"] = [_line(row, node) for row in node["lineItems"]["nodes"]]
    data["payments"] = [_payment(row) for row in node["paymentRecords"]["nodes"]]
    jobs = [str(job["jobNumber"]) for part in ("jobs", "archivedJobs") for job in node[part]["nodes"]]
    data |= {"job_numbers": jobs} if jobs else {}
    data |= {path: value for path, value in custom_fields(node["customFields"]).items() if value}
    whose = f", {data['client_name']}" if data.get("client_name") else ""
    return Record(
        id=str(node["id"]),
        data=data,
        label=f"Invoice {data.get('number', '')}{whose}",
        updated_at=moment(node["updatedAt"]),
        created_at=moment(node["createdAt"]),
        url=str(node["jobberWebUri"] or ""),
    )


def _amounts(node: Mapping[str, Any]) -> Data:
    amounts = node.get("amounts") or {}
    return {path: money(amounts[name]) for path, (name, _) in _AMOUNTS.items() if amounts.get(name) is not None}


def _tax(node: Mapping[str, Any]) -> Data:
    rate = node.get("taxRate") or {}
    found: Data = {"tax_calculation": str(node["taxCalculationMethod"]).lower()}
    if rate:
        found |= {
            "tax_rate.id": str(rate["id"]),
            "tax_rate.name": rate["name"],
            "tax_rate.percent": plain(rate["tax"]),
        }
    return found


def _people(node: Mapping[str, Any]) -> Data:
    client, seller = node.get("client") or {}, node.get("salesperson") or {}
    found = {
        "client_id": client.get("id"), "client_name": client.get("name"),
        "salesperson_email": (seller.get("email") or {}).get("raw"),
        "salesperson_name": (seller.get("name") or {}).get("full"),
    }  # fmt: skip
    return {path: str(value) for path, value in found.items() if value}


def _line(row: Mapping[str, Any], invoice: Mapping[str, Any]) -> Data:
    """A line's own rate is told only where it differs from the invoice's."""
    line: Data = {
        "id": str(row["id"]), "name": row["name"], "description": row["description"],
        "quantity": plain(row["quantity"]), "unit_price": money(row["unitPrice"]), "total": money(row["totalPrice"]),
        "taxable": bool(row["taxable"]),
    }  # fmt: skip
    rate, whole = row.get("taxRate") or {}, invoice.get("taxRate") or {}
    if rate and (rate["name"], rate["tax"]) != (whole.get("name"), whole.get("tax")):
        line |= {"tax_percent": plain(rate["tax"]), "tax_name": rate["name"]}
    return line


def _payment(row: Mapping[str, Any]) -> Data:
    """`amount` has no sign: `kind` says which way the money went."""
    found = {
        "id": str(row["id"]), "amount": money(row["amount"]), "kind": str(row["adjustmentType"]),
        "entered_on": row["entryDate"], "method": row.get("jobberPaymentPaymentMethod"),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value not in (None, "")}


def money(value: object) -> str:
    """Jobber's amounts are JSON numbers of dollars: '1234.50'."""
    found = Decimal(str(value))
    return f"{found:.2f}" if found == round(found, 2) else plain(found)
