"""The list of invoices, the page of one, and the money on the overview."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Link, Snapshot, Sync
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync(acme: Business, clients: Sync) -> Sync:
    with scope(business=acme):
        return factories.sync(acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target)


def day(days: int) -> str:
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%d}T00:00:00Z"


def pair(sync: Sync, number: str, here: dict[str, Any], there: dict[str, Any] | None, **link: Any) -> Link:
    """An invoice and its counterpart, due in a fortnight unless it says otherwise."""
    business = sync.business
    said = {"due_on": day(14), **here}
    mine = factories.written_invoice(business, sync.source, f"ji-{number}", number=number, **said)
    if there is None:
        return factories.link(sync, mine, **link)
    theirs = factories.paid_invoice(business, sync.target, f"in-{number}", number=f"FB-{number}", **there)
    return factories.link(sync, mine, theirs, **link)


PAID = {"status": "paid", "amount_remaining": 0, "amount_paid": 11000}


@pytest.fixture
def mixed(acme: Business, sync: Sync) -> Sync:
    """Two unpaid of which one is overdue, one part paid, one paid there, one settled, one draft, one held."""
    with scope(business=acme):
        pair(sync, "1", {}, {})
        pair(sync, "2", {"due_on": day(-3), "total": "50.00", "balance": "50.00"}, {"amount_remaining": 5000})
        pair(sync, "3", {}, {"amount_remaining": 4000, "amount_paid": 7000})
        pair(sync, "4", {}, PAID)
        pair(sync, "5", {"status": "paid", "balance": "0.00"}, PAID)
        pair(sync, "6", {"status": "draft"}, None, state="skipped")
        pair(sync, "7", {"total": "341.05", "balance": "341.05"}, {"status": "draft"}, state="held", cause_code="x")
        factories.paid_invoice(acme, sync.target, "in-8", number="FB-8")
    return sync


def get(user: User, business: Business, path: str = "") -> str:
    response = signed_in(user).get(f"/b/{business.pk}/{path}", follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def numbers(html: str) -> set[str]:
    """Of the invoices that the list shows."""
    return set(re.findall(r'/invoices/\d+/">([\w-]+)</a></th>', html))


def page_of(business: Business, snapshot_id: str) -> str:
    with scope(business=business):
        snapshot = Snapshot.objects.get(external_id=snapshot_id, resource="invoices")
        return f"invoices/{factories.invoice_of(snapshot).pk}/"


# The list


def test_every_invoice_stands_in_the_list_once(acme: Business, alice: User, mixed: Sync) -> None:
    assert numbers(get(alice, acme, "invoices/")) == {"1", "2", "3", "4", "5", "6", "7", "FB-8"}


@pytest.mark.parametrize(
    ("show", "expected", "sum_shown"),
    [
        ("unpaid", {"1", "2", "3", "7"}, "$541.05"),
        ("overdue", {"2"}, "$50.00"),
        ("paid_there", {"4"}, "$110.00"),
        ("held", {"7"}, "$341.05"),
        ("in_step", {"1", "2", "3", "4", "5"}, ""),
        ("only_there", {"FB-8"}, ""),
        ("no-such-list", {"1", "2", "3", "4", "5", "6", "7", "FB-8"}, ""),
    ],
)  # fmt: skip
def test_each_list_holds_its_own_and_says_what_they_come_to(
    acme: Business, alice: User, mixed: Sync, show: str, expected: set[str], sum_shown: str
) -> None:
    html = get(alice, acme, f"invoices/?show={show}")
    assert numbers(html) == expected
    tab = html.split('aria-current="true">')[1].split("</a>")[0]
    assert f">{len(expected)}<" in tab
    assert (f"<strong>{sum_shown}</strong>" in html) is bool(sum_shown)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("ji-3", {"3"}), ("in-3", {"3"}), ("FB-3", {"3"}), ("$341.05", {"7"}), ("341.05", {"7"}), ("50", {"2"}),
        ("ANN SMI", {"1", "2", "3", "4", "5", "6", "7"}), ("nobody", set()),
    ],
)  # fmt: skip
def test_an_invoice_is_found_by_number_client_amount_and_id(
    acme: Business, alice: User, mixed: Sync, asked: str, expected: set[str]
) -> None:
    assert numbers(get(alice, acme, f"invoices/?q={asked}")) == expected


def test_a_client_is_found_by_the_email_that_only_the_client_has(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        factories.client(acme, mixed.source, "client-of-it", name="Ann Smith", email="ann@example.com")
    assert numbers(get(alice, acme, "invoices/?q=ANN@example")) == {"1", "2", "3", "4", "5", "6", "7"}


def test_a_disputed_payment_marks_its_invoice(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        factories.payment(acme, mixed.target, invoice="in-4", status="disputed")
        factories.payment(acme, mixed.target, status="disputed", metadata__jobber_invoice_id="ji-5")
        factories.payment(acme, mixed.target, invoice="in-8", status="disputed")
        factories.payment(acme, mixed.target, invoice="in-1")
    html = get(alice, acme, "invoices/?show=disputed")
    assert numbers(html) == {"4", "5", "FB-8"}
    assert html.count("A payment of it is disputed") == 3


def test_without_a_sync_of_invoices_the_page_says_what_it_is_for(acme: Business, alice: User, clients: Sync) -> None:
    html = get(alice, acme, "invoices/")
    assert "No invoices are kept in step yet" in html
    assert 'class="filters"' not in html


# One invoice


def test_both_sides_stand_next_to_each_other_to_the_cent(acme: Business, alice: User, mixed: Sync) -> None:
    html = get(alice, acme, page_of(acme, "ji-7"))
    rows = dict(re.findall(r'<th scope="row">(\w[\w ]*)</th>(.*?)</tr>', html))
    assert "$341.05" in rows["Total"]
    assert "$110.00" in rows["Total"]
    assert "Differs" in rows["Total"]
    assert "Agrees" in rows["GST"]
    assert "Needs a look" in html
    for words in ("Mowing", "Front and back", "$50.00", "$100.00", "10 %", "GST"):
        assert words in html


def test_an_invoice_has_one_page_whichever_side_one_comes_from(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        link = Link.objects.get(source_id="ji-1")
    browser, wanted = signed_in(alice), f"/b/{acme.pk}/{page_of(acme, 'ji-1')}"
    for path in (page_of(acme, "in-1"), f"records/{link.pk}/"):
        assert browser.get(f"/b/{acme.pk}/{path}").url == wanted


def test_one_that_was_only_made_there_says_so(acme: Business, alice: User, mixed: Sync) -> None:
    html = get(alice, acme, page_of(acme, "in-8"))
    assert "belongs to no invoice of Jobber" in html
    assert "Page to pay by" in html
    assert "What happened" not in html


def test_one_that_was_made_anew_still_shows_the_one_before(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        old = {"status": "void", "number": "FB-0", "metadata__jobber_invoice_id": "ji-1"}
        factories.paid_invoice(acme, mixed.target, "in-0", **old)
    html = get(alice, acme, page_of(acme, "ji-1"))
    assert "Others in Stripe made from it" in html
    assert f'href="/b/{acme.pk}/{page_of(acme, "in-0")}">FB-0</a>' in html
    assert "Voided" in get(alice, acme, page_of(acme, "in-0"))
    assert "FB-0" not in numbers(get(alice, acme, "invoices/"))


def test_what_waits_for_its_client_says_so_and_leads_there(
    acme: Business, alice: User, clients: Sync, sync: Sync
) -> None:
    with scope(business=acme):
        first = factories.link(clients, factories.client(acme, sync.source, "cl", name="Bert Smith"), state="held")
        why = {"cause_code": "client", "cause": "It waits until Bert Smith is a customer in Stripe."}
        pair(sync, "9", {"client_id": "cl"}, None, state="due", verdict="wait", waits_for=first, **why)
    html = get(alice, acme, page_of(acme, "ji-9"))
    assert "Waits for its client" in html
    assert f'<dt>Waits for</dt><dd><a href="/b/{acme.pk}/records/{first.pk}/">Bert Smith</a>' in html
    assert "No worker is running" not in get(alice, acme)


def test_an_invoice_that_waits_for_its_client_does_not_hold_up_going_live(
    acme: Business, alice: User, sync: Sync
) -> None:
    """Its client is only planned while its own sync is not live either."""
    with scope(business=acme):
        sync.mode, sync.live_since = "preview", None
        sync.save()
        pair(sync, "9", {}, None, state="due", verdict="wait", cause_code="client", cause="It waits for Ann.")
        factories.run(sync)
    html = get(alice, acme, f"syncs/{sync.pk}/?group=later")
    assert "1 invoice follows once what comes first is there." in html
    assert re.search(r'id="go-live"(?![^>]*disabled)', html)
    assert "Waits for another record" in html
    assert "It waits for Ann." in html


def test_its_payments_and_those_entered_by_hand_are_shown(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        data = {"amount_refunded": 3000, "status": "part_refunded"}
        factories.payment(acme, mixed.target, "pi_1", invoice="in-4", **data)
        factories.payment(
            acme, mixed.target, "pi_idle", invoice="in-4", status="none", amount_received=0, method="never tried"
        )
        by_hand = [{"id": "p", "amount": "50.00", "kind": "DEPOSIT", "entered_on": "2026-11-03", "method": "CASH"}]
        pair(mixed, "10", {"payments": by_hand}, {})
    html = get(alice, acme, page_of(acme, "ji-4"))
    assert "Part refunded" in html
    assert "$80.00 kept" in html
    assert "never tried" not in html.lower()
    html = get(alice, acme, page_of(acme, "ji-10"))
    assert "<strong>$50.00</strong> Deposit, cash" in html
    assert "3 Nov 2026" in html


def test_the_story_tells_of_its_payments_too(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        notes = factories.sync(acme, recipe="payments-to-jobber", source=mixed.target, target=mixed.source)
        paid = factories.payment(acme, mixed.target, "pi_1", invoice="in-4")
        note = factories.link(notes, paid, target_id="note-1", label="Payment $110.00")
        factories.write(note, "create", resource="notes", params={"message": "Paid $110.00"})
        mine = Link.objects.get(source_id="ji-4")
        lines = [{"description": "Mowing", "quantity_decimal": "2", "unit_amount_decimal": "17050.2"}]
        plan = {"action": "add_lines", "changes": [["lines", "", lines]], "reason": "1 line is added."}
        factories.attempt(mine, plan=plan)
        factories.write(mine, "finalize", params={})
    html = get(alice, acme, page_of(acme, "ji-4"))
    assert re.search(r"Created in Jobber</strong> <a [^>]*>Payment \$110.00", html)
    assert "Lines are to be added" in html
    assert "1 line, $341.00" in html
    assert "Opened for payment in Stripe" in html


def test_the_customer_who_pays_is_named(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        factories.customer(acme, mixed.target, "cus_of_it", name="A. Smith, Accounts")
    html = get(alice, acme, page_of(acme, "ji-1"))
    row = html.split('<th scope="row">Client</th>')[1].split("</tr>")[0]
    assert "Ann Smith" in row
    assert "A. Smith, Accounts" in row


def test_only_web_addresses_become_links(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        pair(mixed, "11", {"client_hub_url": "javascript:alert(1)"}, {"hosted_url": "javascript:alert(2)"})
    html = get(alice, acme, page_of(acme, "ji-11"))
    assert "javascript:" not in html
    assert "What the client sees" not in html


def test_words_from_outside_stay_text(acme: Business, alice: User, mixed: Sync) -> None:
    evil = "<script>alert(1)</script>"
    with scope(business=acme):
        pair(mixed, "12", {"client_name": evil, "subject": evil, "status": evil}, {"description": evil, "status": evil})
    for path in ("invoices/", page_of(acme, "ji-12")):
        html = get(alice, acme, path)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html.lower()


# A client's own


def test_a_client_shows_what_is_owed_and_paid(acme: Business, alice: User, clients: Sync, mixed: Sync) -> None:
    with scope(business=acme):
        her = factories.client(acme, mixed.source, "client-of-it", name="Ann Smith")
        link = factories.link(clients, her, factories.customer(acme, mixed.target, "cus_of_it"))
        factories.payment(acme, mixed.target, invoice="in-4", amount_refunded=1000, status="part_refunded")
        factories.payment(acme, mixed.target, customer="cus_other")
    html = get(alice, acme, f"records/{link.pk}/")
    assert "$541.05, 4 invoices" in html
    assert "$100.00, 1 payment<" in html
    assert numbers(html) == {"1", "2", "3", "4", "5", "6", "7", "FB-8"}


# The overview


def amounts(html: str) -> dict[str, tuple[str, str]]:
    tile = r'id="amount-(\w+)"[^>]*><span class="stat-number">([^<]*)</span><span class="stat-label">([^<]*)<'
    return {key: (shown, words) for key, shown, words in re.findall(tile, html)}


def test_the_overview_says_what_is_owed(acme: Business, alice: User, mixed: Sync) -> None:
    with scope(business=acme):
        factories.payment(acme, mixed.target, status="disputed", currency="USD", amount=500)
        factories.payment(acme, mixed.target, status="disputed")
        factories.incident(mixed, "x", title="1 invoice comes to another total there")
    html = get(alice, acme)
    assert amounts(html) == {
        "unpaid": ("$541.05", "4 invoices unpaid"),
        "overdue": ("$50.00", "1 invoice overdue"),
        "paid_there": ("$110.00", "1 invoice paid in Stripe, still open in Jobber"),
        "held": ("$341.05", "1 invoice waiting for a person"),
        "disputed": ("$110.00 and $5.00 USD", "2 payments disputed"),
    }
    assert "1 invoice comes to another total there, $341.05." in html
    for key in ("unpaid", "overdue", "paid_there", "held"):
        assert f'href="/b/{acme.pk}/invoices/?show={key}"' in html


def test_a_business_without_invoices_sees_no_money(acme: Business, alice: User, clients: Sync) -> None:
    assert amounts(get(alice, acme)) == {}


def test_a_due_day_is_missed_when_it_is_over_where_the_business_is(acme: Business, alice: User, sync: Sync) -> None:
    """In Sydney: due on the day that began 23 hours ago is not overdue yet, an hour later it is."""
    with scope(business=acme):
        for number, hours in (("1", 23), ("2", 25)):
            began: datetime = timezone.now() - timedelta(hours=hours)
            pair(sync, number, {"due_on": began.isoformat()}, None, state="in_step")
    assert numbers(get(alice, acme, "invoices/?show=overdue")) == {"2"}


# However many there are


def test_many_invoices_cost_no_more_queries(
    acme: Business, alice: User, mixed: Sync, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with scope(business=acme):
        for number in range(20, 60):
            pair(mixed, str(number), {}, PAID if number % 2 else {})
            factories.payment(acme, mixed.target, invoice=f"in-{number}", status="disputed")
    browser = signed_in(alice)
    most = {"": 15, "invoices/": 19, "invoices/?show=unpaid&q=ann": 22, "invoices/?show=disputed": 19}
    for path, queries in {**most, page_of(acme, "ji-21"): 29}.items():
        browser.get(f"/b/{acme.pk}/{path}")
        with django_assert_max_num_queries(queries):
            assert browser.get(f"/b/{acme.pk}/{path}").status_code == 200
