"""Payment intents, the charges they lead to, and what of an invoice they pay. Pure functions over dicts.

None is changed in place. Amounts are minor units, times seconds since the epoch. States and refusals follow
docs.stripe.com, "How PaymentIntents work"; the wording of refusals is that of the API.
"""

from typing import Any

from connectors.stripe.sandbox import cards, customers
from connectors.stripe.sandbox.cards import DEBIT, Decline
from connectors.stripe.sandbox.forms import Form, boolean, choice, inner, integer, only, text
from connectors.stripe.sandbox.invoices import LEAST, MOST
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import DOCS, Problem, not_here, required

type Intent = dict[str, Any]

WAITING, CONFIRMABLE, ASKED = "requires_payment_method", "requires_confirmation", "requires_action"
HELD, PROCESSING, SUCCEEDED, CANCELED = "requires_capture", "processing", "succeeded", "canceled"
REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_TEXTS = {"description": 1000, "receipt_email": 512, "statement_descriptor": 22, "statement_descriptor_suffix": 22}
#: What Stripe takes and the stand-in does not model: of a change, of a confirmation, and of a new one.
_OF_CHANGES = {
    "allowed_payment_method_types", "amount_details", "application_fee_amount", "customer_account",
    "excluded_payment_method_types", "hooks", "payment_details", "payment_method_configuration",
    "payment_method_data", "payment_method_options", "setup_future_usage", "shipping", "transfer_data",
    "transfer_group",
}  # fmt: skip
_OF_CONFIRMING = {"confirmation_token", "mandate", "mandate_data", "radar_options", "use_stripe_sdk"}
_OF_NEW = {"confirmation_method", "on_behalf_of"}
_ELSEWHERE = {*_OF_CHANGES, *_OF_CONFIRMING, *_OF_NEW, "amount_to_confirm"}
_CONFIRMING = {*_OF_CONFIRMING, "error_on_requires_action", "off_session", "return_url"}
ON_UPDATE = {
    *_TEXTS, *_OF_CHANGES, "amount", "capture_method", "currency", "customer", "expand", "metadata", "payment_method",
}  # fmt: skip
ON_CREATE = {*ON_UPDATE, *_CONFIRMING, *_OF_NEW, "automatic_payment_methods", "confirm"}
_NEVER_LATER = {
    "application_fee_amount", "customer_account", "payment_method_configuration", "transfer_data", "transfer_group",
}  # fmt: skip
ON_CONFIRM = {
    *_CONFIRMING, *(_OF_CHANGES - _NEVER_LATER), "amount_to_confirm", "capture_method", "expand", "payment_method",
    "receipt_email",
}  # fmt: skip
#: What is left alone in an intent that an invoice has made for itself.
_INVOICES_OWN = ("amount", "currency", "customer", "capture_method")


def new(identity: str, created: int, amount: int, currency: str, secret: str) -> Intent:
    """An intent that nothing was said of yet but the amount. `secret`: what makes its client secret hard to guess."""
    return {
        "id": identity, "object": "payment_intent", "allowed_payment_method_types": None, "amount": amount,
        "amount_capturable": 0, "amount_details": {"tip": {}}, "amount_received": 0, "application": None,
        "application_fee_amount": None, "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None, "cancellation_reason": None, "capture_method": "automatic_async",
        "client_secret": f"{identity}_secret_{secret}", "confirmation_method": "automatic", "created": created,
        "currency": currency, "customer": None, "customer_account": None, "description": None,
        "excluded_payment_method_types": None, "last_payment_error": None, "latest_charge": None, "livemode": False,
        "managed_payments": None, "metadata": {}, "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None, "payment_method_options": None,
        "payment_method_types": ["card", "link", *([DEBIT] if currency == "aud" else [])], "payment_record": None,
        "processing": None, "receipt_email": None, "review": None, "setup_future_usage": None, "shipping": None,
        "source": None, "statement_descriptor": None, "statement_descriptor_suffix": None, "status": WAITING,
        "transfer_data": None, "transfer_group": None,
    }  # fmt: skip


