"""Invoice objects: what Stripe accepts of them, and how they go from draft to open, paid, void or uncollectible.

Pure functions over dicts: an invoice is replaced at each change, never changed in place. Amounts are minor units,
times seconds since the epoch. The moves and their refusals follow docs.stripe.com, "Status transitions and
finalization"; the wording of refusals is that of the API.
"""

from typing import Any

from connectors.stripe.sandbox import customers, items
from connectors.stripe.sandbox.forms import Form, boolean, choice, inner, integer, only, text
from connectors.stripe.sandbox.forms import items as listed
from connectors.stripe.sandbox.items import Rate
from connectors.stripe.sandbox.listing import Thing
from connectors.stripe.sandbox.problems import Problem, bad_integer, not_here, required

type Invoice = dict[str, Any]

DAY, HOUR = 86_400, 3600
#: How long a page for payers can be opened: so many days after it is due, but never longer than so many after it was
#: made; and so many days at least after the API has given the address anew.
PAGE_DAYS, MOST_PAGE_DAYS, FRESH_PAGE_DAYS = 30, 120, 10
DRAFT, OPEN, PAID, VOID, UNCOLLECTIBLE = "draft", "open", "paid", "void", "uncollectible"
STATUSES = (DRAFT, OPEN, VOID, PAID, UNCOLLECTIBLE)
METHODS = ("charge_automatically", "send_invoice")
MOST_LINES, SHOWN_LINES = 250, 10
#: Smallest and largest amount that can be charged, in minor units; Stripe's for Australian dollars.
LEAST, MOST = 50, 99_999_999
_TEXTS = {"description": 1500, "footer": 5000, "number": 26, "statement_descriptor": 22}
_ELSEWHERE = {
    "account_tax_ids", "application_fee_amount", "automatic_tax", "customer_account", "default_payment_method",
    "default_source", "discounts", "from_invoice", "issuer", "on_behalf_of", "shipping_cost", "shipping_details",
    "subscription", "transfer_data",
}  # fmt: skip
ON_UPDATE = _ELSEWHERE - {"customer_account", "from_invoice", "subscription"} | {
    *_TEXTS, "auto_advance", "automatically_finalizes_at", "collection_method", "custom_fields", "days_until_due",
    "default_tax_rates", "due_date", "effective_at", "expand", "metadata", "payment_settings", "rendering",
}  # fmt: skip
ON_CREATE = ON_UPDATE | _ELSEWHERE | {"currency", "customer", "pending_invoice_items_behavior"}
#: What may still change when the invoice is final.
WHEN_OPEN = {"auto_advance", "description", "expand", "metadata"}
WHEN_CLOSED = {"expand", "metadata"}
_COPIED = ("address", "email", "name", "phone", "shipping", "tax_exempt")


def new(identity: str, created: int, account: Thing, customer: Thing, currency: str) -> Invoice:
    """A draft without lines. `account`: its profile."""
    settings = customer["invoice_settings"]
    fresh: Invoice = {
        "id": identity, "object": "invoice", "account_country": account["country"],
        "account_name": account["settings"]["dashboard"]["display_name"], "account_tax_ids": None, "amount_due": 0,
        "amount_overpaid": 0, "amount_paid": 0, "amount_remaining": 0, "amount_shipping": 0, "application": None,
        "attempt_count": 0, "attempted": False, "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None,
        },
        "automatically_finalizes_at": None, "billing_reason": "manual", "collection_method": METHODS[0],
        "created": created, "currency": currency, "custom_fields": settings["custom_fields"],
        "customer": customer["id"], "customer_account": None, "default_payment_method": None,
        "default_source": None, "default_tax_rates": [],
        "description": None, "discounts": [], "due_date": None, "effective_at": None, "ending_balance": None,
        "footer": settings["footer"], "from_invoice": None, "hosted_invoice_url": None, "invoice_pdf": None,
        "issuer": {"type": "self"}, "last_finalization_error": None, "latest_revision": None,
        "lines": embedded(identity, []), "livemode": False, "metadata": {}, "next_payment_attempt": None,
        "number": None, "on_behalf_of": None, "parent": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": created, "period_start": created, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "receipt_number": None, "rendering": None, "shipping_cost": None,
        "shipping_details": None, "starting_balance": customer["balance"], "statement_descriptor": None,
        "status": DRAFT,
        "status_transitions": {
            "finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None,
        },
        "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": None, "total": 0, "total_discount_amounts": [],
        "total_excluding_tax": 0, "total_pretax_credit_amounts": [], "total_taxes": [],
        "webhooks_delivered_at": created,
    }  # fmt: skip
    return with_customer(fresh, customer, [])


def with_customer(invoice: Invoice, customer: Thing, tax_ids: list[Thing]) -> Invoice:
    """What is copied from the customer: it follows them until the invoice is final."""
    if "deleted" in customer:
        return invoice
    copied = {f"customer_{part}": customer[part] for part in _COPIED}
    copied["customer_tax_ids"] = [{"type": t["type"], "value": t["value"]} for t in tax_ids]
    return invoice | copied | {"starting_balance": customer["balance"]}


