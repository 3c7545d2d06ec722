"""The Stripe stand-in's payments: intents, charges, methods, and how they pay invoices."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.running import running
from connectors.stripe.sandbox import cards
from tests import shared
from tests.connectors.stripe_bills import (
    card,
    charged,
    customer,
    debit,
    done,
    invoice,
    kinds,
    opened,
    refused,
    reported,
)
from tests.connectors.stripe_calls import EMPTY, Calls, needed_contract

pytestmark = pytest.mark.sandbox


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def ann(stripe: Calls) -> str:
    return customer(stripe)


def payments(found: Any) -> list[tuple[str, str, int, int | None, bool]]:
    """(kind, status, requested, paid, default) of an invoice's, oldest first."""
    rows = found["payments"]["data"][::-1]
    return [(p["payment"]["type"], p["status"], p["amount_requested"], p["amount_paid"], p["is_default"]) for p in rows]


# Cards


def test_every_test_card_answers_as_recorded(stripe: Calls) -> None:
    for known in shared.read("test_cards.json")["cards"]:
        if "pm" not in known:
            continue
        answer = stripe.post(
            "payment_intents", amount="2000", currency="aud", confirm="true", payment_method=known["pm"]
        )
        if "code" not in known and known["number"] != "4000000000000341":
            assert answer.json()["status"] == "succeeded", known
            continue
        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (402, "card_error"), known
        if "code" in known:
            told = {part: error.get(part) for part in ("code", "decline_code", "advice_code", "param")}
            assert told == {part: known.get(part) for part in told}, known


def test_every_number_that_is_recorded_is_one_of_the_stand_ins() -> None:
    for known in shared.read("test_cards.json")["cards"]:
        assert cards.BY_NUMBER[known["number"]].token == known.get("pm", cards.BY_NUMBER[known["number"]].token)


def test_the_document_names_every_card_as_it_is() -> None:
    told = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    rows = re.findall(r"^\| ([\d ]{19}) \| `(pm_\w+)` \| (.+) \|$", told, flags=re.MULTILINE)
    assert [(number.replace(" ", ""), token) for number, token, _ in rows] == [(c.number, c.token) for c in cards.CARDS]
    for (_, token, words), card_ in zip(rows, cards.CARDS, strict=True):
        assert card_.about.lower().startswith(words.lower()), token


def test_a_refused_payment_stays_and_says_why(stripe: Calls, ann: str) -> None:
    token = "pm_card_visa_chargeDeclinedInsufficientFunds"
    status, error = stripe.refusal(
        "payment_intents", amount="2000", currency="aud", confirm="true", payment_method=token, customer=ann
    )
    assert (status, error["message"]) == (402, "Your card has insufficient funds.")
    kept = stripe.get(f"payment_intents/{error['payment_intent']['id']}", **{"expand[]": "latest_charge"})
    assert (kept["status"], kept["payment_method"]) == ("requires_payment_method", None)
    assert kept["last_payment_error"]["decline_code"] == "insufficient_funds"
    charge = kept["latest_charge"]
    assert (charge["id"], charge["status"], charge["paid"]) == (error["charge"], "failed", False)
    assert (charge["failure_code"], charge["outcome"]["reason"]) == ("card_declined", "insufficient_funds")
    assert kinds(stripe, 1) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    again = done(stripe, f"payment_intents/{kept['id']}/confirm", payment_method="pm_card_visa")
    assert (again["status"], again["last_payment_error"]) == ("succeeded", None)


