"""The calls of the API about payments: intents, charges, methods, invoice payments, records, refunds and disputes."""

from collections.abc import Callable, Iterable
from typing import Any

from connectors.stripe.sandbox import cards, charging, listing
from connectors.stripe.sandbox.asking import Call, Request
from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.expanding import finder, whole
from connectors.stripe.sandbox.forms import Form, choice, expanded, inner, integer, only, text
from connectors.stripe.sandbox.invoice_calls import EXPANDABLE as OF_INVOICES
from connectors.stripe.sandbox.listing import Shelf, Thing
from connectors.stripe.sandbox.payments import Payments, needed, needed_text
from connectors.stripe.sandbox.problems import Declined, Problem, missing, not_here, required

OF_CHARGES = {"balance_transaction", "customer", "payment_intent", "payment_intent.payment_method", "refunds"}
OF_INTENTS = {
    "customer", "latest_charge", "latest_charge.balance_transaction", "latest_charge.customer", "payment_method",
}  # fmt: skip
OF_INVOICE_PAYMENTS = {
    "invoice", "invoice.customer", "payment.charge", "payment.payment_intent", "payment.payment_intent.latest_charge",
    "payment.payment_intent.customer", "payment.payment_record",
}  # fmt: skip
OF_REFUNDS = {"balance_transaction", "charge", "customer", "failure_balance_transaction", "payment_intent"}
OF_DISPUTES = {"charge", "charge.customer", "payment_intent"}
OF_TRANSACTIONS = {"source", "source.payment_intent", "source.charge"}
_STATUSES = ("open", "paid", "canceled")


