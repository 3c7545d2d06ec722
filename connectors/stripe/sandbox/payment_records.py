"""Payment records: payments taken outside Stripe and reported to it. Pure functions over dicts.

They follow the types of Stripe's own package (stripe 16, API 2026-10-28.endive), which say what is sent and answered.
"""

from typing import Any

from connectors.stripe.sandbox.customers import address, metadata
from connectors.stripe.sandbox.forms import Form, choice, inner, integer, only, text
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, not_here, required

OUTCOMES = {"canceled": "canceled_at", "failed": "failed_at", "guaranteed": "guaranteed_at"}
ON_REPORT = {
    *OUTCOMES, "amount_requested", "customer_details", "customer_presence", "description", "expand", "initiated_at",
    "metadata", "outcome", "payment_method_details", "processor_details", "shipping_details",
}  # fmt: skip
_AMOUNTS = ("authorized", "canceled", "failed", "guaranteed", "refunded")
_PERSON = ("email", "name", "phone")


def new(identity: str, created: int, form: Form) -> Thing:
    """Problem where the report is not whole."""
    only(form, ON_REPORT)
    for param in ("amount_requested", "initiated_at", "payment_method_details"):
        if param not in form:
            raise required(param)
    if "shipping_details" in form:
        raise not_here("shipping_details")
    integer(form["initiated_at"], "initiated_at")
    value, currency = _requested(form["amount_requested"])
    outcome = _outcome(form)
    amounts = {f"amount_{name}": {"currency": currency, "value": value if name == outcome else 0} for name in _AMOUNTS}
    requested = {"currency": currency, "value": value}
    param = "customer_presence"
    presence = choice(form[param], param, ("off_session", "on_session")) if param in form else None
    return {
        "id": identity, "object": "payment_record", "amount": requested, **amounts, "amount_requested": requested,
        "application": None, "created": created,
        "customer_details": _customer(form["customer_details"]) if "customer_details" in form else None,
        "customer_presence": presence, "description": text(form.get("description", ""), "description") or None,
        "latest_payment_attempt_record": f"par_{identity[3:]}", "livemode": False,
        "metadata": metadata({}, form.get("metadata", "")),
        "payment_method_details": _method(form["payment_method_details"]),
        "processor_details": _processor(form.get("processor_details", {"type": "custom"})), "reported_by": "self",
        "shipping_details": None,
    }  # fmt: skip


def _requested(value: Any) -> tuple[int, str]:
    form = inner(value, "amount_requested")
    only(form, ("currency", "value"), "amount_requested")
    for part in ("currency", "value"):
        if part not in form:
            raise required(f"amount_requested[{part}]")
    found = integer(form["value"], "amount_requested[value]")
    if found < 1:
        raise Problem(400, "Invalid positive integer", param="amount_requested[value]")
    currency = text(form["currency"], "amount_requested[currency]", 3)
    if not (len(currency) == 3 and currency.islower()):
        raise Problem(400, f"Invalid currency: {currency}.", param="amount_requested[currency]")
    return found, currency


def _outcome(form: Form) -> str:
    """What the report says has become of it, with the time of that; '' while nothing has."""
    told = [name for name in OUTCOMES if name in form]
    if "outcome" not in form:
        if told:
            raise required("outcome")
        return ""
    outcome = choice(form["outcome"], "outcome", OUTCOMES)
    if told != [outcome]:
        raise required(outcome) if outcome not in told else Problem(400, "Only one outcome can be told.", param=told[0])
    at = OUTCOMES[outcome]
    only(inner(form[outcome], outcome), (at,), outcome)
    if at not in form[outcome]:
        raise required(f"{outcome}[{at}]")
    integer(form[outcome][at], f"{outcome}[{at}]")
    return outcome


def _customer(value: Any) -> Thing:
    form = inner(value, "customer_details")
    only(form, ("customer", *_PERSON), "customer_details")
    return {p: text(form.get(p, ""), f"customer_details[{p}]") or None for p in ("customer", *_PERSON)}


def _method(value: Any) -> Thing:
    form = inner(value, "payment_method_details")
    only(form, ("billing_details", "custom", "payment_method", "type"), "payment_method_details")
    if "payment_method" in form:
        raise not_here("payment_method_details[payment_method]")
    choice(form.get("type", "custom"), "payment_method_details[type]", ("custom",))
    custom = inner(form.get("custom", {}), "payment_method_details[custom]")
    only(custom, ("display_name", "type"), "payment_method_details[custom]")
    name = text(custom.get("display_name", ""), "payment_method_details[custom][display_name]", 100)
    return {
        "billing_details": _billing(form["billing_details"]) if "billing_details" in form else None,
        "custom": {"display_name": name, "type": custom.get("type")}, "payment_method": None, "type": "custom",
    }  # fmt: skip


def _billing(value: Any) -> Thing:
    place = "payment_method_details[billing_details]"
    form = inner(value, place)
    only(form, ("address", *_PERSON), place)
    where = address(None, form["address"], f"{place}[address]") if "address" in form else None
    return {"address": where} | {p: text(form.get(p, ""), f"{place}[{p}]") or None for p in _PERSON}


def _processor(value: Any) -> Thing:
    form = inner(value, "processor_details")
    only(form, ("custom", "type"), "processor_details")
    if "type" not in form:
        raise required("processor_details[type]")
    choice(form["type"], "processor_details[type]", ("custom",))
    if "custom" not in form:
        return {"custom": None, "type": "custom"}
    custom = inner(form["custom"], "processor_details[custom]")
    only(custom, ("payment_reference",), "processor_details[custom]")
    if "payment_reference" not in custom:
        raise required("processor_details[custom][payment_reference]")
    reference = text(custom["payment_reference"], "processor_details[custom][payment_reference]")
    return {"custom": {"payment_reference": reference}, "type": "custom"}
