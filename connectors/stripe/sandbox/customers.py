"""Customer objects: what Stripe accepts, what it refuses, and what it answers. Pure functions over dicts.

A customer is replaced by a new dict at each change and never changed in place.
"""

import re
from typing import Any

from connectors.stripe.sandbox.forms import Form, inner, integer, items, only, text
from connectors.stripe.sandbox.problems import Problem, missing, required

type Customer = dict[str, Any]

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
EXPANDABLE = {
    "default_source", "discount", "tax_ids", "subscriptions", "sources", "tax", "test_clock", "cash_balance",
    "invoice_credit_balance", "invoice_settings.default_payment_method", "subscriptions.data", "sources.data",
}  # fmt: skip
_TEXTS = {"name": 256, "phone": 20, "description": 5000, "business_name": 150, "individual_name": 150}
#: Absent from an answer while empty; the others are null.
_ABSENT = {"business_name", "individual_name"}
_BOTH = {
    *_TEXTS, "email", "address", "shipping", "metadata", "balance", "cash_balance", "expand", "invoice_prefix",
    "invoice_settings", "next_invoice_sequence", "preferred_locales", "source", "tax", "tax_exempt", "validate",
}  # fmt: skip
ON_CREATE = _BOTH | {"payment_method", "tax_id_data", "test_clock"}
ON_UPDATE = _BOTH | {"default_source"}
_ELSEWHERE = {
    "source": "token", "default_source": "source", "payment_method": "PaymentMethod", "test_clock": "test clock",
}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PREFIX = re.compile(r"[A-Z0-9]{3,12}")
_TAX_ID = {"au_abn": re.compile(r"\d{11}"), "au_acn": re.compile(r"\d{9}"), "au_arn": re.compile(r"\d{12}")}
METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500


