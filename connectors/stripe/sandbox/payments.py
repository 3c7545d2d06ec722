"""What happens to payments: confirmed, refused, under way, given back, disputed. Each change is an event.

By the API, on the pages of payers and owners, and with the invoices that they pay.
"""

import secrets
from dataclasses import dataclass

from connectors.stripe.sandbox import cards, charging, invoices, payment_records
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.cards import Decline
from connectors.stripe.sandbox.charging import Intent
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form, boolean, only, text
from connectors.stripe.sandbox.invoices import OPEN, UNCOLLECTIBLE, Invoice
from connectors.stripe.sandbox.links import Links
from connectors.stripe.sandbox.listing import Shelf, Thing
from connectors.stripe.sandbox.problems import DOCS, Declined, Problem, missing, not_here, required
from connectors.stripe.sandbox.returns import Returns

ON_PAY = ("expand", "forgive", "mandate", "off_session", "paid_out_of_band", "payment_method", "source")
ON_ATTACH = ("expand", "payment_intent", "payment_record")


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an intent is confirmed. `present`: somebody can answer the bank, and then goes `back`. `answered`: done."""

    present: bool = True
    answered: bool = False
    back: str = ""


class Payments:
    """`cause` is None where Stripe, a bank or a payer acts."""

    def __init__(self, billing: Billing) -> None:
        self.billing, self.links, self.returns = billing, Links(billing), Returns(billing)

    @property
    def now(self) -> int:
        return self.billing.now

    def pay(self, account: Account, identity: str, form: Form, cause: Cause | None) -> Invoice:
        """With a stored method, or noted as paid elsewhere. Declined where the bank says no."""
        only(form, ON_PAY)
        for param in ("forgive", "mandate", "source"):
            if param in form:
                raise not_here(param)
        invoice = self.billing.found(account, identity, param="invoice")
        own = self._own_intent(account, invoice)
        if "paid_out_of_band" in form and boolean(form["paid_out_of_band"], "paid_out_of_band"):
            paid = self.billing.pay(account, identity, invoice["amount_remaining"], cause, attempted=True)
            self.links.closed(account, paid, cause)
            return paid
        if "payment_method" not in form:
            words = (
                "There is no `default_payment_method` set on this Customer or Invoice. Please set either "
                "`default_payment_method` on the Customer or Invoice before paying."
            )
            raise Problem(400, words, code="resource_missing")
        method = self._own_method(account, text(form["payment_method"], "payment_method"), invoice["customer"])
        absent = boolean(form["off_session"], "off_session") if "off_session" in form else True
        intent = own or self.links.opened(account, invoice, cause)
        self.confirm(account, intent, method, Attempt(present=not absent), cause)
        return self.billing.found(account, identity)

    def _own_intent(self, account: Account, invoice: Invoice) -> Intent | None:
        """What pays an invoice. Problem where the invoice cannot be paid, or is being paid already."""
        invoices.pay(invoice, 0, self.now)
        own = self.links.default_of(account, invoice)
        if own and own["status"] == charging.PROCESSING:
            raise Problem(400, "A payment of this invoice is being processed already.")
        return own

    def _own_method(self, account: Account, identity: str, customer: str) -> Thing:
        found = account.methods.get(identity)
        if found is None or found["customer"] != customer:
            words = (
                f"The customer does not have a payment method with the ID {identity}. The payment method must be "
                "attached to the customer."
            )
            raise Problem(400, words, code="resource_missing", param="payment_method")
        return found

    def attach(self, account: Account, identity: str, form: Form, cause: Cause | None) -> Invoice:
        """Let a payment of another origin pay an open invoice, in part or whole."""
        only(form, ON_ATTACH)
        invoice = self.billing.found(account, identity, param="invoice")
        given = [p for p in ("payment_intent", "payment_record") if p in form]
        if len(given) != 1:
            words = "You must provide exactly one of the following parameters: payment_intent, payment_record."
            raise Problem(400, words, param="payment_intent")
        if invoice["status"] != OPEN:
            raise Problem(400, f"Payments can only be attached to open invoices. This one is {invoice['status']}.")
        what = text(form[given[0]], given[0])
        if account.payments_of.get(what):
            raise Problem(400, f"{what} has already been attached to an invoice.", param=given[0])
        take = self._attach_intent if given[0] == "payment_intent" else self._attach_record
        take(account, invoice, what, cause)
        return self.billing.found(account, identity)

    def _attach_record(self, account: Account, invoice: Invoice, identity: str, cause: Cause | None) -> None:
        record = account.records.get(identity)
        if record is None:
            raise missing("payment record", identity, param="payment_record", status=400)
        _same_currency(invoice, record["amount"]["currency"], "payment_record")
        amount = record["amount_guaranteed"]["value"]
        if not amount:
            raise Problem(400, f"The payment of {identity} has not been guaranteed.", param="payment_record")
        self.links.paid(account, self.links.linked(account, invoice, amount, "payment_record", identity), amount, cause)

    def _attach_intent(self, account: Account, invoice: Invoice, identity: str, cause: Cause | None) -> None:
        intent = account.intents.get(identity)
        if intent is None:
            raise missing("payment_intent", identity, param="payment_intent", status=400)
        _same_currency(invoice, intent["currency"], "payment_intent")
        if intent["status"] == charging.CANCELED or intent["customer"] not in (None, invoice["customer"]):
            words = f"{identity} is canceled, or another customer's: it cannot pay this invoice."
            raise Problem(400, words, param="payment_intent")
        found = self.links.linked(account, invoice, intent["amount"], "payment_intent", identity)
        if intent["status"] == charging.SUCCEEDED:
            self.links.paid(account, found, intent["amount_received"], cause)

    def report(self, account: Account, form: Form) -> Thing:
        """A payment record. Nothing is told of it: it has no events of its own."""
        made = payment_records.new(_id("pr_1"), self.now, form)
        about = made["customer_details"]
        if about and about["customer"]:
            self._customer(account, about["customer"], "customer_details[customer]")
        account.records.put(made["id"], made)
        return made

    # Payment methods

    def method(self, account: Account, name: str, customer: str | None) -> Thing:
        """One of the account's, or a fresh one of a test card, as 'pm_card_visa'."""
        card = cards.BY_TOKEN.get(name)
        if card:
            return self.stored(account, cards.of_card(self.method_id(), self.now, card))
        found = account.methods.get(name)
        if found is None:
            raise missing("PaymentMethod", name, param="payment_method", status=400)
        if found["customer"] not in (None, customer):
            words = "The provided PaymentMethod belongs to another customer. Supply that customer with it."
            raise Problem(400, words, code="payment_method_unexpected_state", param="payment_method")
        return found

    def method_id(self) -> str:
        return _id("pm_1")

    def stored(self, account: Account, method: Thing) -> Thing:
        account.methods.put(method["id"], method)
        return method

    def take_method(self, account: Account, name: str, customer: str, cause: Cause | None) -> Thing:
        """Attach a method to a customer."""
        self._customer(account, customer, "customer")
        after = self.method(account, name, customer) | {"customer": customer}
        self.billing.tell(account, "payment_method.attached", self.stored(account, after), cause)
        return after

    def drop_method(self, account: Account, method: Thing, cause: Cause | None) -> Thing:
        if method["customer"] is None:
            words = "The payment method you provided is not attached to a customer so detachment is impossible."
            raise Problem(400, words, param="payment_method")
        after = self.stored(account, method | {"customer": None})
        self.billing.tell(account, "payment_method.detached", after, cause, {"customer": method["customer"]})
        return after

    def _customer(self, account: Account, identity: str, param: str) -> Thing:
        found = account.customer(identity)
        if found is None or "deleted" in found:
            raise missing("customer", identity, param=param, status=400)
        return found

    # Payment intents

    def create(self, account: Account, form: Form, cause: Cause | None) -> Intent:
        """Declined where it was to be confirmed at once and the bank says no: the intent stays all the same."""
        amount, currency = charging.asked_amount(form)
        fresh = charging.new(_id("pi_3"), self.now, amount, currency, secrets.token_hex(12))
        made = charging.changed(fresh, form, charging.ON_CREATE)
        attempt = _attempt(form)
        made = self._with_payer(account, made, form)
        account.intents.put(made["id"], made)
        self.billing.tell(account, "payment_intent.created", made, cause)
        if "confirm" in form and boolean(form["confirm"], "confirm"):
            return self._confirmed(account, made, attempt, cause)
        return made

    def _with_payer(self, account: Account, intent: Intent, form: Form) -> Intent:
        if "customer" in form:
            customer = text(form["customer"], "customer")
            if customer:
                self._customer(account, customer, "customer")
            intent = intent | {"customer": customer or None}
        if "payment_method" in form:
            name = text(form["payment_method"], "payment_method")
            intent = charging.with_method(intent, self.method(account, name, intent["customer"]) if name else None)
        return intent

    def update(self, account: Account, intent: Intent, form: Form) -> Intent:
        """No event tells of this one."""
        charging.check_changeable(intent, form, invoices_own=self.links.invoices_own(account, intent))
        after = self._with_payer(account, charging.changed(intent, form, charging.ON_UPDATE), form)
        account.intents.put(after["id"], after)
        return after

    def confirm_asked(self, account: Account, intent: Intent, form: Form, cause: Cause | None) -> Intent:
        charging.check_confirmable(intent)
        more = {p: v for p, v in form.items() if p not in {"error_on_requires_action", "off_session", "return_url"}}
        after = charging.changed(intent, more, charging.ON_CONFIRM)
        return self._confirmed(account, self._with_payer(account, after, form), _attempt(form), cause)

    def _confirmed(self, account: Account, intent: Intent, attempt: Attempt, cause: Cause | None) -> Intent:
        if intent["payment_method"] is None:
            words = (
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method or ConfirmationToken."
            )
            raise Problem(400, words, code="payment_intent_unexpected_state")
        return self.confirm(account, intent, account.methods[intent["payment_method"]], attempt, cause)

    def confirm(
        self, account: Account, intent: Intent, method: Thing, attempt: Attempt, cause: Cause | None
    ) -> Intent:  # fmt: skip
        """Paid, held, under way, or waiting for an answer to the bank. Declined where the bank says no."""
        intent = charging.with_method(intent, method)
        decline, asks = _verdict(method, attempt)
        if asks and not decline:
            page = self.billing.address(f"authenticate/{account.id}/{intent['client_secret']}")
            after = charging.asking(intent, page, attempt.back)
            account.intents.put(after["id"], after)
            self.billing.tell(account, "payment_intent.requires_action", after, cause)
            return after
        made = charging.charge(_id("ch_3"), self.now, intent, method, account.profile, authenticated=attempt.answered)
        if decline:
            raise self._refused(account, intent, charging.failed(made, decline), decline, cause)
        if made["status"] == "succeeded" and made["captured"]:
            return self._arrived(account, intent, made, cause)
        after = charging.charged(intent, made)
        self._keep_both(account, after, made)
        pending = made["status"] == "pending"
        self.billing.tell(account, "charge.pending" if pending else "charge.succeeded", made, cause)
        kind = "payment_intent.processing" if pending else "payment_intent.amount_capturable_updated"
        self.billing.tell(account, kind, after, cause)
        return after

    def _keep_both(self, account: Account, intent: Intent, charge: Thing) -> None:
        account.charges.put(charge["id"], charge)
        account.intents.put(intent["id"], intent)

    def _arrived(self, account: Account, intent: Intent, charge: Thing, cause: Cause | None) -> Intent:
        """The money is here, and with it what is told of it, and the invoices that it pays."""
        debit = charge["payment_method_details"]["type"] == cards.DEBIT
        amount, fee = charge["amount"], charging.fee(charge["amount"], charge["payment_method_details"])
        moved = self.returns.moved(account, "payment" if debit else "charge", amount, fee, charge)
        charge = charging.captured(charge, moved["id"], self.billing.address(f"receipts/{account.id}/{charge['id']}"))
        after = charging.charged(intent, charge)
        self._keep_both(account, after, charge)
        self.billing.tell(account, "charge.captured" if intent["status"] == charging.HELD else "charge.succeeded",
                          charge, cause)  # fmt: skip
        self.billing.tell(account, "payment_intent.succeeded", after, cause)
        for each in account.invoice_payments_of(intent["id"]):
            if each["status"] == "open":
                self.links.paid(account, each, min(amount, each["amount_requested"]), cause)
        if not debit and cards.card_of(account.methods[charge["payment_method"]]).disputed:
            self.returns.dispute(account, charge, "fraudulent")
        return account.intents[intent["id"]]

    def _refused(
        self, account: Account, intent: Intent, charge: Thing, decline: Decline, cause: Cause | None
    ) -> Declined:  # fmt: skip
        """The bank said no. The intent waits for another try."""
        error = charging.error_of(decline, account.methods[charge["payment_method"]], charge["id"])
        after = charging.declined(intent, error, charge["id"])
        self._keep_both(account, after, charge)
        self.billing.tell(account, "charge.failed", charge, cause)
        self._tell_failed(account, after, cause)
        return Declined(error | {"payment_intent": after})

    def _tell_failed(self, account: Account, intent: Intent, cause: Cause | None) -> None:
        self.billing.tell(account, "payment_intent.payment_failed", intent, cause)
        for each in account.invoice_payments_of(intent["id"]):
            before = account.invoices[each["invoice"]]
            if each["is_default"] and before["status"] in (OPEN, UNCOLLECTIBLE):
                tries = {"attempted": True, "attempt_count": before["attempt_count"] + 1}
                after = self.billing.keep(account, before, before | tries, cause)
                self.billing.tell(account, "invoice.payment_failed", after, cause)

    def answer(self, account: Account, intent: Intent, *, agreed: bool) -> Intent:
        """What the payer told the bank. Declined where either of them says no."""
        method = account.methods[intent["payment_method"]]
        if agreed:
            return self.confirm(account, intent, method, Attempt(answered=True), None)
        code = "payment_intent_authentication_failure"
        words = (
            "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
            "PaymentMethod to attempt to fulfill this PaymentIntent again."
        )
        error = {"code": code, "doc_url": DOCS + code.replace("_", "-"), "message": words,
                 "payment_method": method, "type": "invalid_request_error"}  # fmt: skip
        after = charging.declined(intent, error, None)
        account.intents.put(after["id"], after)
        self._tell_failed(account, after, None)
        raise Declined(error | {"payment_intent": after})

    def settle(self, account: Account, intent: Intent, *, paid: bool) -> Intent:
        """What the payer's bank made of a debit, some days later."""
        charge = account.charges[intent["latest_charge"]]
        if paid:
            return self._arrived(account, intent, charge, None)
        self._refused(account, intent, charging.failed(charge, cards.NO_DEBIT), cards.NO_DEBIT, None)
        return account.intents[intent["id"]]

    def capture(self, account: Account, intent: Intent, cause: Cause | None) -> Intent:
        """All that is held."""
        if intent["status"] != charging.HELD:
            words = (
                f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
                f"PaymentIntent with one of the following statuses may be captured: {charging.HELD}."
            )
            raise Problem(400, words, code="payment_intent_unexpected_state")
        return self._arrived(account, intent, account.charges[intent["latest_charge"]], cause)

    def cancel(self, account: Account, intent: Intent, reason: str | None, cause: Cause | None) -> Intent:
        charging.check_cancelable(intent, invoices_own=self.links.invoices_own(account, intent))
        held = intent["status"] == charging.HELD
        after = self.links.canceled(account, intent, reason, cause)
        for each in account.invoice_payments_of(intent["id"]):
            if each["status"] == "open":
                account.put_invoice_payment(charging.dropped(each, self.now))
        if held:
            charge = account.charges[intent["latest_charge"]]
            account.charges.put(charge["id"], charge | {"amount_refunded": charge["amount"], "refunded": True})
            self.billing.tell(account, "charge.refunded", account.charges[charge["id"]], cause)
        return after