def asked_amount(form: Form) -> tuple[int, str]:
    """(amount, currency) of a create. Problem where one is missing, too small or too large."""
    for param in ("amount", "currency"):
        if param not in form:
            raise required(param)
    if "payment_method_types" in form:
        raise _no_types()
    currency = _currency(None, form["currency"])
    return checked_amount(integer(form["amount"], "amount"), currency), currency


def _currency(before: Any, value: Any) -> str:
    """In lower case."""
    found = text(value, "currency", 3).lower()
    if not (len(found) == 3 and found.isascii() and found.isalpha()):
        raise Problem(400, f"Invalid currency: {found}.", param="currency")
    return found


def _no_types() -> Problem:
    words = (
        "The `payment_method_types` parameter is no longer supported. Use automatic payment methods, or "
        "`allowed_payment_method_types` and `excluded_payment_method_types`."
    )
    return Problem(400, words, code="payment_method_types_no_longer_supported", param="payment_method_types")


def checked_amount(amount: int, currency: str) -> int:
    if amount < 1:
        words = "Invalid positive integer" if amount < 0 else "This value must be greater than or equal to 1."
        raise Problem(400, words, code="parameter_invalid_integer", param="amount")
    if amount < LEAST:
        words = f"Amount must be at least ${LEAST / 100:.2f} {currency}"
        raise Problem(400, words, code="amount_too_small", param="amount")
    if amount > MOST:
        words = f"Amount must be no more than ${MOST / 100:,.2f} {currency}"
        raise Problem(400, words, code="amount_too_large", param="amount")
    return amount


def changed(before: Intent, form: Form, allowed: set[str]) -> Intent:
    """The intent after these parameters, but for who pays and with what. Problem where one is refused."""
    if "payment_method_types" in form:
        raise _no_types()
    only(form, allowed)
    after = dict(before)
    for param, value in form.items():
        if param in _ELSEWHERE and value != "":
            raise not_here(param)
        if param in _TEXTS:
            after[param] = text(value, param, _TEXTS[param]) or None
        elif param in _READERS:
            after[param] = _READERS[param](after[param], value)
    return after


def check_changeable(intent: Intent, form: Form, *, invoices_own: bool) -> None:
    """Amounts change only while nothing is under way, and never in an intent that an invoice has made for itself."""
    fixed = [p for p in _INVOICES_OWN if p in form]
    if fixed and invoices_own:
        words = "This PaymentIntent belongs to an invoice: what it is about changes with the invoice only."
        raise Problem(400, words, param=fixed[0])
    if form.keys() - {"metadata", "description", "expand"} and intent["status"] not in (WAITING, CONFIRMABLE, ASKED):
        words = f"This PaymentIntent's {(fixed or ['parameters'])[0]} could not be updated because it has a status of "
        raise Problem(400, f"{words}{intent['status']}.", code="payment_intent_unexpected_state")


def check_confirmable(intent: Intent) -> None:
    if intent["status"] in (WAITING, CONFIRMABLE):
        return
    if intent["status"] == SUCCEEDED:
        words = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        )
    else:
        words = (
            f"This PaymentIntent's status is {intent['status']}, but it must be one of the following to be confirmed: "
            f"{WAITING}, {CONFIRMABLE}."
        )
    raise Problem(400, words, code="payment_intent_unexpected_state")


def check_cancelable(intent: Intent, *, invoices_own: bool) -> None:
    if invoices_own:
        words = "You cannot cancel this PaymentIntent: it belongs to an invoice. Void the invoice instead."
        raise Problem(400, words, code="payment_intent_unexpected_state")
    if intent["status"] in (SUCCEEDED, CANCELED, PROCESSING):
        words = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {WAITING}, {HELD}, {CONFIRMABLE}, {ASKED}."
        )
        raise Problem(400, words, code="payment_intent_unexpected_state")


def with_method(intent: Intent, method: Thing | None) -> Intent:
    """With this to pay with, and no error of an earlier try."""
    status = CONFIRMABLE if method else WAITING
    return intent | {"payment_method": method["id"] if method else None, "status": status, "next_action": None}