def test_a_key_keeps_a_refused_payment(stripe: Calls) -> None:
    form = {"amount": "2000", "currency": "aud", "confirm": "true", "payment_method": "pm_card_visa_chargeDeclined"}
    first = stripe.post("payment_intents", "k1", **form)
    again = stripe.post("payment_intents", "k1", **form)
    assert (again.status_code, again.json()) == (402, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert len(stripe.get("payment_intents")["data"]) == 1


def test_a_key_keeps_nothing_of_a_call_that_never_began(stripe: Calls) -> None:
    form = {"amount": "10", "currency": "aud"}
    assert stripe.post("payment_intents", "k1", **form).json()["error"]["code"] == "amount_too_small"
    assert stripe.post("payment_intents", "k1", amount="50", currency="aud").status_code == 200


def test_card_numbers_are_not_taken_by_the_api(stripe: Calls) -> None:
    status, error = stripe.refusal("payment_methods", type="card", **{"card[number]": "4242424242424242"})
    assert (status, "generally unsafe" in error["message"]) == (402, True)


# Intents


def test_an_intent_goes_from_nothing_to_paid(stripe: Calls, ann: str) -> None:
    made = done(
        stripe, "payment_intents", amount="11000", currency="AUD", customer=ann, description="Deposit",
        **{"metadata[jobber_invoice_id]": "J1"},
    )  # fmt: skip
    assert (made["status"], made["currency"], made["amount_received"]) == ("requires_payment_method", "aud", 0)
    at = f"payment_intents/{made['id']}"
    dearer = done(stripe, at, amount="12000", currency="nzd")
    assert (dearer["amount"], dearer["currency"]) == (12000, "nzd")
    done(stripe, at, amount="11000", currency="aud")
    assert done(stripe, at, payment_method="pm_card_au")["status"] == "requires_confirmation"
    assert done(stripe, at, **{"metadata[more]": "1"})["metadata"] == {"jobber_invoice_id": "J1", "more": "1"}
    assert done(stripe, f"{at}/confirm")["status"] == "succeeded"
    paid = stripe.get(at, **{"expand[0]": "latest_charge.balance_transaction", "expand[1]": "customer"})
    charge = paid["latest_charge"]
    assert (paid["amount_received"], paid["customer"]["name"], charge["metadata"]) == (11000, "Ann", paid["metadata"])
    assert (charge["captured"], charge["refunded"], charge["disputed"], charge["paid"]) == (True, False, False, True)
    method = charge["payment_method_details"]["card"]
    assert (method["brand"], method["last4"], method["country"]) == ("visa", "0006", "AU")
    moved = charge["balance_transaction"]
    assert (moved["amount"], moved["fee"], moved["net"], moved["type"]) == (11000, 217, 10783, "charge")
    assert stripe.get(f"charges/{charge['id']}")["payment_intent"] == made["id"]
    assert [c["id"] for c in stripe.get("charges", payment_intent=made["id"])["data"]] == [charge["id"]]
    assert kinds(stripe, 1) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_an_intent_says_what_it_does_not_take(stripe: Calls) -> None:
    at = "payment_intents"
    assert refused(stripe, at, amount="100")[1:] == ("parameter_missing", "currency")
    assert refused(stripe, at, amount="49", currency="aud") == (
        "Amount must be at least $0.50 aud", "amount_too_small", "amount",
    )  # fmt: skip
    assert refused(stripe, at, amount="100000000", currency="aud")[1] == "amount_too_large"
    assert refused(stripe, at, amount="-5", currency="aud")[1:] == ("parameter_invalid_integer", "amount")
    assert refused(stripe, at, amount="500", currency="dollars")[2] == "currency"
    types = {"payment_method_types[0]": "card"}
    assert refused(stripe, at, amount="500", currency="aud", **types)[1] == "payment_method_types_no_longer_supported"
    assert refused(stripe, at, amount="500", currency="aud", customer="cus_no")[1:] == ("resource_missing", "customer")
    assert refused(stripe, at, amount="500", currency="aud", payment_method="pm_no")[1] == "resource_missing"
    assert refused(stripe, at, amount="500", currency="aud", nonsense="1")[1] == "parameter_unknown"
    made = done(stripe, at, amount="500", currency="aud")["id"]
    assert refused(stripe, f"{at}/{made}/confirm")[1] == "payment_intent_unexpected_state"
    assert stripe.send("GET", f"{at}/pi_no").status_code == 404


def test_a_paid_intent_is_neither_paid_again_nor_changed_nor_canceled(stripe: Calls) -> None:
    at = f"payment_intents/{charged(stripe)['id']}"
    assert "already succeeded" in refused(stripe, f"{at}/confirm", payment_method="pm_card_visa")[0]
    assert refused(stripe, at, amount="900")[1] == "payment_intent_unexpected_state"
    assert refused(stripe, f"{at}/cancel")[1] == "payment_intent_unexpected_state"
    assert done(stripe, at, description="Later")["description"] == "Later"


def test_an_intent_is_canceled(stripe: Calls) -> None:
    at = f"payment_intents/{done(stripe, 'payment_intents', amount='500', currency='aud')['id']}"
    gone = done(stripe, f"{at}/cancel", cancellation_reason="duplicate")
    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "duplicate")
    assert kinds(stripe)[-1] == "payment_intent.canceled"
    assert "canceled" in refused(stripe, f"{at}/confirm", payment_method="pm_card_visa")[0]


