"""What a report says of one difference, the ways that its page offers, and that what is settled stays so."""

import html
import re

import pytest

from portal.models import User
from syncs import choosing, fixing, notice
from syncs.models import Link, Mismatch, Sync
from tests.conftest import signed_in
from tests.syncs.planting import LINES, post
from tests.syncs.test_reconciliation import both_ways, late, report, settle, waiting
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


def billed(here: World, *syncs: Sync, first: str = "Ann") -> tuple[str, str, str]:
    """Ids of a client, its invoice in Jobber and that in Stripe, in step, of which a report waits for a person."""
    client = here.jobber.add(first, "Smith", f"{first.lower()}@example.com")
    bill = here.jobber.bill(client, LINES)
    here.read_again(*syncs)
    settle(here)
    waiting(here.sync, *syncs)
    return client, bill, str(here.stripe.invoices(bill)[0]["id"])


def told(here: World, sync: Sync) -> list[tuple[str, str]]:
    """(kind, words) of a new report."""
    return list(report(here, sync).mismatches.values_list("kind", "words"))


def page(row: Mismatch, by: User, way: str = "") -> str:
    """The text of the page of a mismatch."""
    path = f"/b/{row.business_id}/reconciliation/mismatches/{row.pk}/"
    found = signed_in(by).get(path, {"way": way} if way else {}, follow=True).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found)).split())


def test_a_lost_reference_is_told_once(here: World, invoices: Sync) -> None:
    _, _, there = billed(here, invoices)
    post(here, f"invoices/{there}", **{"metadata[jobber_invoice_id]": "", "metadata[jobber_updated_at]": ""})
    assert told(here, invoices) == [("broken", "The invoice in Stripe does not name its invoice any more.")]


def test_what_else_differs_beside_a_lost_reference_is_told_as_that(here: World, invoices: Sync, alice: User) -> None:
    _, bill, there = billed(here, invoices)
    post(here, f"invoices/{there}", **{"metadata[jobber_invoice_id]": "", "metadata[jobber_invoice_number]": "7"})
    found = report(here, invoices)
    broken, field = found.mismatches.order_by("kind")
    assert (field.kind, field.words) == ("field", "It is not the same on both sides: jobber invoice number.")
    assert [path for path, _, _ in field.fields] == ["metadata.jobber_invoice_number"]
    assert "changed in Stripe; what Jobber says is put back." in page(broken, alice, "push")
    assert "changed in Jobber" not in page(broken, alice, "push")
    assert here.stripe.invoices(bill) == []


@pytest.mark.parametrize("writes", [True, False])
def test_whose_client_is_gone_stays_in_the_reports(here: World, alice: User, writes: bool) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    Sync.objects.update(reconciling_writes=writes)
    here.jobber.destroy(ann)
    row = report(here).mismatches.get()
    if not writes:
        notice.ask(here.link(ann), "Alice")
        here.work()
        row.refresh_from_db()
    assert (row.kind, row.state, here.link(ann).state) == ("orphan", "open", "ended")
    found = report(here)
    assert (found.counts["new"], found.counts["still"], found.counts["settled"]) == (0, 1, 0)
    assert found.mismatches.get().first_seen_at == row.first_seen_at
    here.stripe.delete(str(here.stripe.of(ann)[0]["id"]))
    assert told(here, here.sync) == []


def put_right(here: World, row: Mismatch, way: str, by: User) -> str:
    """How it stands then."""
    fixing.fix(row, way, by, fixing.preview(row, way).shown)
    settle(here)
    row.refresh_from_db()
    return row.state


def test_a_question_is_answered_without_a_press_before(here: World, invoices: Sync, alice: User) -> None:
    _, voided, there = billed(here, invoices)
    here.stripe.void(there)
    row = report(here, invoices).mismatches.get()
    assert fixing.ways(row) == ["new", "leave", "meant"]
    shown = page(row, alice)
    assert "Make a new invoice" in shown
    assert "Have it written again" not in shown
    assert put_right(here, row, "new", alice) == "settled"
    assert [i["status"] for i in here.stripe.invoices(voided)] == ["open", "void"]


def test_what_is_deleted_or_moved_is_answered_too(here: World, invoices: Sync, alice: User) -> None:
    ann, bill, _ = billed(here, invoices)
    here.stripe.delete(str(here.stripe.of(ann)[0]["id"]))
    row = report(here).mismatches.get()
    assert (row.kind, fixing.ways(row)) == ("broken", ["new", "unlink", "meant"])
    assert put_right(here, row, "new", alice) == "settled"
    assert len(here.stripe.of(ann)) == 1
    moved = report(here, invoices).mismatches.get(kind="client")
    assert fixing.ways(moved) == ["replace", "leave", "meant"]
    assert put_right(here, moved, "replace", alice) == "settled"
    assert here.stripe.invoices(bill)[0]["customer"] == here.stripe.of(ann)[0]["id"]


