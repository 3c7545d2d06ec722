"""The pages a payer sees: an invoice to pay with a test card or account, the bank's question, the receipt."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.stripe.sandbox import cards, charging, invoices, pdf
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.charging import Intent
from connectors.stripe.sandbox.invoice_pages import money
from connectors.stripe.sandbox.invoices import DAY, OPEN, UNCOLLECTIBLE, Invoice
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.payments import Attempt, Payments
from connectors.stripe.sandbox.problems import Declined

_PAYABLE = (OPEN, UNCOLLECTIBLE)
_EXPIRY = re.compile(r"(\d{1,2})\s*/\s*(?:20)?(\d\d)")
#: The part of a page's address that is not the invoice's id.
_SECRET = 16


class Mistyped(Exception):
    """What was typed is no card or account; in words for who typed it."""


class Hosted:
    """`accounts`: by id. These pages ask for no key: whoever has the address is let in."""

    def __init__(self, payments: Payments, accounts: dict[str, Account]) -> None:
        self._payments, self._accounts = payments, accounts

    def routes(self) -> list[BaseRoute]:
        both = ["GET", "POST"]
        return [
            Route("/i/{account}/{token}", self._invoice, methods=both),
            Route("/i/{account}/{token}/pdf", self._pdf),
            Route("/authenticate/{account}/{secret}", self._bank, methods=both),
            Route("/receipts/{account}/{charge}", self._receipt),
        ]

    # The invoice

    def _found(self, request: Request) -> tuple[Account, Invoice] | Response:
        """What the address opens; what is answered where it does not."""
        account, token = self._accounts.get(request.path_params["account"]), request.path_params["token"]
        invoice = account.invoices.get(f"in_{token.removeprefix('test_')[:-_SECRET]}") if account else None
        if account is None or invoice is None or invoice["hosted_invoice_url"] is None:
            return pages.render("missing.html", 404, what="invoice")
        until = invoices.page_until(invoice, account.pages.get(invoice["id"], 0))
        if until <= self._payments.now or not invoice["hosted_invoice_url"].endswith(f"/{token}"):
            return pages.render("stripe/hosted.html", 410, account=account, expired=True)
        return account, invoice

    async def _pdf(self, request: Request) -> Response:
        found = self._found(request)
        if isinstance(found, Response):
            return found
        headers = {"Content-Disposition": f'inline; filename="Invoice-{found[1]["number"]}.pdf"'}
        return Response(pdf.document(_printed(*found)), 200, headers, "application/pdf")

    async def _invoice(self, request: Request) -> Response:
        found = self._found(request)
        if isinstance(found, Response):
            return found
        account, invoice = found
        if request.method == "GET":
            return self._shown(account, invoice, {}, "")
        self._payments.billing.heard_at(request.headers.get("host", ""))
        return self._paid(account, invoice, {k: str(v).strip() for k, v in (await request.form()).items()})

    def _paid(self, account: Account, invoice: Invoice, form: dict[str, str]) -> Response:
        """A second press of the button finds the invoice paid, and pays nothing."""
        here = invoice["hosted_invoice_url"]
        invoice = account.invoices[invoice["id"]]
        own = self._payments.links.default_of(account, invoice)
        if invoice["status"] not in _PAYABLE or own is None or own["status"] == charging.PROCESSING:
            return RedirectResponse(here, 303)
        try:
            method = self._method(account, invoice, form)
            after = self._payments.confirm(account, own, method, Attempt(back=here), None)
        except (Mistyped, Declined) as error:
            return self._shown(account, account.invoices[invoice["id"]], form, str(error))
        asked = after["next_action"]
        return RedirectResponse(asked["redirect_to_url"]["url"] if asked else here, 303)

    def _method(self, account: Account, invoice: Invoice, form: dict[str, str]) -> Thing:
        now, name = self._payments.now, self._payments.method_id()
        billing = {"email": invoice["customer_email"], "name": form.get("name") or invoice["customer_name"]}
        if form.get("do") == "debit":
            made = cards.of_account(name, now, typed_account(form), billing)
        else:
            card, year = typed_card(form, now)
            made = cards.of_card(name, now, card, billing, year)
        return self._payments.stored(account, made)

    def _shown(self, account: Account, invoice: Invoice, typed: dict[str, str], error: str) -> Response:
        own = self._payments.links.default_of(account, invoice)
        return pages.render(
            "stripe/hosted.html", 402 if error else 200, account=account, invoice=invoice, money=money, error=error,
            lines=account.lines[invoice["id"]], rates=account.tax_rates.things, typed=typed, cards=cards.CARDS,
            accounts=cards.ACCOUNTS, payable=invoice["status"] in _PAYABLE and own is not None, expired=False,
            under_way=own is not None and own["status"] == charging.PROCESSING, parts=_parts(account, invoice),
            overdue=bool(invoice["due_date"] and invoice["due_date"] <= self._payments.now),
        )  # fmt: skip

    # The payer's bank

    async def _bank(self, request: Request) -> Response:
        """Yes or no to a payment for which the bank asks."""
        account, secret = self._accounts.get(request.path_params["account"]), request.path_params["secret"]
        intent = account.intents.get(secret.partition("_secret_")[0]) if account else None
        if account is None or intent is None or intent["client_secret"] != secret:
            return pages.render("missing.html", 404, what="payment")
        if intent["status"] != charging.ASKED:
            return pages.render("stripe/bank.html", intent=intent, money=money, account=account, error="", back="")
        back = intent["next_action"]["redirect_to_url"]["return_url"] or ""
        if request.method == "GET":
            return pages.render("stripe/bank.html", intent=intent, money=money, account=account, error="", back=back)
        agreed = str((await request.form()).get("do") or "") == "agree"
        return self._answered(account, account.intents[intent["id"]], back, agreed=agreed)

    def _answered(self, account: Account, intent: Intent, back: str, *, agreed: bool) -> Response:
        error = ""
        if intent["status"] == charging.ASKED:  # a second press finds it answered
            try:
                self._payments.answer(account, intent, agreed=agreed)
            except Declined as declined:
                error = str(declined)
        if back and not error:
            return RedirectResponse(back, 303)
        after = account.intents[intent["id"]]
        return pages.render(
            "stripe/bank.html", 402 if error else 200, intent=after, money=money, account=account, error=error,
            back=back,
        )  # fmt: skip

    async def _receipt(self, request: Request) -> Response:
        account = self._accounts.get(request.path_params["account"])
        charge = account.charges.get(request.path_params["charge"]) if account else None
        if account is None or charge is None or charge["receipt_url"] is None:
            return pages.render("missing.html", 404, what="receipt")
        return pages.render("stripe/receipt.html", account=account, charge=charge, money=money)


def _printed(account: Account, invoice: Invoice) -> list[str]:
    """The invoice in lines of text."""
    currency, rates = invoice["currency"], account.tax_rates.things
    taxes = [(rates[t["tax_rate_details"]["tax_rate"]], t["amount"]) for t in invoice["total_taxes"]]
    return [
        f"{'Tax invoice' if taxes else 'Invoice'} {invoice['number']}", account.name, "",
        f"To: {invoice['customer_name'] or invoice['customer_email'] or ''}", f"Status: {invoice['status']}",
        *(f"{f['name']}: {f['value']}" for f in invoice["custom_fields"] or ()), "",
        *(f"{part}: {money(line['amount'], currency)}" for line in account.lines[invoice["id"]]
          for part in [" ".join(f"{line['quantity_decimal']} x {line['description'] or ''}".split())]), "",
        *(f"{r['display_name']} {r['percentage']}%{', included' if r['inclusive'] else ''}: {money(amount, currency)}"
          for r, amount in taxes),
        f"Total: {money(invoice['total'], currency)}", f"Paid: {money(invoice['amount_paid'], currency)}",
        *(invoice["footer"] or "").splitlines(),
    ]  # fmt: skip


def _parts(account: Account, invoice: Invoice) -> list[dict[str, Any]]:
    """What was paid of it so far: {"amount", "at", "receipt"}, the oldest first."""
    found = []
    for each in account.invoice_payments_of(invoice["id"]):
        if each["status"] == "paid":
            intent = account.intents.get(each["payment"].get("payment_intent", ""))
            charge = account.charges.get(intent["latest_charge"] or "") if intent else None
            at = each["status_transitions"]["paid_at"]
            found.append({"amount": each["amount_paid"], "at": at, "receipt": charge["receipt_url"] if charge else ""})
    return found


def typed_card(form: dict[str, str], now: int) -> tuple[cards.Card, int]:
    """(the test card, the year in which it runs out). Mistyped where it is none."""
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19 and _fits(number)):
        raise Mistyped("Your card number is invalid.")
    expiry = _EXPIRY.fullmatch(form.get("expiry", ""))
    if not expiry or not 1 <= int(expiry[1]) <= 12:
        raise Mistyped("Your card's expiration date is incomplete.")
    year = 2000 + int(expiry[2])
    if year < 1970 + int(now // (365.2425 * DAY)):
        raise Mistyped("Your card's expiration year is in the past.")
    if not re.fullmatch(r"\d{3,4}", form.get("cvc", "")):
        raise Mistyped("Your card's security code is incomplete.")
    if number not in cards.BY_NUMBER:
        raise Mistyped("Your card was declined. Your request was in test mode, but used a non test card.")
    return cards.BY_NUMBER[number], year


def _fits(number: str) -> bool:
    """The check digit of a card number (ISO/IEC 7812-1, Luhn)."""
    doubled = (2 * int(d) if n % 2 else int(d) for n, d in enumerate(reversed(number)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def typed_account(form: dict[str, str]) -> str:
    """The number of a test account. Mistyped where it is none."""
    bsb, number = (re.sub(r"[\s-]", "", form.get(part, "")) for part in ("bsb", "account"))
    if bsb != cards.BSB:
        raise Mistyped("The BSB is not one of the test bank: 000-000.")
    if number not in cards.ACCOUNTS:
        raise Mistyped("There is no such account at the test bank.")
    return number
