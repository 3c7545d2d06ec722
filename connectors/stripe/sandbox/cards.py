"""Stripe's test cards and test bank accounts, and the payment methods made of them.

What each card answers is what Stripe's test mode answers (docs.stripe.com/testing, and recorded answers of the API).
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from connectors.stripe.sandbox.listing import Thing

#: When the bank wants its client to say yes: never, once for a stored card, at each payment.
type Asks = Literal["never", "first", "always"]
CARD, DEBIT = "card", "au_becs_debit"
_DECLINED = "Your card was declined."


@dataclass(frozen=True, slots=True)
class Decline:
    """As the API answers: `advice` and `param` are '' where it says none."""

    code: str
    reason: str
    message: str = _DECLINED
    advice: str = "try_again_later"
    param: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """`token`: the payment method that stands for it, '' where there is none."""

    number: str
    token: str
    about: str
    decline: Decline | None = None
    asks: Asks = "never"
    disputed: bool = False
    country: str = "US"

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _refused(reason: str, message: str = _DECLINED, advice: str = "try_again_later") -> Decline:
    return Decline("card_declined", reason, message, advice)


_NO_FUNDS = _refused("insufficient_funds", "Your card has insufficient funds.")
CARDS = (
    Card("4242424242424242", "pm_card_visa", "Paid"),
    Card("4000000360000006", "pm_card_au", "Paid, an Australian card", country="AU"),
    Card(
        "4000000000000002", "pm_card_visa_chargeDeclined", "Refused, without a reason", _refused("generic_decline")
    ),
    Card("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "Refused: not enough money", _NO_FUNDS),
    Card(
        "4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "Refused: a lost card",
        _refused("lost_card", advice="do_not_try_again"),
    ),
    Card(
        "4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "Refused: a stolen card",
        _refused("stolen_card", advice="do_not_try_again"),
    ),
    Card(
        "4000000000000069", "pm_card_chargeDeclinedExpiredCard", "Refused: the card has expired",
        Decline("expired_card", "expired_card", "Your card has expired.", "confirm_card_data", "exp_month"),
    ),
    Card(
        "4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "Refused: a wrong security code",
        Decline(
            "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "confirm_card_data", "cvc"
        ),
    ),
    Card(
        "4000000000000119", "pm_card_chargeDeclinedProcessingError", "Refused: an error at the bank",
        Decline(
            "processing_error", "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    Card(
        "4100000000000019", "pm_card_chargeDeclinedFraudulent", "Refused: held to be fraud",
        _refused("fraudulent", advice=""),
    ),
    Card(
        "4000000000000341", "pm_card_chargeCustomerFail", "Can be stored, but is refused when it is to pay",
        _refused("generic_decline"),
    ),
    Card("4000002500003155", "pm_card_authenticationRequiredOnSetup", "The bank asks the first time", asks="first"),
    Card("4000002760003184", "pm_card_authenticationRequired", "The bank asks each time", asks="always"),
    Card(
        "4000008260003178", "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "The bank asks, then refuses: not enough money", _NO_FUNDS, asks="always",
    ),
    Card("4000000000000259", "pm_card_createDispute", "Paid, then disputed as fraud", disputed=True),
)  # fmt: skip
BY_TOKEN = {card.token: card for card in CARDS}
BY_NUMBER = {card.number: card for card in CARDS}
#: Test accounts for debits, with the BSB 000-000. What becomes of a debit is decided by hand.
BSB = "000000"
ACCOUNTS = ("000123456", "900123456", "111111113", "111111116", "222222227", "922222227", "333333335")
#: Where the bank wants to ask, and nobody is there to answer.
UNANSWERED = Decline(
    "authentication_required", "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)  # fmt: skip
#: What a bank says that refuses a debit.
NO_DEBIT = Decline(
    "insufficient_funds", "insufficient_funds", "The customer's account has insufficient funds to cover this payment.",
    advice="",
)  # fmt: skip


def card_of(method: Thing) -> Card:
    """The test card behind a payment method."""
    return next(c for c in CARDS if fingerprint(c.number) == method["card"]["fingerprint"])


def fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def of_card(identity: str, created: int, card: Card, billing: Thing | None = None, year: int = 0) -> Thing:
    """A payment method. `year`: in which the card runs out; the one after next where nobody says."""
    return _method(identity, created, CARD, billing) | {
        "card": {
            "brand": "visa",
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
            "country": card.country, "display_brand": "visa", "exp_month": 12,
            "exp_year": year or 1972 + created // (365 * 86_400), "fingerprint": fingerprint(card.number),
            "funding": "credit", "generated_from": None, "last4": card.last4,
            "networks": {"available": ["visa"], "preferred": None}, "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True}, "wallet": None,
        },
    }  # fmt: skip


def of_account(identity: str, created: int, number: str, billing: Thing) -> Thing:
    """A payment method for debits from an Australian bank account."""
    about = {"bsb_number": BSB, "fingerprint": fingerprint(number), "last4": number[-4:]}
    return _method(identity, created, DEBIT, billing) | {"au_becs_debit": about}


def _method(identity: str, created: int, kind: str, billing: Thing | None) -> Thing:
    return {
        "id": identity, "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": nobody() | (billing or {}), "created": created, "customer": None,
        "customer_account": None, "livemode": False, "metadata": {}, "type": kind,
    }  # fmt: skip


def nobody() -> Thing:
    """Billing details that say nothing."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}


def details(method: Thing, amount: int, *, authenticated: bool) -> dict[str, Any]:
    """`payment_method_details` of a charge: what was known of the method when it paid."""
    if method["type"] == DEBIT:
        return {"type": DEBIT, DEBIT: method[DEBIT] | {"mandate": f"mandate_{method['id'][3:]}"}}
    card = method["card"]
    kept = {k: card[k] for k in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding",
                                 "last4", "regulated_status", "wallet")}  # fmt: skip
    asked = {
        "authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": None,
        "result": "authenticated", "result_reason": None, "transaction_id": None, "version": "2.2.0",
    }  # fmt: skip
    return {"type": CARD, CARD: kept | {
        "amount_authorized": amount, "authorization_code": None, "electronic_commerce_indicator": None,
        "installments": None, "mandate": None, "network": "visa", "network_token": {"used": False},
        "network_transaction_id": None, "three_d_secure": asked if authenticated else None,
        "transaction_link_id": None,
    }}  # fmt: skip
