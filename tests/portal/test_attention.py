"""What needs a person: by cause, each with its next step, decided on the spot."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs import incidents
from syncs.models import Incident, Invoice, Lane, Link, Payment, Snapshot, Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        return factories.sync(acme)


def page(user: User, business: Business) -> str:
    response = signed_in(user).get(f"/b/{business.pk}/attention/")
    assert response.status_code == 200
    return str(response.content.decode())


def stopped(sync: Sync, cause_code: str, state: str = "held", **data: str) -> Link:
    found = factories.client(sync.business, sync.source, **data)
    return factories.link(sync, found, state=state, cause_code=cause_code, cause=f"Because of {cause_code}.")


def again(user: User, sync: Sync, cause: str) -> str:
    path = f"/b/{sync.business_id}/attention/{sync.pk}/again/"
    return str(signed_in(user).post(path, {"cause": cause}, follow=True).content.decode())


def test_when_nothing_needs_you_it_says_so(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        factories.link(sync, factories.client(acme, sync.source), factories.customer(acme, sync.target))
    assert "Nothing needs you" in page(alice, acme)


def test_records_are_grouped_by_cause_with_one_next_step(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        stopped(sync, "ambiguous", name="Chiara", email="home@example.com")
        factories.customer(acme, sync.target, name="Chiara", email="home@example.com")
        for n in range(3):
            stopped(sync, "gave_up", "parked", name=f"Failed {n}")
        incidents.refresh(sync)
    html = page(alice, acme)
    assert "1 client may already exist in Stripe" in html
    assert "Same as this one" in html
    assert "3 clients could not be written after many tries" in html
    assert "Try all 3 again" in html
    assert "Because of gave_up." in html


def test_only_the_first_of_many_are_shown_and_all_are_counted(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        for n in range(25):
            stopped(sync, "rejected:email", name=f"Client {n:02}")
    html = page(alice, acme)
    assert "Client 09" in html
    assert "Client 10" not in html
    assert "And 15 more." in html
    assert "Try all 25 again" in html


def test_what_is_being_looked_at_needs_nobody(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = stopped(sync, "ambiguous")
        Link.objects.filter(pk=link.pk).update(noticed=2)
    assert "Nothing needs you" in page(alice, acme)


def test_a_decision_made_here_comes_back_here(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        link = stopped(sync, "ambiguous", name="Chiara")
    path = f"/b/{acme.pk}/records/{link.pk}/decide/"
    response = signed_in(bob).post(path, {"choice": "new", "back": "attention"}, follow=True)
    html = response.content.decode()
    assert response.redirect_chain[-1][0] == f"/b/{acme.pk}/attention/"
    assert "Chiara: noted." in html
    assert "Nothing needs you" in html


def test_all_of_one_cause_are_tried_again_once(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        failed = [stopped(sync, "gave_up", "parked").pk for _ in range(3)]
        other = stopped(sync, "ambiguous").pk
    assert "3 clients are tried again now." in again(bob, sync, "gave_up")
    with scope(business=acme):
        assert set(Link.objects.filter(noticed=2).values_list("pk", flat=True)) == set(failed)
        assert Link.objects.get(pk=failed[0]).noticed_by == "asked by Bob"
        assert Link.objects.get(pk=other).noticed == 1
        assert Lane.objects.get().woken_at is not None
    assert "They are being tried again already." in again(bob, sync, "gave_up")
    with scope(business=acme):
        assert Link.objects.filter(noticed=2).count() == 3


def test_a_paused_sync_tries_nothing(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = stopped(sync, "gave_up", "parked")
        Sync.objects.update(mode="off")
    assert "is paused. Resume it first." in again(alice, sync, "gave_up")
    with scope(business=acme):
        link.refresh_from_db()
    assert link.noticed == 1


def test_a_connection_that_needs_somebody_leads_there(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        incidents.connection_failed(sync.target, "auth", "Stripe needs attention: refused", "Connect it again.")
    html = page(alice, acme)
    assert "Stripe needs attention: refused" in html
    assert f'href="/b/{acme.pk}/connections/{sync.target_id}/"' in html


def test_a_waiting_lane_says_why(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        later = timezone.now() + timedelta(minutes=5)
        Lane.objects.update(resume_at=later, failures=3)
    assert "does not answer just now. It is tried again by itself." in page(alice, acme)
    with scope(business=acme):
        Lane.objects.update(parked="Stripe was disconnected.")
    assert "Stripe was disconnected." in page(alice, acme)


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 302), ("staff", 302), ("office", 302), ("support", 302), ("read_only", 403)]
)
def test_each_role_may_do_its_own(acme: Business, sync: Sync, role: str, status: int) -> None:
    with scope(business=acme):
        link = stopped(sync, "gave_up", "parked")
    client = signed_in(person(acme, "Rolf", role))
    html = client.get(f"/b/{acme.pk}/attention/").content.decode()
    assert ("Try it again" in html) == (status == 302)
    response = client.post(f"/b/{acme.pk}/attention/{sync.pk}/again/", {"cause": "gave_up"})
    assert response.status_code == status
    with scope(business=acme):
        link.refresh_from_db()
    assert link.noticed == (2 if status == 302 else 1)


def test_another_business_is_not_there(acme: Business, rival: Business, mallory: User, sync: Sync) -> None:
    with scope(business=acme):
        link = stopped(sync, "gave_up", "parked", name="Secret Client")
    client = signed_in(mallory)
    assert client.get(f"/b/{acme.pk}/attention/").status_code == 404
    assert "Secret Client" not in client.get(f"/b/{rival.pk}/attention/").content.decode()
    for business in (acme, rival):
        path = f"/b/{business.pk}/attention/{sync.pk}/again/"
        assert client.post(path, {"cause": "gave_up"}).status_code == 404
    with scope(business=acme):
        link.refresh_from_db()
    assert link.noticed == 1


def test_the_bar_counts_what_waits_for_a_person(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        factories.incident(sync, records=7)
        Incident.objects.filter(cause_code="ambiguous").update(state="open")
    html = signed_in(alice).get(f"/b/{acme.pk}/records/").content.decode()
    assert '<span class="badge badge-warn">7</span>' in html


def test_names_from_outside_stay_text(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        evil = {"name": "<script>alert(1)</script>", "email": "x@example.com"}
        stopped(sync, "ambiguous", **evil)
        factories.customer(acme, sync.target, **evil)
    html = page(alice, acme)
    assert "<script>alert(1)" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


def test_many_records_cost_few_queries(
    acme: Business, alice: User, sync: Sync, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with scope(business=acme):
        for n in range(30):
            shared = f"shared{n}@example.com"
            stopped(sync, "ambiguous", email=shared)
            factories.customer(acme, sync.target, email=shared)
            stopped(sync, "taken")
            stopped(sync, "gave_up", "parked")
        incidents.refresh(sync)
    client = signed_in(alice)
    client.get(f"/b/{acme.pk}/attention/")
    with django_assert_max_num_queries(13):
        assert client.get(f"/b/{acme.pk}/attention/").status_code == 200


def test_what_differs_by_rounding_leads_to_the_setting_first(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe", source=sync.source, target=sync.target)
        for number, code in (("1", "rounding_differs"), ("2", "total_differs")):
            written = factories.written_invoice(acme, sync.source, number=number)
            factories.link(bills, written, state="held", cause_code=code, cause="By a cent.")
        incidents.refresh(bills)
    html = page(alice, acme)
    assert "1 invoice comes to another total in Stripe, by rounding, $110.00" in html
    way_out = f'class="button button-primary" href="/b/{acme.pk}/syncs/{bills.pk}/#covers"'
    assert html.count(way_out) == 1
    assert html.count('class="button">Try it again') == 2
    settings = signed_in(alice).get(f"/b/{acme.pk}/syncs/{bills.pk}/").content.decode()
    assert "add a line for the cents" in settings.split('id="covers"')[1]


# Disputes


@pytest.fixture
def disputed(acme: Business, sync: Sync) -> Sync:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe", source=sync.source, target=sync.target)
        her = factories.client(acme, sync.source, "cl-1", name="Mrs Nguyen")
        factories.link(sync, her, factories.customer(acme, sync.target, "cus_1", name="Mrs Nguyen"))
        written = factories.written_invoice(acme, sync.source, "ji-1", number="1042")
        factories.link(bills, written, factories.paid_invoice(acme, sync.target, "in_1", number="FB-1"))
        page_there = "https://dashboard.stripe.com/test/disputes/dp_1"
        factories.payment(
            acme, sync.target, invoice="in_1", customer="cus_1", status="disputed", dispute_status="needs_response",
            dispute_id="dp_1", dispute_due_at=int(timezone.now().timestamp()) + 5 * 86_400, dispute_url=page_there,
        )  # fmt: skip
        return bills


def test_a_dispute_needs_somebody_until_it_is_over(acme: Business, alice: User, disputed: Sync) -> None:
    for path in ("", "attention/"):
        html = signed_in(alice).get(f"/b/{acme.pk}/{path}").content.decode()
        assert "Mrs Nguyen" in html
        assert "$110.00" in html
        assert "Answer in Stripe by <strong><time" in html
        assert 'href="https://dashboard.stripe.com/test/disputes/dp_1"' in html
        with scope(business=acme):
            invoice = Invoice.objects.get(external_id="ji-1")
        assert f'href="/b/{acme.pk}/invoices/{invoice.pk}/">' in html.replace('" id="', "")
        assert "All is well." not in html
        assert 'Needs attention <span class="badge badge-warn">1</span>' in html
    for over in ("paid", "dispute_lost"):
        with scope(business=acme):
            Payment.objects.update(status=over)
        assert "Nothing needs you" in page(alice, acme)


def test_a_dispute_that_was_answered_or_is_late_says_so(acme: Business, alice: User, disputed: Sync) -> None:
    with scope(business=acme):
        held = Snapshot.objects.get(resource="payments")
        held.data["dispute_due_at"] = 1793620000
        held.data["dispute_url"] = "javascript:alert(1)"
        held.save()
        Payment.objects.update(dispute="needs_response")
    if timezone.now().timestamp() > 1793620000:
        assert "The deadline of the bank has passed" in page(alice, acme)
    assert "javascript:" not in page(alice, acme)
    with scope(business=acme):
        Payment.objects.update(dispute="under_review")
    assert "The bank is looking at it" in page(alice, acme)


def test_another_business_sees_no_dispute(rival: Business, mallory: User, disputed: Sync) -> None:
    assert "Mrs Nguyen" not in page(mallory, rival)
