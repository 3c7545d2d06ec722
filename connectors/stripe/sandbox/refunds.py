"""Refunds: money of a charge given back, in part or whole. Pure functions over dicts; the wording is the API's."""

from connectors.stripe.money import shown
from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.forms import Form, choice, integer, only
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, not_here

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_ELSEWHERE = {
    "currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer",
}  # fmt: skip
ON_CREATE = {*_ELSEWHERE, "amount", "charge", "expand", "metadata", "payment_intent", "reason"}
#: Disputes over money that is still, or again, with the business.
HARMLESS = ("won", "warning_needs_response", "warning_under_review", "warning_closed", "prevented")


def new(identity: str, created: int, charge: Thing, disputed: str, form: Form) -> Thing:
    """Problem where so much cannot be given back. `disputed`: the state of the charge's dispute, '' for none."""
    only(form, ON_CREATE)
    for param in _ELSEWHERE & form.keys():
        raise not_here(param)
    _check(charge, disputed)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = integer(form["amount"], "amount") if "amount" in form else left
    _check_amount(amount, left, charge["currency"])
    return {
        "id": identity, "object": "refund", "amount": amount, "balance_transaction": None, "charge": charge["id"],
        "created": created, "currency": charge["currency"], "customer": charge["customer"], "customer_account": None,
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        },
        "metadata": metadata({}, form.get("metadata", "")), "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": choice(form["reason"], "reason", REASONS) if "reason" in form else None, "receipt_number": None,
        "source_transfer_reversal": None, "status": "succeeded", "transfer_reversal": None,
    }  # fmt: skip


def _check(charge: Thing, disputed: str) -> None:
    name = charge["id"]
    if charge["status"] != "succeeded" or not charge["captured"]:
        words = f"Charge {name} has not been paid yet, so it cannot be refunded."
        raise Problem(400, words, code="charge_not_refundable")
    if charge["refunded"]:
        raise Problem(400, f"Charge {name} has already been refunded.", code="charge_already_refunded")
    if disputed and disputed not in HARMLESS:
        raise Problem(400, f"Charge {name} has been charged back; cannot issue a refund.", code="charge_disputed")


def _check_amount(amount: int, left: int, currency: str) -> None:
    if amount < 1:
        raise Problem(400, "Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        told, most = shown(amount, currency.upper()), shown(left, currency.upper())
        words = f"Refund amount ({told}) is greater than unrefunded amount on charge ({most})"
        raise Problem(400, words, param="amount")


def given_back(charge: Thing, amount: int) -> Thing:
    """The charge when so much more of it was given back; less than nothing where a refund has failed."""
    back = charge["amount_refunded"] + amount
    return charge | {"amount_refunded": back, "refunded": back >= charge["amount_captured"]}


def failed(refund: Thing, transaction: str) -> Thing:
    """The bank would not take it: the money is with the business again."""
    return refund | {
        "status": "failed", "failure_reason": "lost_or_stolen_card", "failure_balance_transaction": transaction,
    }  # fmt: skip
