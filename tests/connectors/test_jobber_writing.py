"""What our connector sends to Jobber, and what it makes of Jobber's answers to writes."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors.base import Credentials, Secret, Session, WriteResult
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    UnknownOutcome,
)
from connectors.http import Http
from connectors.jobber import writing
from connectors.jobber.client import JobberSession
from connectors.sandbox.running import running
from tests.connectors.jobber_calls import Calls

TEXT_FIELD = """mutation($input: CustomFieldConfigurationCreateTextInput!) {
  customFieldConfigurationCreateText(input: $input) { userErrors { message } } }"""
ADDRESS = {"street1": "1 King St", "street2": "Unit 5", "city": "Darwin", "province": "NT", "postalCode": "0800"}
THERE = {
    "emails": [
        {"id": "e1", "address": "ann@example.com", "primary": True},
        {"id": "e2", "address": "Office@example.com", "primary": False},
    ],
    "phones": [{"id": "p1", "number": "0412 345 678", "primary": True}],
    "tags": {"nodes": [{"label": "VIP"}, {"label": "Strata"}]},
    "billingAddress": ADDRESS | {"country": "Australia"},
}
NOBODY: dict[str, Any] = {"emails": [], "phones": [], "tags": {"nodes": []}, "billingAddress": None}


# What is sent


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        ({"email": "new@example.com"}, {"emailsToEdit": [{"id": "e1", "address": "new@example.com", "primary": True}]}),
        (
            {"email": "office@example.com"},
            {"emailsToEdit": [{"id": "e2", "address": "office@example.com", "primary": True}]},
        ),
        ({"phone": ""}, {"phonesToDelete": ["p1"]}),
        ({"tags": ["Strata", "Late"]}, {"tagsToAdd": ["Late"], "tagsToDelete": ["VIP"]}),
        ({"tags": None}, {"tagsToDelete": ["VIP", "Strata"]}),
        ({"tags": ["Strata", "VIP"]}, {}),
        ({"company_name": None, "is_company": False}, {"companyName": "", "isCompany": False}),
    ],
)
def test_a_client_changes_by_what_is_added_edited_and_deleted(data: dict[str, Any], sent: dict[str, Any]) -> None:
    assert writing.client_edit(data, THERE) == sent


def test_an_address_is_sent_whole() -> None:
    sent = writing.client_edit({"billing_address.city": "Palmerston", "billing_address.street2": None}, THERE)
    assert sent == {"billingAddress": ADDRESS | {"city": "Palmerston", "street2": "", "country": "Australia"}}


def test_the_first_of_each_is_added() -> None:
    sent = writing.client_edit({"email": "ann@example.com", "phone": "1", "billing_address.city": "Darwin"}, NOBODY)
    assert sent["emailsToAdd"] == [{"address": "ann@example.com", "primary": True, "description": "MAIN"}]
    assert sent["phonesToAdd"] == [{"number": "1", "primary": True, "description": "MAIN"}]
    assert sent["billingAddress"]["city"] == "Darwin"
    assert writing.client_edit({"email": "", "phone": None}, NOBODY) == {}


def test_the_last_address_is_taken_away_only_where_no_other_would_come_in_its_place() -> None:
    with pytest.raises(RejectedError, match="other emails") as refused:
        writing.client_edit({"email": ""}, THERE)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        (["input", "emailsToEdit", "0", "address"], "email"),
        (["input", "billingAddress", "postalCode"], "billing_address.postal_code"),
        (["input", "firstName"], "first_name"),
        (["input", "customFields", "1", "valueLink", "url"], "custom.two"),
        (["input", "customFields", "7"], ""),
        (["input", "somethingNew"], ""),
        ([], ""),
    ],
)
def test_a_refusal_is_about_a_path_of_ours(path: list[str], ours: str) -> None:
    assert writing.refused_path(path, {"custom.one": "1", "custom.two": "2"}) == ours


# What an answer to a write means

BAD = {"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
HIDDEN = {"message": "An object of type Client was hidden due to permissions"}
THROTTLED = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
BAD_ID = {"message": "Variable $id of type EncodedId! was provided invalid value"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"data": None, "errors": [BAD]}, UnknownOutcome),
        ({"data": {"clientArchive": None}, "errors": [BAD]}, UnknownOutcome),
        ({"data": {"clientArchive": {"userErrors": []}}, "errors": [HIDDEN]}, UnknownOutcome),
        ({"data": {"clientArchive": None}}, UnknownOutcome),
        ({"data": {"clientArchive": {"client": {"id": "1"}, "userErrors": []}}}, UnknownOutcome),
        ({"data": None}, UnknownOutcome),
        ([], UnknownOutcome),
        ({"errors": [{"message": "Service temporarily unavailable"}]}, UnknownOutcome),
        ({"errors": [{"message": "Field 'clientArchive' doesn't exist on type 'Mutation'"}]}, ContractError),
        ({"data": None, "errors": [HIDDEN]}, ScopeError),
        ({"errors": [THROTTLED]}, RateLimited),
        ({"errors": [BAD_ID]}, RejectedError),
        ({"errors": [{"message": "x", "extensions": {"code": "UNAUTHENTICATED"}}]}, AuthError),
        ({"data": {"clientArchive": {"client": None, "userErrors": [{"message": "No"}]}}}, RejectedError),
        ({"data": {"clientArchive": {"client": None, "userErrors": [{"message": "Client not found"}]}}}, MissingError),
    ],
)
def test_what_may_have_happened_is_never_said_not_to_have(answer: Any, expected: type[ConnectorError]) -> None:
    http = Http("Jobber", httpx.MockTransport(lambda request: httpx.Response(200, json=answer)))
    session = JobberSession(Credentials("oauth", Secret("t")), http, url="http://jobber.example.com", version="1")
    with pytest.raises(ConnectorError) as caught:
        session.act("clients", "x", "archive", {}, key="", deadline=soon())
    assert type(caught.value) is expected


def test_nothing_is_written_when_reading_before_it_took_too_long() -> None:
    asked = []

    def jobber(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["query"].split("(")[0])
        there = {"id": "1", **THERE, "tags": {"nodes": [], "pageInfo": {"hasNextPage": False}}}
        return httpx.Response(200, json={"data": {"client": there}})

    http = Http("Jobber", httpx.MockTransport(jobber))
    session = JobberSession(Credentials("oauth", Secret("t")), http, url="http://jobber.example.com", version="1")
    with pytest.raises(RateLimited, match="no time left"):
        session.update("clients", "1", {"first_name": "Ann"}, key="", deadline=time.monotonic() - 1)
    assert asked == ["query ClientContacts"]


# At the stand-in


@pytest.fixture(scope="module")
def jobber() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="40+40") as found:
        yield Calls(found)


@pytest.fixture
def session(jobber: Calls) -> Session:
    return jobber.connector().open(jobber.connected())


@pytest.fixture
def invoice(jobber: Calls) -> str:
    return jobber.bill(jobber.create(lastName="Nguyen", emails=[{"address": "n@example.com", "primary": True}]))


def soon() -> float:
    return time.monotonic() + 10


@pytest.mark.sandbox
def test_other_emails_stay_as_they_are(jobber: Calls, session: Session) -> None:
    emails = [{"address": f"{name}@example.com", "primary": name == "a"} for name in "abc"]
    client = jobber.create(lastName="Many", emails=emails)
    first = session.update("clients", client, {"email": "d@example.com"}, key="", deadline=soon()).record.data
    assert (first["email"], first["other_emails"]) == ("d@example.com", ["b@example.com", "c@example.com"])
    second = session.update("clients", client, {"email": "c@example.com"}, key="", deadline=soon()).record.data
    assert (second["email"], second["other_emails"]) == ("c@example.com", ["d@example.com", "b@example.com"])


@pytest.mark.sandbox
def test_a_client_is_put_away_and_taken_out_again(jobber: Calls, session: Session) -> None:
    client = jobber.create(lastName="Gone")
    assert session.act("clients", client, "archive", {}, key="", deadline=soon()).record.data["is_archived"] is True
    assert session.act("clients", client, "unarchive", {}, key="", deadline=soon()).record.data["is_archived"] is False


@pytest.mark.sandbox
def test_a_client_whose_tags_get_no_answer_is_looked_for(jobber: Calls, session: Session) -> None:
    faults, since = jobber.running.sandbox.frame.faults, jobber.running.sandbox.frame.clock.now()
    faults.add("503", service="jobber", operation="ClientEdit")
    with pytest.raises(UnknownOutcome, match="without its tags"):
        session.create("clients", {"last_name": "Untagged", "tags": ["VIP"]}, key="", deadline=soon())
    faults.clear()
    made = [r for r in session.written_since("clients", since, []) if r.label == "Untagged"]
    assert [r.data["tags"] for r in made] == [[]]


@pytest.mark.sandbox
def test_a_client_without_a_name_is_refused(session: Session) -> None:
    with pytest.raises(RejectedError, match="needs a first name"):
        session.create("clients", {"email": "a@example.com"}, key="", deadline=soon())


def add_field(session: Session, invoice: str, label: str) -> WriteResult:
    return session.act("invoices", invoice, "add_link_field", {"label": label}, key="", deadline=soon())


@pytest.mark.sandbox
def test_the_link_field_is_made_once(session: Session, invoice: str) -> None:
    assert add_field(session, invoice, "Pay by card").record.id == invoice
    add_field(session, invoice, "Pay by card")
    found = [f for f in session.fields("invoices") if f.path == "custom.pay_by_card"]
    assert [(f.label, f.writable) for f in found] == [("Pay by card", True)]
    link = {"custom.pay_by_card": "https://pay.example.com/in_1"}
    assert session.update("invoices", invoice, link, key="", deadline=soon()).record.data.items() >= link.items()
    read = session.fetch("invoices", [invoice])[invoice]
    assert read is not None
    assert read.data.items() >= link.items()
    cleared = session.update("invoices", invoice, {"custom.pay_by_card": ""}, key="", deadline=soon())
    assert "custom.pay_by_card" not in cleared.record.data


@pytest.mark.sandbox
def test_a_link_that_is_none_is_refused_by_its_path(session: Session, invoice: str) -> None:
    add_field(session, invoice, "Pay by card")
    changes = {"custom.purchase_order": "PO-1", "custom.pay_by_card": "javascript:alert(1)"}
    with pytest.raises(RejectedError) as refused:
        session.update("invoices", invoice, changes, key="", deadline=soon())
    assert refused.value.field == "custom.pay_by_card"


@pytest.mark.sandbox
def test_fields_that_take_no_text_or_are_not_there_are_refused(session: Session, invoice: str) -> None:
    for path in ("custom.warranty", "custom.nowhere", "subject"):
        with pytest.raises(RejectedError) as refused:
            session.update("invoices", invoice, {path: "x"}, key="", deadline=soon())
        assert refused.value.field == path
    with pytest.raises(RejectedError, match="takes no link"):
        add_field(session, invoice, "Purchase order")


@pytest.mark.sandbox
def test_a_name_that_stands_for_two_fields_is_written_to_neither(jobber: Calls, session: Session, invoice: str) -> None:
    add_field(session, invoice, "Docket link")
    like = {"name": "Docket: link", "appliesTo": "ALL_INVOICES", "readOnly": False, "transferable": False}
    jobber.done(TEXT_FIELD, input=like)
    with pytest.raises(RejectedError):
        session.update("invoices", invoice, {"custom.docket_link": "https://a.example"}, key="", deadline=soon())


@pytest.mark.sandbox
def test_an_invoice_is_marked_as_received_and_opened_again(jobber: Calls, session: Session, invoice: str) -> None:
    closed = session.act("invoices", invoice, "close_received", {}, key="", deadline=soon()).record.data
    assert (closed["status"], closed["balance"]) == ("paid", "0.00")
    with pytest.raises(RejectedError, match="already closed"):
        session.act("invoices", invoice, "close_received", {}, key="", deadline=soon())
    opened = session.act("invoices", invoice, "reopen", {}, key="", deadline=soon()).record.data
    assert (opened["status"], opened["balance"]) == ("awaiting_payment", "110.00")


@pytest.mark.sandbox
def test_a_note_is_written_changed_and_found_on_its_invoice(jobber: Calls, session: Session, invoice: str) -> None:
    since = jobber.running.sandbox.frame.clock.now()
    message = "Paid $110.00 by card.\nStripe: pi_3Abc"
    made = session.create("notes", {"invoice_id": invoice, "message": message}, key="", deadline=soon()).record
    assert (made.label, made.references) == ("Paid $110.00 by card.", {"stripe_payment_id": "pi_3Abc"})
    assert (made.data["invoice_id"], made.data["message"]) == (invoice, message)
    jobber.running.sandbox.frame.clock.advance(60)
    changed = session.update("notes", made.id, {"message": "Refunded pi_3Abc"}, key="", deadline=soon()).record
    assert changed.id == made.id
    assert changed.updated_at is not None
    assert made.updated_at is not None
    assert changed.updated_at > made.updated_at
    assert session.fetch("notes", [made.id]) == {made.id: changed}
    assert session.written_since("notes", since, [{"invoice_id": invoice, "message": message}]) == [changed]
    assert session.written_since("notes", since, []) == []


@pytest.mark.sandbox
def test_a_note_stays_on_its_invoice(session: Session, invoice: str) -> None:
    made = session.create("notes", {"invoice_id": invoice, "message": "x"}, key="", deadline=soon()).record
    with pytest.raises(RejectedError) as refused:
        session.update("notes", made.id, {"invoice_id": invoice}, key="", deadline=soon())
    assert refused.value.field == "invoice_id"
    with pytest.raises(RejectedError, match="made in Jobber"):
        session.create("invoices", {"subject": "x"}, key="", deadline=soon())
