"""Credit notes: an amount taken off an open invoice, or given back for a paid one. Only whole amounts, no lines."""

import secrets
from typing import Any

from connectors.stripe.sandbox import listing
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.asking import Call, Request
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form, choice, integer, only, text
from connectors.stripe.sandbox.invoices import OPEN, PAID, Invoice
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, missing, not_here, required

REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")
_ELSEWHERE = {"email_type", "lines", "refund_amount", "refunds", "shipping_cost"}
#: Where the money of a paid invoice goes back to: the customer's balance, or ways that Stripe has no part in.
_GIVEN = ("credit_amount", "out_of_band_amount")
ON_CREATE = _ELSEWHERE | {*_GIVEN, "invoice", "amount", "effective_at", "expand", "memo", "metadata", "reason"}


def new(identity: str, created: int, invoice: Invoice, number: int, form: Form) -> Thing:
    """Problem where the invoice does not allow for it."""
    only(form, ON_CREATE)
    for param in _ELSEWHERE & form.keys():
        raise not_here(param)
    if "amount" not in form:
        raise required("amount")
    amount, early = integer(form["amount"], "amount"), invoice["status"] == OPEN
    _check(invoice, amount, form, early=early)
    return {
        "id": identity, "object": "credit_note", "amount": amount, "amount_shipping": 0, "created": created,
        "currency": invoice["currency"], "customer": invoice["customer"], "customer_account": None,
        "customer_balance_transaction": None, "discount_amount": 0, "discount_amounts": [],
        "effective_at": integer(form["effective_at"], "effective_at") if "effective_at" in form else created,
        "invoice": invoice["id"],
        "lines": {"object": "list", "data": [], "has_more": False, "url": f"/v1/credit_notes/{identity}/lines"},
        "livemode": False, "memo": text(form.get("memo", ""), "memo") or None,
        "metadata": metadata({}, form.get("metadata", "")), "number": f"{invoice['number']}-CN-{number:02d}",
        "out_of_band_amount": _given(form, "out_of_band_amount") or None,
        "pdf": f"{invoice['hosted_invoice_url']}/{identity}/pdf", "post_payment_amount": 0 if early else amount,
        "pre_payment_amount": amount if early else 0, "pretax_credit_amounts": [],
        "reason": choice(form["reason"], "reason", REASONS) if "reason" in form else None, "refunds": [],
        "shipping_cost": None, "status": "issued", "subtotal": amount, "subtotal_excluding_tax": amount,
        "total": amount, "total_excluding_tax": amount, "total_taxes": [],
        "type": "pre_payment" if early else "post_payment", "voided_at": None,
    }  # fmt: skip


def _given(form: Form, param: str) -> int:
    return integer(form[param], param) if param in form else 0


def _check(invoice: Invoice, amount: int, form: Form, *, early: bool) -> None:
    if invoice["status"] not in (OPEN, PAID):
        raise Problem(400, "You can only create credit notes for open or paid invoices.", param="invoice")
    left = invoice["amount_remaining"] if early else invoice["total"] - invoice["post_payment_credit_notes_amount"]
    if not 0 < amount <= left:
        words = f"The credit note must be more than 0 and no more than what is left of the invoice, {left}."
        raise Problem(400, words, param="amount")
    given = sum(_given(form, p) for p in _GIVEN)
    if given != (0 if early else amount):
        words = "The sum of credit, refund and out of band amounts must equal the amount, once the invoice is paid."
        raise Problem(400, words, param=_GIVEN[0])


def credited(invoice: Invoice, amount: int) -> Invoice:
    """So much less is due; below zero, so much more again."""
    if invoice["status"] == PAID:
        return invoice | {"post_payment_credit_notes_amount": invoice["post_payment_credit_notes_amount"] + amount}
    return invoice | {
        "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + amount,
        "amount_due": invoice["amount_due"] - amount, "amount_remaining": invoice["amount_remaining"] - amount,
    }  # fmt: skip


class CreditNoteCalls:
    """`named`: the function of each operation."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self.named: dict[str, Call] = {
            "POST credit_notes": self.create,
            "GET credit_notes": self.list_notes,
            "GET credit_note/{id}": self.retrieve,
            "POST credit_note/{id}/void": self.void,
        }

    def create(self, asked: Request) -> Any:
        if "invoice" not in asked.form:
            raise required("invoice")
        account, identity = asked.account, text(asked.form["invoice"], "invoice")
        if account.invoices.get(identity) is None:
            raise missing("invoice", identity, param="invoice", status=400)
        before = self._billing.found(account, identity)
        earlier = sum(note["invoice"] == identity for note in account.credit_notes.things.values())
        made = new(f"cn_1{secrets.token_hex(11)}", self._billing.now, before, earlier + 1, asked.form)
        account.credit_notes.put(made["id"], made)
        self._billing.tell(account, "credit_note.created", made, asked.cause)
        after = self._billing.keep(account, before, credited(before, made["amount"]), asked.cause)
        self._settle(account, after, _given(asked.form, "credit_amount"), asked.cause)
        return made

    def _settle(self, account: Account, invoice: Invoice, credit: int, cause: Cause) -> None:
        if credit:
            balance = account.customers[invoice["customer"]].get("balance", 0)
            self._billing.change_customer(account, invoice["customer"], {"balance": balance - credit}, cause)
        if invoice["status"] == OPEN and not invoice["amount_remaining"]:
            paid = self._billing.pay(account, invoice["id"], 0, cause)
            self._billing.closed(account, paid, cause)

    def list_notes(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "customer", "invoice"))
        same = {p: text(asked.form[p], p) for p in ("customer", "invoice") if p in asked.form}
        return asked.account.credit_notes.page(
            asked.form, "/v1/credit_notes", "credit note", lambda n: all(n[p] == v for p, v in same.items())
        )

    def retrieve(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = asked.account.credit_notes.get(asked.record_id)
        if found is None:
            raise missing("credit note", asked.record_id)
        return found

    def void(self, asked: Request) -> Any:
        note = self.retrieve(asked)
        invoice = self._billing.found(asked.account, note["invoice"])
        if note["status"] == "void" or invoice["status"] != OPEN:
            raise Problem(400, "You can only void an issued credit note of an open invoice.")
        after = note | {"status": "void", "voided_at": self._billing.now}
        asked.account.credit_notes.put(after["id"], after)
        self._billing.keep(asked.account, invoice, credited(invoice, -note["amount"]), asked.cause)
        self._billing.tell(asked.account, "credit_note.voided", after, asked.cause)
        return after