def asking(intent: Intent, page: str, back: str) -> Intent:
    """The bank asks its client; `page` is where they answer, `back` where they go from there, or ''."""
    redirect = {"redirect_to_url": {"return_url": back or None, "url": page}, "type": "redirect_to_url"}
    return intent | {"status": ASKED, "next_action": redirect}


def declined(intent: Intent, error: Thing, charge: str | None) -> Intent:
    """As it was before somebody tried, with what was wrong. `error`: as the API answers it, with the whole method."""
    latest = {"latest_charge": charge} if charge else {}
    return with_method(intent, None) | latest | {"last_payment_error": error, "processing": None}


def error_of(decline: Decline, method: Thing, charge: str | None) -> Thing:
    """What stands under "error" of a refused payment, and in the intent as its last error."""
    error: Thing = {
        "code": decline.code, "decline_code": decline.reason, "doc_url": DOCS + decline.code.replace("_", "-"),
        "message": decline.message, "payment_method": method, "type": "card_error",
    }  # fmt: skip
    if charge:
        error["charge"] = charge
    if decline.advice:
        error["advice_code"] = decline.advice
    if decline.param:
        error["param"] = decline.param
    if method["type"] == DEBIT:
        del error["decline_code"]
        error |= {"type": "invalid_request_error"}
    return error


def charged(intent: Intent, charge: Thing) -> Intent:
    """Paid, held or under way, as the charge is."""
    after = intent | {"latest_charge": charge["id"], "last_payment_error": None, "next_action": None}
    if charge["status"] == "pending":
        return after | {"status": PROCESSING}
    if not charge["captured"]:
        return after | {"status": HELD, "amount_capturable": charge["amount"]}
    return after | {"status": SUCCEEDED, "amount_received": charge["amount_captured"], "amount_capturable": 0}


def canceled(intent: Intent, reason: str | None, now: int) -> Intent:
    return intent | {
        "status": CANCELED, "canceled_at": now, "cancellation_reason": reason, "next_action": None,
        "amount_capturable": 0,
    }  # fmt: skip


def charge(
    identity: str, created: int, intent: Intent, method: Thing, account: Thing, *, authenticated: bool
) -> Thing:  # fmt: skip
    """One that succeeds, is held or is under way. `account`: the profile of who is paid."""
    amount, by_debit = intent["amount"], method["type"] == DEBIT
    held = intent["capture_method"] == "manual"
    return {
        "id": identity, "object": "charge", "amount": amount, "amount_captured": 0 if held or by_debit else amount,
        "amount_refunded": 0, "application": None, "application_fee": None, "application_fee_amount": None,
        "balance_transaction": None, "billing_details": method["billing_details"],
        "calculated_statement_descriptor": account["settings"]["payments"]["statement_descriptor"],
        "captured": not held, "created": created, "currency": intent["currency"], "customer": intent["customer"],
        "description": intent["description"], "disputed": False, "failure_balance_transaction": None,
        "failure_code": None, "failure_message": None, "fraud_details": {}, "livemode": False,
        "metadata": intent["metadata"], "on_behalf_of": None,
        "outcome": None if by_debit else _outcome("authorized", "approved_by_network", None, "Payment complete."),
        "paid": not by_debit, "payment_intent": intent["id"], "payment_method": method["id"],
        "payment_method_details": cards.details(method, amount, authenticated=authenticated),
        "receipt_email": intent["receipt_email"], "receipt_number": None, "receipt_url": None, "refunded": False,
        "review": None, "shipping": None, "source": None, "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"], "statement_descriptor_suffix": None,
        "status": "pending" if by_debit else "succeeded", "transfer_data": None, "transfer_group": None,
    }  # fmt: skip


def failed(found: Thing, decline: Decline) -> Thing:
    """The charge that was refused."""
    outcome = _outcome("issuer_declined", "declined_by_network", decline.reason, "The bank refused the payment.")
    return found | {
        "status": "failed", "paid": False, "captured": False, "amount_captured": 0, "failure_code": decline.code,
        "failure_message": decline.message, "balance_transaction": None,
        "outcome": outcome | {"advice_code": decline.advice or None},
    }  # fmt: skip


