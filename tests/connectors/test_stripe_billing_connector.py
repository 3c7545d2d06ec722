"""The Stripe connector against the stand-in: invoices from draft to paid, and what payments come to."""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from connectors.base import Record, Session, WriteResult
from connectors.errors import ContractError, MissingError, RejectedError, UnknownOutcome
from connectors.sandbox.running import running
from connectors.stripe import pacing
from connectors.stripe.transport import Transport
from tests.connectors import stripe_bills as bills
from tests.connectors.stripe_calls import EMPTY, Calls

pytestmark = pytest.mark.sandbox


@pytest.fixture(autouse=True)
def fresh_pacers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test learns of an account's limits is nothing to the next."""
    monkeypatch.setattr(pacing, "_pacers", {})


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def session(stripe: Calls) -> Session:
    return stripe.session(EMPTY)


def soon() -> float:
    return time.monotonic() + 10


def fault(stripe: Calls, kind: str, operation: str, times: int = 1) -> None:
    stripe.running.sandbox.frame.faults.add(kind, service="stripe", operation=operation, times=times)


def made(session: Session, resource: str, **data: Any) -> Record:
    return session.create(resource, data, key=uuid4().hex, deadline=soon()).record


def draft(session: Session, **data: Any) -> Record:
    whose = made(session, "customers", name="Mrs Nguyen").id
    return made(session, "invoices", customer=whose, currency="AUD", collection_method="charge_automatically", **data)


def act(session: Session, record_id: str, action: str, **data: Any) -> WriteResult:
    """The same call has the same key."""
    return session.act("invoices", record_id, action, data, key=f"{action} {record_id} {data}"[:255], deadline=soon())


def lines(count: int, **more: Any) -> list[dict[str, Any]]:
    row = {"quantity_decimal": "1.5", "unit_amount_decimal": "2070", **more}
    return [{"description": f"Row {n}", **row} for n in range(count)]


def read(session: Session, resource: str, record_id: str) -> Record:
    found = session.fetch(resource, [record_id])[record_id]
    assert found is not None
    return found


def open_one(session: Session, *rows: dict[str, Any]) -> Record:
    found = draft(session)
    act(session, found.id, "add_lines", lines=list(rows) or lines(1))
    return act(session, found.id, "finalize").record


def test_a_draft_gets_lines_of_any_number_and_shows_them_all(session: Session) -> None:
    rate = made(session, "tax_rates", name="GST", percent="10", inclusive=False, country="AU").id
    found = draft(session)
    discount = {"description": "Discount", "unit_amount_decimal": "-500", "tax_rates": [rate]}
    rows = [*lines(12, tax_rates=[rate], metadata={"jobber_line_id": "7"}), discount]
    done = act(session, found.id, "add_lines", lines=rows).record
    shown = done.data["lines"]
    assert [row["description"] for row in shown] == [*(f"Row {n}" for n in range(12)), "Discount"]
    assert {k: v for k, v in shown[0].items() if k != "id"} == {
        "description": "Row 0", "quantity": "1.5", "unit_amount": "2070", "amount": 3105, "tax_rates": [rate],
        "metadata": {"jobber_line_id": "7"},
    }  # fmt: skip
    assert shown[-1]["amount"] == -500
    assert (done.data["subtotal"], done.data["tax"], done.data["total"]) == (36760, 3682, 40442)
    assert read(session, "invoices", found.id) == done
    assert session.page("invoices").records == [done]


def test_lines_are_changed_and_removed(session: Session) -> None:
    found = draft(session)
    first, second, third = act(session, found.id, "add_lines", lines=lines(3)).record.data["lines"]
    change = {"id": first["id"], "description": "Other", "unit_amount_decimal": "100", "quantity_decimal": "2"}
    changed = act(session, found.id, "update_lines", lines=[change]).record
    assert [(row["description"], row["amount"]) for row in changed.data["lines"]] == [
        ("Other", 200), ("Row 1", 3105), ("Row 2", 3105),
    ]  # fmt: skip
    left = act(session, found.id, "remove_lines", ids=[first["id"], third["id"]]).record
    assert [row["id"] for row in left.data["lines"]] == [second["id"]]
    assert left.data["total"] == 3105