def test_money_is_held_and_taken_or_let_go(stripe: Calls) -> None:
    first, second = (charged(stripe, capture_method="manual") for _ in range(2))
    assert (first["status"], first["amount_capturable"], first["amount_received"]) == ("requires_capture", 11000, 0)
    taken = done(stripe, f"payment_intents/{first['id']}/capture", **{"expand[]": "latest_charge"})
    assert (taken["status"], taken["amount_received"]) == ("succeeded", 11000)
    assert taken["latest_charge"]["captured"] is True
    assert refused(stripe, f"payment_intents/{first['id']}/capture")[1] == "payment_intent_unexpected_state"
    done(stripe, f"payment_intents/{second['id']}/cancel")
    assert stripe.get(f"charges/{second['latest_charge']}")["refunded"] is True
    assert "charge.captured" in kinds(stripe)


def test_a_bank_that_wants_to_ask_gets_no_answer_where_nobody_is(stripe: Calls) -> None:
    asked = charged(stripe, "pm_card_authenticationRequired", return_url="https://shop.example.com/back")
    assert asked["status"] == "requires_action"
    redirect = asked["next_action"]["redirect_to_url"]
    assert redirect["return_url"] == "https://shop.example.com/back"
    form = {"amount": "900", "currency": "aud", "confirm": "true", "payment_method": "pm_card_authenticationRequired"}
    status, error = stripe.refusal("payment_intents", off_session="true", **form)
    assert (status, error["decline_code"]) == (402, "authentication_required")
    assert stripe.refusal("payment_intents", error_on_requires_action="true", **form)[0] == 402


def test_a_card_that_asks_the_first_time_asks_no_more_once_it_is_stored(stripe: Calls, ann: str) -> None:
    token = "pm_card_authenticationRequiredOnSetup"
    assert charged(stripe, token)["status"] == "requires_action"
    assert charged(stripe, card(stripe, ann, token), customer=ann)["status"] == "succeeded"


def test_intents_are_listed_by_customer_and_time(stripe: Calls, ann: str) -> None:
    first = charged(stripe, customer=ann)
    stripe.forward(100)
    second = charged(stripe)
    assert [p["id"] for p in stripe.get("payment_intents")["data"]] == [second["id"], first["id"]]
    assert [p["id"] for p in stripe.get("payment_intents", customer=ann)["data"]] == [first["id"]]
    later = stripe.get("payment_intents", **{"created[gt]": first["created"] + 50})
    assert [p["id"] for p in later["data"]] == [second["id"]]
    whole = stripe.get("payment_intents", **{"expand[]": "data.latest_charge"})["data"]
    assert whole[0]["latest_charge"]["id"] == second["latest_charge"]


# Methods


def test_a_method_belongs_to_one_customer(stripe: Calls, ann: str) -> None:
    stored = card(stripe, ann)
    bob = customer(stripe, "Bob")
    assert refused(stripe, f"payment_methods/{stored}/attach", customer=bob)[1] == "payment_method_unexpected_state"
    assert [m["id"] for m in stripe.get("payment_methods", customer=ann, type="card")["data"]] == [stored]
    assert stripe.get("payment_methods", customer=bob)["data"] == []
    assert done(stripe, f"payment_methods/{stored}/detach")["customer"] is None
    assert refused(stripe, f"payment_methods/{stored}/detach")[2] == "payment_method"
    assert kinds(stripe)[-1] == "payment_method.detached"


def test_only_test_accounts_are_taken(stripe: Calls, ann: str) -> None:
    found = stripe.get(f"payment_methods/{debit(stripe, ann)}")
    assert (found["type"], found["au_becs_debit"]["last4"], found["customer"]) == ("au_becs_debit", "3456", ann)
    form = {"type": "au_becs_debit", "au_becs_debit[bsb_number]": "000-000", "au_becs_debit[account_number]": "1"}
    assert refused(stripe, "payment_methods", **form)[1] == "account_number_invalid"


# Invoices


def test_an_open_invoice_has_an_intent_of_its_own(stripe: Calls, ann: str) -> None:
    found = invoice(stripe, opened(stripe, ann)["id"])
    assert payments(found) == [("payment_intent", "open", 11000, None, True)]
    own = found["payments"]["data"][0]["payment"]["payment_intent"]
    intent = stripe.get(f"payment_intents/{own}")
    assert (intent["amount"], intent["customer"], intent["status"]) == (11000, ann, "requires_payment_method")
    assert refused(stripe, f"payment_intents/{own}", amount="900")[2] == "amount"
    assert "Void the invoice" in refused(stripe, f"payment_intents/{own}/cancel")[0]


