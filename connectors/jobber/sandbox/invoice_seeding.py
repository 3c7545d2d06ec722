"""Invoices put in by Python: the made-up ones of the demo, and whatever a test needs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.jobber.sandbox import customfields, invoices
from connectors.jobber.sandbox.accounts import Account
from connectors.jobber.sandbox.invoices import Invoice
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.sandbox.paper import Invoice as Paper

_CLOSING = {"received": "MARK_RECEIVED", "bad_debt": "BAD_DEBT"}


def add_paper(invoicing: Invoicing, account: Account, paper: Paper, now: datetime) -> Invoice:
    """One made-up invoice, with all that was done with it, dated back from `now`."""
    clients = list(account["clients"].values())
    client = clients[(paper.person - 1) % len(clients)]
    issued = invoices.day(now - timedelta(days=paper.issued_days_ago))
    archived = bool(paper.payments) and paper.place % 3 == 0
    jobs = [invoicing.job(account, client["id"], paper.job, paper.subject, archived=archived)] if paper.job else []
    made = add_invoice(
        invoicing, account, client["id"], _paper_lines(paper), inclusive=paper.inclusive, number=paper.number,
        sent=paper.status != "draft", issued=issued, net_days=paper.net_days, subject=paper.subject,
        message=paper.message, jobIds=jobs, salespersonId=account["users"][paper.place % 2]["id"],
        discount=_paper_discount(paper), customFields=_paper_custom(paper, account),
    )  # fmt: skip
    for text in paper.notes:  # now and then it is a note of the client's that is shown here
        kind = "ClientNote" if paper.place % 2 else "InvoiceNote"
        invoicing.note(account, made["id"], {"message": text}, kind=kind)
    for payment in paper.payments:
        left = account["invoices"][made["id"]]["amounts"]["invoiceBalance"]
        if payment.amount is None and left <= 0:
            continue  # the deposit has paid for all of it
        day = now - timedelta(days=payment.days_ago)
        paid = {"amount": left if payment.amount is None else float(payment.amount), "entryDate": _stamp(day)}
        paid |= {"kind": payment.kind, "method": payment.method, "tip": float(payment.tip), "details": payment.details}
        invoicing.pay(account, made["id"], paid)
    if paper.status in _CLOSING:
        invoicing.close(account, account["invoices"][made["id"]], _CLOSING[paper.status])
    return _dated(account, made["id"], paper, now)


def add_invoice(
    invoicing: Invoicing, account: Account, client_id: str, lines: Sequence[Mapping[str, Any]], *,
    inclusive: bool = True, number: str = "", sent: bool = True, issued: datetime | None = None, net_days: int = 14,
    tax_rate: str = "GST", **more: Any,
) -> Invoice:  # fmt: skip
    """An invoice in few words. `lines` as InvoiceCreationLineItemInput, `more` as InvoiceCreateInput. Raises Wrong.

    `tax_rate` is the name of one of the account's, '' for none; `issued` is today unless given.
    """
    rate = next((r["id"] for r in account["taxes"].values() if r["name"] == tax_rate), None)
    given = {
        "clientId": client_id, "lineItems": lines, "invoiceNumber": number, "markSent": sent,
        "tax": {"taxCalculationMethod": "INCLUSIVE" if inclusive else "EXCLUSIVE", "taxRateId": rate},
        "dueDetails": {"invoiceNet": net_days}, **more,
    }  # fmt: skip
    return invoicing.add(account, given | ({"issuedDate": issued} if issued and sent else {}))


def _paper_lines(paper: Paper) -> list[dict[str, Any]]:
    return [
        {
            "name": line.name, "description": line.description, "quantity": float(line.quantity),
            "unitPrice": float(line.unit_price), "taxable": line.taxable, "category": line.category,
        }
        for line in paper.lines
    ]  # fmt: skip


def _paper_discount(paper: Paper) -> dict[str, Any] | None:
    if paper.discount is None:
        return None
    kind = "Percent" if paper.discount.percent else "Unit"
    return {"discountRate": float(paper.discount.amount), "discountType": kind}


def _paper_custom(paper: Paper, account: Account) -> list[dict[str, Any]]:
    by_name = {kind["name"]: kind for kind in customfields.of(account["configs"], "ALL_INVOICES").values()}
    return [
        {"customFieldConfigurationId": by_name[label]["id"], **_custom_value(by_name[label]["valueType"], text)}
        for label, text in paper.custom
    ]


def _custom_value(kind: str, text: str) -> dict[str, Any]:
    match kind:
        case "LINK":
            return {"valueLink": {"text": "Certificate", "url": text}}
        case "NUMERIC":
            return {"valueNumeric": float(text)}
        case "TRUE_FALSE":
            return {"valueTrueFalse": text == "yes"}
        case "DROPDOWN":
            return {"valueDropdown": text}
    return {"valueText": text}


def _dated(account: Account, invoice_id: str, paper: Paper, now: datetime) -> Invoice:
    """Made on the day of its issue, changed by the last thing that was done with it, closed on its due date."""
    last = min([paper.issued_days_ago, *(p.days_ago for p in paper.payments)])
    if paper.status in _CLOSING:
        last = paper.due_days_ago
    made, changed = (_stamp(now - timedelta(days=days, seconds=1)) for days in (paper.issued_days_ago, last))
    found: Invoice = account["invoices"][invoice_id] | {"createdAt": made, "updatedAt": changed}
    if found["closedAt"]:
        found |= {"closedAt": changed, "receivedDate": changed if found["receivedDate"] else None}
    account["invoices"][invoice_id] = found
    return found


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
