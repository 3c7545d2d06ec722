"""Customers, invoices and payments at the Stripe stand-in, made as a script would make them."""

from typing import Any

from tests.connectors.stripe_calls import Calls

SENT = {"collection_method": "send_invoice", "days_until_due": "14"}


def done(stripe: Calls, path: str, **form: str) -> Any:
    """The answer of a POST that works."""
    answer = stripe.post(path, **form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def customer(stripe: Calls, name: str = "Ann") -> str:
    return str(stripe.create(name=name, email=f"{name.lower()}@example.com")["id"])


def opened(stripe: Calls, whose: str, amount: str = "11000", **form: str) -> Any:
    """An open invoice with one line."""
    made = done(stripe, "invoices", customer=whose, **(SENT | form))
    done(stripe, f"invoices/{made['id']}/add_lines", **{"lines[0][amount]": amount, "lines[0][description]": "Work"})
    return done(stripe, f"invoices/{made['id']}/finalize")


def invoice(stripe: Calls, identity: str) -> Any:
    return stripe.get(f"invoices/{identity}", **{"expand[]": "payments"})


def charged(stripe: Calls, token: str = "pm_card_visa", amount: str = "11000", **form: str) -> Any:
    """A payment intent that was confirmed with a test card."""
    return done(
        stripe, "payment_intents", amount=amount, currency="aud", confirm="true", payment_method=token, **form
    )  # fmt: skip


def debit(stripe: Calls, whose: str, number: str = "000123456") -> str:
    """The id of a bank account that belongs to a customer."""
    form = {"type": "au_becs_debit", "billing_details[name]": "Ann", "billing_details[email]": "ann@example.com"}
    form |= {"au_becs_debit[bsb_number]": "000-000", "au_becs_debit[account_number]": number}
    made = done(stripe, "payment_methods", **form)
    return str(done(stripe, f"payment_methods/{made['id']}/attach", customer=whose)["id"])


def card(stripe: Calls, whose: str, token: str = "pm_card_visa") -> str:
    """The id of a stored card."""
    return str(done(stripe, f"payment_methods/{token}/attach", customer=whose)["id"])


def reported(stripe: Calls, amount: str, **form: str) -> Any:
    """A payment record of money that was taken elsewhere."""
    told = {
        "amount_requested[value]": amount, "amount_requested[currency]": "aud", "initiated_at": "1790000000",
        "outcome": "guaranteed", "guaranteed[guaranteed_at]": "1790000000", "payment_method_details[type]": "custom",
        "payment_method_details[custom][display_name]": "Bank transfer",
    }  # fmt: skip
    return done(stripe, "payment_records/report_payment", **(told | form))


def kinds(stripe: Calls, after: int = 0) -> list[str]:
    """Of the events, oldest first, without the first so many."""
    return [e["type"] for e in stripe.get("events", limit=100)["data"]][::-1][after:]


def refused(stripe: Calls, path: str, **form: str) -> tuple[str, str | None, str | None]:
    """(message, code, parameter) of a 400."""
    status, error = stripe.refusal(path, **form)
    assert status == 400, error
    return error["message"], error.get("code"), error.get("param")
