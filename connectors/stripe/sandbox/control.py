"""Pages to act as the owner of a Stripe account: customers, invoices, payments, keys, what Stripe asks for, events."""

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.sandbox.service import Frame
from connectors.stripe.sandbox import accounts as profiles
from connectors.stripe.sandbox import customers
from connectors.stripe.sandbox.access import PLATFORM, Access, operator_key
from connectors.stripe.sandbox.accounts import REQUIREMENTS, Account, removed
from connectors.stripe.sandbox.consent import Consent
from connectors.stripe.sandbox.events import Cause, Events
from connectors.stripe.sandbox.invoice_pages import InvoicePages
from connectors.stripe.sandbox.payment_pages import PaymentPages
from connectors.stripe.sandbox.payments import Payments
from connectors.stripe.sandbox.problems import Problem

PER_PAGE = 50
_PLAIN = ("name", "email", "phone", "description", "business_name", "individual_name")
type Page = Callable[[Request, Account], Awaitable[Response]]


class Control:
    def __init__(
        self, frame: Frame, accounts: dict[str, Account], access: Access, consent: Consent, events: Events,
        payments: Payments,
    ) -> None:  # fmt: skip
        self._frame, self._accounts, self._access = frame, accounts, access
        self._consent, self._events = consent, events
        self._invoices, self._payments = InvoicePages(payments.billing), PaymentPages(payments)

    def routes(self) -> list[BaseRoute]:
        one, both = "/accounts/{account}", ["GET", "POST"]
        return [
            Route("/", self._home),
            Route(one, self._of(self._account), methods=both),
            Route(f"{one}/customers", self._of(self._customers)),
            Route(f"{one}/customers/new", self._of(self._new), methods=both),
            Route(f"{one}/customers/{{customer}}", self._of(self._customer), methods=both),
            *self._invoices.routes(self._of),
            *self._payments.routes(self._of),
            Route(f"{one}/events", self._of(self._event_list)),
            Route(f"{one}/events/{{event}}", self._of(self._event)),
        ]

    def _of(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A page of one account, found by its number or its id."""

        async def view(request: Request) -> Response:
            asked = request.path_params["account"]
            account = next((a for a in self._owned() if asked in {a.id, str(a.number)}), None)
            if account is None:
                return pages.render("missing.html", 404, what="account")
            return await page(request, account)

        return view

    def _owned(self) -> list[Account]:
        return [a for a in self._accounts.values() if a.id != PLATFORM]

    async def _home(self, request: Request) -> Response:
        return pages.render("stripe/home.html", accounts=self._owned(), connections=self._access.connections)

    async def _account(self, request: Request, account: Account) -> Response:
        if request.method == "POST":
            form = {k: str(v) for k, v in (await request.form()).items()}
            self._act(account, form)
            return RedirectResponse(f"/stripe/accounts/{account.number}", 303)
        keys = {k: g for k, g in self._access.restricted.items() if g["account"] == account.id}
        return pages.render(
            "stripe/account.html", account=account, keys=keys, operator=operator_key(account.number),
            grants=self._access.connections.get(account.id, {}), requirements=REQUIREMENTS,
        )  # fmt: skip

    def _act(self, account: Account, form: dict[str, str]) -> None:
        do, value = form.get("do", ""), form.get("value", "")
        if do == "disconnect":
            self._consent.end(account.id)
        elif do == "key" and value in self._access.restricted:
            grant = self._access.restricted[value]
            grant["revoked"] = not grant["revoked"]
        elif do in {"charges_enabled", "payouts_enabled"}:
            self._change(account, {do: value == "on"})
        elif do == "round_tax_per_invoice":
            account.settings[do] = value == "on"
        elif do == "require" and value in REQUIREMENTS:
            asked = account.profile["requirements"]
            due = asked["currently_due"]
            after = [d for d in due if d != value] if value in due else [*due, value]
            until = asked["current_deadline"] or int(self._frame.clock.time()) + profiles.GIVEN_WITHIN * 86_400
            self._change(
                account, {"requirements": profiles.requirements(after, until, late=bool(asked["past_due"]))}
            )  # fmt: skip
        elif do == "overdue" and account.profile["requirements"]["currently_due"]:
            due, now = account.profile["requirements"]["currently_due"], int(self._frame.clock.time())
            self._change(
                account, {"payouts_enabled": False, "requirements": profiles.requirements(due, now, late=True)}
            )  # fmt: skip
        self._frame.changed()

    def _change(self, account: Account, changes: dict[str, Any]) -> None:
        before, after = account.profile, account.profile | changes
        told = customers.previous(before, after)
        if told:
            account.kept["profile"] = after
            self._events.record(account, "account.updated", after, None, told)

    async def _customers(self, request: Request, account: Account) -> Response:
        asked = request.query_params.get("q", "").strip()
        found = [c for c in account.living() if _mentions(c, asked.lower())]
        at = max(
            1, int(request.query_params.get("page", "1") if request.query_params.get("page", "1").isdecimal() else 1)
        )
        rows = found[(at - 1) * PER_PAGE : at * PER_PAGE]
        more = len(found) > at * PER_PAGE
        return pages.render(
            "stripe/customers.html", account=account, customers=rows, total=len(found), q=asked, at=at, more=more
        )  # fmt: skip

    async def _new(self, request: Request, account: Account) -> Response:
        now = self._frame.clock.time()
        fresh = customers.new(f"cus_{secrets.token_hex(7)}", int(now), secrets.token_hex(4).upper())
        if request.method == "GET":
            return self._form(account, fresh, {}, "")
        return await self._saved(request, account, fresh, is_new=True)

    async def _customer(self, request: Request, account: Account) -> Response:
        found = account.customer(request.path_params["customer"])
        if found is None or "deleted" in found:
            return pages.render("missing.html", 404, what="customer")
        if request.method == "GET":
            return self._form(account, found, {}, "")
        return await self._saved(request, account, found, is_new=False)

    async def _saved(
        self, request: Request, account: Account, before: dict[str, Any], *, is_new: bool
    ) -> Response:  # fmt: skip
        form = {k: str(v) for k, v in (await request.form()).items()}
        if form.get("do") == "delete" and not is_new:
            removed(account, before["id"], self._frame.clock.time())
            self._events.record(account, "customer.deleted", before, _dashboard())
            return RedirectResponse(f"/stripe/accounts/{account.number}/customers", 303)
        try:
            after = customers.changed(before, _params(form, before), customers.ON_UPDATE)
        except Problem as problem:
            return self._form(account, before, form, str(problem))
        told = customers.previous(before, after)
        if is_new or told:
            account.put(after, self._frame.clock.time())
            kind = "customer.created" if is_new else "customer.updated"
            self._events.record(account, kind, after, _dashboard(), None if is_new else told)
        return RedirectResponse(f"/stripe/accounts/{account.number}/customers/{after['id']}?saved", 303)

    def _form(self, account: Account, customer: dict[str, Any], typed: dict[str, str], error: str) -> Response:
        is_new = account.customer(customer["id"]) is None
        values = {p: customer.get(p) or "" for p in _PLAIN}
        values |= {part: (customer["address"] or {}).get(part) or "" for part in customers.ADDRESS}
        values["metadata"] = "\n".join(f"{k}: {v}" for k, v in customer["metadata"].items())
        return pages.render(
            "stripe/customer.html", 400 if error else 200, account=account, customer=customer, values=values | typed,
            is_new=is_new, error=error, object=json.dumps(customer, indent=2, ensure_ascii=False),
        )  # fmt: skip

    async def _event_list(self, request: Request, account: Account) -> Response:
        found = [e for e in reversed(account.events.things.values()) if self._events.kept(e)]
        return pages.render("stripe/events.html", account=account, events=found[:200], total=len(found))

    async def _event(self, request: Request, account: Account) -> Response:
        found = account.events.things.get(request.path_params["event"])
        if found is None:
            return pages.render("missing.html", 404, what="event")
        text = json.dumps(found, indent=2, ensure_ascii=False)
        return pages.render("stripe/event.html", account=account, event=found, text=text)


def _dashboard() -> Cause:
    return Cause(f"req_{secrets.token_hex(7)}")


def _mentions(customer: dict[str, Any], words: str) -> bool:
    if not words:
        return True
    told = " ".join(str(customer.get(p) or "") for p in ("id", *_PLAIN))
    return words in f"{told} {' '.join(customer['metadata'].values())}".lower()


def _params(form: dict[str, str], before: dict[str, Any]) -> dict[str, Any]:
    """What a person typed, as the API's parameters: what is empty is cleared."""
    asked: dict[str, Any] = {p: form.get(p, "").strip() for p in _PLAIN}
    asked["address"] = {part: form.get(part, "").strip() for part in customers.ADDRESS}
    pairs = [line.partition(":") for line in form.get("metadata", "").splitlines() if line.strip()]
    typed = {key.strip(): value.strip() for key, _, value in pairs}
    asked["metadata"] = {**dict.fromkeys(before["metadata"], ""), **typed}
    return asked
