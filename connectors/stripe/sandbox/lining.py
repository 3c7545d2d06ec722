"""Invoice items and the lines of drafts: made, changed and taken away, with the events that tell of it."""

import secrets

from connectors.stripe.sandbox import invoices, items
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.billing import Billing, item_of
from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form, choice, inner, only, text
from connectors.stripe.sandbox.forms import items as listed
from connectors.stripe.sandbox.invoices import Invoice
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, missing, required


class Lining:
    """A call changes all of its lines or none: everything is read before anything is kept."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing

    # Items

    def create(self, account: Account, form: Form, cause: Cause) -> Thing:
        """Waiting for the customer's next invoice, or on the draft that it names."""
        only(form, items.ON_CREATE)
        customer = self._billing.customer(account, form)
        draft = self._draft(account, form, customer["id"])
        currency = draft["currency"] if draft else ""
        asked = invoices.currency_of(form, customer, currency or account.profile["default_currency"])
        if currency and asked != currency:
            raise Problem(400, f"The currency of the item must be that of the invoice ({currency}).", param="currency")
        if not form.keys() & {"amount", "unit_amount_decimal", "price_data", "pricing"}:
            raise required("amount")
        made = self._new(account, customer["id"], asked, form, "")
        self._billing.settle_currency(account, customer, asked, cause)
        if draft:
            made |= {"invoice": draft["id"]}
            _check_room(account, draft, 1)
        account.items.put(made["id"], made)
        self._billing.tell(account, "invoiceitem.created", made, cause)
        if draft:
            self._lined(account, draft, [made["id"], *_item_ids(account, draft)], cause)
        return made

    def _draft(self, account: Account, form: Form, customer: str) -> Invoice | None:
        if not form.get("invoice"):
            return None
        identity = text(form["invoice"], "invoice")
        if account.invoices.get(identity) is None:
            raise missing("invoice", identity, param="invoice", status=400)
        found = self._billing.found(account, identity)
        invoices.check_editable(found)
        if found["customer"] != customer:
            raise Problem(400, "The invoice is that of another customer.", param="invoice")
        return found

    def _new(self, account: Account, customer: str, currency: str, form: Form, place: str) -> Thing:
        fresh = items.new(f"ii_1{secrets.token_hex(11)}", self._billing.now, customer, currency)
        return items.changed(fresh, form, account.tax_rates.get, place)

    def item(self, account: Account, identity: str) -> Thing:
        found = account.items.get(identity)
        if found is None:
            raise missing("invoiceitem", identity)
        return found

    def update(self, account: Account, identity: str, form: Form, cause: Cause) -> Thing:
        only(form, items.ON_UPDATE)
        before = self.item(account, identity)
        draft = self._of(account, before)
        after = items.changed(before, form, account.tax_rates.get)
        account.items.put(identity, after)
        if draft:
            self._lined(account, draft, _item_ids(account, draft), cause)
        return after

    def delete(self, account: Account, identity: str, cause: Cause) -> Thing:
        before = self.item(account, identity)
        draft = self._of(account, before)
        self._drop(account, before, cause)
        if draft:
            self._lined(account, draft, [i for i in _item_ids(account, draft) if i != identity], cause)
        return invoices.deleted(identity, "invoiceitem")

    def _of(self, account: Account, item: Thing) -> Invoice | None:
        """The draft that the item is on. Problem where its invoice is final, or was deleted with the item on it."""
        if item["invoice"] is None:
            return None
        if account.invoices.get(item["invoice"]) is None:
            raise Problem(400, "This invoice item has been deleted.")
        found = self._billing.found(account, item["invoice"])
        invoices.check_editable(found)
        return found

    def _drop(self, account: Account, item: Thing, cause: Cause) -> None:
        account.items.remove(item["id"])
        self._billing.tell(account, "invoiceitem.deleted", item, cause)

    # Lines

    def add(self, account: Account, identity: str, form: Form, cause: Cause) -> Invoice:
        """New lines come first, in the order in which they are given."""
        draft, rows = self._asked(account, identity, form, "invoice")
        _check_room(account, draft, len(rows))
        made = [self._added(account, draft, row, place) for place, row in rows]
        for item in made:
            known = account.items.get(item["id"])
            account.items.put(item["id"], item)
            if known is None:
                self._billing.tell(account, "invoiceitem.created", item, cause)
        return self._lined(account, draft, [*(i["id"] for i in made), *_item_ids(account, draft)], cause, form)

    def _added(self, account: Account, draft: Invoice, row: Form, place: str) -> Thing:
        only(row, items.ON_LINE | {"invoice_item"}, place)
        if "invoice_item" in row:
            return self._assigned(account, draft, row, place)
        if not row.keys() & {"amount", "price_data", "pricing"}:
            raise required(f"{place}[amount]")
        return self._new(account, draft["customer"], draft["currency"], row, place) | {"invoice": draft["id"]}

    def _assigned(self, account: Account, draft: Invoice, row: Form, place: str) -> Thing:
        """An item that was waiting."""
        identity = text(row["invoice_item"], f"{place}[invoice_item]")
        found = account.items.get(identity)
        if found is None or found["customer"] != draft["customer"]:
            raise missing("invoiceitem", identity, param=f"{place}[invoice_item]", status=400)
        if found["invoice"] is not None:
            raise Problem(400, "The invoice item is on an invoice already.", param=f"{place}[invoice_item]")
        rest = {k: v for k, v in row.items() if k != "invoice_item"}
        return items.changed(found, rest, account.tax_rates.get, place) | {"invoice": draft["id"]}

    def change(self, account: Account, identity: str, form: Form, cause: Cause) -> Invoice:
        draft, rows = self._asked(account, identity, form, "id")
        found = [(self._line_item(account, draft, row, place), row, place) for place, row in rows]
        changed = [self._changed(account, item, row, place) for item, row, place in found]
        for item in changed:
            account.items.put(item["id"], item)
        return self._lined(account, draft, _item_ids(account, draft), cause, form)

    def _changed(self, account: Account, item: Thing, row: Form, place: str) -> Thing:
        only(row, items.ON_LINE | {"id"}, place)
        return items.changed(item, {k: v for k, v in row.items() if k != "id"}, account.tax_rates.get, place)

    def change_one(self, account: Account, identity: str, line_id: str, form: Form, cause: Cause) -> Thing:
        """The line, not the invoice, is the answer."""
        draft = self._billing.found(account, identity)
        invoices.check_editable(draft)
        only(form, items.ON_LINE | {"expand"})
        item = self._line_item(account, draft, {"id": line_id}, "")
        after = items.changed(item, {k: v for k, v in form.items() if k != "expand"}, account.tax_rates.get)
        account.items.put(after["id"], after)
        self._lined(account, draft, _item_ids(account, draft), cause)
        return next(each for each in account.lines[identity] if each["id"] == line_id)

    def remove(self, account: Account, identity: str, form: Form, cause: Cause) -> Invoice:
        """Away with the item behind a line, or back to the ones that wait."""
        draft, rows = self._asked(account, identity, form, "id")
        gone: dict[str, str] = {}
        for place, row in rows:
            only(row, ("id", "behavior"), place)
            item = self._line_item(account, draft, row, place)
            if "behavior" not in row:
                raise required(f"{place}[behavior]")
            gone[item["id"]] = choice(row["behavior"], f"{place}[behavior]", ("delete", "unassign"))
        for each, behavior in gone.items():
            item = account.items[each]
            if behavior == "delete":
                self._drop(account, item, cause)
            else:
                account.items.put(each, item | {"invoice": None})
        left = [i for i in _item_ids(account, draft) if i not in gone]
        return self._lined(account, draft, left, cause, form)

    def _asked(
        self, account: Account, identity: str, form: Form, param: str
    ) -> tuple[Invoice, list[tuple[str, Form]]]:  # fmt: skip
        """The draft, and what is said of each line with the place where it is said."""
        draft = self._billing.found(account, identity, param=param)
        only(form, ("lines", "invoice_metadata", "expand"))
        if "lines" not in form:
            raise required("lines")
        invoices.check_editable(draft)
        rows = [(f"lines[{n}]", inner(row, f"lines[{n}]")) for n, row in enumerate(listed(form["lines"], "lines"))]
        return draft, rows

    def _line_item(self, account: Account, draft: Invoice, row: Form, place: str) -> Thing:
        if "id" not in row:
            raise required(f"{place}[id]")
        identity = text(row["id"], f"{place}[id]")
        shown = next((each for each in account.lines[draft["id"]] if each["id"] == identity), None)
        if shown is None:
            raise missing("invoice line item", identity, param=f"{place}[id]" if place else "id")
        return account.items[item_of(shown)]

    def _lined(
        self, account: Account, draft: Invoice, item_ids: list[str], cause: Cause, form: Form | None = None
    ) -> Invoice:  # fmt: skip
        """The draft with the lines of these items, told as an update."""
        after = draft
        if form and "invoice_metadata" in form:
            after = draft | {"metadata": metadata(draft["metadata"], form["invoice_metadata"])}
        after = self._billing.recounted(account, after, [items.line(account.items[i], after) for i in item_ids])
        return self._billing.keep(account, draft, after, cause)


def _item_ids(account: Account, draft: Invoice) -> list[str]:
    return [item_of(each) for each in account.lines[draft["id"]]]


def _check_room(account: Account, draft: Invoice, more: int) -> None:
    if len(account.lines[draft["id"]]) + more > invoices.MOST_LINES:
        words = f"An invoice can have up to {invoices.MOST_LINES} line items."
        raise Problem(400, words, param="lines")
