"""The Jobber stand-in's invoices over its API: what they come to, what may be done with them, lists, notes, fields."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.jobber.sandbox.invoice_seeding import add_invoice
from connectors.sandbox.paper import paper
from connectors.sandbox.running import running
from tests import shared
from tests.connectors.jobber_calls import Calls

pytestmark = pytest.mark.sandbox
CREATE = """mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) {
  invoice { id } userErrors { message path } } }"""
READ = """query($id: EncodedId!) { invoice(id: $id) {
  id invoiceNumber invoiceStatus subject message issuedDate dueDate receivedDate invoiceNet createdAt updatedAt
  taxCalculationMethod clientHubUri jobberWebUri hasInvoiceNumberDuplicates
  amounts { subtotal discountAmount taxAmount nonTaxAmount total depositAmount paymentsTotal tipsTotal invoiceBalance }
  taxRate { id name tax } taxDetails { totalTaxAmount totalTaxRate { name } } client { id name balance }
  billingAddress { city } salesperson { name { full } email { raw } }
  lineItems(first: 20) { nodes { id name description quantity unitPrice totalPrice taxable taxRate { name tax } } }
  paymentRecords(first: 20) { nodes { id amount adjustmentType entryDate tipAmount } }
  jobs(first: 5) { nodes { jobNumber } } archivedJobs(first: 5) { nodes { jobNumber } }
  notes(first: 20) { nodes { __typename ... on InvoiceNote { id message pinned lastEditedAt
    createdBy { __typename } } ... on ClientNote { message } } }
  customFields { ... on CustomFieldText { id label valueText customFieldConfiguration { id } }
    ... on CustomFieldLink { label valueLink { text url } customFieldConfiguration { id readOnly } } } } }"""
EDIT = """mutation($id: EncodedId!, $input: InvoiceEditInput!) { invoiceEdit(invoiceId: $id, input: $input) {
  invoice { id } userErrors { message path } } }"""


@pytest.fixture(scope="module")
def jobber() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="60+60") as found:
        yield Calls(found)


def read(jobber: Calls, invoice_id: str, token: str = "operator-jobber-token") -> dict[str, Any]:
    found: dict[str, Any] = jobber.ask(READ, token, id=invoice_id)["invoice"]
    return found


def client(jobber: Calls, number: int = 0) -> str:
    return str(jobber.ask("{ clients(first: 9) { nodes { id } } }")["clients"]["nodes"][number]["id"])


def line(price: float, quantity: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"name": "Work", "quantity": quantity, "unitPrice": price, **more}


def given(jobber: Calls, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "clientId": client(jobber), "dueDetails": {"invoiceNet": 14}, "lineItems": list(lines or [line(110.0)]),
        "tax": {"taxCalculationMethod": "INCLUSIVE"}, **more,
    }  # fmt: skip


def create(jobber: Calls, *lines: dict[str, Any], **more: Any) -> str:
    answer = jobber.ask(CREATE, input=given(jobber, *lines, **more))["invoiceCreate"]
    assert answer["userErrors"] == []
    return str(answer["invoice"]["id"])


def refused(jobber: Calls, **more: Any) -> tuple[str, list[str]]:
    answer = jobber.ask(CREATE, input=given(jobber, **more))["invoiceCreate"]
    assert answer["invoice"] is None
    error = answer["userErrors"][0]
    return error["message"], error["path"]


def edit(jobber: Calls, invoice_id: str, **changes: Any) -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = jobber.ask(EDIT, id=invoice_id, input=changes)["invoiceEdit"]["userErrors"]
    return errors


def act(jobber: Calls, mutation: str, invoice_id: str, option: str = "") -> str:
    """'' or the reason why not."""
    asked = f", input: {{ closeOption: {option} }}" if option else ""
    query = (
        f"mutation($id: EncodedId!) {{ {mutation}(id: $id{asked}) {{ invoice {{ id }} userErrors {{ message }} }} }}"
    )
    errors = jobber.ask(query, id=invoice_id)[mutation]["userErrors"]
    return errors[0]["message"] if errors else ""


def listed(jobber: Calls, arguments: str = "first: 100") -> list[str]:
    found = jobber.ask(f"{{ invoices({arguments}) {{ nodes {{ invoiceNumber }} }} }}")["invoices"]["nodes"]
    return [i["invoiceNumber"] for i in found]


def pay(jobber: Calls, invoice_id: str, amount: float, **more: str) -> None:
    """As a person does on the control page."""
    number = read(jobber, invoice_id)["jobberWebUri"].rpartition("/")[2]
    form = {"amount": f"{amount}", "kind": "PAYMENT", "method": "BANK_TRANSFER"} | more
    assert jobber.http.post(f"{jobber.url}/accounts/1/invoices/{number}/pay", data=form).status_code == 303


# Amounts


@pytest.mark.parametrize("case", range(11))
@pytest.mark.parametrize("per_line", [False, True])
def test_tax_is_rounded_as_in_the_cases(jobber: Calls, case: int, per_line: bool) -> None:
    known = shared.read("rounding-cases.json")[case]
    rates = jobber.running.sandbox.services["jobber"].state["accounts"]["1"]["taxes"]
    rate = next(iter(rates.values()))
    if known["rate"] == "0.15":
        rate = next(r for r in rates.values() if r["name"] == "Levy") | {"tax": 15.0}
        rates[rate["id"]] = rate
    method = "INCLUSIVE" if known["inclusive"] else "EXCLUSIVE"
    jobber.switch(tax_per_line=per_line)
    made = create(
        jobber, *(line(float(price), float(quantity)) for quantity, price in known["lines"]),
        tax={"taxCalculationMethod": method, "taxRateId": rate["id"]},
    )  # fmt: skip
    jobber.switch()
    amounts = read(jobber, made)["amounts"]
    wanted = known["per_line" if per_line else "per_document"]
    assert (f"{amounts['taxAmount']:.2f}", f"{amounts['total']:.2f}") == (wanted["tax"], wanted["total"])


@pytest.mark.parametrize(
    ("method", "lines", "discount", "amounts"),
    [
        ("EXCLUSIVE", [line(100.0)], None, (100.0, 0.0, 10.0, 0.0, 110.0)),
        ("INCLUSIVE", [line(110.0)], None, (110.0, 0.0, 10.0, 0.0, 110.0)),
        ("EXCLUSIVE", [line(100.0), line(50.0, taxable=False)], None, (150.0, 0.0, 10.0, 50.0, 160.0)),
        ("INCLUSIVE", [line(110.0), line(50.0, taxable=False)], None, (160.0, 0.0, 10.0, 50.0, 160.0)),
        ("EXCLUSIVE", [line(100.0, 1.5)], ("Percent", 10.0), (150.0, 15.0, 13.5, 0.0, 148.5)),
        ("EXCLUSIVE", [line(100.0)], ("Unit", 20.0), (100.0, 20.0, 8.0, 0.0, 88.0)),
        ("INCLUSIVE", [line(110.0)], ("Unit", 11.0), (110.0, 11.0, 9.0, 0.0, 99.0)),
        ("EXCLUSIVE", [line(100.0), line(100.0, taxable=False)], ("Percent", 50.0), (200.0, 100.0, 5.0, 50.0, 105.0)),
        ("EXCLUSIVE", [line(200.0), line(-50.0)], None, (150.0, 0.0, 15.0, 0.0, 165.0)),
        ("EXCLUSIVE", [{"name": "Old", "quantity": 4.0, "cost": 100.0}], None, (100.0, 0.0, 10.0, 0.0, 110.0)),
    ],
)
def test_what_an_invoice_comes_to(
    jobber: Calls, method: str, lines: list[dict[str, Any]], discount: tuple[str, float] | None,
    amounts: tuple[float, ...],
) -> None:  # fmt: skip
    more: dict[str, Any] = {"tax": {"taxCalculationMethod": method}}
    if discount:
        more["discount"] = {"discountType": discount[0], "discountRate": discount[1]}
    found = read(jobber, create(jobber, *lines, **more))["amounts"]
    names = ("subtotal", "discountAmount", "taxAmount", "nonTaxAmount", "total")
    assert tuple(found[n] for n in names) == amounts
    assert found["invoiceBalance"] == found["total"]


def test_a_line_may_have_a_rate_of_its_own_and_a_group_has_components(jobber: Calls) -> None:
    service: Any = jobber.running.sandbox.services["jobber"]
    account = service.state["accounts"]["1"]
    rates = {r["name"]: r["id"] for r in account["taxes"].values()}
    lines = [line(100.0), line(100.0, taxRateId=rates["GST and levy"])]
    made = add_invoice(service.invoicing, account, client(jobber), lines, inclusive=False)
    found = read(jobber, made["id"])
    assert [n["taxRate"]["tax"] for n in found["lineItems"]["nodes"]] == [10.0, 11.5]
    assert found["amounts"]["taxAmount"] == 21.5
    named = jobber.ask('{ taxRates(first: 9, searchTerm: "and levy") { nodes { tax components { name tax } } } }')
    assert named["taxRates"]["nodes"][0]["components"] == [{"name": "GST", "tax": 10.0}, {"name": "Levy", "tax": 1.5}]


def test_deposits_payments_refunds_and_tips_are_kept_apart(jobber: Calls) -> None:
    made = create(jobber, markSent=True)
    pay(jobber, made, 30, kind="DEPOSIT")
    pay(jobber, made, 50, method="JOBBER_PAYMENTS", tip="5")
    pay(jobber, made, 20, kind="REFUND")
    amounts = read(jobber, made)["amounts"]
    assert [amounts[n] for n in ("depositAmount", "paymentsTotal", "tipsTotal", "invoiceBalance")] == [30, 30, 5, 50]
    assert read(jobber, made)["invoiceStatus"] == "awaiting_payment"
    pay(jobber, made, 50)
    found = read(jobber, made)
    assert (found["invoiceStatus"], found["amounts"]["invoiceBalance"]) == ("paid", 0.0)
    assert found["receivedDate"]


# From draft to the end


def test_a_draft_is_sent_falls_due_and_is_paid(jobber: Calls) -> None:
    made = create(jobber, message="Thanks", subject="Tap")
    found = read(jobber, made)
    assert (found["invoiceStatus"], found["issuedDate"], found["clientHubUri"]) == ("draft", None, None)
    assert (found["invoiceNet"], found["taxCalculationMethod"]) == (14, "inclusive")
    assert act(jobber, "invoiceMarkAsSent", made) == ""
    found = read(jobber, made)
    assert found["invoiceStatus"] == "awaiting_payment"
    assert found["clientHubUri"].startswith("https://")
    issued, due = (datetime.fromisoformat(found[n]) for n in ("issuedDate", "dueDate"))
    assert due - issued == timedelta(days=14)
    assert issued.astimezone(UTC) <= jobber.running.sandbox.frame.clock.now()
    service: Any = jobber.running.sandbox.services["jobber"]
    account = service.state["accounts"]["1"]
    old = add_invoice(
        service.invoicing, account, client(jobber), [line(10.0)], issued=datetime(2026, 1, 1, 13, tzinfo=UTC)
    )
    assert read(jobber, old["id"])["invoiceStatus"] == "past_due"


@pytest.mark.parametrize(
    ("way", "amounts", "payments"),
    [
        ("balance", {"invoiceBalance": 0.0, "paymentsTotal": 0.0}, 0),
        ("nothing", {"invoiceBalance": 110.0, "paymentsTotal": 0.0}, 0),
        ("payment", {"invoiceBalance": 0.0, "paymentsTotal": 110.0}, 1),
    ],
)
def test_marking_as_received_does_what_the_switch_says(
    jobber: Calls, way: str, amounts: dict[str, float], payments: int
) -> None:
    made = create(jobber, markSent=True)
    jobber.set_received(way)
    assert act(jobber, "invoiceClose", made, "MARK_RECEIVED") == ""
    jobber.set_received("balance")
    found = read(jobber, made)
    assert found["invoiceStatus"] == "paid"
    assert amounts.items() <= found["amounts"].items()
    assert len(found["paymentRecords"]["nodes"]) == payments
    assert found["receivedDate"]


def test_closed_and_opened_again(jobber: Calls) -> None:
    made = create(jobber, markSent=True)
    steps = [
        ("invoiceClose", "MARK_RECEIVED", "paid", 0.0),
        ("invoiceReopen", "", "awaiting_payment", 110.0),
        ("invoiceClose", "BAD_DEBT", "bad_debt", 110.0),
        ("invoiceUnmarkBadDebt", "", "awaiting_payment", 110.0),
    ]
    for mutation, option, status, balance in steps:
        assert act(jobber, mutation, made, option) == ""
        found = read(jobber, made)
        assert (found["invoiceStatus"], found["amounts"]["invoiceBalance"]) == (status, balance)


def test_what_cannot_be_done_is_said_and_changes_nothing(jobber: Calls) -> None:
    draft, sent = create(jobber), create(jobber, markSent=True)
    paid = create(jobber, markSent=True)
    pay(jobber, paid, 110)
    before = [read(jobber, each) for each in (draft, sent, paid)]
    assert act(jobber, "invoiceClose", draft, "MARK_RECEIVED") == "A draft can't be closed"
    assert act(jobber, "invoiceMarkAsSent", sent) == "Only a draft can be marked as sent"
    assert act(jobber, "invoiceClose", paid, "BAD_DEBT") == "Invoice is already closed"
    assert act(jobber, "invoiceReopen", paid) == "Only an invoice that was marked as received can be reopened"
    assert act(jobber, "invoiceUnmarkBadDebt", sent) == "Invoice is not a bad debt"
    assert act(jobber, "invoiceReopen", "MQ==") == "Invoice not found"
    assert [read(jobber, each) for each in (draft, sent, paid)] == before


@pytest.mark.parametrize(
    ("wrong", "message", "path"),
    [
        ({"clientId": "MQ=="}, "Client not found", ["input", "clientId"]),
        ({"lineItems": []}, "Line items can't be blank", ["input", "lineItems"]),
        ({"lineItems": [{"name": " "}]}, "Name can't be blank", ["input", "lineItems", "0", "name"]),
        ({"lineItems": [line(1e12)]}, "Unit price is too large", ["input", "lineItems", "0", "unitPrice"]),
        ({"dueDetails": {}}, "Due details need a due date or a number of days", ["input", "dueDetails"]),
        (
            {"issuedDate": "2026-05-02T00:00:00Z", "dueDetails": {"dueDate": "2026-05-01T00:00:00Z"}},
            "Due date can't be before the issued date",
            ["input", "dueDetails", "dueDate"],
        ),
        (
            {"tax": {"taxCalculationMethod": "EXCLUSIVE", "taxRateId": "MQ=="}},
            "Tax rate not found",
            ["input", "taxRateId"],
        ),
        (
            {"discount": {"discountRate": 111.0, "discountType": "Unit"}},
            "Discount can't be more than the subtotal",
            ["input", "discount"],
        ),
        (
            {"discount": {"discountRate": -1.0, "discountType": "Percent"}},
            "Discount must be between 0 and the whole",
            ["input", "discount", "discountRate"],
        ),
        ({"jobId": "MQ=="}, "Job not found", ["input", "jobIds"]),
        ({"salespersonId": "MQ=="}, "Salesperson not found", ["input", "salespersonId"]),
    ],
)
def test_an_invoice_that_cannot_be_made(jobber: Calls, wrong: dict[str, Any], message: str, path: list[str]) -> None:
    count = len(listed(jobber))
    assert refused(jobber, **wrong) == (message, path)
    assert len(listed(jobber)) == count


def test_there_is_no_mutation_for_a_payment(jobber: Calls) -> None:
    for name in ("invoiceCreatePaymentRecord", "paymentRecordCreate", "invoiceDelete"):
        answer = jobber.post(f"mutation {{ {name} {{ userErrors {{ message }} }} }}").json()
        assert answer["errors"][0]["message"] == f"Field '{name}' doesn't exist on type 'Mutation'"


# Editing


def test_the_header_is_edited_and_only_a_change_moves_the_time_of_change(jobber: Calls) -> None:
    made = create(jobber, markSent=True, subject="Tap")
    clock, before = jobber.running.sandbox.frame.clock, read(jobber, made)
    clock.advance(60)
    assert edit(jobber, made, subject="Tap") == []
    assert read(jobber, made)["updatedAt"] == before["updatedAt"]
    assert edit(jobber, made, subject="Taps", message="", invoiceNumber="A-7", dueDetails={"invoiceNet": 30}) == []
    found = read(jobber, made)
    assert (found["subject"], found["message"], found["invoiceNumber"]) == ("Taps", None, "A-7")
    assert found["updatedAt"] > before["updatedAt"]
    issued, due = (datetime.fromisoformat(found[n]) for n in ("issuedDate", "dueDate"))
    assert due - issued == timedelta(days=30)


def test_a_closed_invoice_keeps_its_amounts(jobber: Calls) -> None:
    made = create(jobber, markSent=True)
    act(jobber, "invoiceClose", made, "MARK_RECEIVED")
    errors = edit(jobber, made, discount={"discountRate": 10.0, "discountType": "Percent"})
    assert errors == [{"message": "A closed invoice must be reopened first", "path": ["invoiceId"]}]
    assert edit(jobber, made, subject="Still mine to name") == []


def test_a_discount_and_a_rate_may_change_while_it_is_open(jobber: Calls) -> None:
    made = create(jobber, line(100.0), markSent=True, tax={"taxCalculationMethod": "EXCLUSIVE"})
    assert edit(jobber, made, discount={"discountRate": 10.0, "discountType": "Percent"}) == []
    assert read(jobber, made)["amounts"]["total"] == 99.0
    free = jobber.ask('{ taxRates(searchTerm: "free") { nodes { id } } }')["taxRates"]["nodes"][0]["id"]
    assert edit(jobber, made, taxRateId=free) == []
    assert read(jobber, made)["amounts"]["total"] == 90.0


def test_a_number_repeats_while_two_invoices_have_it(jobber: Calls) -> None:
    first, second = (create(jobber, invoiceNumber=number) for number in ("R-1", "R-2"))

    def repeats() -> list[bool]:
        return [bool(read(jobber, each)["hasInvoiceNumberDuplicates"]) for each in (first, second)]

    assert repeats() == [False, False]
    edit(jobber, second, invoiceNumber="R-1")
    assert repeats() == [True, True]
    edit(jobber, second, subject="Another")
    edit(jobber, second, invoiceNumber="R-3")
    assert repeats() == [False, False]
    third = create(jobber, invoiceNumber="R-1")
    assert repeats() == [True, False]
    number = read(jobber, third)["jobberWebUri"].rpartition("/")[2]
    jobber.http.post(f"{jobber.url}/accounts/1/invoices/{number}/destroy")
    assert repeats() == [False, False]


# Notes and custom fields


def test_a_note_is_added_and_edited(jobber: Calls) -> None:
    made, token = create(jobber, markSent=True), jobber.pair()["access_token"]
    add = """mutation($id: EncodedId!, $text: String) { invoiceCreateNote(invoiceId: $id, input: { message: $text }) {
      invoice { id } invoiceNote { id message } userErrors { message path } } }"""
    note = jobber.ask(add, token, id=made, text="Paid by card pi_1")["invoiceCreateNote"]
    assert note["invoice"] == {"id": made}
    change = """mutation($id: EncodedId!, $text: String) { invoiceEditNote(input: { noteId: $id, message: $text }) {
      invoiceNote { message } userErrors { message path } } }"""
    jobber.ask(change, token, id=note["invoiceNote"]["id"], text="Refunded pi_1")
    jobber.ask(add, id=made, text="By hand")
    found = read(jobber, made)["notes"]["nodes"]
    assert [(n["message"], n["createdBy"]["__typename"]) for n in found] == [
        ("Refunded pi_1", "Application"),
        ("By hand", "User"),
    ]
    assert found[0]["lastEditedAt"]
    assert found[1]["lastEditedAt"] is None
    blank = jobber.ask(add, id=made, text=" ")["invoiceCreateNote"]["userErrors"]
    assert blank == [{"message": "Message can't be blank", "path": ["input", "message"]}]
    unknown = jobber.ask(change, id="MQ==", text="x")["invoiceEditNote"]["userErrors"]
    assert unknown == [{"message": "Note not found", "path": ["input", "noteId"]}]


def test_an_app_keeps_a_link_in_a_custom_field_of_its_own(jobber: Calls) -> None:
    token = jobber.pair()["access_token"]
    make = """mutation($input: CustomFieldConfigurationCreateLinkInput!) {
      customFieldConfigurationCreateLink(input: $input) {
        customFieldConfiguration { id name appliesTo readOnly valueType } userErrors { message path } } }"""
    asked = {"appliesTo": "ALL_INVOICES", "name": "Pay online", "readOnly": True, "transferable": False}
    answer = jobber.ask(make, token, input=asked)["customFieldConfigurationCreateLink"]
    field = answer["customFieldConfiguration"]
    assert (field["valueType"], field["readOnly"], answer["userErrors"]) == ("LINK", True, [])
    again = jobber.ask(make, token, input=asked | {"name": "pay ONLINE"})["customFieldConfigurationCreateLink"]
    assert again["userErrors"] == [{"message": "Name has already been taken", "path": ["input", "name"]}]
    bad = asked | {"name": "Other", "defaultValue": {"text": "x", "url": "javascript:alert(1)"}}
    refusal = jobber.ask(make, token, input=bad)["customFieldConfigurationCreateLink"]
    assert refusal["userErrors"] == [{"message": "This is not a link", "path": ["input", "defaultValue", "url"]}]
    mine = """{ customFieldConfigurations(first: 9, filter: { createdByThisApp: true, appliesTo: ALL_INVOICES }) {
      nodes { ... on CustomFieldConfigurationLink { id } } } }"""
    assert jobber.ask(mine, token)["customFieldConfigurations"]["nodes"] == [{"id": field["id"]}]
    made = create(jobber)
    link = {"text": "Pay", "url": "https://pay.example.com/i/1"}
    assert edit(jobber, made, customFields=[{"customFieldConfigurationId": field["id"], "valueLink": link}]) == []
    shown = [f for f in read(jobber, made)["customFields"] if f.get("label") == "Pay online"]
    assert shown[0]["valueLink"] == link
    bad = [{"customFieldConfigurationId": field["id"], "valueLink": {"text": "x", "url": "javascript:alert(1)"}}]
    assert edit(jobber, made, customFields=bad)[0]["message"] == "This is not a link"
    labels = "query($id: EncodedId!) { client(id: $id) { customFields { ... on CustomFieldLink { label } } } }"
    clients = jobber.ask(labels, id=client(jobber))
    assert {"label": "Pay online"} not in clients["client"]["customFields"]


# Lists


def test_every_made_up_invoice_is_there_with_its_status(jobber: Calls) -> None:
    with running({"SANDBOX_LIMITS": "off"}, seed="200+60") as found:
        fresh = Calls(found)
        query = "{ invoices(first: 100) { nodes { id invoiceStatus client { isArchived email } } totalCount } }"
        nodes = fresh.ask(query)["invoices"]["nodes"]
        assert [n["id"] for n in nodes] == [i.jobber_id for i in paper()]
        states = [n["invoiceStatus"] for n in nodes]
        assert {s: states.count(s) for s in dict.fromkeys(states)} == {
            "paid": 26, "bad_debt": 3, "past_due": 12, "awaiting_payment": 11, "draft": 8,
        }  # fmt: skip
        assert sum(n["client"]["isArchived"] for n in nodes) == 1
        assert sum(n["client"]["email"] is None for n in nodes) == 1
        names = "{ invoices(first: 100) { nodes { invoiceNumber hasInvoiceNumberDuplicates } } }"
        twice = [n for n in fresh.ask(names)["invoices"]["nodes"] if n["hasInvoiceNumberDuplicates"]]
        assert [n["invoiceNumber"] for n in twice] == ["1033", "1033"]


@pytest.mark.parametrize("seed", ["7", "7+0", "empty"])
def test_no_invoices_unless_they_are_asked_for(seed: str) -> None:
    with running({"SANDBOX_LIMITS": "off"}, seed=seed) as found:
        assert listed(Calls(found)) == []


def test_filters(jobber: Calls) -> None:
    known = jobber.ask("{ invoices(first: 60) { nodes { id invoiceNumber invoiceStatus updatedAt issuedDate client "
                       "{ id } amounts { total } } } }")["invoices"]["nodes"]  # fmt: skip

    def named(**wanted: Any) -> list[str]:
        return [n["invoiceNumber"] for n in known if all(n[k] == v for k, v in wanted.items())]

    assert listed(jobber, "first: 60, filter: { status: bad_debt }") == named(invoiceStatus="bad_debt")
    assert listed(jobber, "first: 60, filter: { status: past_due }")[:12] == named(invoiceStatus="past_due")
    one = known[33]
    assert listed(jobber, f'filter: {{ clientId: "{one["client"]["id"]}" }}') == named(client=one["client"])
    assert listed(jobber, 'filter: { invoiceNumber: "1033" }') == ["1033", "1033"]
    assert listed(jobber, 'filter: { invoiceNumber: "MTAzMw==" }') == ["1033", "1033"]
    at = one["updatedAt"]
    assert listed(jobber, f'filter: {{ updatedAt: {{ after: "{at}", before: "{at}" }} }}') == named(updatedAt=at)
    total = one["amounts"]["total"]
    assert one["invoiceNumber"] in listed(jobber, f"filter: {{ total: {{ min: {total}, max: {total} }} }}")
    assert listed(jobber, 'searchTerm: "Água"') == ["1052"]
    issued = known[0]["issuedDate"]
    assert listed(jobber, f'filter: {{ issuedDate: {{ eq: "{issued}" }} }}') == ["1001"]


@pytest.mark.parametrize("key", ["UPDATED_AT", "INVOICE_TOTAL", "DUE_DATE", "INVOICE_NUMBER"])
@pytest.mark.parametrize("way", ["ASCENDING", "DESCENDING"])
def test_sorted_pages_are_all_invoices_once(jobber: Calls, key: str, way: str) -> None:
    query = """query($after: String, $sort: [InvoiceSortInput!]) { invoices(first: 17, after: $after, sort: $sort) {
      nodes { id updatedAt dueDate amounts { total } invoiceNumber }
      pageInfo { endCursor hasNextPage } totalCount } }"""
    values: dict[str, Any] = {
        "UPDATED_AT": lambda n: n["updatedAt"], "INVOICE_TOTAL": lambda n: n["amounts"]["total"],
        "DUE_DATE": lambda n: n["dueDate"] or "", "INVOICE_NUMBER": lambda n: n["invoiceNumber"].rjust(20),
    }  # fmt: skip
    nodes, after = [], None
    while True:
        found = jobber.ask(query, after=after, sort=[{"key": key, "direction": way}])["invoices"]
        nodes += found["nodes"]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert len({n["id"] for n in nodes}) == found["totalCount"] == len(nodes)
    shown = [values[key](n) for n in nodes]
    assert shown == sorted(shown, reverse=way == "DESCENDING")


def test_payments_are_listed_for_the_whole_account_by_their_own_types(jobber: Calls) -> None:
    query = """query($filter: PaymentRecordFilterAttributes) { paymentRecords(first: 100, filter: $filter,
      sort: { key: ENTRY_DATE, direction: ASCENDING }) { nodes { __typename id amount rawAmount adjustmentType
        entryDate paymentType client { id } invoice { invoiceNumber }
        ... on JobberPaymentsCreditCardPaymentRecord { lastDigits tipAmount } } } }"""
    nodes = jobber.ask(query)["paymentRecords"]["nodes"]
    assert [n["entryDate"] for n in nodes] == sorted(n["entryDate"] for n in nodes)
    assert {"BankTransferPaymentRecord", "CheckPaymentRecord", "CashPaymentRecord"} <= {n["__typename"] for n in nodes}
    refunds = jobber.ask(query, filter={"adjustmentType": "REFUND"})["paymentRecords"]["nodes"]
    assert all(n["rawAmount"] == -n["amount"] < 0 for n in refunds)
    cards = jobber.ask(query, filter={"paymentType": "JOBBER_PAYMENTS"})["paymentRecords"]["nodes"]
    assert {n["lastDigits"] for n in cards} == {"4242"}
    one = jobber.ask("query($id: EncodedId!) { paymentRecord(id: $id) { amount } }", id=nodes[0]["id"])
    assert one["paymentRecord"] == {"amount": nodes[0]["amount"]}


def test_a_clients_balance_follows_its_open_invoices(jobber: Calls) -> None:
    person = jobber.create(firstName="Owing")
    before = jobber.ask("query($id: EncodedId!) { client(id: $id) { updatedAt } }", id=person)["client"]["updatedAt"]
    draft = create(jobber, line(20.0), clientId=person)
    made = create(jobber, line(80.0), clientId=person, markSent=True)
    query = "query($id: EncodedId!) { client(id: $id) { balance updatedAt invoices(first: 9) { nodes { id } } } }"
    found = jobber.ask(query, id=person)["client"]
    assert (found["balance"], found["updatedAt"]) == (80.0, before)
    assert [n["id"] for n in found["invoices"]["nodes"]] == [draft, made]
    pay(jobber, made, 30)
    assert jobber.ask(query, id=person)["client"]["balance"] == 50.0
    act(jobber, "invoiceClose", made, "BAD_DEBT")
    assert jobber.ask(query, id=person)["client"]["balance"] == 0.0


def test_another_account_sees_and_changes_nothing(jobber: Calls) -> None:
    made, other = create(jobber, markSent=True), "operator-jobber-token-2"
    assert jobber.ask(READ, other, id=made) == {"invoice": None}
    assert jobber.ask("{ invoices { totalCount } paymentRecords { totalCount } }", other) == {
        "invoices": {"totalCount": 0},
        "paymentRecords": {"totalCount": 0},
    }
    answer = jobber.ask(EDIT, other, id=made, input={"subject": "Taken over"})["invoiceEdit"]
    assert answer == {"invoice": None, "userErrors": [{"message": "Invoice not found", "path": ["invoiceId"]}]}


@pytest.mark.parametrize(
    ("scope", "query", "field", "parent"),
    [
        ("read_invoices", "{ invoices(first: 1) { totalCount } }", "invoices", "Query"),
        ("read_clients", "{ invoices(first: 1) { nodes { client { name } } } }", "client", "Invoice"),
        ("read_users", "{ invoices(first: 1) { nodes { salesperson { id } } } }", "salesperson", "Invoice"),
        ("read_jobs", "{ invoices(first: 1) { nodes { jobs { totalCount } } } }", "jobs", "Invoice"),
        (
            "write_invoices",
            'mutation { invoiceReopen(id: "MQ==") { userErrors { message } } }',
            "invoiceReopen",
            "Mutation",
        ),
    ],
)
def test_what_the_scopes_do_not_reach_is_hidden(jobber: Calls, scope: str, query: str, field: str, parent: str) -> None:
    jobber.switch(**{scope: False})
    token = jobber.pair()["access_token"]
    jobber.switch()
    answer = jobber.post(query, token).json()
    words = f"The field {field} on an object of type {parent} was hidden due to permissions"
    assert (answer["data"], answer["errors"][0]["message"]) == (None, words)
    assert "data" in jobber.post(query, jobber.pair()["access_token"]).json()


def test_a_page_of_invoices_costs_by_the_same_rule(jobber: Calls) -> None:
    query = "{ invoices(first: 10) { nodes { id amounts { total } lineItems(first: 5) { nodes { name } } } } }"
    assert jobber.cost(query)["requestedQueryCost"] == 10 * (1 + 2 + 5)


def test_a_state_kept_before_there_were_invoices_gets_them(jobber: Calls) -> None:
    from connectors.jobber.sandbox import seeding

    state = seeding.empty_state("2026-01-01T00:00:00Z")
    whole = {name: dict(account) for name, account in state["accounts"].items()}
    for account in state["accounts"].values():
        for name in ("invoices", "payments", "notes", "jobs", "taxes", "lastInvoiceNumber"):
            del account[name]
    state["settings"] = {"scopes": "read_clients", "rotation": True}
    seeding.upgrade(state)
    assert state["accounts"] == whole
    assert "read_invoices" in state["settings"]["scopes"]
