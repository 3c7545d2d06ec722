"""Tax rates: made once with their percentage, later only switched off or renamed. Pure functions over dicts."""

from typing import Any

from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.forms import Form, boolean, decimal, only, text
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, required

_TEXTS = {"display_name": 50, "description": 5000, "jurisdiction": 50, "country": 2, "state": 2, "tax_type": 50}
ON_UPDATE = {*_TEXTS, "active", "metadata", "expand"}
ON_CREATE = ON_UPDATE | {"percentage", "inclusive"}
_NEEDED = ("display_name", "inclusive", "percentage")


def new(identity: str, created: int, form: Form) -> Thing:
    """Problem where a parameter is missing or refused."""
    only(form, ON_CREATE)
    for param in _NEEDED:
        if param not in form:
            raise required(param)
    percentage = _percentage(form["percentage"])
    fresh: Thing = {
        "id": identity, "object": "tax_rate", "active": True, "country": None, "created": created, "description": None,
        "display_name": "", "effective_percentage": percentage, "flat_amount": None,
        "inclusive": boolean(form["inclusive"], "inclusive"), "jurisdiction": None, "jurisdiction_level": None,
        "livemode": False, "metadata": {}, "percentage": percentage, "rate_type": "percentage", "state": None,
        "tax_type": None,
    }  # fmt: skip
    return changed(fresh, {k: v for k, v in form.items() if k in ON_UPDATE})


def _percentage(value: Any) -> int | float:
    """0 to 100 with at most four decimal places, as a JSON number."""
    found = decimal(value, "percentage")
    if not 0 <= found <= 100 or -int(found.as_tuple().exponent) > 4:
        words = f"Invalid percentage: {value}; must be between 0 and 100 with at most 4 decimal places."
        raise Problem(400, words, param="percentage")
    return int(found) if found == int(found) else float(found)


def changed(before: Thing, form: Form) -> Thing:
    """The rate after these parameters; its percentage, inclusiveness and country stay as they were made."""
    only(form, ON_UPDATE)
    after = dict(before)
    for param, value in form.items():
        if param == "active":
            after[param] = boolean(value, param)
        elif param == "metadata":
            after[param] = metadata(after[param], value)
        elif param in _TEXTS:
            after[param] = text(value, param, _TEXTS[param]) or None
    if not after["display_name"]:
        raise required("display_name")
    if before["country"] and after["country"] != before["country"]:
        raise Problem(400, "The country of a tax rate cannot be changed once it is set.", param="country")
    return after
