"""Acting as the tradesperson with invoices on the Jobber stand-in's pages, and the webhooks that follow."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.running import running
from tests.connectors.jobber_calls import Calls
from tests.connectors.test_jobber_sandbox_invoices import act, create, edit, read
from tests.connectors.test_jobber_sandbox_pages import Receiver, connect, form_id, form_of, portal

pytestmark = pytest.mark.sandbox
__all__ = ["portal"]  # a fixture


@pytest.fixture
def jobber(portal: Receiver) -> Iterator[Calls]:
    environ = {"SANDBOX_PORTAL_URL": f"http://127.0.0.1:{portal.server_port}", "SANDBOX_LIMITS": "off"}
    with running(environ, seed="60+60") as found:
        yield Calls(found)


def page(number: int, account: int = 1) -> str:
    return f"/accounts/{account}/invoices/{number}"


def get(jobber: Calls, place: str) -> str:
    answer = jobber.http.get(jobber.url + place)
    assert answer.status_code == 200
    return answer.text


def post(jobber: Calls, place: str, **form: str) -> str:
    return str(jobber.http.post(jobber.url + place, data=form, follow_redirects=True).text)


def invoice_form(jobber: Calls, number: int) -> dict[str, str]:
    """The form with lines and header, as a browser would post it unchanged."""
    text = get(jobber, page(number))
    start = text.index('<form method="post">')
    return form_of(text[start : text.index("</form>", start)]) | {"message": area(text)}


def area(text: str) -> str:
    """What the message's text area holds; a browser leaves out the first line break."""
    from html import unescape

    return unescape(text.partition('name="message">\n')[2].partition("</textarea>")[0])


def test_invoices_are_listed_newest_first_and_found(jobber: Calls) -> None:
    first = get(jobber, "/accounts/1/invoices")
    assert "60 invoices, page 1 of 3" in first
    assert first.index("/invoices/1060") < first.index("/invoices/1059")
    debts = get(jobber, "/accounts/1/invoices?status=bad_debt")
    assert "3 invoices" in debts
    assert "/invoices/1030" not in debts
    assert "/invoices/1052" in get(jobber, "/accounts/1/invoices?q=Água")
    assert "No invoice is found" in get(jobber, "/accounts/1/invoices?q=zzz")
    assert "no invoices yet" in get(jobber, "/accounts/2/invoices")


def test_an_invoice_is_added_for_a_client_found_by_name(jobber: Calls) -> None:
    jobber.create(firstName="Ada", lastName="Lovelace")
    form = form_of(get(jobber, "/accounts/1/invoices/new")) | {
        "client": "ada lovelace", "subject": "<Tap>", "message": "Danke", "line_0": "Work", "line_0_quantity": "1.5",
        "line_0_price": "100", "line_1": "Permit", "line_1_price": "20.50", "tax": "EXCLUSIVE", "custom_0": "PO-1",
    }  # fmt: skip
    del form["line_1_taxable"]
    text = post(jobber, "/accounts/1/invoices/new", **form)
    assert "The invoice is added." in text
    found = read(jobber, form_id(text))
    assert (found["client"]["name"], found["subject"], found["invoiceStatus"]) == ("Ada Lovelace", "<Tap>", "draft")
    assert [(n["name"], n["totalPrice"], n["taxable"]) for n in found["lineItems"]["nodes"]] == [
        ("Work", 150.0, True),
        ("Permit", 20.5, False),
    ]
    assert found["amounts"]["total"] == 185.5
    assert found["invoiceNumber"] == "1061"
    assert {"PO-1"} == {f["valueText"] for f in found["customFields"] if f.get("label") == "Purchase order"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client": "nobody at all"}, "No client is found by this."),
        ({"client": "a"}, "Several clients are found"),
        ({"line_0": ""}, "Line items can&#39;t be blank"),
        ({"line_0_price": "ten"}, "Work, price: this is not a number."),
        ({"line_0_quantity": "nan"}, "Unit price is too large"),
        ({"issuedDate": "soon"}, "Issued: this is not a date."),
        ({"invoiceNet": "-1"}, "Days to pay: this is not a whole number."),
        ({"discountRate": "500"}, "Discount can&#39;t be more than the subtotal"),
    ],
)
def test_what_cannot_be_read_is_said(jobber: Calls, changes: dict[str, str], message: str) -> None:
    form = form_of(get(jobber, "/accounts/1/invoices/new"))
    form |= {"client": "1001", "line_0": "Work", "line_0_price": "100"} | changes
    answer = jobber.http.post(f"{jobber.url}/accounts/1/invoices/new", data=form)
    assert answer.status_code == 400
    assert message in answer.text