def test_an_invoice_is_paid_with_a_stored_card(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    before = len(kinds(stripe))
    paid = done(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))
    assert (paid["status"], paid["amount_paid"], paid["amount_remaining"]) == ("paid", 11000, 0)
    assert (paid["attempted"], paid["attempt_count"]) == (True, 1)
    found = invoice(stripe, made["id"])
    assert payments(found) == [("payment_intent", "paid", 11000, 11000, True)]
    assert kinds(stripe, before) == [
        "payment_method.attached", "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
        "invoice.payment_succeeded", "invoice_payment.paid",
    ]  # fmt: skip
    assert (
        refused(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))[0] == "Invoice is already paid"
    )


def test_an_invoice_whose_card_is_refused_stays_open(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    stored = card(stripe, ann, "pm_card_visa_chargeDeclined")
    assert stripe.refusal(f"invoices/{made['id']}/pay", payment_method=stored)[0] == 402
    found = invoice(stripe, made["id"])
    assert (found["status"], found["attempt_count"], found["amount_paid"]) == ("open", 1, 0)
    assert kinds(stripe)[-3:] == ["payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"]
    assert done(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))["status"] == "paid"


def test_an_invoice_takes_only_a_card_of_its_own_customer(stripe: Calls, ann: str) -> None:
    at = f"invoices/{opened(stripe, ann)['id']}/pay"
    assert refused(stripe, at, payment_method="pm_card_visa")[1:] == ("resource_missing", "payment_method")
    assert refused(stripe, at, payment_method=card(stripe, customer(stripe, "Bob")))[2] == "payment_method"
    assert "default_payment_method" in refused(stripe, at)[0]