class PaymentCalls:
    """`named`: the function of each operation."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self.named: dict[str, Call] = {
            "POST payment_intents": self.create_intent,
            "GET payment_intents": self.list_intents,
            "GET payment_intent/{id}": self.intent,
            "POST payment_intent/{id}": self.update_intent,
            "POST payment_intent/{id}/confirm": self.confirm_intent,
            "POST payment_intent/{id}/capture": self.capture_intent,
            "POST payment_intent/{id}/cancel": self.cancel_intent,
            "GET charges": self.list_charges,
            "GET charge/{id}": self.charge,
            "POST payment_methods": self.create_method,
            "GET payment_methods": self.list_methods,
            "GET payment_method/{id}": self.method,
            "POST payment_method/{id}/attach": self.attach_method,
            "POST payment_method/{id}/detach": self.detach_method,
            "GET invoice_payments": self.list_invoice_payments,
            "GET invoice_payment/{id}": self.invoice_payment,
            "POST invoice/{id}/pay": self.pay_invoice,
            "POST invoice/{id}/attach_payment": self.attach_payment,
            "POST payment_records/report_payment": self.report_payment,
            "GET payment_records": self.list_records,
            "GET payment_record/{id}": self.record,
            "POST refunds": self.create_refund,
            "GET refunds": self.list_refunds,
            "GET refund/{id}": self.refund,
            "POST refund/{id}": self.update_refund,
            "GET disputes": self.list_disputes,
            "GET dispute/{id}": self.dispute,
            "POST dispute/{id}": self.update_dispute,
            "POST dispute/{id}/close": self.close_dispute,
            "GET balance_transactions": self.list_transactions,
            "GET balance_transaction/{id}": self.transaction,
        }

    # Payment intents

    def create_intent(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_INTENTS)
        return _shown(asked, self._payments.create(asked.account, asked.form, asked.cause), expand)

    def list_intents(self, asked: Request) -> Any:
        return _listed(asked, asked.account.intents, "payment_intents", "payment_intent", ("customer",), OF_INTENTS)

    def intent(self, asked: Request) -> Any:
        only(asked.form, ("expand", "client_secret"))
        return _shown(asked, self._intent(asked), expanded(asked.form, OF_INTENTS))

    def _intent(self, asked: Request) -> Thing:
        return needed(asked.account.intents, "payment_intent", asked.record_id, param="intent")

    def update_intent(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_INTENTS)
        return _shown(asked, self._payments.update(asked.account, self._intent(asked), asked.form), expand)

    def confirm_intent(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_INTENTS)
        done = self._payments.confirm_asked(asked.account, self._intent(asked), asked.form, asked.cause)
        return _shown(asked, done, expand)

    def capture_intent(self, asked: Request) -> Any:
        only(asked.form, ("expand", "amount_to_capture"))
        if "amount_to_capture" in asked.form:
            raise not_here("amount_to_capture")
        expand = expanded(asked.form, OF_INTENTS)
        return _shown(asked, self._payments.capture(asked.account, self._intent(asked), asked.cause), expand)

    def cancel_intent(self, asked: Request) -> Any:
        only(asked.form, ("cancellation_reason", "expand"))
        expand, param = expanded(asked.form, OF_INTENTS), "cancellation_reason"
        reason = choice(asked.form[param], param, charging.REASONS) if param in asked.form else None
        return _shown(asked, self._payments.cancel(asked.account, self._intent(asked), reason, asked.cause), expand)

    # Charges

    def list_charges(self, asked: Request) -> Any:
        filters = ("customer", "payment_intent", "transfer_group")
        return _listed(asked, asked.account.charges, "charges", "charge", filters, OF_CHARGES, _with_refunds)

    def charge(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        expand = expanded(asked.form, OF_CHARGES)
        found = needed(asked.account.charges, "charge", asked.record_id)
        return _shown(asked, _with_refunds(asked, found, expand), expand)

    # Payment methods

    def create_method(self, asked: Request) -> Any:
        """A bank account to debit. Cards come as test tokens, or are typed by their owner on the hosted page."""
        kind, form = needed_text(asked.form, "type"), asked.form
        if kind == cards.CARD and "number" in inner(form.get("card", {}), "card"):
            raise _raw_card()
        only(form, (cards.DEBIT, "billing_details", "expand", "metadata", "type"))
        choice(kind, "type", (cards.DEBIT,))
        number = _bank_account(form)
        made = cards.of_account(self._payments.method_id(), self._payments.now, number, _billing(form))
        made |= {"metadata": metadata({}, form.get("metadata", ""))}
        return self._payments.stored(asked.account, made)

    def list_methods(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "customer", "type"))
        same = {p: text(asked.form[p], p) for p in ("customer", "type") if p in asked.form}
        return asked.account.methods.page(
            asked.form, "/v1/payment_methods", "PaymentMethod",
            lambda m: m["customer"] is not None and all(m[p] == v for p, v in same.items()),
        )  # fmt: skip

    def method(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        return _shown(asked, self._method(asked), expanded(asked.form, ("customer",)))

    def _method(self, asked: Request) -> Thing:
        return needed(asked.account.methods, "PaymentMethod", asked.record_id, param="payment_method")

    def attach_method(self, asked: Request) -> Any:
        only(asked.form, ("customer", "expand"))
        customer = needed_text(asked.form, "customer")
        return self._payments.take_method(asked.account, asked.record_id, customer, asked.cause)

    def detach_method(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        return self._payments.drop_method(asked.account, self._method(asked), asked.cause)

    # Invoices

    def list_invoice_payments(self, asked: Request) -> Any:
        only(asked.form, (*listing.PAGING, "invoice", "payment", "status"))
        expand = expanded(asked.form, OF_INVOICE_PAYMENTS, "data.")
        among, keep = self._among(asked), _status_filter(asked.form)
        page = asked.account.invoice_payments.page(
            asked.form, "/v1/invoice_payments", "invoice_payment", keep, among
        )  # fmt: skip
        return page | {"data": [_shown(asked, row, expand) for row in page["data"]]}

    def _among(self, asked: Request) -> Iterable[str] | None:
        """The ids of those about an invoice, about a payment, or about both; None for all."""
        form, of = asked.form, asked.account.payments_of
        named: list[list[str]] = []
        if "invoice" in form:
            identity = text(form["invoice"], "invoice")
            if asked.account.invoices.get(identity) is None:
                raise missing("invoice", identity, param="invoice", status=400)
            named.append(of.get(identity, []))
        if "payment" in form:
            payment = inner(form["payment"], "payment")
            only(payment, ("payment_intent", "payment_record", "type"), "payment")
            if "type" not in payment:
                raise required("payment[type]")
            kind = choice(payment["type"], "payment[type]", ("payment_intent", "payment_record"))
            if kind not in payment:
                raise required(f"payment[{kind}]")
            named.append(of.get(text(payment[kind], f"payment[{kind}]"), []))
        return [i for i in named[0] if all(i in others for others in named)] if named else None

    def invoice_payment(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = needed(asked.account.invoice_payments, "invoice_payment", asked.record_id)
        return _shown(asked, found, expanded(asked.form, OF_INVOICE_PAYMENTS))

    def pay_invoice(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_INVOICES)
        done = self._payments.pay(asked.account, asked.record_id, asked.form, asked.cause)
        return self._payments.billing.shown(asked.account, done, expand)

    def attach_payment(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_INVOICES)
        done = self._payments.attach(asked.account, asked.record_id, asked.form, asked.cause)
        return self._payments.billing.shown(asked.account, done, expand)

    # Payment records

    def report_payment(self, asked: Request) -> Any:
        expanded(asked.form, ())
        return self._payments.report(asked.account, asked.form)

    def list_records(self, asked: Request) -> Any:
        """Filtered by what lies after and before a second."""
        only(asked.form, ("created_after", "created_before", "ending_before", "expand", "limit", "starting_after"))
        bounds = {p: integer(asked.form[p], p) for p in ("created_after", "created_before") if p in asked.form}

        def keep(found: Thing) -> bool:
            after, before = bounds.get("created_after"), bounds.get("created_before")
            return (after is None or found["created"] > after) and (before is None or found["created"] < before)

        return asked.account.records.page(asked.form, "/v1/payment_records", "payment record", keep)

    def record(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        return needed(asked.account.records, "payment record", asked.record_id)

    # Refunds

    def create_refund(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_REFUNDS)
        return _shown(asked, self._payments.returns.refund(asked.account, asked.form, asked.cause), expand)

    def list_refunds(self, asked: Request) -> Any:
        return _listed(asked, asked.account.refunds, "refunds", "refund", ("charge", "payment_intent"), OF_REFUNDS)

    def refund(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = needed(asked.account.refunds, "refund", asked.record_id)
        return _shown(asked, found, expanded(asked.form, OF_REFUNDS))

    def update_refund(self, asked: Request) -> Any:
        only(asked.form, ("expand", "metadata"))
        before = needed(asked.account.refunds, "refund", asked.record_id)
        after = before | {"metadata": metadata(before["metadata"], asked.form.get("metadata", {}))}
        if after != before:
            asked.account.refunds.put(after["id"], after)
            self._payments.billing.tell(asked.account, "refund.updated", after, asked.cause)
        return _shown(asked, after, expanded(asked.form, OF_REFUNDS))

    # Disputes

    def list_disputes(self, asked: Request) -> Any:
        return _listed(asked, asked.account.disputes, "disputes", "dispute", ("charge", "payment_intent"), OF_DISPUTES)

    def dispute(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = needed(asked.account.disputes, "dispute", asked.record_id)
        return _shown(asked, found, expanded(asked.form, OF_DISPUTES))

    def update_dispute(self, asked: Request) -> Any:
        expand = expanded(asked.form, OF_DISPUTES)
        before = needed(asked.account.disputes, "dispute", asked.record_id)
        return _shown(
            asked, self._payments.returns.change_dispute(asked.account, before, asked.form, asked.cause), expand
        )

    def close_dispute(self, asked: Request) -> Any:
        """As the business: it gives the money up."""
        only(asked.form, ("expand",))
        before = needed(asked.account.disputes, "dispute", asked.record_id)
        done = self._payments.returns.close_dispute(asked.account, before, "lost", asked.cause)
        return _shown(asked, done, expanded(asked.form, OF_DISPUTES))

    # What happened to the balance

    def list_transactions(self, asked: Request) -> Any:
        filters = ("currency", "source", "type")
        return _listed(
            asked, asked.account.transactions, "balance_transactions", "balance transaction", filters, OF_TRANSACTIONS
        )

    def transaction(self, asked: Request) -> Any:
        only(asked.form, ("expand",))
        found = needed(asked.account.transactions, "balance transaction", asked.record_id)
        return _shown(asked, found, expanded(asked.form, OF_TRANSACTIONS))


def _shown(asked: Request, found: Thing, expand: set[str]) -> Thing:
    shown: Thing = whole(found, sorted(expand), finder(asked.account)) if expand else found
    return shown


def _as_it_is(asked: Request, found: Thing, expand: set[str]) -> Thing:
    return found


def _listed(
    asked: Request, shelf: Shelf, plural: str, what: str, filters: tuple[str, ...], expandable: set[str],
    ready: Callable[[Request, Thing, set[str]], Thing] = _as_it_is,
) -> Thing:  # fmt: skip
    """A list whose filters each name what a thing must have."""
    only(asked.form, (*listing.PAGING, *filters))
    expand = expanded(asked.form, expandable, "data.")
    same = {p: text(asked.form[p], p) for p in filters if p in asked.form}
    page = shelf.page(asked.form, f"/v1/{plural}", what, lambda t: all(t[p] == v for p, v in same.items()))
    return page | {"data": [_shown(asked, ready(asked, row, expand), expand) for row in page["data"]]}


def _with_refunds(asked: Request, charge: Thing, expand: set[str]) -> Thing:
    if "refunds" not in expand:
        return charge
    rows = [r for r in reversed(asked.account.refunds.things.values()) if r["charge"] == charge["id"]]
    url = f"/v1/charges/{charge['id']}/refunds"
    return charge | {"refunds": {"object": "list", "data": rows[:10], "has_more": len(rows) > 10, "url": url}}


def _status_filter(form: Form) -> Callable[[Thing], bool]:
    status = choice(form["status"], "status", _STATUSES) if "status" in form else None
    return lambda found: status in (None, found["status"])


def _bank_account(form: Form) -> str:
    """The number of a test account. Problem where it is none."""
    about = inner(form.get(cards.DEBIT, {}), cards.DEBIT)
    for part in ("bsb_number", "account_number"):
        if part not in about:
            raise required(f"{cards.DEBIT}[{part}]")
    bsb, number = (str(about[part]).replace("-", "") for part in ("bsb_number", "account_number"))
    if bsb != cards.BSB or number not in cards.ACCOUNTS:
        words = "This is no test account: use the BSB 000000 and the account 000123456."
        raise Problem(400, words, code="account_number_invalid", param=f"{cards.DEBIT}[account_number]")
    return number


def _billing(form: Form) -> Thing:
    """Who is to be debited; Stripe wants a name and an email."""
    about = inner(form.get("billing_details", {}), "billing_details")
    only(about, ("email", "name"), "billing_details")
    for part in ("name", "email"):
        if part not in about:
            raise required(f"billing_details[{part}]")
    return {part: text(about[part], f"billing_details[{part}]") for part in ("name", "email")}


def _raw_card() -> Declined:
    words = (
        "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test tokens "
        "that map to the test card you are using, see https://docs.stripe.com/testing."
    )
    return Declined({"message": words, "type": "invalid_request_error"})