def embedded(identity: str, lines: list[Thing]) -> Thing:
    """The lines as they stand in the invoice itself: the first ten."""
    return {
        "object": "list", "data": lines[:SHOWN_LINES], "has_more": len(lines) > SHOWN_LINES,
        "total_count": len(lines), "url": f"/v1/invoices/{identity}/lines",
    }  # fmt: skip


def changed(before: Invoice, form: Form, now: int, rate: Rate, allowed: set[str]) -> Invoice:
    """The invoice after these parameters. Problem, and nothing else, where one is refused."""
    only(form, allowed)
    _still_editable(before, form)
    after = dict(before)
    for param, value in form.items():
        if param in _ELSEWHERE and value != "":
            raise not_here(param)
        if param in _TEXTS:
            after[param] = text(value, param, _TEXTS[param]) or None
        elif param in _READERS:
            after[param] = _READERS[param](after[param], value)
        elif param == "default_tax_rates":
            after[param] = items.rates_of(value, param, rate)
    return _advancing(_due(after, form, now))


def _still_editable(before: Invoice, form: Form) -> None:
    if before["status"] == DRAFT:
        return
    allowed = WHEN_OPEN if before["status"] == OPEN else WHEN_CLOSED
    frozen = [p for p in form if p not in allowed]
    if frozen:
        raise Problem(400, "Finalized invoices can't be updated in this way", param=frozen[0])


def _due(after: Invoice, form: Form, now: int) -> Invoice:
    """The due date, which only an invoice that is sent may have, and must."""
    sent = after["collection_method"] == METHODS[1]
    if not sent and form.keys() & {"due_date", "days_until_due"}:
        words = "You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'."
        raise Problem(400, words)
    if "due_date" in form and "days_until_due" in form:
        raise Problem(400, "You may only specify one of these parameters: due_date, days_until_due.")
    if "due_date" in form:
        after["due_date"] = _future(form["due_date"], "due_date", now)
    elif "days_until_due" in form:
        days = integer(form["days_until_due"], "days_until_due")
        if days < 0:
            raise bad_integer(days, "days_until_due")
        after["due_date"] = after["created"] + days * DAY
    elif not sent:
        after["due_date"] = None
    if sent and after["due_date"] is None:
        words = "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'."
        raise Problem(400, words)
    return after


def _future(value: Any, param: str, now: int) -> int:
    if not isinstance(value, str) or not value.isdecimal() or int(value) <= now:
        words = "Invalid timestamp: must be an integer Unix timestamp in the future."
        raise Problem(400, words, param=param)
    return int(value)


def _advancing(after: Invoice) -> Invoice:
    """An hour after its making Stripe goes on with a draft by itself, where it is told to."""
    soon = after["status"] == DRAFT and after["auto_advance"]
    charged = soon and after["collection_method"] == METHODS[0]
    return after | {
        "automatically_finalizes_at": after["created"] + HOUR + 1 if soon else None,
        "next_payment_attempt": after["created"] + HOUR if charged else None,
    }  # fmt: skip


def _effective_at(before: Any, value: Any) -> int | None:
    return None if value == "" else integer(value, "effective_at")


def _payment_settings(before: Thing, value: Any) -> Thing:
    form = inner(value, "payment_settings")
    only(form, ("default_mandate", "payment_method_options", "payment_method_types"), "payment_settings")
    for param in form.keys() - {"payment_method_types"}:
        raise not_here(f"payment_settings[{param}]")
    types, place = form.get("payment_method_types", ""), "payment_settings[payment_method_types]"
    return before | {"payment_method_types": [text(t, place) for t in listed(types, place)] if types else None}


def _rendering(before: Thing | None, value: Any) -> Thing:
    form = inner(value, "rendering")
    only(form, ("amount_tax_display", "pdf", "template", "template_version"), "rendering")
    for param in form.keys() - {"amount_tax_display"}:
        raise not_here(f"rendering[{param}]")
    shown = form.get("amount_tax_display") or None
    if shown:
        choice(shown, "rendering[amount_tax_display]", ("exclude_tax", "include_inclusive_tax"))
    return {"amount_tax_display": shown, "pdf": {"page_size": None}, "template": None, "template_version": None}


_READERS = {
    "auto_advance": lambda before, value: boolean(value, "auto_advance"),
    "collection_method": lambda before, value: choice(value, "collection_method", METHODS),
    "custom_fields": lambda before, value: customers.custom_fields(value, "custom_fields"),
    "effective_at": _effective_at,
    "metadata": customers.metadata,
    "payment_settings": _payment_settings,
    "rendering": _rendering,
}