def test_an_invoice_that_was_paid_elsewhere(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    paid = done(stripe, f"invoices/{made['id']}/pay", paid_out_of_band="true",
                **{"expand[0]": "amount_paid_off_stripe", "expand[1]": "payments"})  # fmt: skip
    assert (paid["status"], paid["amount_paid"], paid["amount_paid_off_stripe"]) == ("paid", 11000, 11000)
    assert payments(paid) == [("payment_intent", "canceled", 11000, None, True)]
    intent = stripe.get(f"payment_intents/{paid['payments']['data'][0]['payment']['payment_intent']}")
    assert intent["status"] == "canceled"
    assert stripe.get("charges")["data"] == []


def test_parts_that_were_paid_elsewhere(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    at = f"invoices/{made['id']}/attach_payment"
    part = reported(stripe, "4000", **{"metadata[jobber_payment_id]": "P1"})
    after = done(stripe, at, payment_record=part["id"], **{"expand[]": "payments"})
    assert (after["status"], after["amount_paid"], after["amount_remaining"]) == ("open", 4000, 7000)
    assert payments(after) == [
        ("payment_intent", "open", 7000, None, True),
        ("payment_record", "paid", 4000, 4000, False),
    ]
    own = next(p for p in after["payments"]["data"] if p["is_default"])["payment"]["payment_intent"]
    assert stripe.get(f"payment_intents/{own}")["amount"] == 7000
    assert "already been attached" in refused(stripe, at, payment_record=part["id"])[0]
    done(stripe, at, payment_record=reported(stripe, "7000")["id"])
    found = invoice(stripe, made["id"])
    assert (found["status"], found["amount_paid"], found["amount_overpaid"]) == ("paid", 11000, 0)
    assert [p[1] for p in payments(found)] == ["canceled", "paid", "paid"]
    assert kinds(stripe).count("invoice_payment.paid") == 2
    assert kinds(stripe).count("invoice.paid") == 1


def test_more_than_what_is_due_is_the_customers(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    after = done(stripe, f"invoices/{made['id']}/attach_payment", payment_record=reported(stripe, "12500")["id"])
    assert (after["status"], after["amount_paid"], after["amount_overpaid"]) == ("paid", 12500, 1500)
    assert stripe.get(f"customers/{ann}")["balance"] == -1500
    assert "invoice.overpaid" in kinds(stripe)


def test_a_payment_made_without_an_invoice_is_attached_to_one(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    at = f"invoices/{made['id']}/attach_payment"
    paid = charged(stripe, amount="6000", customer=ann)
    assert done(stripe, at, payment_intent=paid["id"])["amount_remaining"] == 5000
    later = done(stripe, "payment_intents", amount="5000", currency="aud", customer=ann)
    assert done(stripe, at, payment_intent=later["id"])["amount_remaining"] == 5000
    done(stripe, f"payment_intents/{later['id']}/confirm", payment_method="pm_card_visa")
    found = invoice(stripe, made["id"])
    assert (found["status"], found["amount_paid"]) == ("paid", 11000)
    assert [p[1] for p in payments(found)] == ["canceled", "paid", "paid"]


def test_what_cannot_be_attached(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    at = f"invoices/{made['id']}/attach_payment"
    assert "exactly one" in refused(stripe, at)[0]
    assert refused(stripe, at, payment_record="pr_no")[1:] == ("resource_missing", "payment_record")
    assert refused(stripe, at, payment_intent="pi_no")[1:] == ("resource_missing", "payment_intent")
    euros = reported(stripe, "500", **{"amount_requested[currency]": "eur"})
    assert "eur" in refused(stripe, at, payment_record=euros["id"])[0]
    bobs = charged(stripe, customer=customer(stripe, "Bob"))
    assert "another customer" in refused(stripe, at, payment_intent=bobs["id"])[0]
    failed = {"outcome": "failed", "failed[failed_at]": "1790000000"}
    told = done(
        stripe, "payment_records/report_payment", initiated_at="1790000000", **failed,
        **{"amount_requested[value]": "5", "amount_requested[currency]": "aud"},
        **{"payment_method_details[type]": "custom"},
    )  # fmt: skip
    assert "not been guaranteed" in refused(stripe, at, payment_record=told["id"])[0]
    done(stripe, f"invoices/{made['id']}/void")
    assert "open invoices" in refused(stripe, at, payment_record=reported(stripe, "500")["id"])[0]


def test_a_void_invoice_cancels_what_would_have_paid_it(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    done(stripe, f"invoices/{made['id']}/void")
    found = invoice(stripe, made["id"])
    assert payments(found) == [("payment_intent", "canceled", 11000, None, True)]
    intent = stripe.get("payment_intents")["data"][0]
    assert (intent["status"], intent["cancellation_reason"]) == ("canceled", "void_invoice")
    assert "can't pay" in refused(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))[0]


def test_an_uncollectible_invoice_can_still_be_paid(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    done(stripe, f"invoices/{made['id']}/mark_uncollectible")
    assert done(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))["status"] == "paid"


def test_a_credit_note_makes_the_payment_smaller(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    done(stripe, "credit_notes", invoice=made["id"], amount="1000")
    assert payments(invoice(stripe, made["id"])) == [("payment_intent", "open", 10000, None, True)]
    assert stripe.get("payment_intents")["data"][0]["amount"] == 10000
    done(stripe, "credit_notes", invoice=made["id"], amount="10000")
    assert payments(invoice(stripe, made["id"]))[0][1] == "canceled"


def test_the_way_from_a_payment_to_its_invoice_and_back(stripe: Calls, ann: str) -> None:
    first, second = opened(stripe, ann), opened(stripe, ann, "500")
    done(stripe, f"invoices/{first['id']}/pay", payment_method=card(stripe, ann))
    by_invoice = stripe.get("invoice_payments", invoice=first["id"], **{"expand[]": "data.payment.payment_intent"})
    intent = by_invoice["data"][0]["payment"]["payment_intent"]
    assert (len(by_invoice["data"]), intent["status"]) == (1, "succeeded")
    about = {"payment[type]": "payment_intent", "payment[payment_intent]": intent["id"]}
    assert [p["invoice"] for p in stripe.get("invoice_payments", **about)["data"]] == [first["id"]]
    assert stripe.get("invoice_payments", invoice=second["id"], **about)["data"] == []
    assert [p["invoice"] for p in stripe.get("invoice_payments", status="open")["data"]] == [second["id"]]
    assert [p["invoice"] for p in stripe.get("invoice_payments")["data"]] == [second["id"], first["id"]]
    one = stripe.get(f"invoice_payments/{by_invoice['data'][0]['id']}", **{"expand[]": "invoice"})
    assert one["invoice"]["id"] == first["id"]
    assert stripe.send("GET", "invoice_payments", params={"payment[type]": "charge"}).status_code == 400
    assert stripe.send("GET", "invoice_payments", params={"invoice": "in_no"}).status_code == 400


# Bank debits


def test_a_debit_is_under_way_until_the_bank_has_paid(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    under_way = done(stripe, f"invoices/{made['id']}/pay", payment_method=debit(stripe, ann))
    assert (under_way["status"], under_way["amount_paid"]) == ("open", 0)
    intent = stripe.get("payment_intents", **{"expand[]": "data.latest_charge"})["data"][0]
    assert (intent["status"], intent["latest_charge"]["status"]) == ("processing", "pending")
    assert kinds(stripe)[-2:] == ["charge.pending", "payment_intent.processing"]
    assert "processed already" in refused(stripe, f"invoices/{made['id']}/pay", paid_out_of_band="true")[0]
    page = f"{stripe.url}/accounts/3/payments/{intent['id']}"
    assert stripe.http.post(page, data={"do": "debit", "value": "paid"}).status_code == 303
    assert (invoice(stripe, made["id"])["status"], invoice(stripe, made["id"])["amount_paid"]) == ("paid", 11000)
    moved = stripe.get("balance_transactions", type="payment")["data"]
    assert [(m["amount"], m["fee"]) for m in moved] == [(11000, 140)]


def test_a_debit_that_the_bank_refuses_leaves_the_invoice_open(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    done(stripe, f"invoices/{made['id']}/pay", payment_method=debit(stripe, ann))
    intent = stripe.get("payment_intents")["data"][0]
    stripe.http.post(f"{stripe.url}/accounts/3/payments/{intent['id']}", data={"do": "debit", "value": "refused"})
    after = stripe.get(f"payment_intents/{intent['id']}", **{"expand[]": "latest_charge"})
    assert (after["status"], after["latest_charge"]["failure_code"]) == (
        "requires_payment_method",
        "insufficient_funds",
    )
    assert invoice(stripe, made["id"])["status"] == "open"
    assert kinds(stripe)[-1] == "invoice.payment_failed"


def test_a_debit_that_arrives_for_a_void_invoice_is_the_customers(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    done(stripe, f"invoices/{made['id']}/pay", payment_method=debit(stripe, ann))
    done(stripe, f"invoices/{made['id']}/void")
    intent = stripe.get("payment_intents")["data"][0]
    assert intent["status"] == "processing"
    stripe.http.post(f"{stripe.url}/accounts/3/payments/{intent['id']}", data={"do": "debit", "value": "paid"})
    assert stripe.get(f"customers/{ann}")["balance"] == -11000
    assert invoice(stripe, made["id"])["status"] == "void"


# What is told, and how


def test_every_payment_event_is_one_of_stripes(stripe: Calls, ann: str) -> None:
    contract = needed_contract()
    made = opened(stripe, ann)
    done(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))
    stripe.refusal(
        "payment_intents", amount="900", currency="aud", confirm="true", payment_method="pm_card_visa_chargeDeclined"
    )
    paid = charged(stripe, "pm_card_createDispute")
    second = charged(stripe)
    done(stripe, "refunds", payment_intent=second["id"])
    dispute = stripe.get("disputes", payment_intent=paid["id"])["data"][0]
    done(stripe, f"disputes/{dispute['id']}", **{"evidence[uncategorized_text]": "winning_evidence"})
    done(stripe, f"payment_intents/{done(stripe, 'payment_intents', amount='99', currency='aud')['id']}/cancel")
    found = stripe.get("events", limit=100)["data"]
    assert {e["type"] for e in found} >= {
        "payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed",
        "payment_intent.canceled", "charge.succeeded", "charge.failed", "charge.refunded", "charge.updated",
        "charge.dispute.created", "charge.dispute.closed", "charge.dispute.updated", "refund.created", "invoice.paid",
        "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated", "invoice_payment.paid",
    }  # fmt: skip
    for event in found:
        assert event["type"] in contract.DOC["events"], event["type"]
        assert contract.check_object(event["data"]["object"]) == [], event["type"]


def test_payments_survive_a_restart(ann: str, stripe: Calls) -> None:
    made = opened(stripe, ann)
    sandbox = stripe.running.sandbox
    kept = sandbox.services["stripe"]
    kept.loaded()
    assert payments(invoice(stripe, made["id"])) == [("payment_intent", "open", 11000, None, True)]