def _verdict(method: Thing, attempt: Attempt) -> tuple[Decline | None, bool]:
    """(why it is refused, whether the bank asks first)."""
    if method["type"] != cards.CARD:
        return None, False
    card = cards.card_of(method)
    first = card.asks == "first" and method["customer"] is None
    asks = not attempt.answered and (card.asks == "always" or first)
    if asks:
        return (None, True) if attempt.present else (cards.UNANSWERED, False)
    return card.decline, False


def _attempt(form: Form) -> Attempt:
    absent = form.get("off_session", "false") not in ("false", "")
    strict = "error_on_requires_action" in form and boolean(
        form["error_on_requires_action"], "error_on_requires_action"
    )
    return Attempt(present=not absent and not strict, back=text(form.get("return_url", ""), "return_url"))


def _same_currency(invoice: Invoice, currency: str, param: str) -> None:
    if currency != invoice["currency"]:
        raise Problem(400, f"The invoice is in {invoice['currency']}, this payment in {currency}.", param=param)


def needed(shelf: Shelf, what: str, identity: str, *, param: str = "id") -> Thing:
    """404 where there is none."""
    found = shelf.get(identity)
    if found is None:
        raise missing(what, identity, param=param)
    return found


def needed_text(form: Form, param: str) -> str:
    if param not in form:
        raise required(param)
    return text(form[param], param)


def _id(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(11)}"