def new(identity: str, created: int, prefix: str) -> Customer:
    return {
        "id": identity, "object": "customer", "address": None, "balance": 0, "created": created, "currency": None,
        "customer_account": None, "default_source": None, "delinquent": False, "description": None, "discount": None,
        "email": None, "invoice_prefix": prefix,
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False, "metadata": {}, "name": None, "next_invoice_sequence": 1, "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    }  # fmt: skip


def deleted(identity: str) -> Customer:
    return {"id": identity, "object": "customer", "deleted": True}


def changed(before: Customer, form: Form, allowed: set[str] | frozenset[str]) -> Customer:
    """The customer after these parameters. Problem, and nothing else, where one is refused."""
    only(form, allowed)
    after = dict(before)
    for param, value in form.items():
        _set(after, param, value)
    return after


def _set(after: Customer, param: str, value: Any) -> None:
    if param in _TEXTS:
        _put(after, param, text(value, param, _TEXTS[param]))
    elif param == "email":
        _put(after, param, _email(value))
    elif param == "metadata":
        after[param] = metadata(after[param], value)
    elif param == "address":
        after[param] = address(after[param], value, param)
    elif param in _READERS:
        after[param] = _READERS[param](after[param], value)
    elif param in _ELSEWHERE and value:
        raise missing(_ELSEWHERE[param], text(value, param), param=param, status=400)


def _put(after: Customer, param: str, value: str) -> None:
    if value:
        after[param] = value
    elif param in _ABSENT:
        after.pop(param, None)
    else:
        after[param] = None


def _email(value: Any) -> str:
    found = text(value, "email", 512)
    if found and not _EMAIL.fullmatch(found):
        raise Problem(400, f"Invalid email address: {found}", code="email_invalid", param="email")
    return found


def metadata(before: dict[str, str], value: Any) -> dict[str, str]:
    """Merged: an empty value takes a key away, an empty `metadata` all of them."""
    if value == "":
        return {}
    after = dict(before)
    for key, inside in inner(value, "metadata").items():
        param = f"metadata[{key}]"
        if isinstance(inside, dict):
            raise Problem(400, "Invalid metadata: a value must be a string, not a hash.", param=param)
        _check_pair(key, inside, param)
        if inside:
            after[key] = inside
        else:
            after.pop(key, None)
    if len(after) > METADATA_KEYS:
        words = f"Metadata can have up to {METADATA_KEYS} keys, but this would make {len(after)}."
        raise Problem(400, words, param="metadata")
    return after


def _check_pair(key: str, value: str, param: str) -> None:
    if not key or len(key) > METADATA_KEY or "[" in key or "]" in key:
        words = f"Metadata keys can have up to {METADATA_KEY} characters and no square brackets. Invalid key: {key}"
        raise Problem(400, words, param=param)
    if len(value) > METADATA_VALUE:
        words = (
            f"Metadata values can have up to {METADATA_VALUE} characters, but you passed in a value that is "
            f"{len(value)} characters. Invalid value: {value}"
        )
        raise Problem(400, words, param=param)


def address(before: dict[str, Any] | None, value: Any, param: str) -> dict[str, Any] | None:
    """Given parts change, the others stay; `country` is free text at Stripe."""
    if value == "":
        return None
    parts = inner(value, param)
    only(parts, ADDRESS, param)
    after = dict(before or dict.fromkeys(ADDRESS))
    for part, found in parts.items():
        after[part] = text(found, f"{param}[{part}]") or None
    return after if any(after.values()) else None


def _shipping(before: Any, value: Any) -> dict[str, Any] | None:
    """Always whole: the name and the address are needed each time."""
    if value == "":
        return None
    form = inner(value, "shipping")
    only(form, ("name", "phone", "address"), "shipping")
    for param in ("address", "name"):
        if param not in form:
            raise required(f"shipping[{param}]")
    where = address(None, form["address"], "shipping[address]") or dict.fromkeys(ADDRESS)
    phone = text(form.get("phone", ""), "shipping[phone]") or None
    return {"address": where, "name": text(form["name"], "shipping[name]"), "phone": phone}


def _invoice_settings(before: dict[str, Any], value: Any) -> dict[str, Any]:
    form = inner(value, "invoice_settings")
    only(form, before, "invoice_settings")
    after = dict(before)
    if "footer" in form:
        after["footer"] = text(form["footer"], "invoice_settings[footer]") or None
    if "custom_fields" in form:
        after["custom_fields"] = custom_fields(form["custom_fields"], "invoice_settings[custom_fields]")
    if "rendering_options" in form:
        asked = form["rendering_options"] or {}
        only(asked, ("amount_tax_display", "template"), "invoice_settings[rendering_options]")
        options = {"amount_tax_display": asked.get("amount_tax_display"), "template": asked.get("template")}
        after["rendering_options"] = options if asked else None
    if form.get("default_payment_method"):
        param = "invoice_settings[default_payment_method]"
        raise missing("PaymentMethod", str(form["default_payment_method"]), param=param, status=400)
    return after


def custom_fields(value: Any, param: str) -> list[dict[str, str]] | None:
    if value == "":
        return None
    found: list[dict[str, str]] = []
    for number, field in enumerate(items(value, param)):
        place = f"{param}[{number}]"
        only(inner(field, place), ("name", "value"), place)
        for part in ("name", "value"):
            if part not in field:
                raise required(f"{place}[{part}]")
        found.append(
            {"name": text(field["name"], f"{place}[name]", 40), "value": text(field["value"], f"{place}[value]", 140)}
        )
    if len(found) > 4:
        raise Problem(400, "You may have up to 4 custom fields.", param=param)
    return found


def _tax_exempt(before: Any, value: Any) -> str:
    if value not in ("none", "exempt", "reverse", ""):
        raise Problem(400, "Invalid tax_exempt: must be one of none, exempt, or reverse", param="tax_exempt")
    return value or "none"


def _invoice_prefix(before: Any, value: Any) -> str:
    if not isinstance(value, str) or not _PREFIX.fullmatch(value):
        words = "Invalid invoice_prefix: must be 3 to 12 uppercase letters or numbers."
        raise Problem(400, words, param="invoice_prefix")
    return value


def _locales(before: Any, value: Any) -> list[str]:
    return [text(v, "preferred_locales") for v in items(value, "preferred_locales")]


def tax_ids(form: Form, identity: str, created: int) -> list[dict[str, Any]]:
    """The tax ids of a create, as objects."""
    found: list[dict[str, str]] = []
    for number, each in enumerate(items(form["tax_id_data"], "tax_id_data")) if "tax_id_data" in form else []:
        place = f"tax_id_data[{number}]"
        only(inner(each, place), ("type", "value"), place)
        kind, value = str(each.get("type", "")), str(each.get("value", ""))
        if not _TAX_ID.get(kind, re.compile(r"[a-z]{2}_?\S+|\S+")).fullmatch(value.replace(" ", "")):
            raise Problem(400, f"Invalid value for {kind}.", code="tax_id_invalid", param="value")
        found.append(_tax_id(identity, created, kind, value, number))
    return found


def _tax_id(identity: str, created: int, kind: str, value: str, number: int) -> dict[str, Any]:
    return {
        "id": f"txi_{identity[4:]}{number}", "object": "tax_id", "country": kind[:2].upper(), "created": created,
        "customer": identity, "customer_account": None, "livemode": False,
        "owner": {"customer": identity, "customer_account": None, "type": "customer"}, "type": kind, "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }  # fmt: skip


def previous(before: Customer, after: Customer) -> dict[str, Any]:
    """What an update event tells as previous_attributes: of hashes only the changed parts."""
    told: dict[str, Any] = {}
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            told[key] = {k: was.get(k) for k in was.keys() | now.keys() if was.get(k) != now.get(k)}
        else:
            told[key] = was
    return told


_READERS = {
    "balance": lambda before, value: integer(value, "balance"),
    "next_invoice_sequence": lambda before, value: integer(value, "next_invoice_sequence"),
    "shipping": _shipping,
    "invoice_settings": _invoice_settings,
    "tax_exempt": _tax_exempt,
    "invoice_prefix": _invoice_prefix,
    "preferred_locales": _locales,
}