def test_an_invoice_is_paid_in_part_by_a_payment_taken_elsewhere_and_then_out_of_band(session: Session) -> None:
    found = open_one(session)
    assert (found.data["status"], found.data["amount_remaining"]) == ("open", 3105)
    assert found.data["auto_advance"] is False
    assert found.data["hosted_url"].startswith("http")
    assert found.label.startswith(f"Invoice {found.data['number']}, ")
    paid = made(session, "payment_records", amount=1000, currency="AUD", initiated_at=1_790_000_000, method="Cash")
    part = act(session, found.id, "attach_payment", payment_record=paid.id).record
    assert (part.data["amount_paid"], part.data["amount_remaining"]) == (1000, 2105)
    attached = [p for p in part.data["payments"] if p["kind"] == "payment_record"]
    assert [(p["payment"], p["amount"], p["status"]) for p in attached] == [(paid.id, 1000, "paid")]
    whole = act(session, found.id, "pay_out_of_band").record
    assert (whole.data["status"], whole.data["amount_remaining"]) == ("paid", 0)
    assert whole.data["paid_at"]
    assert read(session, "invoices", found.id).fingerprint == whole.fingerprint


def test_an_invoice_is_sent_given_up_and_voided(session: Session, stripe: Calls) -> None:
    found = bills.opened(stripe, bills.customer(stripe))
    assert act(session, found["id"], "send").record.data["status"] == "open"
    assert act(session, found["id"], "mark_uncollectible").record.data["status"] == "uncollectible"
    assert act(session, found["id"], "void").record.data["status"] == "void"
    with pytest.raises(RejectedError):
        act(session, found["id"], "pay_out_of_band")


def test_only_a_draft_is_deleted_and_twice_is_once(session: Session) -> None:
    found = draft(session)
    first, again = (act(session, found.id, "delete") for _ in range(2))
    assert (first.record.id, first.record.deleted, first.record.data, first.replayed) == (found.id, True, {}, False)
    assert first.request_id.startswith("req_")
    assert (again.record, again.replayed) == (first.record, True)
    assert session.fetch("invoices", [found.id]) == {found.id: None}
    with pytest.raises(RejectedError) as refusal:
        act(session, open_one(session).id, "delete")
    assert not isinstance(refusal.value, MissingError)


