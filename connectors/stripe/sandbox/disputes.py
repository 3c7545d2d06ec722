"""Disputes: a client has asked the bank for the money back. Pure functions over dicts.

States and test evidence follow docs.stripe.com, "How disputes work" and "Testing: disputes".
"""

from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.forms import Form, boolean, choice, inner, only, text
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem

OPEN, REVIEWED, WON, LOST = "needs_response", "under_review", "won", "lost"
CLOSED = (WON, LOST)
#: In days from its beginning.
ANSWERED_WITHIN = 9
#: What Stripe takes in Australia for one, in cents. It comes back with a dispute that is won.
FEE = 2500
#: What decides a dispute in test mode, as uncategorized_text.
WINNING, LOSING = "winning_evidence", "losing_evidence"
REASONS = ("fraudulent", "duplicate", "product_not_received", "product_unacceptable", "credit_not_processed", "general")
_NETWORK = {
    "fraudulent": "10.4", "duplicate": "12.6", "product_not_received": "13.1", "product_unacceptable": "13.3",
    "credit_not_processed": "13.6", "general": "13.5",
}  # fmt: skip
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
_SUBMITTED_BY = ("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes")


def new(identity: str, created: int, charge: Thing, reason: str) -> Thing:
    """About all of the charge that was not given back yet. Problem where there is nothing to dispute."""
    amount = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or not charge["captured"] or amount <= 0 or charge["disputed"]:
        raise Problem(400, f"There is nothing to dispute in charge {charge['id']}.")
    details = charge["payment_method_details"]
    made: Thing = {
        "id": identity, "object": "dispute", "amount": amount, "balance_transactions": [], "charge": charge["id"],
        "created": created, "currency": charge["currency"], "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + ANSWERED_WITHIN * 86_400, "enhanced_eligibility": {}, "has_evidence": False,
            "past_due": False, "submission_count": 0, "submission_method": "not_submitted",
        },
        "intended_submission_method": None, "is_charge_refundable": False, "livemode": False, "metadata": {},
        "payment_intent": charge["payment_intent"], "reason": reason, "status": OPEN,
    }  # fmt: skip
    if details["type"] == "card":
        card = {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": _NETWORK[reason]}
        made |= {"network_reason_code": _NETWORK[reason], "payment_method_details": {"card": card, "type": "card"}}
    return made


def changed(before: Thing, form: Form) -> Thing:
    """With this evidence, under review unless it is only kept for later. Problem when the dispute is over."""
    only(form, ("evidence", "expand", "intended_submission_method", "metadata", "submit"))
    if before["status"] in CLOSED:
        raise Problem(400, "This dispute is already closed")
    after = dict(before)
    if "metadata" in form:
        after["metadata"] = metadata(before["metadata"], form["metadata"])
    if "intended_submission_method" in form:
        param, among = (
            "intended_submission_method",
            ("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
        )
        after[param] = choice(form[param], param, among)
    submitted = boolean(form["submit"], "submit") if "submit" in form else True
    return _with_evidence(after, inner(form["evidence"], "evidence"), submitted) if "evidence" in form else after


def _with_evidence(after: Thing, evidence: Form, submitted: bool) -> Thing:
    only(evidence, _EVIDENCE, "evidence")
    found = {name: text(value, f"evidence[{name}]", 20_000) or None for name, value in evidence.items()}
    details = after["evidence_details"] | {"has_evidence": True}
    if submitted:
        counted = {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
        after = after | {"status": REVIEWED}
        details = details | counted
    return after | {"evidence": after["evidence"] | found, "evidence_details": details}


def decided(dispute: Thing) -> str:
    """How test evidence that was submitted ends it: 'won', 'lost', or '' for a person to say."""
    if dispute["status"] != REVIEWED:
        return ""
    return {WINNING: WON, LOSING: LOST}.get(dispute["evidence"]["uncategorized_text"] or "", "")


def closed(before: Thing, status: str) -> Thing:
    """`status`: 'won' or 'lost'. Problem when it is over already."""
    if before["status"] in CLOSED:
        raise Problem(400, "This dispute is already closed")
    return before | {"status": status}


def with_transaction(before: Thing, transaction: Thing) -> Thing:
    return before | {"balance_transactions": [*before["balance_transactions"], transaction]}
