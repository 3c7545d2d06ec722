"""What Jobber is told of payments in Stripe: the note's words, when there is one, the page to pay by, closing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Record
from connectors.stripe.payments import STATUSES
from syncs import recipes
from syncs.comparing import Known
from syncs.invoices.back import NoteFacts, PageFacts, note, plan_note, plan_page
from syncs.mapping import Compiled, compile_version
from syncs.matching import Clues
from syncs.planning import Plan, Verdict

NOTES, PAGES = recipes.get("payments-to-jobber"), recipes.get("pay-links-to-jobber")
#: Half past two in the morning of the 21st in Sydney.
PAID_AT = int(datetime(2026, 11, 20, 15, 30, tzinfo=UTC).timestamp())
FACTS = NoteFacts("inv1", "Australia/Sydney", "AUD")
FIELD = "custom.pay_online"
URL = "https://invoice.example/i/acct_1/live_1?s=ap"


def version(recipe: recipes.Recipe, **options: Any) -> Compiled:
    return compile_version({"mappings": recipe.mappings, "options": {**recipe.options, **options}})


def payment(status: str = "paid", **more: Any) -> Record:
    data = {
        "id": "pi_1", "status": status, "amount": 123450, "amount_received": 123450, "currency": "AUD",
        "method": "card visa 4242", "created": PAID_AT - 60, "paid_at": PAID_AT, **more,
    }  # fmt: skip
    return Record("pi_1", {p: v for p, v in data.items() if v is not None}, "Payment $1,234.50")


@pytest.mark.parametrize(("found", "words"), [
    (payment(), "Paid $1,234.50 by card visa 4242 on 21 Nov 2026, through Stripe."),
    (payment("part_refunded", amount_refunded=3450), "through Stripe; $34.50 of it was given back."),
    (payment("refunded", amount_refunded=123450), "through Stripe, and all of it was given back."),
    (payment("disputed", dispute_status="needs_response"), "The payer's bank disputes it"),
    (payment("dispute_lost"), "was lost in a dispute: it is not paid."),
    (payment("processing", paid_at=None, amount_received=0), "$1,234.50 by card visa 4242 is on its way"),
    (payment("authorised", paid_at=None, amount_received=0), "is authorised in Stripe, and not taken yet."),
    (payment("failed", paid_at=None, failure_message="Your card was declined."),
     "A payment of $1,234.50 by card visa 4242 failed on 21 Nov 2026: Your card was declined."),
    (payment("failed", paid_at=None, method=None), "A payment of $1,234.50 failed on 21 Nov 2026."),
    (payment("cancelled"), "A payment of $1,234.50 was given up."),
    (payment("none"), "A payment of $1,234.50 was begun, and is not made yet."),
    (payment("brand_new"), "A payment of $1,234.50 has the status brand_new."),
    (payment(currency="USD"), "Paid $1,234.50 USD by"),
    (payment(currency="JPY"), "Paid ¥123,450 JPY by"),
])  # fmt: skip
def test_the_note_says_how_it_stands(found: Record, words: str) -> None:
    said = note(found, FACTS)
    assert words in said
    assert said.splitlines()[-1] == "Stripe payment pi_1"


@given(st.sampled_from([name for name, _ in STATUSES]), st.integers(0, 10**8), st.booleans())
def test_the_same_payment_has_the_same_note_and_every_state_its_own(status: str, amount: int, known: bool) -> None:
    """It is by its text that a note is seen to be right, or to be changed."""
    found = payment(status, amount=amount, amount_received=amount, paid_at=PAID_AT if known else None)
    assert note(found, FACTS) == note(replace(found), FACTS)
    others = {note(replace(found, data={**found.data, "status": name}), FACTS) for name, _ in STATUSES}
    assert len(others) == len(STATUSES)


def look(found: Record | None, there: Record | None = None, known: Known | None = None, *candidates: Record,
         facts: NoteFacts = FACTS, **options: Any) -> Plan:  # fmt: skip
    compiled = version(NOTES, **options)
    return plan_note(compiled, NOTES.names, found, there, known or Known(), Clues(candidates), facts)


def kept(message: str, key: str = "n1") -> Record:
    return Record(key, {"id": key, "invoice_id": "inv1", "message": message}, "Note",
                  references={"stripe_payment_id": "pi_1"})  # fmt: skip


def test_a_payment_gets_one_note_on_its_invoice() -> None:
    made = look(payment())
    assert (made.verdict, made.data["invoice_id"]) == (Verdict.CREATE, "inv1")
    assert made.data["message"] == note(payment(), FACTS)


def test_the_note_that_names_it_is_taken_and_changed_with_it() -> None:
    text = note(payment(), FACTS)
    taken = look(payment(), None, None, kept(text))
    assert (taken.verdict, taken.target_id, taken.writes) == (Verdict.LINK, "n1", False)
    known = Known("n1", {"message": text})
    assert look(payment(), kept(text), known).code == "in_step"
    refunded = look(payment("refunded"), kept(text), known)
    assert (refunded.verdict, refunded.target_id, set(refunded.data)) == (Verdict.UPDATE, "n1", {"message"})
    edited = look(payment(), kept("Something else\nStripe payment pi_1"), known)
    assert edited.data == {"message": text}
    assert edited.reason == "The note was changed in Jobber; what Stripe says is put back."
    assert refunded.reason == "The payment has moved on since the note was written."


@pytest.mark.parametrize(("found", "facts", "options", "code"), [
    (payment(), replace(FACTS, invoice_id=""), {}, "no_invoice"),
    (payment("none"), FACTS, {}, "not_paid"),
    (payment("cancelled"), FACTS, {}, "not_paid"),
    (payment("failed"), FACTS, {"note_failures": False}, "not_paid"),
])  # fmt: skip
def test_nothing_is_noted_of_what_is_no_payment_or_pays_nothing_here(
    found: Record, facts: NoteFacts, options: dict[str, Any], code: str
) -> None:
    made = look(found, facts=facts, **options)
    assert (made.verdict, made.code) == (Verdict.SKIP, code)
    assert made.reason


def test_a_note_that_was_deleted_comes_back_only_when_there_is_news() -> None:
    text = note(payment(), FACTS)
    known = Known("n1", {"message": text})
    gone = replace(kept(text), deleted=True)
    assert look(payment(), gone, known).verdict == Verdict.END
    assert look(payment("refunded"), gone, known).verdict == Verdict.CREATE
    assert look(None, kept(text), known).verdict == Verdict.END


# The page to pay by


def invoice(status: str = "open", key: str = "in_1", **more: Any) -> Record:
    return Record(key, {"id": key, "status": status, "total": 100, "hosted_url": URL, **more}, f"Invoice {key}")


def jobber(status: str = "awaiting_payment", **more: Any) -> Record:
    return Record(
        "inv1", {"id": "inv1", "status": status, "total": "1.00", "balance": "1.00", **more}, "Invoice 1042"
    )  # fmt: skip


def page(found: Record | None, there: Record | None, known: Known | None = None, has_field: bool = True,
         given_back: int = 0, **options: Any) -> Plan:  # fmt: skip
    compiled, facts = version(PAGES, **options), PageFacts(there, has_field, given_back=given_back)
    return plan_page(compiled, PAGES.names, found, there, known or Known(), Clues(), facts)


def test_the_page_is_written_once_though_its_address_is_a_new_one_each_time() -> None:
    made = page(invoice(), jobber())
    assert (made.verdict, made.target_id, made.data) == (Verdict.UPDATE, "inv1", {FIELD: URL})
    known = Known("inv1", dict(made.values))
    shown = jobber(**{FIELD: URL})
    assert page(invoice(hosted_url=f"{URL}2"), shown, known).code == "in_step"
    assert page(invoice(), jobber(), known).data == {FIELD: URL}, "somebody has emptied the field"
    assert page(invoice(), jobber(**{FIELD: "https://elsewhere.example"}), known).data == {FIELD: URL}
    assert page(invoice(key="in_2"), shown, known).data == {FIELD: URL}, "another invoice has taken its place"


def test_the_field_is_made_before_the_page_is_written() -> None:
    made = page(invoice(), jobber(), has_field=False)
    assert (made.action, made.data, made.more, made.shared) == ("add_link_field", {"label": "Pay online"}, True, True)
    assert not page(invoice("paid"), jobber(), has_field=False).writes


@pytest.mark.parametrize(("found", "options"), [
    (invoice(), {"write_link": False}), (invoice("uncollectible"), {}), (invoice(hosted_url=""), {}),
])  # fmt: skip
def test_no_page_is_written_where_there_is_none_to_pay_by(found: Record, options: dict[str, Any]) -> None:
    assert not page(found, jobber(), **options).writes


@pytest.mark.parametrize("status", ["paid", "bad_debt", "draft"])
def test_no_page_is_written_where_jobber_waits_for_no_money(status: str) -> None:
    assert not page(invoice(), jobber(status)).writes


def test_nothing_is_written_for_drafts_strangers_and_what_is_gone() -> None:
    assert page(invoice("draft"), jobber()).code == "draft"
    assert page(invoice(), None).code == "not_ours"
    assert page(None, jobber()).verdict == Verdict.SKIP
    assert page(None, jobber(), Known("inv1")).verdict == Verdict.END


def test_a_void_invoice_lets_go_of_the_jobber_invoice() -> None:
    known = Known("inv1", {"_linked": "in_1"})
    assert page(invoice("void"), jobber(**{FIELD: URL}), known).verdict == Verdict.END
    assert page(invoice("void"), jobber()).verdict == Verdict.SKIP


CARD = [{"id": "inpay_1", "amount": 100, "status": "paid", "kind": "payment_intent", "payment": "pi_1"}]
CASH = [{"id": "inpay_1", "amount": 100, "status": "paid", "kind": "payment_record", "payment": "pr_1"}]


@pytest.mark.parametrize(("found", "there", "wanted", "closes"), [
    (invoice("paid", payments=CARD), jobber(), True, True),
    (invoice("paid", payments=CARD), jobber("past_due"), True, True),
    (invoice("paid", payments=[*CASH, *CARD]), jobber(), True, True),
    (invoice("paid", payments=CARD), jobber(), False, False),
    (invoice("paid", payments=CARD), jobber("paid"), True, False),
    (invoice("paid", payments=CARD), jobber("bad_debt"), True, False),
    (invoice("paid", payments=CASH), jobber(), True, False),
    (invoice("paid"), jobber(), True, False),
    (invoice("open", payments=CARD), jobber(**{FIELD: URL}), True, False),
])  # fmt: skip
def test_it_is_closed_only_when_paid_through_stripe_and_still_open(
    found: Record, there: Record, wanted: bool, closes: bool
) -> None:
    made = page(found, there, Known("inv1", {"_linked": "in_1"}), close_when_paid=wanted)
    assert (made.action == "close_received") == closes
    assert made.writes == closes


@pytest.mark.parametrize(("found", "there", "known", "given_back"), [
    (invoice("paid", payments=CARD), jobber(total="3.00", balance="3.00"), {}, 0),
    (invoice("paid", payments=CARD), jobber(total="0.90", balance="0.90"), {}, 0),
    (invoice("paid", payments=CARD), jobber(), {"_closed": "in_1"}, 0),
    (invoice("paid", payments=CARD), jobber(), {}, 1),
    (invoice("paid", payments=[*CASH, {**CARD[0], "amount": 40}]), jobber(balance="0.41"), {}, 0),
    (invoice("paid", payments=CARD), jobber(balance="no sum"), {}, 0),
], ids=["asks for more", "asks for less", "opened again", "given back", "part by card", "unreadable"])  # fmt: skip
def test_it_is_not_closed_where_something_is_left_or_a_person_has_opened_it_again(
    found: Record, there: Record, known: dict[str, str], given_back: int
) -> None:
    made = page(found, there, Known("inv1", {"_linked": "in_1", **known}), given_back=given_back, close_when_paid=True)
    assert not made.writes
