"""The invoices that Stripe holds in a fresh stand-in: those of the made-up ones that were paid at Stripe."""

import hashlib
from dataclasses import dataclass

from connectors.sandbox.paper import Invoice as Paper
from connectors.sandbox.paper import paper
from connectors.sandbox.people import people
from connectors.stripe.sandbox import cards, charging, disputes, invoices, items, tax_rates, totals
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.invoices import DAY, Invoice
from connectors.stripe.sandbox.items import plain
from connectors.stripe.sandbox.listing import Thing

#: Days from the issue of an invoice until it is paid; and so long ago somebody has disputed that: it can be answered.
PAID_AFTER, DISPUTED_AGO = 3, 2
GST = {"display_name": "GST", "percentage": "10", "inclusive": "true", "country": "AU"}


@dataclass(frozen=True, slots=True)
class Names:
    """Ids that are the same on every machine."""

    account: str
    place: str

    def __call__(self, prefix: str) -> str:
        stable = hashlib.sha256(f"{self.account}/{self.place}/{prefix}".encode()).hexdigest()
        return f"{prefix}{stable[:22]}"


def fill(account: Account, page: str, now: float) -> None:
    """`page`: the address of pages for payers, as 'http://127.0.0.1:8001/stripe'."""
    rate = tax_rates.new(Names(account.id, "gst")("txr_1"), int(now - 365 * DAY), dict(GST))
    account.tax_rates.put(rate["id"], rate)
    emails = {p.number: p.email for p in people(200)}
    for each in paper():
        if each.paid_at_stripe:
            customer = next(iter(account.with_email(emails[each.person])))
            _paid(account, each, account.customers[customer], rate, page, int(now))


def _paid(account: Account, each: Paper, customer: Thing, rate: Thing, page: str, now: int) -> None:
    """An invoice and all that came of it, each at its time; what was not long ago has just happened."""
    names = Names(account.id, each.jobber_id)
    issued = now - each.issued_days_ago * DAY - 1
    invoice = _opened(account, each, customer, rate, names, issued, page)
    at = min(issued + PAID_AFTER * DAY, now)
    charge = _charged(account, invoice, names, issued, at, page)
    paid = invoices.pay(invoice, invoice["amount_remaining"], at) | {"attempted": True, "attempt_count": 1}
    account.invoices.put(paid["id"], paid)
    if each.paid_at_stripe == "disputed":
        _disputed(account, charge, names, max(at, now - DISPUTED_AGO * DAY))


def _opened(
    account: Account, each: Paper, customer: Thing, rate: Thing, names: Names, issued: int, page: str
) -> Invoice:  # fmt: skip
    draft = invoices.new(names("in_1"), issued, account.profile, customer, "aud")
    asked = {
        "collection_method": "send_invoice", "days_until_due": str(each.net_days), "description": each.subject,
        "custom_fields": {"0": {"name": "Jobber invoice", "value": each.number}}, "footer": each.message,
        "metadata": {"jobber_invoice_id": each.jobber_id, "jobber_invoice_number": each.number},
    }  # fmt: skip
    draft = invoices.changed(draft, asked, issued, account.tax_rates.get, invoices.ON_CREATE)
    lines = [items.line(_item(account, each, draft, number, rate, names), draft) for number in range(len(each.lines))]
    account.lines[draft["id"]] = lines
    draft = totals.totalled(draft, lines, account.tax_rates.things, per_invoice=False)
    draft |= {"lines": invoices.embedded(draft["id"], lines)}
    sequence = customer["next_invoice_sequence"]
    counted = {"next_invoice_sequence": sequence + 1, "currency": "aud"}
    account.put(customer | counted, now=0.0)
    number = f"{customer['invoice_prefix']}-{sequence:04d}"
    address = f"{page}/i/{account.id}/test_{draft['id'][3:]}{names('')[:16]}"
    return invoices.finalized(draft, number, address, issued)


def _item(account: Account, each: Paper, invoice: Invoice, number: int, rate: Thing, names: Names) -> Thing:
    line = each.lines[number]
    fresh = items.new(names(f"ii_{number}"), invoice["created"], invoice["customer"], "aud")
    price = {
        "currency": "aud", "product_data": {"name": line.name},
        "unit_amount_decimal": plain(line.unit_price * 100),
    }  # fmt: skip
    asked = {"quantity_decimal": plain(line.quantity), "price_data": price, "tax_rates": {"0": rate["id"]}}
    made = items.changed(fresh, asked, account.tax_rates.get) | {"invoice": invoice["id"]}
    account.items.put(made["id"], made)
    return made


def _charged(account: Account, invoice: Invoice, names: Names, issued: int, at: int, page: str) -> Thing:
    """The charge of a card that has paid the whole invoice."""
    billing = {"email": invoice["customer_email"], "name": invoice["customer_name"]}
    method = cards.of_card(names("pm_1"), at, cards.BY_TOKEN["pm_card_au"], billing)
    account.methods.put(method["id"], method)
    intent = charging.new(names("pi_3"), issued, invoice["amount_due"], "aud", names("")[:24])
    intent |= {"customer": invoice["customer"], "description": "Payment for Invoice"}
    intent = charging.with_method(intent, method)
    charge = charging.charge(names("ch_3"), at, intent, method, account.profile, authenticated=False)
    fee = charging.fee(charge["amount"], charge["payment_method_details"])
    moved = charging.transaction(names("txn_3"), at, "charge", charge["amount"], fee, charge)
    account.transactions.put(moved["id"], moved)
    charge = charging.captured(charge, moved["id"], f"{page}/receipts/{account.id}/{charge['id']}")
    account.charges.put(charge["id"], charge)
    intent = charging.charged(intent, charge)
    account.intents.put(intent["id"], intent)
    payment = {"type": "payment_intent", "payment_intent": intent["id"]}
    link = charging.toward(names("inpay_1"), issued, invoice, intent["amount"], payment, default=True)
    account.put_invoice_payment(charging.arrived(link, intent["amount"], at))
    return charge


def _disputed(account: Account, charge: Thing, names: Names, at: int) -> None:
    made = disputes.new(names("du_1"), at, charge, "product_not_received")
    moved = charging.transaction(names("txn_4"), at, "adjustment", -made["amount"], disputes.FEE, made)
    account.transactions.put(moved["id"], moved)
    made = disputes.with_transaction(made, moved)
    account.disputes.put(made["id"], made)
    account.charges.put(charge["id"], charge | {"disputed": True})
