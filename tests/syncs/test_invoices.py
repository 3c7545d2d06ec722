"""Jobber invoices as Stripe invoices, through both stand-ins: totals to the cent, or held with the cause."""

from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.utils import timezone

from connectors.errors import RejectedError
from portal.models import User
from syncs import choosing, deciding, lanes, notice
from syncs.deciding import Choice
from syncs.models import Invoice, Link, Snapshot, Sync, Write
from tests.syncs.world import World


@pytest.fixture
def sync(invoices: Sync) -> Sync:
    return invoices


def link(sync: Sync, invoice_id: str) -> Link:
    return Link.objects.get(sync=sync, source_id=invoice_id)


def cents(here: World, invoice_id: str) -> int:
    return round(float(here.jobber.total(invoice_id)) * 100)


LINES = [("Tap", "2", "45.50"), ("Labour", "1.5", "95"), ("Permit*", "1", "60")]


def test_while_the_clients_are_paused_invoices_go_on_and_nothing_is_held(here: World, sync: Sync, alice: User) -> None:
    known = here.jobber.add(email="ann@example.com")
    here.read_again(sync)
    choosing.pause(here.sync, Sync.Mode.OFF, alice)
    made, early = here.jobber.bill(known, LINES), here.jobber.bill(here.jobber.add("Ben"), LINES)
    for bill in (made, early):
        notice.mark(sync, bill, "webhook INVOICE_CREATE", timezone.now())
    for _ in range(2):
        here.forget_waits()
        here.work()
    assert (link(sync, made).state, link(sync, early).cause_code) == ("in_step", "client")
    choosing.resume(here.sync, alice)
    for _ in range(3):
        here.forget_waits()
        here.work()
    assert link(sync, early).state == "in_step"


def test_a_sent_invoice_becomes_one_that_can_be_paid(here: World, sync: Sync) -> None:
    client = here.jobber.add(email="ann@example.com")
    made = here.jobber.bill(client, LINES)
    here.read_again(sync)
    (there,) = here.stripe.invoices(made)
    assert (there["status"], there["total"]) == ("open", cents(here, made))
    assert there["customer"] == here.stripe.of(client)[0]["id"]
    assert there["custom_fields"][0]["name"] == "Jobber invoice"
    assert [(r["display_name"], r["percentage"], r["inclusive"]) for r in here.stripe.tax_rates()] == [
        ("GST", 10.0, False)
    ]
    assert (link(sync, made).state, link(sync, made).target_id) == ("in_step", there["id"])
    assert Invoice.objects.get(external_id=there["id"]).total == cents(here, made)


def test_nothing_is_written_for_one_that_is_in_step(here: World, sync: Sync) -> None:
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES, tax="INCLUSIVE")
    here.read_again(sync)
    before = Write.objects.count()
    here.read_again(sync)
    here.read_again(sync)
    assert Write.objects.count() == before
    assert link(sync, made).state == "in_step"


def test_what_was_right_an_hour_ago_is_planned_anew_where_it_is_refused_now(here: World, sync: Sync) -> None:
    """A due date that lies behind by the time the call goes out again."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.sandbox.sandbox.frame.faults.add("reset", service="stripe", operation="POST invoices", times=9)
    here.read_again(sync)
    here.sandbox.sandbox.frame.faults.clear()
    begun = Write.objects.get(resource="invoices", verb="create", state="unknown")
    ago = begun.intended_at - timedelta(hours=2)
    begun.params["due_date"] = int(ago.timestamp())
    Write.objects.filter(pk=begun.pk).update(intended_at=ago, params=begun.params)
    for _ in range(4):
        here.forget_waits()
        here.work()
    assert Write.objects.get(pk=begun.pk).state == "rejected"
    assert [i["status"] for i in here.stripe.invoices(made)] == ["open"]
    assert link(sync, made).state == "in_step"


def test_one_tax_rate_serves_all_invoices_of_its_kind(here: World, sync: Sync) -> None:
    client = here.jobber.add(email="ann@example.com")
    made = [here.jobber.bill(client, [("Tap", "1", f"{n + 1}.10")]) for n in range(12)]
    made += [here.jobber.bill(client, [("Tap", "1", "11")], tax="INCLUSIVE") for _ in range(3)]
    here.read_again(sync)
    here.forget_waits()
    here.work()
    assert len(here.stripe.tax_rates()) == 2
    assert [len(here.stripe.invoices(i)) for i in made] == [1] * 15


@pytest.mark.parametrize("what", ["tax_rates", "payment_records/report_payment"])
def test_a_thing_beside_it_is_made_once_though_its_key_is_spent(here: World, sync: Sync, what: str) -> None:
    """Stripe has made it, fails, and would repeat that failure for the key."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.jobber.take_payment(made, "50.00")
    broken = here.sandbox.sandbox.frame.faults.add("500_after", service="stripe", operation=f"POST {what}", times=1)
    here.read_again(sync)
    for _ in range(4):
        here.forget_waits()
        here.work()
    assert broken.hits == 1
    assert len(here.stripe.tax_rates()) == 1
    told = Write.objects.filter(resource=what.partition("/")[0], verb="create")
    assert [write.state for write in told] == ["confirmed"]
    assert here.stripe.invoices(made)[0]["amount_remaining"] == cents(here, made) - 5000
    assert link(sync, made).state == "in_step"


