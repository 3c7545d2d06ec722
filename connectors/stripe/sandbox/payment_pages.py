"""Pages to act as the owner of a Stripe account with payments: see them, give money back, take one, play the bank."""

import json
import secrets
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.stripe.sandbox import cards, charging, disputes, refunds
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.charging import Intent
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form
from connectors.stripe.sandbox.invoice_pages import PER_PAGE, WHOLE_UNITS, Of, money
from connectors.stripe.sandbox.items import plain
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.payments import Payments
from connectors.stripe.sandbox.problems import Declined, Problem

#: (words, how the badge looks) of an intent that has not led to a charge that was paid.
_STATES = {
    charging.WAITING: ("not paid yet", ""), charging.CONFIRMABLE: ("not paid yet", ""),
    charging.ASKED: ("the bank asks", "badge-warn"), charging.HELD: ("held", "badge-warn"),
    charging.PROCESSING: ("under way", "badge-warn"), charging.CANCELED: ("canceled", ""),
}  # fmt: skip
type Act = Callable[[Account, Intent, dict[str, str]], object]


class PaymentPages:
    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._acts: dict[str, Act] = {
            "refund": self._refund, "refund_fails": self._refund_fails, "dispute": self._dispute, "close": self._close,
            "debit": self._debit, "capture": self._capture, "cancel": self._cancel,
        }  # fmt: skip

    def routes(self, of: Of) -> list[BaseRoute]:
        """`of` finds the account of a page."""
        place, both = "/accounts/{account}/payments", ["GET", "POST"]
        return [
            Route(place, of(self._all)),
            Route(f"{place}/new", of(self._new), methods=both),
            Route(f"{place}/{{payment}}", of(self._one), methods=both),
        ]

    async def _all(self, request: Request, account: Account) -> Response:
        words, asked = (request.query_params.get(p, "").strip() for p in ("q", "page"))
        every = (self._row(account, intent) for intent in reversed(account.intents.things.values()))
        found = [row for row in every if words.lower() in row["text"]]
        at = max(1, int(asked)) if asked.isdecimal() else 1
        return pages.render(
            "stripe/payments.html", account=account, payments=found[(at - 1) * PER_PAGE : at * PER_PAGE], at=at,
            q=words, total=len(found), more=len(found) > at * PER_PAGE, money=money,
        )  # fmt: skip

    def _row(self, account: Account, intent: Intent) -> Thing:
        """What the list and the page of a payment say of it."""
        charge = account.charges.get(intent["latest_charge"] or "")
        dispute = self._payments.returns.dispute_of(account, charge["id"]) if charge else None
        customer = account.customer(intent["customer"] or "") or {}
        links = account.invoice_payments_of(intent["id"])
        paid = [account.invoices[p["invoice"]] for p in links if account.invoices.get(p["invoice"])]
        words, look = state(intent, charge, dispute)
        told = [intent["id"], intent["description"], customer.get("name"), customer.get("email"), words,
                *(i["number"] for i in paid), *intent["metadata"].values()]  # fmt: skip
        return {
            "intent": intent, "charge": charge, "dispute": dispute, "customer": customer, "invoices": paid,
            "words": words, "look": look, "text": " ".join(str(t or "") for t in told).lower(),
        }  # fmt: skip

    async def _one(self, request: Request, account: Account) -> Response:
        intent = account.intents.get(request.path_params["payment"])
        if intent is None:
            return pages.render("missing.html", 404, what="payment")
        if request.method == "GET":
            return self._shown(account, intent, "")
        self._payments.billing.heard_at(request.headers.get("host", ""))
        form = {k: str(v).strip() for k, v in (await request.form()).items()}
        act = self._acts.get(form.get("do", ""))
        try:
            if act:
                act(account, account.intents[intent["id"]], form)
        except Problem as problem:
            return self._shown(account, account.intents[intent["id"]], str(problem))
        return RedirectResponse(f"/stripe/accounts/{account.number}/payments/{intent['id']}", 303)

    def _shown(self, account: Account, intent: Intent, error: str) -> Response:
        row = self._row(account, intent)
        charge = row["charge"]
        given_back = [r for r in account.refunds.things.values() if charge and r["charge"] == charge["id"]]
        moved = [t for t in account.transactions.things.values() if charge and t["source"] == charge["id"]]
        return pages.render(
            "stripe/payment.html", 400 if error else 200, account=account, error=error, money=money, refunds=given_back,
            fee=moved[0]["fee"] if moved else 0, reasons=refunds.REASONS, grounds=disputes.REASONS,
            open_dispute=bool(row["dispute"]) and row["dispute"]["status"] not in disputes.CLOSED,
            own=self._payments.links.invoices_own(account, intent),
            object=json.dumps(intent, indent=2, ensure_ascii=False), **row,
        )  # fmt: skip

    # What an owner or a bank does

    def _refund(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        """All that is left where no amount is typed."""
        asked: Form = {"payment_intent": intent["id"]}
        if form.get("amount"):
            asked["amount"] = _minor(form["amount"], intent["currency"])
        if form.get("reason"):
            asked["reason"] = form["reason"]
        self._payments.returns.refund(account, asked, _dashboard())

    def _refund_fails(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        found = account.refunds.get(form.get("value", ""))
        if found and found["payment_intent"] == intent["id"] and found["status"] == "succeeded":
            self._payments.returns.fail_refund(account, found)

    def _dispute(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        charge, reason = account.charges.get(intent["latest_charge"] or ""), form.get("value", "")
        if charge and reason in disputes.REASONS:
            self._payments.returns.dispute(account, charge, reason)

    def _close(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        found = self._payments.returns.dispute_of(account, intent["latest_charge"] or "")
        if found and form.get("value") in disputes.CLOSED:
            self._payments.returns.close_dispute(account, found, form["value"], None)

    def _debit(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        if intent["status"] == charging.PROCESSING:
            self._payments.settle(account, intent, paid=form.get("value") == "paid")

    def _capture(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        self._payments.capture(account, intent, _dashboard())

    def _cancel(self, account: Account, intent: Intent, form: dict[str, str]) -> None:
        self._payments.cancel(account, intent, "requested_by_customer", _dashboard())

    # A payment without an invoice

    async def _new(self, request: Request, account: Account) -> Response:
        if request.method == "GET":
            return self._form(account, {"customer": request.query_params.get("customer", "")}, "")
        self._payments.billing.heard_at(request.headers.get("host", ""))
        form = {k: str(v).strip() for k, v in (await request.form()).items()}
        try:
            made = self._payments.create(account, _params(form, account), _dashboard())
        except Declined as declined:
            made = declined.error["payment_intent"]
        except Problem as problem:
            return self._form(account, form, str(problem))
        return RedirectResponse(f"/stripe/accounts/{account.number}/payments/{made['id']}", 303)

    def _form(self, account: Account, typed: dict[str, str], error: str) -> Response:
        return pages.render(
            "stripe/new_payment.html", 400 if error else 200, account=account, typed=typed, error=error,
            customers=account.living(), cards=cards.CARDS, currency=account.profile["default_currency"].upper(),
        )  # fmt: skip


def state(intent: Intent, charge: Thing | None, dispute: Thing | None) -> tuple[str, str]:
    """(words, how the badge looks)."""
    if intent["status"] != charging.SUCCEEDED or charge is None:
        refused = intent["last_payment_error"] and intent["status"] == charging.WAITING
        return ("refused", "badge-bad") if refused else _STATES[intent["status"]]
    if dispute:
        look = {"won": "badge-ok", "lost": "badge-bad"}.get(dispute["status"], "badge-warn")
        return (f"dispute {dispute['status']}" if dispute["status"] in disputes.CLOSED else "disputed"), look
    if charge["refunded"]:
        return "refunded", ""
    return ("partly refunded", "") if charge["amount_refunded"] else ("paid", "badge-ok")


def _params(form: dict[str, str], account: Account) -> Form:
    """What a person typed, as the API's parameters."""
    currency = account.profile["default_currency"]
    asked: Form = {
        "amount": _minor(form.get("amount", ""), currency), "currency": currency, "confirm": "true",
        "payment_method": form.get("card", ""), "description": form.get("description", ""),
    }  # fmt: skip
    pairs = [line.partition(":") for line in form.get("metadata", "").splitlines() if line.strip()]
    asked["metadata"] = {key.strip(): value.strip() for key, _, value in pairs}
    return asked | ({"customer": form["customer"]} if form.get("customer") else {})


def _minor(amount: str, currency: str) -> str:
    """'20.70' -> '2070'; what is no number stays as it is, to be refused as such."""
    try:
        exact = Decimal(amount.replace(",", "").removeprefix("$"))
    except InvalidOperation:
        return amount
    return plain(exact.scaleb(0 if currency in WHOLE_UNITS else 2)) if exact.is_finite() else amount


def _dashboard() -> Cause:
    return Cause(f"req_{secrets.token_hex(7)}")
