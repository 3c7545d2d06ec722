"""How our connector reads Jobber's invoices and notes: whole, in the words of Jobber, and within its bucket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.amounts import plain
from connectors.base import NoticeKind, Record, Session
from connectors.errors import ContractError
from connectors.jobber import invoices, notes
from connectors.jobber.sandbox.invoice_seeding import add_invoice
from connectors.sandbox.running import running
from tests.connectors.jobber_calls import Calls

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def jobber() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="40+40") as found:
        yield Calls(found)


@pytest.fixture
def session(jobber: Calls) -> Session:
    return jobber.connector().open(jobber.connected())


def client(jobber: Calls) -> str:
    return jobber.create(firstName="Mai", lastName="Nguyen")


def line(name: str, price: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "quantity": 1.0, "unitPrice": price, **more}


def one(session: Session, record_id: str, resource: str = "invoices") -> Record:
    found = session.fetch(resource, [record_id])[record_id]
    assert found is not None
    return found


def every(session: Session, resource: str) -> dict[str, Record]:
    found: dict[str, Record] = {}
    cursor: str | None = None
    while True:
        page = session.page(resource, cursor)
        assert page.unreadable == []
        found |= {r.id: r for r in page.records}
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_an_invoice_is_read_with_what_hangs_on_it(jobber: Calls, session: Session) -> None:
    whose = client(jobber)
    lines = [line("Call-out", 20.7, quantity=1.5, description="Darwin"), line("Permit", 50.0, taxable=False)]
    made = jobber.bill(whose, *lines, invoiceNumber="B-7", subject="Tap", message="Danke")
    jobber.pay(made, "50", kind="DEPOSIT", method="CASH")
    record = one(session, made)
    held = record.data
    assert (record.label, record.email) == ("Invoice B-7, Mai Nguyen", "")
    assert (held["client_id"], held["client_name"]) == (whose, "Mai Nguyen")
    assert (held["number"], held["subject"], held["message"], held["status"]) == (
        "B-7", "Tap", "Danke", "awaiting_payment",
    )  # fmt: skip
    assert (held["tax_calculation"], held["tax_rate.name"], held["tax_rate.percent"]) == ("inclusive", "GST", "10")
    assert (held["subtotal"], held["tax"], held["non_tax"]) == ("81.05", "2.82", "50.00")
    assert (held["total"], held["deposit"], held["balance"]) == ("81.05", "50.00", "31.05")
    assert [{k: v for k, v in row.items() if k != "id"} for row in held["lines"]] == [
        {"name": "Call-out", "description": "Darwin", "quantity": "1.5", "unit_price": "20.70", "total": "31.05",
         "taxable": True},
        {"name": "Permit", "description": "", "quantity": "1", "unit_price": "50.00", "total": "50.00",
         "taxable": False},
    ]  # fmt: skip
    (payment,) = held["payments"]
    assert (payment["amount"], payment["kind"]) == ("50.00", "DEPOSIT")
    assert {"id", "entered_on"} <= payment.keys()


def test_only_a_rate_of_its_own_is_told_of_a_line(jobber: Calls, session: Session) -> None:
    service = jobber.running.sandbox.services["jobber"]
    account = service.state["accounts"]["1"]
    levy = next(rate for rate in account["taxes"].values() if rate["name"] == "Levy")
    gst = next(rate for rate in account["taxes"].values() if rate["name"] == "GST")
    rows = [line("Usual", 10.0), line("Own", 10.0, taxRateId=levy["id"]), line("Same", 10.0, taxRateId=gst["id"])]
    made = add_invoice(service.invoicing, account, client(jobber), rows)
    lines = one(session, made["id"]).data["lines"]
    assert [row.get("tax_name", "") for row in lines] == ["", "Levy", ""]
    assert lines[1]["tax_percent"] == plain(levy["tax"])


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1234.50"), (0, "0.00"), (-0.1, "-0.10"), (1e6, "1000000.00"), (10.125, "10.125"), ("0.0001", "0.0001")],
)
def test_amounts_keep_every_digit(value: object, text: str) -> None:
    assert invoices.money(value) == text


@pytest.mark.parametrize(("value", "text"), [(10.0, "10"), (1.5, "1.5"), (100, "100"), ("0.10", "0.1"), (0, "0")])
def test_plain_numbers_have_no_zeros_at_their_end(value: object, text: str) -> None:
    assert plain(value) == text


def test_a_status_of_a_newer_version_is_passed_on(jobber: Calls, session: Session) -> None:
    made = jobber.bill(client(jobber))
    jobber.http.post(f"{jobber.page_of('invoice', made)}/status", data={"status": "voided"})
    assert one(session, made).data["status"] == "voided"


def test_what_goes_on_behind_a_first_page_is_read_to_its_end(jobber: Calls, session: Session) -> None:
    whose = jobber.create(lastName="Long")
    names = [f"Line {n}" for n in range(130)]
    made = jobber.bill(whose, *(line(name, 10.0) for name in names))
    written = [f"Note {n}" for n in range(23)]
    for message in written:
        jobber.note(made, message)
    for _ in range(12):
        jobber.pay(made, "10")
    tags = [f"Tag {n}" for n in range(25)]
    jobber.edit_client(whose, tagsToAdd=tags)
    for record in (one(session, made), every(session, "invoices")[made]):
        assert [row["name"] for row in record.data["lines"]] == names
        assert [row["amount"] for row in record.data["payments"]] == ["10.00"] * 12
    for record in (one(session, whose, "clients"), every(session, "clients")[whose]):
        assert record.data["tags"] == tags
    found = [r for r in every(session, "notes").values() if r.data["invoice_id"] == made]
    assert sorted(r.data["message"] for r in found) == sorted(written)
    changed = session.update("clients", whose, {"tags": tags[:24]}, key="", deadline=1e12).record
    assert changed.data["tags"] == tags[:24]


def test_jobs_done_with_are_named_too(jobber: Calls, session: Session) -> None:
    service = jobber.running.sandbox.services["jobber"]
    account, whose = service.state["accounts"]["1"], client(jobber)
    jobs = [service.invoicing.job(account, whose, n, "Tap", archived=n > 810) for n in range(800, 815)]
    made = add_invoice(service.invoicing, account, whose, [line("Work", 10.0)], jobIds=jobs)
    assert one(session, made["id"]).data["job_numbers"] == [str(n) for n in range(800, 815)]


def test_a_note_of_the_clients_is_no_note_of_the_invoice() -> None:
    node = {"id": "i1", "notes": {"nodes": [{}, note("Later: pi_Old, then ch_New")]}}
    (found,) = notes.of_invoice(node)
    assert found.id == "i1:n1"
    assert found.references == {"stripe_payment_id": "ch_New"}
    assert (notes.invoice_of(found.id), notes.own_id(found.id)) == ("i1", "n1")


def note(message: str) -> dict[str, Any]:
    return {"id": "n1", "message": message, "createdAt": "2026-01-02T03:04:05Z", "lastEditedAt": None}


@pytest.mark.parametrize("message", ["api_key", "pi_", "Copied: xpi_1", ""])
def test_what_is_no_payment_is_no_reference(message: str) -> None:
    assert notes.record("i1", note(message)).references == {}


def test_an_odd_invoice_keeps_no_other_from_being_read(
    jobber: Calls, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = jobber.bill(client(jobber))
    whole = invoices.record

    def read(node: Any) -> Record:
        if node["id"] == odd:
            raise KeyError("amounts")
        return whole(node)

    monkeypatch.setattr(invoices, "record", read)
    unreadable: list[str] = []
    cursor: str | None = None
    while True:
        page = session.page("invoices", cursor)
        unreadable += page.unreadable
        cursor = page.next_cursor
        if cursor is None:
            break
    assert unreadable == [odd]
    with pytest.raises(ContractError, match="A Jobber invoice is not as we know it"):
        session.fetch("invoices", [odd])


@pytest.mark.parametrize(
    ("topic", "kind", "resource"),
    [
        ("INVOICE_CREATE", NoticeKind.CHANGED, "invoices"), ("INVOICE_UPDATE", NoticeKind.CHANGED, "invoices"),
        ("INVOICE_DESTROY", NoticeKind.DELETED, "invoices"), ("CLIENT_DESTROY", NoticeKind.DELETED, "clients"),
        ("PAYMENT_CREATE", NoticeKind.IGNORED, ""), ("PAYMENT_DESTROY", NoticeKind.IGNORED, ""),
        ("JOB_CLOSED", NoticeKind.IGNORED, ""),
    ],
)  # fmt: skip
def test_a_topic_says_what_to_look_at(jobber: Calls, topic: str, kind: NoticeKind, resource: str) -> None:
    event = {"topic": topic, "accountId": "a1", "itemId": "x1", "occurredAt": "2026-01-02T03:04:05Z"}
    notice = jobber.connector().parse(json.dumps({"data": {"webHookEvent": event}}).encode())
    assert (notice.kind, notice.resource, notice.record_id) == (kind, resource, "x1" if resource else "")
