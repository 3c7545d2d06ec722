"""The Stripe stand-in's pages about invoices, used as a person uses them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors.sandbox.running import running
from connectors.stripe.sandbox.invoice_pages import money
from tests.connectors.stripe_calls import EMPTY, Calls

pytestmark = pytest.mark.sandbox
AT = "accounts/3/invoices"
ROWS = {
    "days_until_due": "14", "description": "Memo <b>", "description_0": "Work", "quantity_0": "1.5", "price_0": "20.70",
    "description_1": "Discount", "price_1": "-5",
}  # fmt: skip


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


def page(stripe: Calls, path: str, answers: int = 200, **params: Any) -> str:
    answer = stripe.http.get(f"{stripe.url}/{path}", params=params)
    assert answer.status_code == answers
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    return answer.text


def submit(stripe: Calls, path: str, **form: str) -> httpx.Response:
    return stripe.http.post(f"{stripe.url}/{path}", data=form)


def added(stripe: Calls, **form: str) -> Any:
    customer = form.pop("customer", "") or stripe.create(name="Ann <i>", email="ann@example.com")["id"]
    answer = submit(stripe, f"{AT}/new", customer=customer, **(ROWS | form))
    assert answer.status_code == 303, answer.text
    return stripe.get(f"invoices/{answer.headers['location'].rpartition('/')[2]}")


def test_an_invoice_is_added_by_hand(stripe: Calls) -> None:
    gst = stripe.post("tax_rates", display_name="GST", percentage="10", inclusive="true").json()["id"]
    made = added(stripe, rate_0=gst, do="draft")
    assert (made["status"], made["total"], made["description"]) == ("draft", 2605, "Memo <b>")
    assert [(li["description"], li["amount"]) for li in made["lines"]["data"]] == [("Work", 3105), ("Discount", -500)]
    text = page(stripe, f"{AT}/{made['id']}")
    for words in (
        "Memo &lt;b&gt;",
        "Ann &lt;i&gt;",
        "26.05 AUD",
        "2.82 AUD GST in it",
        "-5.00 AUD",
        "Make it final",
        "None yet.",
    ):
        assert words in text
    assert "GST 10% in it" in page(stripe, f"{AT}/new")
    kinds = [e["type"] for e in stripe.get("events")["data"]]
    assert kinds[:2] == ["invoice.updated", "invoiceitem.created"]


def test_a_final_invoice_leads_to_the_page_its_customer_sees(stripe: Calls) -> None:
    made = added(stripe, do="finalize")
    assert (made["status"], made["amount_due"]) == ("open", 2605)
    text = page(stripe, f"{AT}/{made['id']}")
    assert f'href="{made["hosted_invoice_url"]}"' in text
    assert made["hosted_invoice_url"].startswith(stripe.url)
    assert f"Invoice {made['number']}" in text


def test_what_stripe_refuses_is_said_and_nothing_is_made(stripe: Calls) -> None:
    customer = stripe.create(name="Ann")["id"]
    form = ROWS | {"customer": customer, "quantity_1": "many"}
    answer = submit(stripe, f"{AT}/new", **form)
    assert (answer.status_code, "Invalid decimal: many" in answer.text) == (400, True)
    assert 'value="20.70"' in answer.text
    dear = submit(stripe, f"{AT}/new", **(ROWS | {"customer": customer, "price_0": "12,x"}))
    assert "Invalid decimal: 12,x" in dear.text
    assert submit(stripe, f"{AT}/new", **(ROWS | {"customer": "cus_none"})).status_code == 400
    assert stripe.get("invoices")["data"] == []
    assert [e["type"] for e in stripe.get("events")["data"]] == ["customer.created"]


def test_an_invoice_is_made_final_sent_given_up_and_voided_by_hand(stripe: Calls) -> None:
    made = added(stripe, do="draft")
    at = f"{AT}/{made['id']}"
    for do, status in (
        ("finalize", "open"),
        ("send", "open"),
        ("mark_uncollectible", "uncollectible"),
        ("void", "void"),
    ):
        assert submit(stripe, at, do=do).headers["location"] == f"/stripe/{at}"
        assert stripe.get(f"invoices/{made['id']}")["status"] == status
    again = submit(stripe, at, do="void")
    assert (again.status_code, "isn&#39;t open" in again.text) == (400, True)
    by = {e["request"]["idempotency_key"] for e in stripe.get("events", type="invoice.voided")["data"]}
    assert by == {None}


def test_a_draft_is_deleted_by_hand(stripe: Calls) -> None:
    made = added(stripe, do="draft")
    assert submit(stripe, f"{AT}/{made['id']}", do="delete").headers["location"] == f"/stripe/{AT}"
    page(stripe, f"{AT}/{made['id']}", 404)
    assert "There are no invoices yet" in page(stripe, AT)


def test_invoices_are_searched_filtered_and_paged(stripe: Calls) -> None:
    customer = stripe.create(name="Bob")["id"]
    for n in range(51):
        stripe.post("invoices", customer=customer, **{"metadata[jobber_invoice_number]": f"J{n:03}"})
    added(stripe, do="finalize")
    text = page(stripe, AT)
    assert "52 invoices" in text
    assert text.index("-0001</a>") < text.index(">Draft</a>")
    assert page(stripe, AT, page=2).count('data-label="Status"') == 2
    assert page(stripe, AT, q="j050").count('data-label="Status"') == 1
    assert page(stripe, AT, q="ANN@").count("Ann &lt;i&gt;") == 1
    assert page(stripe, AT, status="open").count('data-label="Status"') == 1
    assert "No invoice fits" in page(stripe, AT, status="paid")
    assert "52 invoices" in page(stripe, "")


def test_an_account_without_customers_is_told_what_is_missing(stripe: Calls) -> None:
    assert "An invoice needs a customer" in page(stripe, f"{AT}/new")
    page(stripe, f"{AT}/in_none", 404)


def test_tax_is_rounded_once_per_invoice_where_the_owner_says_so(stripe: Calls) -> None:
    rate = stripe.post("tax_rates", display_name="GST", percentage="10", inclusive="false").json()["id"]
    rows = {f"{part}_{n}": value for n in range(3) for part, value in (("price", "0.05"), ("rate", rate))}
    rows |= {"description_0": "", "description_1": "", "quantity_0": ""}
    assert added(stripe, **rows)["total"] == 18
    assert "For each line" in page(stripe, "accounts/3")
    submit(stripe, "accounts/3", do="round_tax_per_invoice", value="on")
    assert "Once for each invoice" in page(stripe, "accounts/3")
    assert added(stripe, **rows)["total"] == 17
    submit(stripe, "accounts/3", do="round_tax_per_invoice", value="off")
    assert added(stripe, **rows)["total"] == 18


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [(110050, "aud", "1,100.50 AUD"), (-5, "aud", "-0.05 AUD"), ("12.5", "aud", "0.125 AUD"), (500, "jpy", "500 JPY"),
     ("0.5", "jpy", "0.5 JPY"), (0, "usd", "0.00 USD"), ("1000", "aud", "10.00 AUD")],
)  # fmt: skip
def test_money_is_said_in_the_currencys_own_units(amount: int | str, currency: str, words: str) -> None:
    assert money(amount, currency) == words
