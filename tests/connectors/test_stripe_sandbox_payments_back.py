"""The Stripe stand-in's refunds, disputes and balance."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.running import running
from tests.connectors.stripe_bills import card, charged, customer, debit, done, invoice, kinds, opened, refused
from tests.connectors.stripe_calls import EMPTY, Calls

pytestmark = pytest.mark.sandbox


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def paid(stripe: Calls) -> Any:
    return charged(stripe, "pm_card_au")


def charge(stripe: Calls, intent: Any, *expand: str) -> Any:
    asked = {f"expand[{n}]": name for n, name in enumerate(expand)}
    return stripe.get(f"charges/{intent['latest_charge']}", **asked)


def act(stripe: Calls, intent: Any, **form: str) -> int:
    """A button on the owner's page of a payment."""
    return int(stripe.http.post(f"{stripe.url}/accounts/3/payments/{intent['id']}", data=form).status_code)


def dispute(stripe: Calls, intent: Any) -> Any:
    return stripe.get("disputes", payment_intent=intent["id"])["data"][0]


# Refunds


def test_money_goes_back_in_parts_until_none_is_left(stripe: Calls, paid: Any) -> None:
    before = len(kinds(stripe))
    first = done(
        stripe, "refunds", payment_intent=paid["id"], amount="4000", reason="duplicate", **{"metadata[a]": "b"}
    )
    assert (first["status"], first["amount"], first["reason"], first["metadata"]) == (
        "succeeded", 4000, "duplicate", {"a": "b"},
    )  # fmt: skip
    found = charge(stripe, paid)
    assert (found["amount_refunded"], found["refunded"]) == (4000, False)
    rest = done(stripe, "refunds", charge=paid["latest_charge"], **{"expand[]": "balance_transaction"})
    assert (rest["amount"], rest["balance_transaction"]["amount"], rest["balance_transaction"]["fee"]) == (
        7000, -7000, 0,
    )  # fmt: skip
    found = charge(stripe, paid, "refunds")
    assert (found["amount_refunded"], found["refunded"]) == (11000, True)
    assert [r["id"] for r in found["refunds"]["data"]] == [rest["id"], first["id"]]
    assert kinds(stripe, before) == ["refund.created", "charge.refunded"] * 2
    assert stripe.get(f"payment_intents/{paid['id']}")["status"] == "succeeded"


def test_what_is_refused_of_refunds(stripe: Calls, paid: Any) -> None:
    words, code, param = refused(stripe, "refunds", payment_intent=paid["id"], amount="11001")
    assert (code, param) == (None, "amount")
    assert words == "Refund amount ($110.01) is greater than unrefunded amount on charge ($110.00)"
    assert refused(stripe, "refunds", payment_intent=paid["id"], amount="0")[2] == "amount"
    assert refused(stripe, "refunds", payment_intent=paid["id"], reason="because")[2] == "reason"
    assert "payment_intent or charge" in refused(stripe, "refunds")[0]
    assert refused(stripe, "refunds", payment_intent="pi_no")[1:] == ("resource_missing", "payment_intent")
    assert stripe.refusal("refunds", charge="ch_no")[0] == 404
    unpaid = done(stripe, "payment_intents", amount="500", currency="aud")
    assert "successful charge" in refused(stripe, "refunds", payment_intent=unpaid["id"])[0]
    done(stripe, "refunds", payment_intent=paid["id"])
    assert refused(stripe, "refunds", payment_intent=paid["id"])[1] == "charge_already_refunded"


def test_a_refund_of_an_invoice_leaves_it_paid(stripe: Calls) -> None:
    ann = customer(stripe)
    made = opened(stripe, ann)
    done(stripe, f"invoices/{made['id']}/pay", payment_method=card(stripe, ann))
    intent = stripe.get("payment_intents")["data"][0]
    done(stripe, "refunds", payment_intent=intent["id"])
    assert invoice(stripe, made["id"])["status"] == "paid"


def test_a_debit_under_way_is_not_given_back(stripe: Calls) -> None:
    ann = customer(stripe)
    under_way = charged(stripe, debit(stripe, ann), customer=ann)
    assert refused(stripe, "refunds", payment_intent=under_way["id"])[1] == "charge_not_refundable"


def test_a_refund_that_the_bank_sends_back(stripe: Calls, paid: Any) -> None:
    made = done(stripe, "refunds", payment_intent=paid["id"], amount="4000")
    before = len(kinds(stripe))
    assert act(stripe, paid, do="refund_fails", value=made["id"]) == 303
    after = stripe.get(f"refunds/{made['id']}")
    assert (after["status"], after["failure_reason"]) == ("failed", "lost_or_stolen_card")
    assert charge(stripe, paid)["amount_refunded"] == 0
    assert kinds(stripe, before) == ["refund.updated", "refund.failed", "charge.refund.updated", "charge.updated"]
    act(stripe, paid, do="refund_fails", value=made["id"])
    assert charge(stripe, paid)["amount_refunded"] == 0