def finalized(invoice: Invoice, number: str, page: str, now: int) -> Invoice:
    """Open, with its number and its page, and the customer's balance taken into account; nothing due is paid at once.

    `page`: the address where the client can see and pay it.
    """
    if invoice["status"] != DRAFT:
        raise Problem(400, "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    owed = invoice["total"] + invoice["starting_balance"]
    if owed > MOST:
        words = f"Amount must be no more than {MOST / 100:,.2f} {invoice['currency']}"
        raise Problem(400, words, code="amount_too_large", param="amount")
    small = owed < LEAST
    after = invoice | {
        "status": OPEN, "number": invoice["number"] or number, "hosted_invoice_url": page,
        "invoice_pdf": f"{page}/pdf", "effective_at": invoice["effective_at"] or now,
        "ending_balance": owed if small else 0, "amount_due": 0 if small else owed,
        "amount_remaining": 0 if small else owed, "automatically_finalizes_at": None, "next_payment_attempt": None,
        "status_transitions": invoice["status_transitions"] | {"finalized_at": now},
    }  # fmt: skip
    return pay(after, 0, now) | {"attempted": True} if small else after


def page_until(invoice: Invoice, given_anew: int) -> int:
    """When its page cannot be opened any more. `given_anew`: when its address was last replaced, 0 for never."""
    final = invoice["status_transitions"]["finalized_at"]
    rule = min((invoice["due_date"] or final) + PAGE_DAYS * DAY, final + MOST_PAGE_DAYS * DAY)
    return int(max(rule, given_anew + FRESH_PAGE_DAYS * DAY))


def pay(invoice: Invoice, amount: int, now: int) -> Invoice:
    """So much came in: what remains is less, and the invoice is paid once nothing remains. More than that is overpaid.

    Problem for a draft, and for one that is paid or void.
    """
    if invoice["status"] == PAID:
        raise Problem(400, "Invoice is already paid")
    if invoice["status"] not in (OPEN, UNCOLLECTIBLE):
        raise Problem(400, f"You can't pay an invoice that is {invoice['status']}.")
    paid = invoice["amount_paid"] + amount
    after = invoice | {
        "amount_paid": paid, "amount_remaining": max(0, invoice["amount_due"] - paid),
        "amount_overpaid": max(0, paid - invoice["amount_due"]),
    }  # fmt: skip
    if after["amount_remaining"]:
        return after
    times = invoice["status_transitions"] | {"paid_at": now}
    return after | {"status": PAID, "status_transitions": times, "next_payment_attempt": None, "auto_advance": False}


def voided(invoice: Invoice, now: int) -> Invoice:
    """For good. What was due stays readable. Problem where money has come in, and for a draft."""
    if invoice["status"] == PAID or invoice["amount_paid"]:
        raise Problem(400, "Invoices with `paid` payments cannot be voided.")
    return _closed(invoice, VOID, "voided_at", (OPEN, UNCOLLECTIBLE), now)


def uncollectible(invoice: Invoice, now: int) -> Invoice:
    if invoice["status"] == UNCOLLECTIBLE:
        raise Problem(400, "This invoice has already been marked uncollectible.")
    return _closed(invoice, UNCOLLECTIBLE, "marked_uncollectible_at", (OPEN,), now)


def _closed(invoice: Invoice, status: str, moment: str, among: tuple[str, ...], now: int) -> Invoice:
    if invoice["status"] not in among:
        raise Problem(400, "You can only pass in open invoices. This invoice isn't open.")
    times = invoice["status_transitions"] | {moment: now}
    return invoice | {"status": status, "status_transitions": times, "auto_advance": False}


def check_sendable(invoice: Invoice) -> None:
    if invoice["status"] not in (DRAFT, OPEN):
        words = (
            "This invoice cannot be sent right now. Please contact us via https://support.stripe.com/contact "
            "with details, so we can help."
        )
        raise Problem(400, words)
    if invoice["collection_method"] != METHODS[1]:
        raise Problem(400, "You can only manually send an invoice if its collection method is 'send_invoice'.")


def check_editable(invoice: Invoice) -> None:
    """Its lines change only while it is a draft."""
    if invoice["status"] != DRAFT:
        raise Problem(400, "Invalid invoice: This invoice is no longer editable", code="invoice_not_editable")


def check_deletable(invoice: Invoice) -> None:
    if invoice["status"] != DRAFT:
        raise Problem(400, "You can only delete draft invoices.")


def deleted(identity: str, kind: str = "invoice") -> Thing:
    return {"id": identity, "object": kind, "deleted": True}


def currency_of(form: Form, customer: Thing, default: str) -> str:
    """Lower case. Problem where the customer has another already."""
    asked = text(form["currency"], "currency", 3).lower() if "currency" in form else ""
    if asked and not (len(asked) == 3 and asked.isascii() and asked.isalpha()):
        raise Problem(400, f"Invalid currency: {asked}.", param="currency")
    own = customer["currency"]
    if own and asked and asked != own:
        words = (
            "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, "
            f"or invoice item with currency {own}"
        )
        raise Problem(400, words)
    return asked or own or default


def needed_customer(form: Form) -> str:
    if "customer" not in form:
        raise required("customer")
    return text(form["customer"], "customer")
