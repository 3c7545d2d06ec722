"""No page of an owner is wider than a phone, and names are not broken where there is room."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scope
from pytest_django.live_server_helper import LiveServer

from portal.models import Business
from tests import factories
from tests.conftest import person
from tests.portal import chromium

pytestmark = chromium.MARKS
EMAIL = "wilhelmina.featherstonehaugh@mail.example.com"
MONEY = {"total": "11149.30", "balance": "11149.30", "client_id": "cl-1"}


@pytest.fixture
def addresses(live_server: LiveServer) -> list[str]:
    business = Business.objects.create(name="Acme Plumbing")
    with scope(business=business):
        clients = factories.sync(business)
        both = {"source": clients.source, "target": clients.target}
        bills = factories.sync(business, recipe="invoices-to-stripe", **both)
        her = factories.client(business, clients.source, "cl-1", name="Wilhelmina Featherstonehaugh", email=EMAIL)
        link = factories.link(
            clients,
            her,
            factories.customer(business, clients.target),
            "conflict",
            cause_code="both_changed",
            cause="Email changed in Jobber and in Stripe, to different values. Which one is right? " * 2,
        )
        plan = {"conflicts": [["email", EMAIL, f"a.{EMAIL}", f"b.{EMAIL}"]]}
        factories.attempt(link, "conflict", "done", plan=plan)
        here = factories.written_invoice(business, clients.source, number="1042", **MONEY)
        there = factories.paid_invoice(business, clients.target, "in_1", total=1114930, amount_remaining=1114930)
        factories.link(bills, here, there)
        factories.payment(business, clients.target, invoice="in_1", amount=1114930, status="disputed")
        invoice = f"invoices/{factories.invoice_of(here).pk}/"
    shown = ["", "records/", f"records/{link.pk}/", "invoices/", invoice, "payments/", "attention/"]
    then = timezone.now().isoformat().replace("+", "%2B")
    shown += [f"records/{link.pk}/story/", f"records/{link.pk}/?then={then}", "search/", "search/?q=11149.30"]
    shown += ["connections/", "people/", f"syncs/{bills.pk}/", "syncs/new/", "settings/", "how-items-sync/", "numbers/"]
    return [f"{live_server.url}/b/{business.pk}/{path}" for path in shown]


@pytest.fixture
def page(live_server: LiveServer, addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    alice = person(Business.objects.get(), "Alice", "owner")
    with chromium.opened(chromium.cookie(alice, live_server.url), monkeypatch) as found:
        yield found


def test_no_page_scrolls_sideways(page: Any, addresses: list[str]) -> None:
    wide = []
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for address in addresses:
            assert page.goto(address).status == 200
            over = page.evaluate("document.documentElement.scrollWidth") - width
            wide += [(width, address, over)] if over > 0 else []
    assert wide == []


def test_an_email_stands_on_one_line_of_the_list(page: Any, addresses: list[str]) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(addresses[1])
    lines = "e => e.getClientRects().length"
    assert page.get_by_text(EMAIL).evaluate(lines) == 1