def test_a_refund_keeps_notes_of_its_own(stripe: Calls, paid: Any) -> None:
    made = done(stripe, "refunds", payment_intent=paid["id"], amount="100")
    assert done(stripe, f"refunds/{made['id']}", **{"metadata[why]": "late"})["metadata"] == {"why": "late"}
    assert kinds(stripe)[-1] == "refund.updated"
    other = charged(stripe)
    done(stripe, "refunds", payment_intent=other["id"], amount="100")
    assert [r["id"] for r in stripe.get("refunds", charge=paid["latest_charge"])["data"]] == [made["id"]]


# Disputes


def test_the_card_for_disputes_is_disputed_at_once(stripe: Calls) -> None:
    paid = charged(stripe, "pm_card_createDispute")
    found = dispute(stripe, paid)
    assert (found["status"], found["reason"], found["amount"]) == ("needs_response", "fraudulent", 11000)
    assert found["evidence_details"]["due_by"] == found["created"] + 9 * 86_400
    moved = found["balance_transactions"]
    assert [(m["amount"], m["fee"], m["net"]) for m in moved] == [(-11000, 2500, -13500)]
    assert charge(stripe, paid)["disputed"] is True
    assert kinds(stripe)[-3:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.updated"]
    assert refused(stripe, "refunds", payment_intent=paid["id"])[1] == "charge_disputed"


@pytest.mark.parametrize(("evidence", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_test_evidence_decides_a_dispute(stripe: Calls, evidence: str, status: str) -> None:
    found = dispute(stripe, charged(stripe, "pm_card_createDispute"))
    at = f"disputes/{found['id']}"
    kept = done(stripe, at, submit="false", **{"evidence[uncategorized_text]": evidence})
    assert (kept["status"], kept["evidence_details"]["has_evidence"]) == ("needs_response", True)
    sent = done(stripe, at, **{"evidence[product_description]": "A new tap"})
    assert (sent["status"], sent["evidence"]["product_description"]) == (status, "A new tap")
    last = ["charge.dispute.updated", "charge.dispute.closed"]
    assert kinds(stripe)[-2:] == last if status == "lost" else kinds(stripe)[-3:-1] == last
    back = [m["amount"] for m in sent["balance_transactions"]]
    assert back == ([-11000, 11000] if status == "won" else [-11000])
    assert refused(stripe, f"{at}/close")[0] == "This dispute is already closed"


def test_evidence_without_a_verdict_is_under_review(stripe: Calls) -> None:
    at = f"disputes/{dispute(stripe, charged(stripe, 'pm_card_createDispute'))['id']}"
    assert done(stripe, at, **{"evidence[uncategorized_text]": "They were there"})["status"] == "under_review"
    assert refused(stripe, at, **{"evidence[poem]": "x"})[1] == "parameter_unknown"
    assert done(stripe, f"{at}/close")["status"] == "lost"


def test_a_dispute_by_hand_is_won_or_lost_once(stripe: Calls, paid: Any) -> None:
    assert act(stripe, paid, do="dispute", value="product_not_received") == 303
    found = dispute(stripe, paid)
    assert (found["reason"], found["network_reason_code"]) == ("product_not_received", "13.1")
    assert act(stripe, paid, do="dispute", value="general") == 400
    assert act(stripe, paid, do="close", value="won") == 303
    assert dispute(stripe, paid)["status"] == "won"
    assert kinds(stripe)[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    assert act(stripe, paid, do="close", value="lost") == 400
    assert dispute(stripe, paid)["status"] == "won"
    assert done(stripe, "refunds", payment_intent=paid["id"])["status"] == "succeeded"


def test_only_what_was_not_given_back_is_disputed(stripe: Calls, paid: Any) -> None:
    done(stripe, "refunds", payment_intent=paid["id"], amount="10000")
    act(stripe, paid, do="dispute", value="general")
    assert dispute(stripe, paid)["amount"] == 1000
    other = charged(stripe)
    done(stripe, "refunds", payment_intent=other["id"])
    assert act(stripe, other, do="dispute", value="general") == 400


# The balance


def test_every_movement_of_the_balance_is_listed(stripe: Calls, paid: Any) -> None:
    foreign = charged(stripe, amount="10000")
    done(stripe, "refunds", payment_intent=foreign["id"], amount="500")
    found = stripe.get("balance_transactions")["data"]
    assert [(m["type"], m["amount"], m["fee"]) for m in found] == [
        ("refund", -500, 0), ("charge", 10000, 380), ("charge", 11000, 217),
    ]  # fmt: skip
    of_one = stripe.get("balance_transactions", source=paid["latest_charge"], **{"expand[]": "data.source"})["data"]
    assert [m["source"]["id"] for m in of_one] == [paid["latest_charge"]]
    assert stripe.get(f"balance_transactions/{of_one[0]['id']}")["net"] == 10783