def test_a_key_does_an_action_once(session: Session, stripe: Calls) -> None:
    found = draft(session)
    first, again = (act(session, found.id, "add_lines", lines=lines(12)) for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.record == first.record
    assert len(stripe.get(f"invoices/{found.id}/lines", limit=100)["data"]) == 12


@pytest.mark.parametrize("kind", ["reset_after", "truncate"])
def test_an_action_whose_answer_is_lost_is_done_once_when_repeated(session: Session, stripe: Calls, kind: str) -> None:
    found = draft(session)
    fault(stripe, kind, "POST invoice/{id}/add_lines")
    with pytest.raises(UnknownOutcome):
        act(session, found.id, "add_lines", lines=lines(2))
    done = act(session, found.id, "add_lines", lines=lines(2))
    assert (done.replayed, len(done.record.data["lines"])) == (True, 2)


@pytest.mark.parametrize("kind", ["500", "reset"])
def test_what_was_done_and_cannot_be_shown_whole_is_unknown(session: Session, stripe: Calls, kind: str) -> None:
    found = draft(session)
    fault(stripe, kind, "GET invoice/{id}/lines", times=2)  # a kept connection that breaks at once is opened anew
    with pytest.raises(UnknownOutcome) as lost:
        act(session, found.id, "add_lines", lines=lines(12))
    assert lost.value.request_id.startswith("req_")
    stripe.running.sandbox.frame.faults.clear()
    done = act(session, found.id, "add_lines", lines=lines(12))
    assert (done.replayed, len(done.record.data["lines"])) == (True, 12)


def test_a_delete_whose_answer_is_lost_is_found_done(session: Session, stripe: Calls) -> None:
    found = draft(session)
    fault(stripe, "reset_after", "DELETE invoice/{id}")
    with pytest.raises(UnknownOutcome):
        act(session, found.id, "delete")
    assert act(session, found.id, "delete").record.deleted


def test_actions_that_there_are_not_are_refused_without_a_call(session: Session, stripe: Calls) -> None:
    whose = made(session, "customers", name="A")
    calls = dict(stripe.running.sandbox.frame.counts)
    for resource, action in (("invoices", "explode"), ("customers", "void"), ("payments", "finalize")):
        with pytest.raises(RejectedError):
            session.act(resource, whose.id, action, {}, key="k", deadline=soon())
    assert stripe.running.sandbox.frame.counts == calls


def test_lines_for_an_invoice_that_is_not_there(session: Session) -> None:
    for more in ({}, {"currency": "AUD"}):
        with pytest.raises(MissingError):
            act(session, "in_none", "add_lines", lines=lines(1), **more)


def test_a_refusal_names_the_path_of_the_catalogue(session: Session) -> None:
    with pytest.raises(RejectedError) as refusal:
        made(session, "tax_rates", name="x" * 51, percent="10", inclusive=True)
    assert refusal.value.field == "name"
    with pytest.raises(RejectedError) as refusal:
        made(session, "payment_records", amount=-1, currency="AUD", initiated_at=1)
    assert refusal.value.field == "amount"


def test_nobody_changes_a_payment_or_a_payment_record(session: Session, stripe: Calls) -> None:
    paid = made(session, "payment_records", amount=1000, currency="AUD", initiated_at=1_790_000_000)
    for resource, record_id in (("payment_records", paid.id), ("payments", "pi_1")):
        with pytest.raises(RejectedError):
            session.update(resource, record_id, {"description": "x"}, key="k", deadline=soon())
    assert session.page("payment_records").records == [paid]
    assert session.find_by_email("invoices", "ann@example.com") == []


SHAPES = [
    {}, {"id": "x_1"}, {"id": "x_1", "created": 1}, {"id": "x_1", "created": "soon"}, {"id": "x_1", "lines": 1},
    {"id": "x_1", "created": 1, "lines": {"data": [{}], "has_more": False}, "latest_charge": {"disputed": True}},
    [], None, 7,
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("resource", ["invoices", "payments", "tax_rates", "payment_records"])
def test_an_answer_of_another_shape_never_passes_for_a_record(
    session: Session, monkeypatch: pytest.MonkeyPatch, resource: str, shape: Any
) -> None:
    def answer(body: Any) -> None:
        sent = json.dumps(body).encode()
        monkeypatch.setattr(Transport, "request", lambda *args, **kwargs: (sent, 200, {"Request-Id": "req_1"}))

    answer(shape)
    with pytest.raises(ContractError):
        session.fetch(resource, ["x_1"])
    if resource != "payments":
        with pytest.raises(UnknownOutcome):
            made(session, resource, amount=1, currency="AUD", initiated_at=1)
    answer({"data": [shape], "has_more": False})
    with contextlib.suppress(ContractError):
        page = session.page(resource)
        assert (list(page.records), list(page.unreadable)) == ([], ["x_1"])


# Payments


def payment(session: Session, record_id: str) -> Record:
    """By its id, and the same on a page of all."""
    found = read(session, "payments", record_id)
    assert [r for r in session.page("payments").records if r.id == record_id] == [found]
    return found


def test_an_invoice_paid_by_card_and_what_becomes_of_the_money(session: Session, stripe: Calls) -> None:
    whose = bills.customer(stripe)
    owed = bills.opened(stripe, whose)
    waiting = [p["payment"] for p in read(session, "invoices", owed["id"]).data["payments"]]
    assert len(waiting) == 1
    assert payment(session, waiting[0]).data["status"] == "none"
    bills.done(stripe, f"invoices/{owed['id']}/pay", payment_method=bills.card(stripe, whose))
    paid = payment(session, waiting[0])
    assert {k: paid.data[k] for k in ("status", "amount", "amount_received", "invoice", "customer", "method")} == {
        "status": "paid", "amount": 11000, "amount_received": 11000, "invoice": owed["id"], "customer": whose,
        "method": "card visa 4242",
    }  # fmt: skip
    assert paid.label == "Payment $110.00, Ann"
    bills.done(stripe, "refunds", payment_intent=paid.id, amount="1000")
    part = payment(session, paid.id)
    assert (part.data["status"], part.data["amount_refunded"]) == ("part_refunded", 1000)
    bills.done(stripe, "refunds", payment_intent=paid.id)
    assert payment(session, paid.id).data["status"] == "refunded"
    assert read(session, "invoices", owed["id"]).data["status"] == "paid"


def test_a_disputed_payment_until_it_is_lost(session: Session, stripe: Calls) -> None:
    paid = bills.charged(stripe, "pm_card_createDispute")["id"]
    found = payment(session, paid)
    assert (found.data["status"], found.data["dispute_status"]) == ("disputed", "needs_response")
    assert found.data["dispute_due_at"] > found.data["created"]
    bills.done(stripe, f"disputes/{found.data['dispute_id']}/close")
    assert payment(session, paid).data["status"] == "dispute_lost"


def test_a_refused_card_says_why(session: Session, stripe: Calls) -> None:
    asked = bills.done(stripe, "payment_intents", amount="5000", currency="aud", description="Work")["id"]
    refused = stripe.post(f"payment_intents/{asked}/confirm", payment_method="pm_card_visa_chargeDeclined")
    assert refused.status_code == 402
    found = payment(session, asked)
    assert (found.data["status"], found.data["failure_code"]) == ("failed", "card_declined")
    assert "declined" in found.data["failure_message"]
    assert found.label == "Payment $50.00, Work"


def test_payments_that_are_held_or_let_go(session: Session, stripe: Calls) -> None:
    held = bills.charged(stripe, capture_method="manual")["id"]
    assert payment(session, held).data["status"] == "authorised"
    bills.done(stripe, f"payment_intents/{held}/cancel")
    assert payment(session, held).data["status"] == "cancelled"


def test_a_debit_is_under_way_until_the_bank_has_paid(session: Session, stripe: Calls) -> None:
    whose = bills.customer(stripe)
    owed = bills.opened(stripe, whose)
    bills.done(stripe, f"invoices/{owed['id']}/pay", payment_method=bills.debit(stripe, whose))
    sent = read(session, "invoices", owed["id"]).data["payments"][0]["payment"]
    found = payment(session, sent)
    assert (found.data["status"], found.data["amount_received"]) == ("processing", 0)
    assert found.data["method"].startswith("bank debit ")
    assert "paid_at" not in found.data


def test_a_payment_attached_much_later_shows_its_invoice_on_a_page_too(session: Session, stripe: Calls) -> None:
    whose = bills.customer(stripe)
    paid = bills.charged(stripe, amount="5000", customer=whose)["id"]
    assert "invoice" not in payment(session, paid).data
    stripe.forward(30 * 86400)
    for _ in range(101):
        bills.done(stripe, "payment_intents", amount="5000", currency="aud")
    owed = bills.opened(stripe, whose)["id"]
    bills.done(stripe, f"invoices/{owed}/attach_payment", payment_intent=paid)
    first = session.page("payments")
    assert paid not in {r.id for r in first.records}
    second = session.page("payments", first.next_cursor)
    assert {r.id: r for r in second.records}[paid] == read(session, "payments", paid)
    assert read(session, "payments", paid).data["invoice"] == owed
