"""The calls of the API about invoices, their lines and items, and tax rates."""

import secrets
from collections.abc import Callable
from typing import Any

from connectors.stripe.sandbox import customers, invoices, listing, tax_rates
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.asking import Call, Request
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.forms import Form, boolean, choice, expanded, only, text
from connectors.stripe.sandbox.lining import Lining
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import missing

_DEEPER = (
    "payments", "payments.data", "payments.data.payment", "payments.data.payment.payment_intent",
    "payments.data.payment.charge",
)  # fmt: skip
EXPANDABLE = {
    *_DEEPER, "account_tax_ids", "amount_paid_off_stripe", "application", "confirmation_secret", "customer",
    "default_payment_method", "default_source", "discounts", "latest_revision", "lines", "lines.data", "on_behalf_of",
    "test_clock", "total_taxes.tax_rate_details.tax_rate",
}  # fmt: skip
_ITEM_EXPANDABLE = {"customer", "discounts", "invoice", "test_clock"}


class InvoiceCalls:
    """`named`: the function of each operation."""

    def __init__(self, billing: Billing) -> None:
        self._billing, self._lining = billing, Lining(billing)
        self.named: dict[str, Call] = {
            "POST tax_rates": self.create_rate,
            "GET tax_rates": self.list_rates,
            "GET tax_rate/{id}": self.rate,
            "POST tax_rate/{id}": self.update_rate,
            "POST invoiceitems": self.create_item,
            "GET invoiceitems": self.list_items,
            "GET invoiceitem/{id}": self.item,
            "POST invoiceitem/{id}": self.update_item,
            "DELETE invoiceitem/{id}": self.delete_item,
            "POST invoices": self.create,
            "GET invoices": self.list_invoices,
            "GET invoice/{id}": self.retrieve,
            "POST invoice/{id}": self.update,
            "DELETE invoice/{id}": self.delete,
            "GET invoice/{id}/lines": self.lines,
            "POST invoice/{id}/lines/{id}": self.update_line,
            "POST invoice/{id}/add_lines": self.add_lines,
            "POST invoice/{id}/update_lines": self.update_lines,
            "POST invoice/{id}/remove_lines": self.remove_lines,
            "POST invoice/{id}/finalize": self.finalize,
            "POST invoice/{id}/send": self.send,
            "POST invoice/{id}/void": self.void,
            "POST invoice/{id}/mark_uncollectible": self.mark_uncollectible,
        }

    # Tax rates

    def create_rate(self, asked: Request) -> Any:
        made = tax_rates.new(f"txr_1{secrets.token_hex(11)}", self._billing.now, asked.form)
        asked.account.tax_rates.put(made["id"], made)
        self._billing.tell(asked.account, "tax_rate.created", made, asked.cause)
        return made

    def list_rates(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "active", "inclusive"))
        wanted = {p: boolean(asked.form[p], p) for p in ("active", "inclusive") if p in asked.form}
        return asked.account.tax_rates.page(
            asked.form, "/v1/tax_rates", "tax rate", lambda r: all(r[p] == v for p, v in wanted.items())
        )

    def rate(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = asked.account.tax_rates.get(asked.record_id)
        if found is None:
            raise missing("tax rate", asked.record_id)
        return found

    def update_rate(self, asked: Request) -> Any:
        before = self.rate(Request(asked.account, asked.caller, {}, asked.record_id, asked.id, asked.key))
        after = tax_rates.changed(before, asked.form)
        told = customers.previous(before, after)
        if told:
            asked.account.tax_rates.put(after["id"], after)
            self._billing.tell(asked.account, "tax_rate.updated", after, asked.cause, told)
        return after

    # Items

    def create_item(self, asked: Request) -> Any:
        expand = expanded(asked.form, _ITEM_EXPANDABLE)
        return self._item_shown(asked.account, self._lining.create(asked.account, asked.form, asked.cause), expand)

    def list_items(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "customer", "invoice", "pending"))
        expand = expanded(asked.form, _ITEM_EXPANDABLE, "data.")
        pending = boolean(asked.form["pending"], "pending") if "pending" in asked.form else None
        same = {p: text(asked.form[p], p) for p in ("customer", "invoice") if p in asked.form}

        def keep(item: Thing) -> bool:
            return all(item[p] == v for p, v in same.items()) and pending in (None, item["invoice"] is None)

        page = asked.account.items.page(asked.form, "/v1/invoiceitems", "invoiceitem", keep, created="date")
        return page | {"data": [self._item_shown(asked.account, i, expand) for i in page["data"]]}

    def item(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        expand = expanded(asked.form, _ITEM_EXPANDABLE)
        return self._item_shown(asked.account, self._lining.item(asked.account, asked.record_id), expand)

    def update_item(self, asked: Request) -> Any:
        expand = expanded(asked.form, _ITEM_EXPANDABLE)
        changed = self._lining.update(asked.account, asked.record_id, asked.form, asked.cause)
        return self._item_shown(asked.account, changed, expand)

    def delete_item(self, asked: Request) -> Any:
        only(asked.form, ())
        return self._lining.delete(asked.account, asked.record_id, asked.cause)

    def _item_shown(self, account: Account, item: Thing, expand: set[str]) -> Thing:
        added = {"customer": account.customers[item["customer"]]} if "customer" in expand else {}
        if "invoice" in expand and item["invoice"]:
            added["invoice"] = self._billing.found(account, item["invoice"])
        return item | added

    # Invoices

    def create(self, asked: Request) -> Any:
        expand = expanded(asked.form, EXPANDABLE)
        return self._shown(asked, self._billing.create(asked.account, asked.form, asked.cause), expand)

    def list_invoices(self, asked: Request) -> Any:
        filters = ("status", "customer", "collection_method", "due_date", "subscription")
        only(asked.form, (*listing.PAGING, *filters))
        expand = expanded(asked.form, EXPANDABLE, "data.")
        keep, due = _filter(asked.form), listing.created_filter(asked.form, "due_date")
        page = asked.account.invoices.page(asked.form, "/v1/invoices", "invoice", lambda i: keep(i) and due(i))
        rows = [self._billing.current(asked.account, i) for i in page["data"]]
        return page | {"data": [self._billing.shown(asked.account, i, expand) for i in rows]}

    def retrieve(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        expand = expanded(asked.form, EXPANDABLE)
        return self._shown(asked, self._billing.found(asked.account, asked.record_id, param="invoice"), expand)

    def update(self, asked: Request) -> Any:
        expand = expanded(asked.form, EXPANDABLE)
        changed = self._billing.update(asked.account, asked.record_id, asked.form, asked.cause)
        return self._shown(asked, changed, expand)

    def delete(self, asked: Request) -> Any:
        only(asked.form, ())
        return self._billing.delete(asked.account, asked.record_id, asked.cause)

    def lines(self, asked: Request) -> Any:
        only(asked.form, ("limit", "starting_after", "ending_before", "expand"))
        expanded(asked.form, {"discounts", "taxes.tax_rate_details.tax_rate"}, "data.")
        self._billing.found(asked.account, asked.record_id, param="invoice")
        rows = asked.account.lines[asked.record_id]
        return listing.paged(rows, asked.form, f"/v1/invoices/{asked.record_id}/lines", "invoice line item")

    def update_line(self, asked: Request) -> Any:
        expanded(asked.form, {"discounts"})
        identity, _, line_id = asked.record_id.partition("/")
        return self._lining.change_one(asked.account, identity, line_id, asked.form, asked.cause)

    def add_lines(self, asked: Request) -> Any:
        expand = expanded(asked.form, EXPANDABLE)
        return self._shown(
            asked, self._lining.add(asked.account, asked.record_id, asked.form, asked.cause), expand
        )  # fmt: skip

    def update_lines(self, asked: Request) -> Any:
        expand = expanded(asked.form, EXPANDABLE)
        changed = self._lining.change(asked.account, asked.record_id, asked.form, asked.cause)
        return self._shown(asked, changed, expand)

    def remove_lines(self, asked: Request) -> Any:
        expand = expanded(asked.form, EXPANDABLE)
        left = self._lining.remove(asked.account, asked.record_id, asked.form, asked.cause)
        return self._shown(asked, left, expand)

    def finalize(self, asked: Request) -> Any:
        only(asked.form, ("auto_advance", "expand"))
        expand = expanded(asked.form, EXPANDABLE)
        form = {k: v for k, v in asked.form.items() if k == "auto_advance"}
        return self._shown(
            asked, self._billing.finalize(asked.account, asked.record_id, asked.cause, form), expand
        )  # fmt: skip

    def send(self, asked: Request) -> Any:
        expand = self._just_expand(asked)
        return self._shown(asked, self._billing.send(asked.account, asked.record_id, asked.cause), expand)

    def void(self, asked: Request) -> Any:
        expand = self._just_expand(asked)
        return self._shown(asked, self._billing.void(asked.account, asked.record_id, asked.cause), expand)

    def mark_uncollectible(self, asked: Request) -> Any:
        expand = self._just_expand(asked)
        closed = self._billing.mark_uncollectible(asked.account, asked.record_id, asked.cause)
        return self._shown(asked, closed, expand)

    def _just_expand(self, asked: Request) -> set[str]:
        only(asked.form, ("expand",))
        return expanded(asked.form, EXPANDABLE)

    def _shown(self, asked: Request, invoice: invoices.Invoice, expand: set[str]) -> Any:
        return self._billing.shown(asked.account, invoice, expand)


def _filter(form: Form) -> Callable[[Thing], bool]:
    """A test for an invoice."""
    same: dict[str, str] = {p: text(form[p], p) for p in ("customer", "subscription") if p in form}
    if "status" in form:
        same["status"] = choice(form["status"], "status", invoices.STATUSES)
    if "collection_method" in form:
        same["collection_method"] = choice(form["collection_method"], "collection_method", invoices.METHODS)
    return lambda invoice: all(invoice.get(p) == v for p, v in same.items())