def test_saving_an_unchanged_form_changes_nothing(jobber: Calls) -> None:
    invoices = jobber.running.sandbox.services["jobber"].state["accounts"]["1"]["invoices"]
    before = dict(invoices)
    for number in range(1001, 1061):
        assert "Saved." in post(jobber, page(number), **invoice_form(jobber, number))
    assert invoices == before


def test_an_invoice_is_edited_with_its_lines(jobber: Calls) -> None:
    kinds = "query($id: EncodedId!) { invoice(id: $id) { lineItems(first: 9) { nodes { id category updatedAt } } } }"
    before = jobber.ask(kinds, id=form_id(get(jobber, page(1051))))["invoice"]["lineItems"]["nodes"]
    jobber.running.sandbox.frame.clock.advance(60)
    form = invoice_form(jobber, 1051)
    count = sum(1 for name in form if name.endswith("_price"))
    form |= {"line_0": "", f"line_{count - 1}": "Extra", f"line_{count - 1}_price": "55", "issuedDate": "2026-01-05"}
    text = post(jobber, page(1051), **form)
    assert "Saved." in text
    found = read(jobber, form_id(text))
    names = [n["name"] for n in found["lineItems"]["nodes"]]
    assert names[-1] == "Extra"
    assert len(names) == count - 2
    after = jobber.ask(kinds, id=found["id"])["invoice"]["lineItems"]["nodes"]
    assert after[:-1] == before[1:]
    assert found["issuedDate"] == "2026-01-04T13:00:00Z"  # midnight in Sydney
    assert found["dueDate"] == "2026-02-03T13:00:00Z"


def test_a_payment_is_recorded_changed_and_removed(jobber: Calls) -> None:
    made = read(jobber, form_id(get(jobber, page(1048))))
    total = made["amounts"]["total"]
    text = post(jobber, page(1048) + "/pay", amount="35.6", kind="DEPOSIT", method="CASH", entryDate="2026-03-01")
    assert "The payment is recorded." in text
    found = read(jobber, made["id"])
    assert found["paymentRecords"]["nodes"][0]["entryDate"] == "2026-02-28T13:00:00Z"
    assert found["amounts"]["invoiceBalance"] == pytest.approx(total - 35.6)
    payment = found["paymentRecords"]["nodes"][0]["id"]
    post(jobber, page(1048) + "/payment", payment=payment, amount=f"{total}")
    assert read(jobber, made["id"])["invoiceStatus"] == "paid"
    post(jobber, page(1048) + "/payment", payment=payment, amount="1", do="remove")
    found = read(jobber, made["id"])
    assert (found["paymentRecords"]["nodes"], found["invoiceStatus"]) == ([], "awaiting_payment")
    for wrong in ({"amount": "0"}, {"amount": "-5"}, {"amount": "nan"}, {"amount": "5", "tip": "-1"}):
        form = {"kind": "PAYMENT", "method": "CASH"} | wrong
        assert jobber.http.post(f"{jobber.url}{page(1048)}/pay", data=form).status_code == 400


def test_sent_closed_reopened_set_by_hand_and_deleted(jobber: Calls) -> None:
    made = form_id(get(jobber, page(1060)))
    steps = [
        ("send", {}, "awaiting_payment"),
        ("close", {"option": "MARK_RECEIVED"}, "paid"),
        ("reopen", {}, "awaiting_payment"),
        ("close", {"option": "BAD_DEBT"}, "bad_debt"),
        ("reopen", {}, "awaiting_payment"),
        ("status", {"status": "sent_not_due"}, "sent_not_due"),
        ("status", {"status": "voided"}, "voided"),
        ("status", {"status": ""}, "awaiting_payment"),
    ]
    for what, form, status in steps:
        post(jobber, f"{page(1060)}/{what}", **form)
        assert read(jobber, made)["invoiceStatus"] == status, what
    assert jobber.http.post(f"{jobber.url}{page(1060)}/send").status_code == 400
    assert "The invoice is deleted." in post(jobber, page(1060) + "/destroy")
    assert jobber.ask("query($id: EncodedId!) { invoice(id: $id) { id } }", id=made) == {"invoice": None}
    assert jobber.http.get(jobber.url + page(1060)).status_code == 404


def test_an_invoice_falls_due_by_the_clock_without_a_word(jobber: Calls, portal: Receiver) -> None:
    connect(jobber)
    made = form_id(get(jobber, page(1048)))
    before = read(jobber, made)
    assert before["invoiceStatus"] == "awaiting_payment"
    jobber.running.sandbox.frame.clock.advance(31 * 86400)
    after = read(jobber, made)
    assert after | {"invoiceStatus": "awaiting_payment"} == before
    assert after["invoiceStatus"] == "past_due"
    assert list(jobber.running.sandbox.frame.delivery.sent) == []


