"""The pages of the Stripe stand-in's payments, as a payer and as the owner meet them: forms, without JavaScript."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import httpx
import pytest

from connectors.sandbox.running import running
from connectors.stripe.sandbox import pdf
from tests.connectors.stripe_bills import SENT, charged, customer, done, invoice, kinds, opened
from tests.connectors.stripe_calls import EMPTY, Calls

pytestmark = pytest.mark.sandbox
DAY = 86_400
CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 40", "cvc": "123", "do": "card"}
DEBIT = {"name": "Ann", "bsb": "000-000", "account": "000123456", "do": "debit"}


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def ann(stripe: Calls) -> str:
    return customer(stripe)


@pytest.fixture
def bill(stripe: Calls, ann: str) -> Any:
    """Open, with GST inside of it."""
    rate = done(stripe, "tax_rates", display_name="GST", percentage="10", inclusive="true", country="AU")["id"]
    made = done(stripe, "invoices", customer=ann, description="Kitchen tap", **SENT)
    line = {"lines[0][amount]": "11000", "lines[0][description]": "Mixer tap", "lines[0][tax_rates][0]": rate}
    done(stripe, f"invoices/{made['id']}/add_lines", **line)
    return done(stripe, f"invoices/{made['id']}/finalize")


def words(answer: httpx.Response) -> str:
    """What is read on a page."""
    body = re.sub(r"<(style|title).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def look(stripe: Calls, url: str) -> httpx.Response:
    return stripe.http.get(url)


def press(stripe: Calls, url: str, **form: str) -> httpx.Response:
    """A button of a form, and the page it leads to."""
    return stripe.http.post(url, data=form, follow_redirects=True)


# The invoice that is to be paid


def test_the_page_says_what_is_to_be_paid_and_why(stripe: Calls, bill: Any) -> None:
    answer = look(stripe, bill["hosted_invoice_url"])
    seen = words(answer)
    assert answer.status_code == 200
    for told in ("Empty Co", "Ann", "Kitchen tap", "Mixer tap", "GST 10%, included 10.00 AUD", "Total 110.00 AUD"):
        assert told in seen, told
    assert f"Tax invoice {bill['number']}" in seen
    assert "Pay 110.00 AUD" in seen
    assert "<script" not in answer.text
    assert 'name="viewport" content="width=device-width' in answer.text


def test_the_invoice_is_there_as_a_pdf(stripe: Calls, bill: Any) -> None:
    answer = look(stripe, bill["invoice_pdf"])
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    for told in (f"(Tax invoice {bill['number']})", "(1 x Mixer tap: 110.00 AUD)", "(GST 10%, included: 10.00 AUD)"):
        assert told.encode() in answer.content, told
    place = int(answer.content.rpartition(b"startxref\n")[2].split()[0])
    assert answer.content[place:].startswith(b"xref\n0 6\n")
    for number, row in enumerate(answer.content[place:].split(b"\n")[3:8], 1):
        assert answer.content[int(row[:10]) :].startswith(f"{number} 0 obj".encode())
    assert look(stripe, bill["invoice_pdf"].replace("/pdf", "0/pdf")).status_code in {404, 410}


def test_a_long_pdf_has_more_pages_and_says_what_it_cannot_write() -> None:
    made = pdf.document([f"Line {n} (a\\b)" for n in range(60)] + ["Zoë 谢"])
    assert made.count(b"/Type /Page ") == 2
    assert b"(Line 59 \\(a\\\\b\\)) Tj" in made
    assert "(Zoë ?) Tj".encode("cp1252") in made


def test_a_card_pays(stripe: Calls, bill: Any) -> None:
    seen = words(press(stripe, bill["hosted_invoice_url"], **CARD))
    assert "Paid. Empty Co has received 110.00 AUD" in seen
    assert "Card number" not in seen
    found = invoice(stripe, bill["id"])
    assert (found["status"], found["amount_paid"]) == ("paid", 11000)
    charge = stripe.get("charges")["data"][0]
    assert charge["billing_details"]["name"] == "Ann"
    assert "Receipt" in seen
    assert "Card ending in 4242" in words(look(stripe, charge["receipt_url"]))


def test_two_presses_pay_once(stripe: Calls, bill: Any) -> None:
    with ThreadPoolExecutor(4) as at_once:
        answers = list(at_once.map(lambda _: press(stripe, bill["hosted_invoice_url"], **CARD), range(4)))
    assert all("has received 110.00 AUD" in words(answer) for answer in answers)
    assert len(stripe.get("charges")["data"]) == 1
    assert invoice(stripe, bill["id"])["amount_paid"] == 11000


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("4000000000000002", "Your card was declined."), ("4000000000009995", "Your card has insufficient funds."),
        ("4000000000009987", "Your card was declined."), ("4000000000000069", "Your card has expired."),
        ("4000000000000127", "Your card's security code is incorrect."),
        ("4000000000000119", "An error occurred while processing your card."),
    ],
)  # fmt: skip
def test_a_refused_card_says_so_and_another_one_pays(stripe: Calls, bill: Any, number: str, told: str) -> None:
    url = bill["hosted_invoice_url"]
    answer = press(stripe, url, **(CARD | {"number": number}))
    assert (answer.status_code, told in words(answer)) == (402, True)
    assert not re.search("lost|stolen", words(answer).partition("Cards to try")[0])
    found = invoice(stripe, bill["id"])
    assert (found["status"], found["attempt_count"]) == ("open", 1)
    assert kinds(stripe)[-1] == "invoice.payment_failed"
    assert "Paid." in words(press(stripe, url, **CARD))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"number": "4242 4242 4242 4241"}, "Your card number is invalid."), ({"number": ""}, "number is invalid"),
        ({"number": "5200828282828210"}, "used a non test card"), ({"expiry": "13/40"}, "expiration date"),
        ({"expiry": "12/20"}, "expiration year is in the past"), ({"cvc": "12"}, "security code is incomplete"),
        (DEBIT | {"bsb": "062-000"}, "BSB"), (DEBIT | {"account": "12345678"}, "no such account"),
    ],
)  # fmt: skip
def test_what_was_mistyped_is_said_and_tried_at_no_bank(
    stripe: Calls, bill: Any, typed: dict[str, str], told: str
) -> None:
    answer = press(stripe, bill["hosted_invoice_url"], **(CARD | typed))
    assert (answer.status_code, told in words(answer)) == (402, True)
    assert stripe.get("charges")["data"] == []
    assert invoice(stripe, bill["id"])["attempt_count"] == 0


def test_a_debit_is_under_way_and_asks_for_nothing_more(stripe: Calls, bill: Any) -> None:
    seen = words(press(stripe, bill["hosted_invoice_url"], **DEBIT))
    assert "Your payment is under way." in seen
    assert "Card number" not in seen
    assert invoice(stripe, bill["id"])["status"] == "open"
    press(stripe, bill["hosted_invoice_url"], **CARD)
    assert len(stripe.get("charges")["data"]) == 1


@pytest.mark.parametrize("agreed", [True, False])
def test_a_bank_that_asks(stripe: Calls, bill: Any, agreed: bool) -> None:
    url = bill["hosted_invoice_url"]
    asked = press(stripe, url, **(CARD | {"number": "4000002760003184"}))
    assert "Do you agree to pay 110.00 AUD to Empty Co?" in words(asked)
    answer = press(stripe, str(asked.url), do="agree" if agreed else "refuse")
    found = invoice(stripe, bill["id"])
    assert found["status"] == ("paid" if agreed else "open")
    if agreed:
        assert "has received 110.00 AUD" in words(answer)
        charge = stripe.get("charges")["data"][0]
        assert charge["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"
    else:
        assert "failed authentication" in words(answer)
        assert stripe.get("payment_intents")["data"][0]["last_payment_error"]["type"] == "invalid_request_error"
    assert "nothing to answer" in words(press(stripe, str(asked.url), do="agree"))
    assert len(stripe.get("charges")["data"]) == (1 if agreed else 0)


def test_a_bank_that_asks_and_then_refuses(stripe: Calls, bill: Any) -> None:
    asked = press(stripe, bill["hosted_invoice_url"], **(CARD | {"number": "4000008260003178"}))
    answer = press(stripe, str(asked.url), do="agree")
    assert (answer.status_code, "insufficient funds" in words(answer)) == (402, True)
    assert invoice(stripe, bill["id"])["status"] == "open"


def test_a_part_that_was_paid_is_taken_off(stripe: Calls, bill: Any) -> None:
    paid = charged(stripe, amount="4000", customer=bill["customer"])
    done(stripe, f"invoices/{bill['id']}/attach_payment", payment_intent=paid["id"])
    seen = words(look(stripe, bill["hosted_invoice_url"]))
    assert "40.00 AUD · Receipt" in seen
    assert "Pay 70.00 AUD" in seen
    press(stripe, bill["hosted_invoice_url"], **CARD)
    assert invoice(stripe, bill["id"])["amount_paid"] == 11000
    assert stripe.get("charges")["data"][0]["amount"] == 7000


def test_a_void_invoice_says_so_and_takes_nothing(stripe: Calls, bill: Any) -> None:
    done(stripe, f"invoices/{bill['id']}/void")
    seen = words(press(stripe, bill["hosted_invoice_url"], **CARD))
    assert "This invoice was voided." in seen
    assert "Card number" not in seen
    assert stripe.get("charges")["data"] == []


def test_a_page_expires_and_the_api_gives_a_new_one(stripe: Calls, bill: Any) -> None:
    url = bill["hosted_invoice_url"]
    stripe.forward(44 * DAY - 60)  # 14 days until due, 30 more
    assert look(stripe, url).status_code == 200
    stripe.forward(120)
    for answer in (look(stripe, url), press(stripe, url, **CARD)):
        assert (answer.status_code, "This page has expired" in words(answer)) == (410, True)
    assert stripe.get("charges")["data"] == []
    fresh = stripe.get(f"invoices/{bill['id']}")["hosted_invoice_url"]
    assert fresh != url
    assert stripe.get(f"invoices/{bill['id']}")["hosted_invoice_url"] == fresh
    assert look(stripe, url).status_code == 410
    assert "has received" in words(press(stripe, fresh, **CARD))
    stripe.forward(10 * DAY + 60)
    assert look(stripe, fresh).status_code == 410


def test_only_the_whole_address_opens_a_page(stripe: Calls, bill: Any) -> None:
    url = bill["hosted_invoice_url"]
    assert look(stripe, f"{url[:-4]}0000").status_code == 410
    assert look(stripe, url.replace("acct_1SandboxEmptyCo3", "acct_1SandboxHarbour1")).status_code == 404
    assert look(stripe, f"{stripe.url}/i/acct_no/test_no").status_code == 404
    assert look(stripe, f"{stripe.url}/authenticate/acct_1SandboxEmptyCo3/pi_no_secret_x").status_code == 404
    assert look(stripe, f"{stripe.url}/receipts/acct_1SandboxEmptyCo3/ch_no").status_code == 404


# The owner's pages


def test_a_payment_without_an_invoice_is_made_by_hand(stripe: Calls, ann: str) -> None:
    place = f"{stripe.url}/accounts/3/payments"
    assert "There are no payments yet." in words(look(stripe, place))
    form = {"amount": "1,234.50", "card": "pm_card_au", "customer": ann, "metadata": "jobber_invoice_id: J1\nvan: 2"}
    answer = press(stripe, f"{place}/new", **form)
    assert "Payment of 1,234.50 AUD" in words(answer)
    made = stripe.get("payment_intents")["data"][0]
    assert (made["amount"], made["customer"], made["metadata"]) == (
        123450,
        ann,
        {"jobber_invoice_id": "J1", "van": "2"},
    )
    listed = words(look(stripe, place))
    assert "1,234.50 AUD paid Ann" in listed
    assert "No payment has" in words(look(stripe, f"{place}?q=bob"))
    assert "1 payment with" in words(look(stripe, f"{place}?q=J1"))


def test_a_payment_by_hand_may_be_refused(stripe: Calls) -> None:
    place = f"{stripe.url}/accounts/3/payments/new"
    answer = press(stripe, place, amount="20", card="pm_card_visa_chargeDeclinedLostCard")
    assert "refused" in words(answer)
    assert "lost_card" in words(answer)
    bad = press(stripe, place, amount="twenty", card="pm_card_visa")
    assert (bad.status_code, "Invalid integer: twenty" in words(bad)) == (400, True)
    assert len(stripe.get("payment_intents")["data"]) == 1


def test_money_is_given_back_by_hand(stripe: Calls) -> None:
    page = f"{stripe.url}/accounts/3/payments/{charged(stripe)['id']}"
    assert "Empty for all that is left: 110.00 AUD." in words(look(stripe, page))
    assert "partly refunded" in words(press(stripe, page, do="refund", amount="10.50", reason="duplicate"))
    too_much = press(stripe, page, do="refund", amount="100")
    assert (too_much.status_code, "greater than unrefunded amount" in words(too_much)) == (400, True)
    seen = words(press(stripe, page, do="refund", amount=""))
    assert "Give money back" not in seen
    assert [r["amount"] for r in stripe.get("refunds")["data"]] == [9950, 1050]
    assert stripe.get("refunds")["data"][1]["reason"] == "duplicate"


def test_a_dispute_is_played_by_hand(stripe: Calls) -> None:
    page = f"{stripe.url}/accounts/3/payments/{charged(stripe)['id']}"
    seen = words(press(stripe, page, do="dispute", value="fraudulent"))
    assert "disputed" in seen
    assert "The business wins it" in seen
    assert "Give money back" not in seen
    assert "dispute lost" in words(press(stripe, page, do="close", value="lost"))


def test_held_money_and_a_bank_that_asks_have_their_buttons(stripe: Calls) -> None:
    held = charged(stripe, capture_method="manual")
    page = f"{stripe.url}/accounts/3/payments/{held['id']}"
    assert "The money is held" in words(look(stripe, page))
    press(stripe, page, do="capture")
    assert stripe.get(f"payment_intents/{held['id']}")["status"] == "succeeded"
    asked = charged(stripe, "pm_card_authenticationRequired")
    answer = look(stripe, f"{stripe.url}/accounts/3/payments/{asked['id']}")
    assert asked["next_action"]["redirect_to_url"]["url"] in answer.text
    assert look(stripe, f"{stripe.url}/accounts/3/payments/pi_no").status_code == 404


def test_an_invoices_payment_is_a_step_away(stripe: Calls, ann: str) -> None:
    made = opened(stripe, ann)
    page = look(stripe, f"{stripe.url}/accounts/3/invoices/{made['id']}")
    intent = stripe.get("payment_intents")["data"][0]["id"]
    assert f'href="/stripe/accounts/3/payments/{intent}"' in page.text
    assert made["number"] in words(look(stripe, f"{stripe.url}/accounts/3/payments/{intent}"))