def test_an_invoice_waits_for_its_client_and_fails_nothing(here: World, alice: User) -> None:
    choosing.pause(here.sync, "preview", None)
    sync = here.also("invoices-to-stripe", alice)
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    held = link(sync, made)
    assert (held.state, held.cause_code) == ("due", "client")
    assert held.waits_for is not None
    assert here.stripe.invoices() == []
    here.go_live()
    assert link(sync, made).state == "in_step"
    assert [i["status"] for i in here.stripe.invoices(made)] == ["open"]


def test_an_invoice_that_waits_is_told_when_its_client_is_refused_again(
    here: World, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would wait for ever for what nobody is about to do."""
    refusing = MagicMock(side_effect=RejectedError("Stripe does not take this."))
    monkeypatch.setattr("connectors.stripe.client.StripeSession.create", refusing)
    client = here.jobber.add(email="ann@example.com")
    made = here.jobber.bill(client, LINES)
    here.read_again(sync)
    assert link(sync, made).cause_code == "client_stopped"
    notice.mark(here.sync, client, "once more", timezone.now(), Link.Priority.BACKFILL)
    notice.mark(sync, made, "once more", timezone.now())
    here.work()
    assert here.link(client).cause_code == "rejected"
    assert link(sync, made).cause_code == "client_stopped"


def test_an_invoice_is_not_made_for_a_customer_that_was_deleted(here: World, sync: Sync) -> None:
    """Also while it is asked whether its client should have a new one."""
    client = here.jobber.add(email="ann@example.com")
    here.read_again()
    here.stripe.delete(here.stripe.of(client)[0]["id"])
    here.read_again()
    here.jobber.edit(client, lastName="Jones")
    here.read_again()
    assert (here.link(client).state, here.link(client).cause_code) == ("held", "target_deleted")
    made = here.jobber.bill(client, LINES)
    here.read_again(sync)
    assert (link(sync, made).state, link(sync, made).cause_code) == ("held", "client_stopped")


def test_a_lane_has_no_work_for_what_another_lane_reads(here: World, sync: Sync, alice: User) -> None:
    """Payments go to Jobber, whose clients the other lane is about to read again."""
    client = here.jobber.add(email="ann@example.com")
    here.read_again()
    payments = here.also("payments-to-jobber", alice)
    assert payments.lane_id != here.sync.lane_id
    Snapshot.objects.filter(external_id=client).update(noticed_at=timezone.now())
    assert not lanes.with_work().filter(pk=payments.lane_id).exists()
    Snapshot.objects.filter(resource="customers").update(noticed_at=timezone.now())
    assert lanes.with_work().filter(pk=here.sync.lane_id).exists()


def test_a_draft_stays_in_jobber_until_it_is_sent(here: World, sync: Sync) -> None:
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES, markSent=False)
    here.read_again(sync)
    assert here.stripe.invoices() == []
    assert (link(sync, made).state, link(sync, made).cause_code) == ("skipped", "not_sent")
    here.jobber.ask("mutation($id: EncodedId!) { invoiceMarkAsSent(id: $id) { invoice { id } } }", id=made)
    here.read_again(sync)
    assert [i["status"] for i in here.stripe.invoices(made)] == ["open"]


def test_totals_that_differ_hold_the_draft_and_say_why(here: World, sync: Sync) -> None:
    """Jobber rounds the tax of the whole invoice, Stripe that of each line."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), [("Screw", "1", "0.05")] * 3)
    here.read_again(sync)
    (there,) = here.stripe.invoices(made)
    held = link(sync, made)
    assert (there["status"], held.state, held.cause_code) == ("draft", "held", "rounding_differs")
    assert "Jobber says $0.17 and Stripe makes it $0.18" in held.cause
    assert "rounds the tax of each line" in held.cause


def test_a_rounding_line_makes_up_for_the_cents_where_that_is_wanted(here: World, sync: Sync, alice: User) -> None:
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), [("Screw", "1", "0.65")] * 3)
    sync.options = {**sync.options, "rounding_line": True}
    sync.save()
    choosing.publish(sync, alice, "Round")
    here.read_again(sync)
    (there,) = here.stripe.invoices(made)
    assert (there["status"], there["total"]) == ("open", cents(here, made))
    assert [line["description"] for line in there["lines"]["data"]].count("Rounding") == (there["total"] != 216)


