"""Ten calls to support, each answered from the pages alone: search for what is read out, and the page says why.

Everything before the call is done by the engine against both stand-ins: no words are put into its mouth.
"""

import re
from html import unescape
from unittest.mock import MagicMock

import httpx
import pytest
from django.test import Client

from connectors.errors import AuthError
from portal.models import User
from syncs.models import Sync
from tests.conftest import person, signed_in
from tests.connectors.test_jobber_sandbox_pages import form_of
from tests.syncs.conftest import world  # noqa: F401  # a fixture
from tests.syncs.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]
HIT = r'<li class="line">\s*<span><a href="([^"]+)">([^<]+)'
LINES = [("Tap", "2", "45.50"), ("Labour", "1.5", "95")]


@pytest.fixture
def here(world: World) -> World:  # noqa: F811  # the fixture
    world.go_live()
    return world


@pytest.fixture
def invoices(here: World, alice: User) -> Sync:
    return here.also("invoices-to-stripe", alice)


@pytest.fixture
def support(here: World) -> Client:
    """Who takes the call, and may change nothing."""
    return signed_in(person(here.business, "Sue", "support"))


def call(support: Client, here: World, asked: str, pick: str = "") -> str:
    """What the page says at its top, as plain text. `pick`: which of several hits is opened."""
    found = support.get(f"/b/{here.business.pk}/search/", {"q": asked}, follow=True)
    assert found.status_code == 200
    html = found.content.decode()
    if found.request["PATH_INFO"].endswith("/search/"):
        hits = {words: page for page, words in re.findall(HIT, html)}
        pages = [page for words, page in hits.items() if pick and words.startswith(pick)]
        assert len(pages) == 1, hits
        html = support.get(pages[0], follow=True).content.decode()
    return plain(html.split("<main")[1])


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def answer(text: str) -> str:
    """The part that says why, without the story below it."""
    return text.split("Kept in step by")[0]


def number(here: World, invoice_id: str) -> str:
    query = "query($id: EncodedId!) { invoice(id: $id) { invoiceNumber } }"
    return str(here.jobber.ask(query, id=invoice_id)["invoice"]["invoiceNumber"])


def test_mrs_nguyen_paid_twice(here: World, invoices: Sync, support: Client, alice: User) -> None:
    payments = here.also("payments-to-jobber", alice)
    client = here.jobber.add("Linh", "Nguyen", "linh@example.com")
    bill = here.jobber.bill(client, LINES)
    here.read_again(invoices)
    here.stripe.pay(here.stripe.invoices(bill)[0]["id"])
    here.jobber.take_payment(bill, here.jobber.total(bill))
    here.read_again(invoices, payments)
    said = call(support, here, "Mrs Nguyen", "Invoice")
    total = f"${here.jobber.total(bill)}"
    assert f"It may have been paid twice: {total} came in through Stripe, and {total} is entered in Jobber" in said
    assert "give one of them back" in said


def test_the_invoice_is_not_in_stripe(here: World, invoices: Sync, support: Client) -> None:
    bill = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES, markSent=False)
    here.read_again(invoices)
    said = answer(call(support, here, f"invoice {number(here, bill)}"))
    assert "Not in Stripe It is not sent in Jobber yet." in said
    assert "Send it in Jobber; it follows by itself." in said


def test_the_phone_number_went_back_to_the_old_one(here: World, support: Client) -> None:
    phones = [{"number": "0412 345 678", "primary": True, "description": "MOBILE"}]
    client = here.jobber.add("Ann", "Smith", "ann@example.com", phones=phones)
    here.read_again()
    here.stripe.edit(here.stripe.of(client)[0]["id"], phone="+61499999999")
    here.read_again()
    said = call(support, here, "0412 345 678")
    assert "Phone changed in Stripe; what Jobber says is put back." in answer(said)
    assert "Change it in Jobber, which has the say about it" in answer(said)
    assert "+61499999999 +61412345678" in said.replace("→", " ").replace("  ", " "), "before and after"


def test_a_lead_is_not_in_stripe(here: World, support: Client) -> None:
    place = f"{here.sandbox.url}/jobber/accounts/1/clients/new"
    form = form_of(httpx.get(place).text) | {"firstName": "Leah", "lastName": "Lead", "isLead": "on"}
    httpx.post(place, data=form, follow_redirects=True).raise_for_status()
    here.read_again()
    said = answer(call(support, here, "leah lead"))
    assert "Not in Stripe A lead is left out until it becomes a client." in said
    assert "It follows by itself then." in said


def test_the_invoice_waits_for_approval(here: World, invoices: Sync, support: Client) -> None:
    Sync.objects.filter(pk=invoices.pk).update(mode="approve")
    bill = here.jobber.bill(here.jobber.add(email="ann@example.com"), LINES)
    here.read_again(invoices)
    said = answer(call(support, here, f"${here.jobber.total(bill)}"))
    assert "Not in Stripe It waits for approval; somebody of the office or an owner decides." in said
    assert "Say below whether to approve it." in said


def test_what_was_edited_does_not_arrive_because_access_was_taken_back(
    here: World, support: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.edit(client, lastName="Brown")
    refusing = MagicMock(side_effect=AuthError("Stripe no longer accepts our sign-in."))
    monkeypatch.setattr("connectors.stripe.client.StripeSession.update", refusing)
    monkeypatch.setattr("connectors.stripe.client.StripeSession.account", refusing)
    here.read_again()
    said = answer(call(support, here, "ann@example.com"))
    assert "Stripe has not let us in since" in said
    assert "changes wait until it is connected again. Nothing is lost." in said
    assert "Reconnect Stripe" in said


def test_two_customers_with_one_email_hold_a_client(here: World, support: Client) -> None:
    for name in ("Ann One", "Ann Two"):
        here.stripe.add(name=name, email="home@example.com")
    here.read_again()
    here.jobber.add("Ann", "Smith", "home@example.com")
    here.read_again()
    said = answer(call(support, here, "Ann Smith"))
    assert "Not in Stripe" in said
    assert "home@example.com" in said
    assert "Say below whether it is one of these or somebody new." in said


def test_the_amounts_differ_by_a_cent_of_gst(here: World, invoices: Sync, support: Client) -> None:
    bill = here.jobber.bill(here.jobber.add(email="ann@example.com"), [("Screw", "1", "0.05")] * 3)
    here.read_again(invoices)
    said = answer(call(support, here, f"invoice {number(here, bill)}"))
    assert "Jobber says $0.17 and Stripe makes it $0.18, $0.01 more" in said
    assert "rounds the tax of each line" in said
    assert "Let the sync add a line for the cents" in said


def test_a_client_deleted_in_jobber_is_still_in_stripe(here: World, support: Client) -> None:
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.destroy(client)
    here.read_again()
    said = answer(call(support, here, "ann smith"))
    assert "No longer kept in step" in said
    assert "The client was deleted in Jobber. The Stripe customer stays as it is." in said


def test_a_customer_was_not_made_twice_but_recognised(here: World, support: Client) -> None:
    here.stripe.add(name="Ann Smith", email="ann@example.com")
    here.read_again()
    client = here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    assert len([c for c in here.stripe.customers() if c["email"] == "ann@example.com"]) == 1
    said = call(support, here, here.stripe.of(client)[0]["id"])
    assert "In step Both sides agree." in answer(said)
    assert "Recognised" in said
    assert "same email" in answer(said).lower()
