"""What happens to invoices: by the API, on the control pages, and by itself as time passes. Each change is an event."""

import heapq
import secrets
from collections.abc import Callable
from typing import Any

from connectors.sandbox.service import Frame
from connectors.stripe.sandbox import customers, invoices, totals
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.events import Cause, Events
from connectors.stripe.sandbox.forms import Form, choice
from connectors.stripe.sandbox.invoices import DRAFT, OPEN, PAID, Invoice
from connectors.stripe.sandbox.items import line
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, missing

#: Told of an invoice after it was opened for payment, after less or more of it is due, or when nothing is any more.
type Hook = Callable[[Account, Invoice, Cause | None], object]
#: What an invoice shows of a part only when that is asked for: (account, invoice, what is asked for inside of it).
type Expander = Callable[[Account, Invoice, set[str]], Any]


def _nothing(account: Account, invoice: Invoice, cause: Cause | None) -> None:
    """Nobody listens."""


class Billing:
    """`opened`, `resized` and `closed` are for whoever keeps the payments; `expanders` for what they add to an invoice.

    `cause` is None where Stripe itself acts.
    """

    def __init__(self, frame: Frame, events: Events, accounts: dict[str, Account]) -> None:
        self._frame, self.events, self._accounts = frame, events, accounts
        self.opened: Hook = _nothing
        self.resized: Hook = _nothing
        self.closed: Hook = _nothing
        self.expanders: dict[str, Expander] = {"customer": _customer, "payments": _no_payments}
        self._address = frame.environ.get("SANDBOX_URL", "").rstrip("/")
        self._heard_at = "127.0.0.1:8001"
        self._due: list[tuple[int, str, str]] = []
        for account in accounts.values():
            for invoice in account.invoices.things.values():
                self._watch(account, invoice)

    def heard_at(self, host: str) -> None:
        """Where this stand-in was last called, for the addresses of pages that it hands out."""
        self._heard_at = host or self._heard_at

    def address(self, place: str) -> str:
        """Of a page of this stand-in, as people reach it."""
        return f"{self._address or f'http://{self._heard_at}'}/stripe/{place}"

    def page(self, account: Account, invoice: Invoice) -> str:
        """The address of a hosted page: nobody guesses it."""
        return self.address(f"i/{account.id}/test_{invoice['id'][3:]}{secrets.token_hex(8)}")

    @property
    def now(self) -> int:
        return int(self._frame.clock.time())

    # What is read

    def found(self, account: Account, identity: str, *, param: str = "id") -> Invoice:
        """As it is now. Problem where there is none."""
        kept = account.invoices.get(identity)
        if kept is None:
            raise missing("invoice", identity, param=param)
        return self.current(account, kept)

    def current(self, account: Account, kept: Invoice) -> Invoice:
        """A draft with what its customer is called now, a final one with an address that can be opened."""
        if kept["status"] != DRAFT:
            return self._reachable(account, kept)
        return invoices.with_customer(kept, account.customers[kept["customer"]], account.tax_ids(kept["customer"]))

    def _reachable(self, account: Account, kept: Invoice) -> Invoice:
        identity = kept["id"]
        if invoices.page_until(kept, account.pages.get(identity, 0)) > self.now:
            return kept
        page = self.page(account, kept)
        after = kept | {"hosted_invoice_url": page, "invoice_pdf": f"{page}/pdf"}
        account.pages[identity] = self.now
        account.invoices.put(identity, after)
        self._frame.changed()
        return after

    def shown(self, account: Account, invoice: Invoice, expand: set[str]) -> Invoice:
        """With the parts that are asked for, as 'customer' or 'payments.data.payment'."""
        if not expand:
            return invoice
        added: dict[str, Any] = {}
        for name in {e.partition(".")[0] for e in expand} & self.expanders.keys():
            inside = {e.partition(".")[2] for e in expand if e.startswith(f"{name}.")}
            added[name] = self.expanders[name](account, invoice, inside)
        return invoice | added

    # What is kept

    def keep(self, account: Account, before: Invoice, after: Invoice, cause: Cause | None) -> Invoice:
        """A changed invoice, told as an update where anything did change."""
        told = customers.previous(before, after)
        if told:
            account.invoices.put(after["id"], after)
            self._watch(account, after)
            self.tell(account, "invoice.updated", after, cause, told)
        if "amount_remaining" in told and before["status"] == after["status"] == OPEN:
            self.resized(account, after, cause)
        return after

    def tell(
        self, account: Account, kind: str, about: Thing, cause: Cause | None, previous: Thing | None = None
    ) -> None:  # fmt: skip
        self.events.record(account, kind, about, cause, previous)

    def recounted(self, account: Account, invoice: Invoice, lines: list[Thing]) -> Invoice:
        """A draft with these lines and what they come to; the lines are kept, the invoice is not yet."""
        account.lines[invoice["id"]] = lines
        counted = totals.totalled(
            invoice, lines, account.tax_rates.things, per_invoice=account.settings["round_tax_per_invoice"]
        )
        return counted | {"lines": invoices.embedded(invoice["id"], lines)}

    def relined(self, account: Account, invoice: Invoice) -> Invoice:
        """A draft whose lines are made anew of their items."""
        made = [line(account.items[item_of(each)], invoice) for each in account.lines.get(invoice["id"], ())]
        return self.recounted(account, invoice, made)

    # What is done

    def create(self, account: Account, form: Form, cause: Cause | None) -> Invoice:
        customer = self.customer(account, form)
        swept = _pending(account, customer["id"], form)
        currency = invoices.currency_of(form, customer, account.profile["default_currency"])
        now = self.now
        fresh = invoices.new(f"in_1{secrets.token_hex(11)}", now, account.profile, customer, currency)
        made = invoices.changed(fresh, form, now, account.tax_rates.get, invoices.ON_CREATE)
        made = self._numbered(account, invoices.with_customer(made, customer, account.tax_ids(customer["id"])))
        self.settle_currency(account, customer, currency, cause)
        swept = [self._taken(account, item, made) for item in swept if item["currency"] == currency]
        made = self.recounted(account, made, [line(item, made) for item in swept])
        account.invoices.put(made["id"], made)
        self._watch(account, made)
        self.tell(account, "invoice.created", made, cause)
        return made

    def customer(self, account: Account, form: Form) -> Thing:
        """The one that the parameters name. Problem where there is none, or none any more."""
        identity = invoices.needed_customer(form)
        found = account.customer(identity)
        if found is None or "deleted" in found:
            raise missing("customer", identity, param="customer", status=400)
        return found

    def settle_currency(self, account: Account, customer: Thing, currency: str, cause: Cause | None) -> None:
        """A customer is billed in the currency of the first bill ever after."""
        if customer["currency"] is None:
            self.change_customer(account, customer["id"], {"currency": currency}, cause)

    def change_customer(self, account: Account, identity: str, changes: Thing, cause: Cause | None) -> None:
        before = account.customers[identity]
        if "deleted" in before:
            return
        told = customers.previous(before, after := before | changes)
        if told:
            account.put(after, self._frame.clock.time())
            self.tell(account, "customer.updated", after, cause, told)

    def _taken(self, account: Account, item: Thing, invoice: Invoice) -> Thing:
        after = item | {"invoice": invoice["id"]}
        account.items.put(item["id"], after)
        return after

    def _numbered(self, account: Account, invoice: Invoice) -> Invoice:
        number = invoice["number"]
        if number and any(
            i["number"] == number and i["id"] != invoice["id"] for i in account.invoices.things.values()
        ):  # fmt: skip
            raise Problem(400, f"Invalid number: an invoice with the number '{number}' exists already.", param="number")
        return invoice

    def update(self, account: Account, identity: str, form: Form, cause: Cause | None) -> Invoice:
        before = self.found(account, identity)
        after = invoices.changed(before, form, self.now, account.tax_rates.get, invoices.ON_UPDATE)
        if before["status"] == DRAFT:
            after = self.relined(account, self._numbered(account, after))
        return self.keep(account, before, after, cause)

    def delete(self, account: Account, identity: str, cause: Cause | None) -> Thing:
        before = self.found(account, identity, param="invoice")
        invoices.check_deletable(before)
        account.invoices.remove(identity)
        account.lines.pop(identity, None)
        self.tell(account, "invoice.deleted", before, cause)
        return invoices.deleted(identity)

    def finalize(
        self, account: Account, identity: str, cause: Cause | None, form: Form | None = None, *, param: str = "id"
    ) -> Invoice:  # fmt: skip
        """Open, or paid at once where nothing is due."""
        before = self.found(account, identity, param=param)
        ready = self.relined(account, before) if before["status"] == DRAFT else before
        ready = invoices.changed(ready, form, self.now, account.tax_rates.get, {"auto_advance"}) if form else ready
        customer = account.customers[ready["customer"]]
        number = f"{customer.get('invoice_prefix', 'DELETED')}-{customer.get('next_invoice_sequence', 1):04d}"
        after = invoices.finalized(ready, number, self.page(account, ready), self.now)
        counted = {"balance": after["ending_balance"]}
        if not ready["number"]:
            counted["next_invoice_sequence"] = customer.get("next_invoice_sequence", 1) + 1
        self.change_customer(account, ready["customer"], counted, cause)
        self.keep(account, before, after, cause)
        self.tell(account, "invoice.finalized", after, cause)
        if after["status"] == PAID:
            self._tell_paid(account, after, cause)
        else:
            self.opened(account, after, cause)
        return account.invoices[identity]

    def void(self, account: Account, identity: str, cause: Cause | None) -> Invoice:
        before = self.found(account, identity)
        after = self.keep(account, before, invoices.voided(before, self.now), cause)
        used = before["starting_balance"] - (before["ending_balance"] or 0)
        if used:
            balance = account.customers[before["customer"]].get("balance", 0)
            self.change_customer(account, before["customer"], {"balance": balance + used}, cause)
        self.tell(account, "invoice.voided", after, cause)
        self.closed(account, after, cause)
        return account.invoices[identity]

    def mark_uncollectible(self, account: Account, identity: str, cause: Cause | None) -> Invoice:
        before = self.found(account, identity)
        after = self.keep(account, before, invoices.uncollectible(before, self.now), cause)
        self.tell(account, "invoice.marked_uncollectible", after, cause)
        return after

    def send(self, account: Account, identity: str, cause: Cause | None) -> Invoice:
        """No mail goes out. A draft is made final first."""
        found = self.found(account, identity, param="invoice")
        invoices.check_sendable(found)
        if found["status"] == DRAFT:
            found = self.finalize(account, identity, cause)
        self.tell(account, "invoice.sent", found, cause)
        return found

    def pay(
        self, account: Account, identity: str, amount: int, cause: Cause | None, **changes: Any
    ) -> Invoice:  # fmt: skip
        """So much came in. `changes`: what else the payment leaves on the invoice, as {"attempted": True}."""
        before = self.found(account, identity)
        after = self.keep(account, before, invoices.pay(before, amount, self.now) | changes, cause)
        over = after["amount_overpaid"] - before["amount_overpaid"]
        if over > 0:
            balance = account.customers[before["customer"]].get("balance", 0)
            self.change_customer(account, before["customer"], {"balance": balance - over}, cause)
            self.tell(account, "invoice.overpaid", after, cause)
        if after["status"] == PAID:
            self._tell_paid(account, after, cause)
        return after

    def _tell_paid(self, account: Account, invoice: Invoice, cause: Cause | None) -> None:
        self.tell(account, "invoice.paid", invoice, cause)
        self.tell(account, "invoice.payment_succeeded", invoice, cause)

    # What happens by itself

    def _watch(self, account: Account, invoice: Invoice) -> None:
        at = invoice["automatically_finalizes_at"] if invoice["status"] == DRAFT else invoice["due_date"]
        if at and invoice["status"] in (DRAFT, OPEN) and invoice["id"] not in account.overdue:
            heapq.heappush(self._due, (at, account.id, invoice["id"]))

    def passing(self) -> None:
        """Drafts that go on by themselves are made final, and open invoices become overdue, each at its time."""
        while self._due and self._due[0][0] <= self.now:
            _, account_id, identity = heapq.heappop(self._due)
            account = self._accounts[account_id]
            kept = account.invoices.get(identity)
            if kept is None:
                continue
            goes_on = kept["automatically_finalizes_at"]
            if kept["status"] == DRAFT and goes_on and goes_on <= self.now:
                self._finalized_by_itself(account, identity)
            elif kept["status"] == OPEN and kept["due_date"] and kept["due_date"] <= self.now:
                self._overdue(account, kept)

    def _finalized_by_itself(self, account: Account, identity: str) -> None:
        try:
            made = self.finalize(account, identity, None)
        except Problem as problem:
            self.tell(account, "invoice.finalization_failed", account.invoices[identity], None)
            before = account.invoices[identity]
            failed = before | {"last_finalization_error": problem.error, "automatically_finalizes_at": None}
            self.keep(account, before, failed, None)
            return
        if made["status"] == OPEN and made["collection_method"] == invoices.METHODS[1]:
            self.tell(account, "invoice.sent", made, None)

    def _overdue(self, account: Account, invoice: Invoice) -> None:
        if invoice["id"] not in account.overdue:
            account.overdue[invoice["id"]] = invoice["due_date"]
            self.tell(account, "invoice.overdue", invoice, None)


def item_of(shown: Thing) -> str:
    """The id of the item behind a line."""
    return str(shown["parent"]["invoice_item_details"]["invoice_item"])


def _pending(account: Account, customer: str, form: Form) -> list[Thing]:
    """The items that wait for the customer's next invoice, newest first, where it is to have them."""
    param = "pending_invoice_items_behavior"
    if choice(form.get(param, "exclude"), param, ("exclude", "include")) == "exclude":
        return []
    return [i for i in reversed(account.items.things.values()) if i["customer"] == customer and i["invoice"] is None]


def _customer(account: Account, invoice: Invoice, inside: set[str]) -> Thing:
    return account.customers[invoice["customer"]]


def _no_payments(account: Account, invoice: Invoice, inside: set[str]) -> Thing:
    url = f"/v1/invoice_payments?invoice={invoice['id']}"
    return {"object": "list", "data": [], "has_more": False, "url": url}