def test_a_discount_takes_its_share_of_the_tax(here: World, sync: Sync) -> None:
    discount = {"discountRate": 25.0, "discountType": "Unit"}
    made = here.jobber.bill(here.jobber.add(email="a@example.com"), LINES, discount=discount)
    here.read_again(sync)
    (there,) = here.stripe.invoices(made)
    held = link(sync, made)
    assert (there["status"], there["total"]) == ("open", cents(here, made)), held.cause


def test_a_change_after_it_was_opened_waits_for_a_person(here: World, sync: Sync, alice: User) -> None:
    other = here.jobber.add(first="Bo", email="bo@example.com")
    made = here.jobber.bill(other, LINES)
    here.read_again(sync)
    (first,) = here.stripe.invoices(made)
    here.jobber.change_invoice(made, discount={"discountRate": 10.0, "discountType": "Unit"})
    here.read_again(sync)
    held = link(sync, made)
    assert (held.state, held.cause_code) == ("held", "approve_replace"), held.cause
    assert here.stripe.invoices(made)[0]["status"] == "open"
    assert Choice.REPLACE in deciding.choices(held)
    deciding.decide(held, Choice.REPLACE, "", alice)
    here.work()
    found = here.stripe.invoices(made)
    assert sorted(i["status"] for i in found) == ["open", "void"]
    assert next(i for i in found if i["id"] == first["id"])["status"] == "void"
    assert next(i for i in found if i["status"] == "open")["total"] == cents(here, made)
    assert link(sync, made).decision == {}


def test_a_new_one_whose_answer_is_lost_is_found_beside_the_one_that_was_voided(
    here: World, sync: Sync, alice: User
) -> None:
    """Both carry the invoice's id, and were made within minutes."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    here.jobber.change_invoice(made, discount={"discountRate": 10.0, "discountType": "Unit"})
    here.read_again(sync)
    lost = here.sandbox.sandbox.frame.faults.add("reset_after", service="stripe", operation="POST invoices", times=1)
    deciding.decide(link(sync, made), Choice.REPLACE, "", alice)
    for _ in range(4):
        here.work()
        here.forget_waits()
    assert lost.hits == 1
    assert sorted(i["status"] for i in here.stripe.invoices(made)) == ["open", "void"]
    assert link(sync, made).state == "in_step"


def test_an_answer_that_is_only_repeated_is_not_taken_for_how_the_invoice_is(here: World, sync: Sync) -> None:
    """Stripe answers a known key with what it said the first time: since then somebody has voided it."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    lost = here.sandbox.sandbox.frame.faults.add(
        "reset_after", service="stripe", operation="POST invoice/{id}/finalize", times=1
    )  # fmt: skip
    here.read_again(sync)
    assert lost.hits == 1
    here.stripe.void(here.stripe.invoices(made)[0]["id"])
    here.forget_waits()
    here.work()
    assert (link(sync, made).state, link(sync, made).cause_code) == ("held", "void_there")


