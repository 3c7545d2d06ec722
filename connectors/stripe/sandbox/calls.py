"""The calls of the API that the stand-in knows, one function each: a request in, a JSON body out."""

import secrets
from typing import Any

from connectors.sandbox.service import Frame
from connectors.stripe.sandbox import customers, listing, search
from connectors.stripe.sandbox.access import PLATFORM, Access, no_access
from connectors.stripe.sandbox.accounts import Account, removed
from connectors.stripe.sandbox.asking import Call, Request
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.credit_notes import CreditNoteCalls
from connectors.stripe.sandbox.events import Events
from connectors.stripe.sandbox.forms import Form, expanded, integer, items, only, text
from connectors.stripe.sandbox.invoice_calls import InvoiceCalls
from connectors.stripe.sandbox.payment_calls import PaymentCalls
from connectors.stripe.sandbox.payments import Payments
from connectors.stripe.sandbox.problems import Problem, missing, required
from connectors.stripe.sandbox.routing import Routes


class Calls:
    """`named`: the function of each operation; `routes` finds them."""

    def __init__(
        self, frame: Frame, events: Events, access: Access, accounts: dict[str, Account], billing: Billing,
        payments: Payments,
    ) -> None:  # fmt: skip
        self._frame, self._events, self._access, self._accounts = frame, events, access, accounts
        self.named: dict[str, Call] = {
            "GET account": self.own_account,
            "GET account/{id}": self.one_account,
            "POST customers": self.create,
            "GET customer/{id}": self.retrieve,
            "POST customer/{id}": self.update,
            "DELETE customer/{id}": self.delete,
            "GET customers": self.list_customers,
            "GET customers/search": self.search_customers,
            "GET events": self.list_events,
            "GET event/{id}": self.event,
            **InvoiceCalls(billing).named,
            **CreditNoteCalls(billing).named,
            **PaymentCalls(payments).named,
        }
        self.routes = Routes(self.named)

    def own_account(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        return asked.account.profile

    def one_account(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        if asked.record_id == asked.account.id:
            return asked.account.profile
        if asked.account.id != PLATFORM or not self._access.connected(asked.record_id):
            raise no_access(asked.caller.key, asked.record_id)
        return self._accounts[asked.record_id].profile

    def create(self, asked: Request) -> Any:
        expand = expanded(asked.form, customers.EXPANDABLE)
        now = self._frame.clock.time()
        fresh = customers.new(f"cus_{secrets.token_hex(7)}", int(now), secrets.token_hex(4).upper())
        made = customers.changed(fresh, asked.form, customers.ON_CREATE)
        tax_ids = customers.tax_ids(asked.form, made["id"], int(now))
        if tax_ids:
            asked.account.kept["tax_ids"][made["id"]] = tax_ids
        asked.account.put(made, now)
        self._events.record(asked.account, "customer.created", made, asked.cause)
        return _shown(asked.account, made, expand)

    def retrieve(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        expand = expanded(asked.form, customers.EXPANDABLE)
        found = asked.account.customer(asked.record_id)
        if found is None:
            raise missing("customer", asked.record_id)
        return _shown(asked.account, found, expand)

    def update(self, asked: Request) -> Any:
        expand = expanded(asked.form, customers.EXPANDABLE)
        before = _living(asked)
        after = customers.changed(before, asked.form, customers.ON_UPDATE)
        told = customers.previous(before, after)
        if told:
            asked.account.put(after, self._frame.clock.time())
            self._events.record(asked.account, "customer.updated", after, asked.cause, told)
        return _shown(asked.account, after, expand)

    def delete(self, asked: Request) -> Any:
        only(asked.form, ())
        before = _living(asked)
        gone = removed(asked.account, asked.record_id, self._frame.clock.time())
        self._events.record(asked.account, "customer.deleted", before, asked.cause)
        return gone

    def list_customers(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "email", "test_clock"))
        expand = expanded(asked.form, customers.EXPANDABLE, "data.")
        if "test_clock" in asked.form:
            raise missing("test clock", str(asked.form["test_clock"]), param="test_clock", status=400)
        email = text(asked.form["email"], "email", 512) if "email" in asked.form else None
        among = None if email is None else asked.account.with_email(email)
        page = asked.account.customers.page(
            asked.form, "/v1/customers", "customer", lambda c: "deleted" not in c, among
        )
        page["data"] = [_shown(asked.account, c, expand) for c in page["data"]] if expand else page["data"]
        return page

    def search_customers(self, asked: Request) -> Any:
        only(asked.form, ("query", "limit", "page", "expand"))
        if "query" not in asked.form:
            raise required("query")
        expand = expanded(asked.form, {*customers.EXPANDABLE, "total_count"}, "data.") if _in_rows(asked) else set()
        fits = search.parsed(text(asked.form["query"], "query"))
        found = [c for c in asked.account.searchable(self._frame.clock.time()) if fits(c)]
        most, start = listing.limit(asked.form), _page_token(asked.form)
        rows, more = found[start : start + most], len(found) > start + most
        body = {
            "object": "search_result", "data": [_shown(asked.account, c, expand) for c in rows], "has_more": more,
            "next_page": f"page_{start + most}" if more else None, "url": "/v1/customers/search",
        }  # fmt: skip
        return body | {"total_count": len(found)} if _counts(asked) else body

    def list_events(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "type", "types", "delivery_success"))
        expanded(asked.form, (), "data.")
        kinds = {text(k, "types") for k in items(asked.form["types"], "types")} if "types" in asked.form else set()
        if "type" in asked.form:
            kinds.add(text(asked.form["type"], "type"))
        delivered = asked.form.get("delivery_success")

        def keep(event: dict[str, Any]) -> bool:
            return (
                self._events.kept(event)
                and (not kinds or event["type"] in kinds)
                and (delivered is None or (event["pending_webhooks"] == 0) == (delivered == "true"))
            )

        return asked.account.events.page(asked.form, "/v1/events", "event", keep)

    def event(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = asked.account.events.things.get(asked.record_id)
        if found is None or not self._events.kept(found):
            raise missing("event", asked.record_id)
        return found


def _living(asked: Request) -> customers.Customer:
    found = asked.account.customer(asked.record_id)
    if found is None or "deleted" in found:
        raise missing("customer", asked.record_id)
    return found


def _shown(account: Account, customer: customers.Customer, expand: set[str]) -> customers.Customer:
    if not expand or "deleted" in customer:
        return customer
    shown = dict(customer)
    for name in expand & {"tax_ids", "sources", "subscriptions"}:
        rows = account.tax_ids(customer["id"]) if name == "tax_ids" else []
        url = f"/v1/customers/{customer['id']}/{name}"
        shown[name] = {"object": "list", "data": rows, "has_more": False, "url": url}
    return shown


def _in_rows(asked: Request) -> bool:
    return "expand" in asked.form and not _counts(asked)


def _counts(asked: Request) -> bool:
    return "total_count" in items(asked.form["expand"], "expand") if "expand" in asked.form else False


def _page_token(form: Form) -> int:
    token = text(form.get("page", "page_0"), "page")
    if not token.startswith("page_"):
        raise Problem(400, "Invalid page token.", param="page")
    return integer(token.removeprefix("page_"), "page")
