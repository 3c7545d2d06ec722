"""Invoice items, and the lines that they become on an invoice. Pure functions over dicts, none changed in place."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from connectors.stripe.sandbox import totals
from connectors.stripe.sandbox.customers import metadata
from connectors.stripe.sandbox.forms import Form, boolean, decimal, inner, integer, items, only, text
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, missing, not_here, required

#: An account's tax rate by its id; None where there is none.
type Rate = Callable[[str], Thing | None]

_SHARED = {
    "amount", "description", "discountable", "discounts", "metadata", "period", "price_data", "pricing", "quantity",
    "quantity_decimal", "tax_rates",
}  # fmt: skip
_ITEM = _SHARED | {"unit_amount_decimal", "tax_behavior", "tax_code", "expand"}
ON_CREATE = _ITEM | {"customer", "customer_account", "currency", "invoice", "subscription"}
ON_UPDATE = _ITEM | {"invoicing_rules"}
#: A line has no unit_amount_decimal of its own: a unit price goes inside of price_data.
ON_LINE = _SHARED | {"tax_amounts"}
MOST_RATES, DESCRIPTION = 5, 5000
_ELSEWHERE = {
    "customer_account", "discounts", "invoicing_rules", "pricing", "subscription", "tax_amounts", "tax_behavior",
    "tax_code",
}  # fmt: skip


def new(identity: str, created: int, customer: str, currency: str) -> Thing:
    """An item of nothing yet: `priced` and `changed` say what it is."""
    return {
        "id": identity, "object": "invoiceitem", "amount": 0, "currency": currency, "customer": customer,
        "customer_account": None, "date": created, "description": None, "discountable": True, "discounts": [],
        "invoice": None, "livemode": False, "metadata": {}, "net_amount": 0, "parent": None,
        "period": {"end": created, "start": created},
        "pricing": {
            "price_details": {"price": f"price_{identity[3:]}", "product": f"prod_{identity[3:]}"},
            "type": "price_details", "unit_amount_decimal": "0",
        },
        "proration": False, "quantity": 1, "quantity_decimal": "1", "tax_rates": [], "test_clock": None,
    }  # fmt: skip


def changed(before: Thing, form: Form, rate: Rate, place: str = "") -> Thing:
    """The item after these parameters. `place`: what they stand in, as 'lines[0]', for the refusals."""
    name = (lambda param: f"{place}[{param}]") if place else str
    for param in _ELSEWHERE & form.keys():
        if form[param] != "":
            raise not_here(name(param))
    after = _priced(before, form, name)
    if "description" in form:
        after["description"] = text(form["description"], name("description"), DESCRIPTION) or None
    elif "price_data" in form:
        after["description"] = form["price_data"]["product_data"]["name"]
    if "discountable" in form:
        after["discountable"] = boolean(form["discountable"], name("discountable"))
    elif after["amount"] < 0:
        after["discountable"] = False
    if "metadata" in form:
        after["metadata"] = metadata(after["metadata"], form["metadata"])
    if "period" in form:
        after["period"] = _period(form["period"], name("period"))
    if "tax_rates" in form:
        after["tax_rates"] = rates_of(form["tax_rates"], name("tax_rates"), rate)
    return after


def _priced(before: Thing, form: Form, name: Callable[[str], str]) -> Thing:
    """Either an amount as it is, or a unit price times a quantity."""
    both = [p for p in ("quantity", "quantity_decimal") if p in form]
    if len(both) > 1:
        raise _only_one(both, name)
    price = [p for p in ("amount", "unit_amount_decimal", "price_data") if p in form]
    if len(price) > 1:
        raise _only_one(price, name)
    if "amount" in form:
        if both:
            raise _only_one(["amount", *both], name)
        whole = integer(form["amount"], name("amount"))
        return _with(before, Decimal(1), Decimal(whole))
    quantity = Decimal(before["quantity_decimal"])
    if both:
        read = decimal if both[0] == "quantity_decimal" else integer
        quantity = Decimal(read(form[both[0]], name(both[0])))
    if quantity < 0:
        raise Problem(400, f"Invalid {both[0]}: must be greater than or equal to 0", param=name(both[0]))
    unit = Decimal(before["pricing"]["unit_amount_decimal"])
    if "unit_amount_decimal" in form:
        unit = decimal(form["unit_amount_decimal"], name("unit_amount_decimal"))
    elif "price_data" in form:
        unit = _unit_price(form["price_data"], before["currency"], name("price_data"))
    return _with(before, quantity, unit)


def _only_one(params: Sequence[str], name: Callable[[str], str]) -> Problem:
    words = f"You may only specify one of these parameters: {', '.join(params)}."
    return Problem(400, words, param=name(params[0]))


def _unit_price(value: Any, currency: str, place: str) -> Decimal:
    """Of a price made on the spot, for a product made on the spot."""
    form = inner(value, place)
    only(form, ("currency", "product", "product_data", "tax_behavior", "unit_amount", "unit_amount_decimal"), place)
    if "currency" not in form:
        raise required(f"{place}[currency]")
    if "product" in form:
        raise missing("product", text(form["product"], f"{place}[product]"), param=f"{place}[product]", status=400)
    if "product_data" not in form:
        raise required(f"{place}[product]")
    if "name" not in inner(form["product_data"], f"{place}[product_data]"):
        raise required(f"{place}[product_data][name]")
    text(form["product_data"]["name"], f"{place}[product_data][name]", DESCRIPTION)
    if str(form["currency"]).lower() != currency:
        raise _currencies(currency, str(form["currency"]).lower(), f"{place}[currency]")
    given = [p for p in ("unit_amount", "unit_amount_decimal") if p in form]
    if len(given) != 1:
        raise _only_one(given, lambda p: f"{place}[{p}]") if given else required(f"{place}[unit_amount]")
    read = decimal if given[0] == "unit_amount_decimal" else integer
    return Decimal(read(form[given[0]], f"{place}[{given[0]}]"))


def _currencies(currency: str, other: str, param: str) -> Problem:
    words = f"The currency of the price (`{other}`) must be that of the invoice (`{currency}`)."
    return Problem(400, words, param=param)


def _with(before: Thing, quantity: Decimal, unit: Decimal) -> Thing:
    whole = totals.amount(quantity, unit)
    return before | {
        "amount": whole, "net_amount": whole, "quantity": int(quantity), "quantity_decimal": plain(quantity),
        "pricing": before["pricing"] | {"unit_amount_decimal": plain(unit)},
    }  # fmt: skip


def plain(number: Decimal) -> str:
    """Without an exponent and without zeros at the end: '1.50' -> '1.5', '2E+3' -> '2000'."""
    shown = format(number, "f")
    return (shown.rstrip("0").rstrip(".") or "0") if "." in shown else shown


def _period(value: Any, place: str) -> dict[str, int]:
    form = inner(value, place)
    only(form, ("start", "end"), place)
    for part in ("start", "end"):
        if part not in form:
            raise required(f"{place}[{part}]")
    found = {part: integer(form[part], f"{place}[{part}]") for part in ("end", "start")}
    if found["end"] < found["start"]:
        raise Problem(400, "The end of a period must not be before its start.", param=f"{place}[end]")
    return found


def rates_of(value: Any, place: str, rate: Rate) -> list[Thing]:
    """The tax rates that a list names; '' names none. Problem for one nobody knows, or one switched off."""
    if value == "":
        return []
    found = []
    for number, each in enumerate(items(value, place)):
        at, identity = f"{place}[{number}]", text(each, f"{place}[{number}]")
        known = rate(identity)
        if known is None:
            raise missing("tax rate", identity, param=at, status=400)
        if not known["active"]:
            raise Problem(400, f"The tax rate {identity} is not active.", param=at)
        found.append(known)
    if len(found) > MOST_RATES:
        raise Problem(400, f"You may apply up to {MOST_RATES} tax rates.", param=place)
    return found


def line(item: Thing, invoice: Thing) -> Thing:
    """What the item is on the invoice: with its own tax rates, or with the invoice's where it has none."""
    rates = item["tax_rates"] or invoice["default_tax_rates"]
    return {
        "id": f"il_{item['id'][3:]}", "object": "line_item", "amount": item["amount"], "currency": item["currency"],
        "description": item["description"], "discount_amounts": [], "discountable": item["discountable"],
        "discounts": [], "invoice": invoice["id"], "livemode": False, "metadata": item["metadata"],
        "parent": {
            "invoice_item_details": {
                "invoice_item": item["id"], "proration": False, "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None, "type": "invoice_item_details",
        },
        "period": item["period"], "pretax_credit_amounts": [], "pricing": item["pricing"],
        "quantity": item["quantity"], "quantity_decimal": item["quantity_decimal"], "subscription": None,
        "subtotal": item["amount"], "taxes": totals.taxes(item["amount"], rates, invoice["customer_tax_exempt"]),
    }  # fmt: skip
