"""What needs a person: by cause, each with its next step, decided on the spot."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs import incidents
from syncs.models import Incident, Lane, Link, Sync
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
    assert "1 client may already exist there" in html
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
    with django_assert_max_num_queries(12):
        assert client.get(f"/b/{acme.pk}/attention/").status_code == 200
