"""Pages to act as the owner of a Stripe account with invoices: see them, add one, send, give up, void or delete one."""

import json
import secrets
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.stripe.sandbox import invoices, items
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form
from connectors.stripe.sandbox.invoices import Invoice
from connectors.stripe.sandbox.lining import Lining
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem

PER_PAGE, ROWS = 50, 4
#: Currencies whose smallest unit is the whole one, after docs.stripe.com/currencies.
WHOLE_UNITS = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
type Page = Callable[[Request, Account], Awaitable[Response]]
type Of = Callable[[Page], Callable[[Request], Awaitable[Response]]]


def money(amount: int | str, currency: str) -> str:
    """Minor units for people: '1,100.00 AUD'. A unit price may have more decimals: '0.125'."""
    whole = Decimal(amount).scaleb(0 if currency in WHOLE_UNITS else -2)
    places = max(0 if currency in WHOLE_UNITS else 2, -int(whole.normalize().as_tuple().exponent))
    return f"{whole:,.{places}f} {currency.upper()}"


class InvoicePages:
    def __init__(self, billing: Billing) -> None:
        self._billing, self._lining = billing, Lining(billing)

    def routes(self, of: Of) -> list[BaseRoute]:
        """`of` finds the account of a page."""
        place, both = "/accounts/{account}/invoices", ["GET", "POST"]
        return [
            Route(place, of(self._invoices)),
            Route(f"{place}/new", of(self._new), methods=both),
            Route(f"{place}/{{invoice}}", of(self._invoice), methods=both),
        ]

    async def _invoices(self, request: Request, account: Account) -> Response:
        status, words = (request.query_params.get(p, "").strip() for p in ("status", "q"))
        every = [self._billing.current(account, i) for i in reversed(account.invoices.things.values())]
        found = [i for i in every if status in ("", i["status"]) and _mentions(i, words.lower())]
        asked = request.query_params.get("page", "")
        at = max(1, int(asked)) if asked.isdecimal() else 1
        return pages.render(
            "stripe/invoices.html", account=account, invoices=found[(at - 1) * PER_PAGE : at * PER_PAGE], at=at,
            total=len(found), more=len(found) > at * PER_PAGE, asked=status, q=words, statuses=invoices.STATUSES,
            money=money,
        )  # fmt: skip

    async def _invoice(self, request: Request, account: Account) -> Response:
        identity = request.path_params["invoice"]
        if account.invoices.get(identity) is None:
            return pages.render("missing.html", 404, what="invoice")
        if request.method == "GET":
            return self._shown(account, identity, "")
        self._billing.heard_at(request.headers.get("host", ""))
        try:
            self._act(account, identity, str((await request.form()).get("do") or ""))
        except Problem as problem:
            return self._shown(account, identity, str(problem))
        gone = account.invoices.get(identity) is None
        return RedirectResponse(f"/stripe/accounts/{account.number}/invoices{'' if gone else f'/{identity}'}", 303)

    def _act(self, account: Account, identity: str, do: str) -> None:
        acts: dict[str, Callable[[Account, str, Cause], Any]] = {
            "finalize": self._billing.finalize,
            "send": self._billing.send,
            "void": self._billing.void,
            "mark_uncollectible": self._billing.mark_uncollectible,
            "delete": self._billing.delete,
        }
        if do in acts:
            acts[do](account, identity, Cause(f"req_{secrets.token_hex(7)}"))

    def _shown(self, account: Account, identity: str, error: str) -> Response:
        invoice = self._billing.found(account, identity)
        payments = self._billing.expanders["payments"](account, invoice, set())["data"]
        return pages.render(
            "stripe/invoice.html", 400 if error else 200, account=account, invoice=invoice, error=error, money=money,
            lines=account.lines[identity], payments=payments, rates=account.tax_rates.things,
            object=json.dumps(invoice, indent=2, ensure_ascii=False),
        )  # fmt: skip

    async def _new(self, request: Request, account: Account) -> Response:
        form = {k: str(v).strip() for k, v in (await request.form()).items()} if request.method == "POST" else {}
        if request.method == "GET":
            return self._form(account, {"days_until_due": "14", "customer": request.query_params.get("customer", "")})
        self._billing.heard_at(request.headers.get("host", ""))
        try:
            made = self._added(account, form)
        except Problem as problem:
            return self._form(account, form, str(problem))
        return RedirectResponse(f"/stripe/accounts/{account.number}/invoices/{made['id']}", 303)

    def _added(self, account: Account, form: dict[str, str]) -> Invoice:
        """Nothing is made where a line is refused."""
        asked: Form = {
            "customer": form.get("customer", ""), "description": form.get("description", ""),
            "collection_method": "send_invoice", "days_until_due": form.get("days_until_due", ""),
        }  # fmt: skip
        customer = self._billing.customer(account, asked)
        currency = invoices.currency_of(asked, customer, account.profile["default_currency"])
        rows = {str(n): row for n, row in enumerate(_rows(form, currency))}
        for number, row in rows.items():
            fresh = items.new("ii_tried", 0, customer["id"], currency)
            items.changed(fresh, row, account.tax_rates.get, f"lines[{number}]")
        cause = Cause(f"req_{secrets.token_hex(7)}")
        made = self._billing.create(account, asked, cause)
        if rows:
            self._lining.add(account, made["id"], {"lines": rows}, cause)
        if form.get("do") == "finalize":
            self._billing.finalize(account, made["id"], cause)
        return made

    def _form(self, account: Account, typed: dict[str, str], error: str = "") -> Response:
        rates = [r for r in account.tax_rates.things.values() if r["active"]]
        return pages.render(
            "stripe/new_invoice.html", 400 if error else 200, account=account, typed=typed, error=error,
            customers=account.living(), rates=rates, rows=range(ROWS),
            currency=account.profile["default_currency"].upper(),
        )  # fmt: skip


def _rows(form: dict[str, str], currency: str) -> list[Form]:
    """What a person typed of each line, as the API's parameters."""
    found: list[Form] = []
    for number in range(ROWS):
        words, price = form.get(f"description_{number}", ""), form.get(f"price_{number}", "")
        if not words and not price:
            continue
        row: Form = {
            "quantity_decimal": form.get(f"quantity_{number}", "") or "1",
            "price_data": {
                "currency": currency, "product_data": {"name": words or "Work"},
                "unit_amount_decimal": _minor(price, currency),
            },
        }  # fmt: skip
        rate = form.get(f"rate_{number}", "")
        found.append(row | ({"tax_rates": {"0": rate}} if rate else {}))
    return found


def _minor(price: str, currency: str) -> str:
    """'20.70' -> '2070'; what is no number stays as it is, to be refused as such."""
    try:
        exact = Decimal(price.replace(",", "") or "0")
    except InvalidOperation:
        return price
    return items.plain(exact.scaleb(0 if currency in WHOLE_UNITS else 2)) if exact.is_finite() else price


def _mentions(invoice: Thing, words: str) -> bool:
    told = (invoice[p] for p in ("id", "number", "customer", "customer_name", "customer_email", "description"))
    return words in " ".join([*(str(t or "") for t in told), *invoice["metadata"].values()]).lower()