def test_notes_are_added_and_changed_but_not_a_clients(jobber: Calls) -> None:
    text = post(jobber, page(1040) + "/note", message="Call first <b>")
    assert "Call first &lt;b&gt;" in text
    note = text.partition('name="note" value="')[2].partition('"')[0]
    assert "Call twice" in post(jobber, page(1040) + "/note", note=note, message="Call twice")
    shared = get(jobber, page(1037))
    assert "A note of the client's, shown here." in shared
    foreign = read(jobber, form_id(shared))["notes"]["nodes"][0]
    assert foreign["__typename"] == "ClientNote"


def test_other_accounts_invoices_are_not_on_this_accounts_pages(jobber: Calls) -> None:
    assert jobber.http.get(jobber.url + page(1002, account=2)).status_code == 404
    assert jobber.http.post(jobber.url + page(1002, account=2) + "/destroy").status_code == 404
    assert jobber.http.post(jobber.url + page(1002) + "/nothing").status_code == 404
    assert jobber.http.get(f"{jobber.url}/accounts/9/invoices").status_code == 404


def test_a_deleted_clients_invoices_stay_without_it(jobber: Calls) -> None:
    made = create(jobber, clientId=jobber.create(firstName="Gone"))
    number = read(jobber, made)["client"]["id"]
    place = jobber.ask("query($id: EncodedId!) { client(id: $id) { jobberWebUri } }", id=number)["client"]
    post(jobber, f"/accounts/1/clients/{place['jobberWebUri'].rpartition('/')[2]}/destroy")
    assert read(jobber, made)["client"] is None
    assert "(deleted client)" in get(jobber, "/accounts/1/invoices")


# Webhooks


def told(portal: Receiver, count: int) -> Counter[tuple[str, str]]:
    return Counter((e["topic"], e["itemId"]) for e in portal.events(count))


def test_every_kind_of_change_is_told(jobber: Calls, portal: Receiver) -> None:
    connect(jobber)
    made = create(jobber, markSent=True)
    edit(jobber, made, subject="New")
    edit(jobber, made, subject="New")  # tells nothing
    post(jobber, f"{page(number(jobber, made))}/note", message="Here")
    assert told(portal, 3) == {("INVOICE_CREATE", made): 1, ("INVOICE_UPDATE", made): 2}
    act(jobber, "invoiceClose", made, "MARK_RECEIVED")
    post(jobber, page(number(jobber, made)) + "/destroy")
    assert told(portal, 5)[("INVOICE_DESTROY", made)] == 1
    assert len(jobber.running.sandbox.frame.delivery.sent) == 5


def test_one_payment_is_told_with_two_updates_of_its_invoice(jobber: Calls, portal: Receiver) -> None:
    connect(jobber)
    made = create(jobber, markSent=True)
    place = page(number(jobber, made))
    post(jobber, place + "/pay", amount="10", kind="PAYMENT", method="CASH")
    payment = read(jobber, made)["paymentRecords"]["nodes"][0]["id"]
    assert told(portal, 4)[("PAYMENT_CREATE", payment)] == 1
    assert told(portal, 4)[("INVOICE_UPDATE", made)] == 2
    post(jobber, place + "/payment", payment=payment, amount="11")
    assert told(portal, 7)[("PAYMENT_UPDATE", payment)] == 1
    post(jobber, place + "/payment", payment=payment, amount="11")  # as it was
    post(jobber, place + "/payment", payment=payment, do="remove")
    assert told(portal, 10)[("PAYMENT_DESTROY", payment)] == 1
    assert told(portal, 10)[("INVOICE_UPDATE", made)] == 6


@pytest.mark.parametrize(
    ("scope", "topics"), [("read_invoices", {"CLIENT_CREATE"}), ("read_clients", {"INVOICE_CREATE"})]
)
def test_only_what_the_app_may_read_is_told(jobber: Calls, portal: Receiver, scope: str, topics: set[str]) -> None:
    jobber.switch(**{scope: False})
    connect(jobber)
    create(jobber, clientId=jobber.create(firstName="Ada"))
    assert {e["topic"] for e in portal.events(1)} == topics
    assert len(jobber.running.sandbox.frame.delivery.sent) == 1


def number(jobber: Calls, invoice_id: str) -> int:
    return int(read(jobber, invoice_id)["jobberWebUri"].rpartition("/")[2])


def test_the_switches_say_what_receiving_does(jobber: Calls) -> None:
    jobber.set_received("nothing")
    settings: dict[str, Any] = jobber.running.sandbox.services["jobber"].state["settings"]
    assert settings["received"] == "nothing"
    jobber.set_received("steal")
    assert settings["received"] == "nothing"
    assert "The status becomes paid, and the balance stays as it was" in get(jobber, "/")