def test_an_action_that_is_refused_when_it_goes_out_again_is_planned_anew(here: World, sync: Sync) -> None:
    """It was paid by card meanwhile, so the cash cannot be attached to it any more."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    (there,) = here.stripe.invoices(made)
    here.jobber.take_payment(made, f"{there['total'] / 100:.2f}")
    lost = here.sandbox.sandbox.frame.faults.add(
        "reset", service="stripe", operation="POST invoice/{id}/attach_payment", times=1
    )  # fmt: skip
    here.read_again(sync)
    assert lost.hits == 1
    here.stripe.pay(there["id"])
    for _ in range(2):
        here.forget_waits()
        here.work()
    assert (link(sync, made).state, link(sync, made).cause) == ("in_step", "")


def kept_a_draft(here: World, sync: Sync) -> tuple[str, str]:
    """Ids of an invoice at Jobber and at Stripe, where it could not be opened so far."""
    held = here.sandbox.sandbox.frame.faults
    broken = held.add("reset", service="stripe", operation="POST invoice/{id}/finalize", times=9)
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    assert broken.hits
    held.clear()
    Write.objects.filter(verb="finalize", state="unknown").update(state="absent")
    return made, here.stripe.invoices(made)[0]["id"]


def unanswered(sync: Sync, made: str, draft: str, verb: str, **more: Any) -> Write:
    """A call whose answer never came."""
    return Write.objects.create(
        business=sync.business, link=link(sync, made), connection=sync.target, resource="invoices", verb=verb,
        target_id=draft, key="fb-lost", params={}, state="unknown", **more,
    )  # fmt: skip


def test_a_draft_whose_taking_back_lost_its_answer_is_not_taken_for_one_deleted_by_somebody(
    here: World, sync: Sync
) -> None:
    """It goes out again; then it is known that it was us, and sending the invoice again makes another."""
    made, draft = kept_a_draft(here, sync)
    begun = unanswered(sync, made, draft, "delete", agreed={"_taken_back": True})
    for _ in range(5):
        here.forget_waits()
        here.work()
    begun.refresh_from_db()
    assert (begun.state, begun.agreed) == ("confirmed", None)
    assert [(i["status"], i["id"] == draft) for i in here.stripe.invoices(made)] == [("open", False)]
    assert link(sync, made).state == "in_step"


def test_lines_whose_change_was_lost_for_good_are_said_again_before_it_is_opened(here: World, sync: Sync) -> None:
    """What Stripe shows then may be words of before, at the same sum."""
    made, draft = kept_a_draft(here, sync)
    first = next(iter(link(sync, made).base["_lines"]))
    begun = unanswered(sync, made, draft, "update_lines", spent=True, agreed={"_lines": {first: "as it was then"}})
    for _ in range(5):
        here.forget_waits()
        here.work()
    begun.refresh_from_db()
    assert begun.state == "unlearnt"
    done = Write.objects.filter(link=link(sync, made), state="confirmed").order_by("id").values_list("verb", flat=True)
    assert list(done)[-2:] == ["update_lines", "finalize"]
    assert [(i["status"], i["id"]) for i in here.stripe.invoices(made)] == [("open", draft)]


def test_what_is_refused_for_having_been_read_too_early_is_read_again_before_anybody_is_asked(
    here: World, sync: Sync
) -> None:
    """A page that was on its way while the invoice was opened shows the draft that it was."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    (there,) = here.stripe.invoices(made)
    early = Snapshot.objects.get(external_id=there["id"])
    Snapshot.objects.filter(pk=early.pk).update(data={**early.data, "status": "draft"}, fingerprint="early")
    notice.again(Link.objects.filter(sync=sync, source_id=made), "test", timezone.now(), Link.Priority.LIVE)
    for _ in range(3):
        here.forget_waits()
        here.work()
    assert [w.verb for w in Write.objects.filter(state="rejected")] == ["finalize"]
    assert (link(sync, made).state, link(sync, made).cause) == ("in_step", "")


def test_bad_debt_that_comes_to_another_sum_waits_for_a_person(here: World, sync: Sync) -> None:
    """It can still be paid in Stripe."""
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    here.jobber.change_invoice(made, discount={"discountRate": 10.0, "discountType": "Unit"})
    here.jobber.close_invoice(made, "BAD_DEBT")
    here.read_again(sync)
    here.forget_waits()
    here.read_again(sync)
    assert here.stripe.invoices(made)[0]["status"] in {"open", "uncollectible"}
    assert (link(sync, made).state, link(sync, made).cause_code) == ("held", "approve_replace")


def test_bad_debt_is_uncollectible_and_never_void(here: World, sync: Sync) -> None:
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    here.jobber.close_invoice(made, "BAD_DEBT")
    here.read_again(sync)
    assert here.stripe.invoices(made)[0]["status"] == "uncollectible"


def test_one_voided_in_stripe_is_asked_about(here: World, sync: Sync, alice: User) -> None:
    made = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(sync)
    here.stripe.void(here.stripe.invoices(made)[0]["id"])
    here.read_again(sync)
    held = link(sync, made)
    assert (held.state, held.cause_code) == ("held", "void_there")
    deciding.decide(held, Choice.NEW, "", alice)
    here.work()
    assert sorted(i["status"] for i in here.stripe.invoices(made)) == ["open", "void"]