def test_a_preview_calls_things_by_their_names(here: World, invoices: Sync, alice: User) -> None:
    notes = here.also("payments-to-jobber", alice)
    client, bill, there = billed(here, invoices, notes)
    here.jobber.bill(client, LINES)
    row = report(here, invoices).mismatches.get(kind="missing")
    shown = page(row, alice, "push")
    assert "Awaiting payment" in shown
    assert "Customer empty Ann Smith" in shown
    assert "awaiting_payment" not in shown
    assert "cus_" not in shown
    here.stripe.pay(there)
    note = report(here, notes).mismatches.get(kind="missing")
    assert re.search(r"Invoice empty Invoice \d+, Ann Smith", page(note, alice, "push"))
    assert bill not in page(note, alice, "push")


def test_another_client_of_the_same_name_is_told_apart(here: World, invoices: Sync, alice: User) -> None:
    ann, _, _ = billed(here, invoices)
    here.stripe.delete(str(here.stripe.of(ann)[0]["id"]))
    put_right(here, report(here).mismatches.get(), "new", alice)
    shown = page(report(here, invoices).mismatches.get(kind="client"), alice)
    assert "Customer Ann Smith, ann@example.com Ann Smith (deleted in Stripe)" in shown


def test_a_pay_link_is_called_like_its_jobber_invoice_everywhere(here: World, invoices: Sync, alice: User) -> None:
    pages = here.also("pay-links-to-jobber", alice)
    _, bill, there = billed(here, invoices, pages)
    name, business = "Pay link of invoice 1001, Ann Smith", f"/b/{here.business.pk}/"
    assert here.jobber.page_to_pay(bill)
    link = Link.objects.get(sync=pages)
    late(here, there, hours=3)
    row = report(here, pages).mismatches.get(kind="late")
    assert name in page(row, alice)
    for path in ("", "records/", f"records/{link.pk}/", f"reconciliation/reports/{row.report_id}/"):
        assert name in signed_in(alice).get(f"{business}{path}").content.decode(), path


@pytest.mark.parametrize("earlier", [False, True])
def test_an_unlinking_that_is_taken_back_is_not_told_any_more(here: World, alice: User, earlier: bool) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    waiting(here.sync)
    there = str(here.stripe.of(ann)[0]["id"])
    here.stripe.edit(there, **{"metadata[jobber_client_id]": ""})
    row = report(here).mismatches.get()
    assert put_right(here, row, "unlink", alice) == "settled"
    assert "Someone chose to leave this one out." in page(row, alice)
    if earlier:
        report(here)
    fixing.undo(row, alice)
    settle(here)
    row.refresh_from_db()
    assert (row.state, here.link(ann).state, here.link(ann).target_id) == ("settled", "in_step", there)
    words = "The unlinking was taken back." if earlier else "It was looked at again, and both sides agree."
    assert words in page(row, alice)
    assert "Someone chose to leave this one out." not in page(row, alice)


def test_which_side_is_right_is_answered_without_a_press_before(here: World, alice: User) -> None:
    both_ways(here, alice)
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    choosing.always(here.sync, ["business_name"], "ask", alice, "ask")
    here.sync.refresh_from_db()
    waiting(here.sync)
    here.jobber.edit(ann, companyName="Smith Pty Ltd")
    here.stripe.edit(str(here.stripe.of(ann)[0]["id"]), business_name="Smith and Sons")
    row = report(here).mismatches.get()
    assert fixing.ways(row) == ["here", "there", "leave", "meant"]
    assert put_right(here, row, "here", alice) == "settled"
    assert here.stripe.of(ann)[0]["business_name"] == "Smith Pty Ltd"


def test_what_waits_for_approval_is_decided_on_the_page_of_the_record(here: World, alice: User) -> None:
    ann = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    waiting(here.sync)
    here.jobber.edit(ann, firstName="Anna")
    Sync.objects.filter(pk=here.sync.pk).update(mode="approve")
    here.sync.refresh_from_db()
    row = report(here).mismatches.get()
    assert fixing.ways(row) == ["push", "meant"]
    assert "the page of the record asks about it" in page(row, alice, "push")
    put_right(here, row, "push", alice)
    assert fixing.ways(row) == ["meant"]
    assert "Decide on the page of the record" in page(row, alice)