def _outcome(kind: str, network: str, reason: str | None, words: str) -> Thing:
    return {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None, "network_status": network,
        "reason": reason, "risk_level": "normal", "risk_score": 20, "seller_message": words, "type": kind,
    }  # fmt: skip


def captured(found: Thing, transaction: str, receipt: str) -> Thing:
    """The money is here, as told by the balance transaction of that id. `receipt`: the address of its page."""
    return found | {
        "captured": True, "amount_captured": found["amount"], "balance_transaction": transaction, "paid": True,
        "status": "succeeded", "receipt_url": receipt,
        "outcome": found["outcome"] or _outcome("authorized", "approved_by_network", None, "Payment complete."),
    }  # fmt: skip


def toward(identity: str, created: int, invoice: Thing, amount: int, payment: Thing, *, default: bool) -> Thing:
    """An invoice payment. `payment`: {"type": "payment_intent", "payment_intent": "pi_..."}."""
    return {
        "id": identity, "object": "invoice_payment", "amount_paid": None, "amount_requested": amount,
        "created": created, "currency": invoice["currency"], "invoice": invoice["id"], "is_default": default,
        "livemode": False, "payment": payment, "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }  # fmt: skip


def arrived(found: Thing, amount: int, now: int) -> Thing:
    """The invoice payment with the money."""
    times = found["status_transitions"] | {"paid_at": now}
    return found | {"status": "paid", "amount_paid": amount, "status_transitions": times}


def dropped(found: Thing, now: int) -> Thing:
    """The invoice payment that will not be made any more."""
    return found | {"status": "canceled", "status_transitions": found["status_transitions"] | {"canceled_at": now}}


def transaction(identity: str, created: int, kind: str, amount: int, fee: int, source: Thing) -> Thing:
    """What happened to the balance: `amount` is negative where money leaves. `source`: charge, refund or dispute."""
    details = [{"amount": fee, "application": None, "currency": source["currency"],
                "description": "Stripe processing fees", "type": "stripe_fee"}]  # fmt: skip
    category = "dispute" if source["object"] == "dispute" else "refund" if kind.endswith("refund") else "charge"
    return {
        "id": identity, "object": "balance_transaction", "amount": amount, "available_on": created + 2 * 86_400,
        "balance_type": "payments", "created": created, "currency": source["currency"],
        "description": source.get("description"), "exchange_rate": None, "fee": fee,
        "fee_details": details if fee else [], "net": amount - fee, "reporting_category": category,
        "source": source["id"], "status": "pending", "type": kind,
    }  # fmt: skip


def fee(amount: int, method_details: Thing) -> int:
    """Stripe's for Australian businesses: 1.7 % and 30 cents, 3.5 % for foreign cards, 1 % up to $3.50 for debits."""
    if method_details["type"] == DEBIT:
        return min(_share(amount, 10) + 30, 350)
    return _share(amount, 17 if method_details["card"]["country"] == "AU" else 35) + 30


def _share(amount: int, thousandths: int) -> int:
    return (amount * thousandths + 500) // 1000


def _automatic(before: Any, value: Any) -> Thing | None:
    form = inner(value, "automatic_payment_methods")
    only(form, ("allow_redirects", "enabled"), "automatic_payment_methods")
    if "enabled" not in form:
        raise required("automatic_payment_methods[enabled]")
    if not boolean(form["enabled"], "automatic_payment_methods[enabled]"):
        return None
    param = "automatic_payment_methods[allow_redirects]"
    return {
        "allow_redirects": choice(form.get("allow_redirects", "always"), param, ("always", "never")),
        "enabled": True,
    }


def _amount(before: Any, value: Any) -> int:
    return checked_amount(integer(value, "amount"), "aud")


_READERS = {
    "amount": _amount,
    "automatic_payment_methods": _automatic,
    "capture_method": lambda before, value: choice(value, "capture_method", ("automatic", "automatic_async", "manual")),
    "currency": _currency,
    "metadata": customers.metadata,
}
