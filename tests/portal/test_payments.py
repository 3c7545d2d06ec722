"""The list of payments."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Sync
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        return factories.sync(acme, recipe="invoices-to-stripe")


def get(user: User, business: Business, show: str = "") -> str:
    response = signed_in(user).get(f"/b/{business.pk}/payments/?show={show}")
    assert response.status_code == 200
    return str(response.content.decode())


def methods(html: str) -> set[str]:
    """Each payment of these tests is paid with something of its own."""
    return set(re.findall(r'data-label="Paid with">(?:Card )?(\w+)<', html))


#: Begun by Stripe with an invoice, and given up when that was paid another way.
IDLE = {state: {"amount_received": 0, "paid_at": None} for state in ("cancelled", "none")}


@pytest.fixture
def several(acme: Business, sync: Sync) -> Sync:
    """One payment in each state, all for one invoice but the first."""
    with scope(business=acme):
        here = factories.written_invoice(acme, sync.source, "ji-1", number="1042")
        factories.link(sync, here, factories.paid_invoice(acme, sync.target, "in_1", number="FB-1"))
        states = ["paid", "part_refunded", "refunded", "disputed", "dispute_lost", "processing", "authorised", "failed"]
        for n, state in enumerate([*states, "cancelled", "none"]):
            of = {"invoice": "in_1"} if n else {}
            factories.payment(acme, sync.target, method=f"card {state}", status=state, **of, **IDLE.get(state, {}))
    return sync


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("paid", {"paid"}), ("refunded", {"refunded", "part_refunded"}), ("coming", {"processing", "authorised"}),
        ("disputed", {"disputed"}), ("lost", {"dispute_lost"}), ("failed", {"failed"}), ("unmatched", {"paid"}),
        ("begun", {"cancelled", "none"}),
    ],
)  # fmt: skip
def test_payments_are_listed_by_how_they_stand(
    acme: Business, alice: User, several: Sync, show: str, expected: set[str]
) -> None:
    html = get(alice, acme, show)
    assert methods(html) == expected
    assert f">{len(expected)}<" in html.split('aria-current="true">')[1].split("</a>")[0]


def test_what_nobody_tried_to_pay_is_no_payment(acme: Business, alice: User, several: Sync) -> None:
    html = get(alice, acme)
    found = methods(html)
    assert len(found) == 8
    assert not found & set(IDLE)
    assert 'Begun or given up <span class="badge ">2<' in html
    assert 'All <span class="badge ">8<' in html


def test_one_that_failed_stands_where_it_was_tried_last(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        failed = {"status": "failed", "amount_received": 0, "paid_at": None}
        factories.payment(acme, sync.target, created=1793620000, tried_at=1793620000 + 5 * 86_400, **failed)
        factories.payment(acme, sync.target, created=1793620000 + 86_400)
    shown = re.findall(r'<th scope="row"><time[^>]*>([^<]*)<', get(alice, acme))
    assert [when.split(",")[0] for when in shown] == ["7 Nov 2026", "2 Nov 2026"]


def test_a_payment_leads_to_its_invoice_and_its_client(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        clients = factories.sync(acme, source=sync.source, target=sync.target)
        her = factories.client(acme, sync.source, "cl-1", name="Mrs Nguyen")
        client = factories.link(clients, her, factories.customer(acme, sync.target, "cus_1", name="Mrs Nguyen"))
        here = factories.written_invoice(acme, sync.source, "ji-1", number="1042")
        other = factories.written_invoice(acme, sync.source, "ji-2", number="1043")
        factories.link(sync, here, factories.paid_invoice(acme, sync.target, "in_1", number="FB-1"))
        factories.payment(acme, sync.target, invoice="in_1", customer="cus_1")
        factories.payment(acme, sync.target, metadata__jobber_invoice_id="ji-2", customer="cus_1")
        factories.payment(acme, sync.target, customer="cus_2", method="card visa 1111")
        factories.customer(acme, sync.target, "cus_2", name="Walk-in")
        pages = [factories.invoice_of(found).pk for found in (here, other)]
    html = get(alice, acme)
    for number, page in zip(("1042", "1043"), pages, strict=True):
        assert f'href="/b/{acme.pk}/invoices/{page}/">{number}</a>' in html
    assert html.count(f'href="/b/{acme.pk}/records/{client.pk}/">Mrs Nguyen</a>') == 2
    assert html.count("Not matched to an invoice</span>") == 1
    assert "Walk-in" in html


def test_a_failure_and_a_dispute_say_why_and_what_to_do(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        factories.payment(acme, sync.target, status="failed", failure_message="Your card has insufficient funds.")
        factories.payment(acme, sync.target, status="disputed", dispute_status="needs_response")
    html = get(alice, acme)
    assert "Your card has insufficient funds." in html
    assert "answer in Stripe before the deadline there" in html


def test_a_state_that_is_new_to_us_speaks_for_itself(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        factories.payment(acme, sync.target, status="teleported")
    assert "teleported" in get(alice, acme)


def test_without_a_sync_of_payments_the_page_says_what_it_is_for(acme: Business, alice: User) -> None:
    assert "No payments are read yet" in get(alice, acme)


def test_many_payments_cost_no_more_queries(
    acme: Business, alice: User, several: Sync, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with scope(business=acme):
        for n in range(60):
            factories.payment(acme, several.target, invoice="in_1" if n % 2 else "", customer=f"cus_{n}")
    browser = signed_in(alice)
    browser.get(f"/b/{acme.pk}/payments/")
    with django_assert_max_num_queries(13):
        assert browser.get(f"/b/{acme.pk}/payments/").status_code == 200
