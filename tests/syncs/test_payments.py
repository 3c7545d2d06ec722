"""What is paid in Stripe is known in Jobber by a note, a link and, where wanted, a closed invoice."""

from typing import Any
from unittest.mock import MagicMock

import pytest

from connectors.errors import MissingError
from portal.models import User
from syncs import deciding
from syncs.deciding import Choice
from syncs.models import Invoice, Link, Payment, Snapshot, Sync, Write
from tests.syncs.test_invoices import LINES, cents
from tests.syncs.world import World


def billed(here: World, invoices: Sync, tax: str = "INCLUSIVE") -> tuple[str, str]:
    """(Jobber's id, Stripe's id) of an open invoice."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES, tax=tax)
    here.read_again(invoices)
    return made, here.stripe.invoices(made)[0]["id"]


def test_a_payment_becomes_one_note_that_follows_it(here: World, invoices: Sync, alice: User) -> None:
    made, there = billed(here, invoices)
    payments = here.also("payments-to-jobber", alice)
    here.stripe.pay(there)
    here.read_again(payments)
    (note,) = here.jobber.notes(made)
    kept = Payment.objects.get()
    assert (kept.status, kept.received, kept.counted) == ("paid", cents(here, made), cents(here, made))
    assert kept.invoice_id == there
    assert f"Stripe payment {kept.external_id}" in note
    assert note.startswith("Paid $")
    assert "card visa 4242" in note
    here.stripe.refund(kept.external_id, 1000)
    here.read_again(payments)
    (changed,) = here.jobber.notes(made)
    assert "$10.00 of it was given back" in changed
    assert Payment.objects.get().counted == cents(here, made) - 1000
    here.read_again(payments)
    assert len(here.jobber.notes(made)) == 1
    assert Link.objects.get(sync=invoices).state == "in_step"


def test_a_payment_is_noted_though_nobody_has_read_its_invoice_yet(here: World, invoices: Sync, alice: User) -> None:
    made, there = billed(here, invoices)
    here.stripe.pay(there)
    Link.objects.filter(sync=invoices).delete()
    Snapshot.objects.filter(resource="invoices").delete()
    here.also("payments-to-jobber", alice)
    assert len(here.jobber.notes(made)) == 1


def test_a_declined_card_is_noted_and_the_invoice_stays_open(here: World, invoices: Sync, alice: User) -> None:
    made, there = billed(here, invoices)
    payments = here.also("payments-to-jobber", alice)
    here.stripe.pay(there, "pm_card_visa_chargeDeclined")
    here.read_again(payments)
    assert [n.split(" of ")[0] for n in here.jobber.notes(made)] == ["A payment"]
    assert here.stripe.invoices(made)[0]["status"] == "open"


def test_a_payment_of_an_invoice_that_is_gone_is_held_at_once(
    here: World, invoices: Sync, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, there = billed(here, invoices)
    payments = here.also("payments-to-jobber", alice)
    here.stripe.pay(there)
    missing = MagicMock(side_effect=MissingError("Jobber has no such invoice."))
    monkeypatch.setattr("connectors.jobber.client.JobberSession.create", missing)
    here.read_again(payments)
    link = Link.objects.get(sync=payments)
    assert (link.state, link.cause_code) == ("held", "missing")
    assert link.cause == "What it belongs to is gone there, and stays so. Jobber has no such invoice."
    assert missing.call_count == 1


def test_the_page_to_pay_by_stands_on_the_invoice(here: World, invoices: Sync, alice: User) -> None:
    made, _ = billed(here, invoices)
    pages = here.also("pay-links-to-jobber", alice)
    assert here.jobber.page_to_pay(made).startswith("http")
    here.read_again(pages)
    assert here.jobber.invoice(made)["invoiceStatus"] == "awaiting_payment"


def test_the_field_for_the_page_is_made_once_and_stands_in_the_ledger(here: World, invoices: Sync, alice: User) -> None:
    client = here.jobber.add(email="ann@example.com")
    made = [here.jobber.bill(client, LINES) for _ in range(8)]
    here.read_again(invoices)
    here.forget_waits()  # for the tax rate, and below for the field
    here.work()
    here.also("pay-links-to-jobber", alice)
    here.forget_waits()
    here.work()
    assert all(here.jobber.page_to_pay(invoice) for invoice in made)
    (write,) = Write.objects.filter(verb="add_link_field")
    assert (write.state, write.params) == ("confirmed", {"label": "Pay online"})


def test_a_paid_invoice_is_closed_only_where_that_is_wanted(here: World, invoices: Sync, alice: User) -> None:
    made, there = billed(here, invoices)
    pages = here.also("pay-links-to-jobber", alice, close_when_paid=True)
    assert here.jobber.invoice(made)["invoiceStatus"] == "awaiting_payment"
    here.stripe.pay(there)
    here.read_again(pages)
    assert here.jobber.invoice(made)["invoiceStatus"] == "paid"
    here.read_again(invoices)
    assert Link.objects.get(sync=invoices).state == "in_step"


def test_what_was_paid_in_jobber_is_told_to_stripe_once(here: World, invoices: Sync) -> None:
    made, _ = billed(here, invoices)
    here.jobber.take_payment(made, "50")
    here.read_again(invoices)
    (invoice,) = here.stripe.invoices(made)
    assert (invoice["status"], invoice["amount_paid"]) == ("open", 5000)
    here.jobber.take_payment(made, f"{(cents(here, made) - 5000) / 100:.2f}")
    here.read_again(invoices)
    here.read_again(invoices)
    (invoice,) = here.stripe.invoices(made)
    assert (invoice["status"], invoice["amount_paid"], invoice["amount_remaining"]) == ("paid", cents(here, made), 0)
    assert Link.objects.get(sync=invoices).state == "in_step"


def test_what_one_sync_finds_gone_is_gone_for_the_others(
    here: World, invoices: Sync, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    """Else the invoice could be paid in Stripe for ever, where the word of its end was lost."""
    made, _ = billed(here, invoices)
    pages = here.also("pay-links-to-jobber", alice)
    here.jobber.by_hand(made, "destroy")
    with django_capture_on_commit_callbacks(execute=True):
        here.read_again(pages)
    here.work()
    link = Link.objects.get(sync=invoices)
    assert (link.state, link.cause_code) == ("held", "approve_void")
    assert Invoice.objects.get(external_id=made).gone


def test_what_one_sync_writes_the_other_syncs_of_the_record_see(
    here: World, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    """Without webhooks the second would find it unchanged at its next reading: the first has stored the new state."""
    invoices = here.also("invoices-to-stripe", alice, draft_as="draft")
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES, markSent=False)
    here.read_again(invoices)
    pages = here.also("pay-links-to-jobber", alice)
    assert Link.objects.get(sync=pages).state == "skipped"
    here.jobber.send(made)
    with django_capture_on_commit_callbacks(execute=True):
        here.read_again(invoices)
    here.work()
    assert here.stripe.invoices(made)[0]["status"] == "open"
    assert here.jobber.page_to_pay(made).startswith("http")


# Money on its way, and money taken back


@pytest.mark.parametrize("read", [True, False], ids=["payments are read", "they are not"])
def test_nothing_is_voided_while_a_bank_debit_is_on_its_way(
    here: World, invoices: Sync, alice: User, django_capture_on_commit_callbacks: Any, read: bool
) -> None:
    """The money would come for a void invoice, and the new one would ask for all of it again."""
    made, there = billed(here, invoices)
    payments = here.also("payments-to-jobber", alice) if read else invoices
    here.jobber.change_invoice(made, dueDetails={"invoiceNet": 30})
    here.read_again(invoices)
    assert Link.objects.get(sync=invoices).cause_code == "approve_replace"
    payment = here.stripe.debit(there)
    deciding.decide(Link.objects.get(sync=invoices), Choice.REPLACE, "", alice)
    here.work()
    link = Link.objects.get(sync=invoices)
    assert (link.state, link.verdict, link.cause_code) == ("due", "wait", "on_its_way")
    assert "is on its way through Stripe" in link.cause
    assert [i["id"] for i in here.stripe.invoices(made) if i["status"] == "open"] == [there]
    here.stripe.bank_answers(payment, paid=True)
    with django_capture_on_commit_callbacks(execute=True):
        here.read_again(payments)
    here.work()
    (invoice,) = here.stripe.invoices(made)
    assert (invoice["id"], invoice["status"], invoice["amount_paid"]) == (there, "paid", cents(here, made))
    assert Link.objects.get(sync=invoices).state == "in_step"


def test_what_is_paid_in_jobber_waits_for_a_debit_that_fails(
    here: World, invoices: Sync, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    made, there = billed(here, invoices)
    payments = here.also("payments-to-jobber", alice)
    payment = here.stripe.debit(there)
    here.read_again(payments)
    here.jobber.take_payment(made, "50")
    here.read_again(invoices)
    assert Link.objects.get(sync=invoices).cause_code == "on_its_way"
    assert here.stripe.invoices(made)[0]["amount_paid"] == 0
    here.stripe.bank_answers(payment, paid=False)
    with django_capture_on_commit_callbacks(execute=True):
        here.read_again(payments)
    here.work()
    assert here.stripe.invoices(made)[0]["amount_paid"] == 5000
    assert Link.objects.get(sync=invoices).state == "in_step"


def test_a_payment_that_was_taken_out_in_jobber_is_asked_about_until_it_is_settled(
    here: World, invoices: Sync, alice: User
) -> None:
    made, _ = billed(here, invoices)
    here.jobber.take_payment(made, "50")
    here.read_again(invoices)
    assert here.stripe.invoices(made)[0]["amount_paid"] == 5000
    (taken,) = Snapshot.objects.get(resource="invoices", external_id=made).data["payments"]
    here.jobber.by_hand(made, "payment", payment=taken["id"], do="remove")
    here.read_again(invoices)
    link = Link.objects.get(sync=invoices)
    assert (link.state, link.cause_code) == ("held", "payment_changed")
    assert link.cause.startswith("A payment in Jobber was taken out or given back, and Stripe counts it as $50.00 (its")
    deciding.decide(link, Choice.SETTLED, "", alice)
    here.work()
    assert Link.objects.get(sync=invoices).state == "in_step"
    here.read_again(invoices)
    assert Link.objects.get(sync=invoices).state == "in_step"
    here.jobber.take_payment(made, "20")
    here.read_again(invoices)
    assert here.stripe.invoices(made)[0]["amount_paid"] == 7000
    assert Link.objects.get(sync=invoices).state == "in_step"


def test_what_was_closed_by_mistake_and_opened_again_in_jobber_is_asked_about(here: World, invoices: Sync) -> None:
    made, _ = billed(here, invoices)
    here.jobber.close_invoice(made, "MARK_RECEIVED")
    here.read_again(invoices)
    assert here.stripe.invoices(made)[0]["status"] == "paid"
    here.jobber.by_hand(made, "reopen")
    here.read_again(invoices)
    link = Link.objects.get(sync=invoices)
    assert (link.state, link.cause_code) == ("conflict", "payment_changed")
    here.jobber.close_invoice(made, "MARK_RECEIVED")
    here.read_again(invoices)
    assert Link.objects.get(sync=invoices).state == "in_step"
