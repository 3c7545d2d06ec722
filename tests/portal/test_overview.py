"""The overview: the guided way to the first sync, and afterwards all well or what needs you."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User, WorkerBeat
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def page(user: User, business: Business) -> str:
    response = signed_in(user).get(f"/b/{business.pk}/")
    assert response.status_code == 200
    return str(response.content.decode())


def button(html: str) -> str:
    """The one next step."""
    return html.split('id="step-now"')[1].split(">", 1)[1].split("<")[0]


def test_a_new_business_is_led_to_connect_jobber_first(acme: Business, alice: User) -> None:
    html = page(alice, acme)
    assert button(html) == "Connect Jobber"
    assert html.count('id="step-now"') == 1
    assert ">Done<" not in html


def test_each_step_is_ticked_as_it_is_done(acme: Business, alice: User) -> None:
    with scope(business=acme):
        source = factories.connection(acme, "jobber")
        assert button(page(alice, acme)) == "Connect Stripe"
        target = factories.connection(acme, "stripe")
        assert button(page(alice, acme)) == "Choose"
        sync = factories.sync(acme, "preview", source=source, target=target)
        assert button(page(alice, acme)) == "See the review"
        factories.run(sync)
    html = page(alice, acme)
    assert button(html) == "Check the plan and go live"
    assert html.count(">Done<") == 4


def test_all_is_well_says_so_and_counts_what_is_in_step(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        for n in range(3):
            client, customer = factories.client(acme, sync.source), factories.customer(acme, sync.target)
            link = factories.link(
                sync, client, customer, label=f"Client {n}", written_at=timezone.now() if n == 0 else None
            )
        factories.write(link)
    html = page(alice, acme)
    assert "All is well." in html
    assert "In step, of 3" in html
    assert f"/b/{acme.pk}/records/{link.pk}/" in html
    assert "Set up Acme" not in html


def test_what_needs_a_person_is_named_with_its_next_step(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        factories.link(sync, factories.client(acme, sync.source), state="held", cause_code="ambiguous", cause="Who?")
        factories.incident(sync, records=1, title="1 client may already exist there")
    html = page(alice, acme)
    assert "All is well." not in html
    assert "1 client may already exist there." in html
    assert "Say who is who" in html
    assert f'href="/b/{acme.pk}/attention/">Look at them' in html


def test_a_lost_connection_is_the_first_thing_that_needs_somebody(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        sync.target.status, sync.target.status_reason = "needs_reconnect", "The access was taken back."
        sync.target.save()
    html = page(alice, acme)
    assert "Stripe: The access was taken back." in html
    assert "Reconnect Stripe" in html
    assert "Needs reconnecting" in html


def test_work_that_nobody_does_is_said(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        factories.link(sync, factories.client(acme, sync.source), state="due", noticed=2)
    assert "No worker is running, and 1 record waits." in page(alice, acme)
    WorkerBeat.objects.create(
        supervisor="w", host="h", pid=1, started_at=timezone.now(), beat_at=timezone.now() - timedelta(seconds=5)
    )
    assert "No worker is running" not in page(alice, acme)


def test_the_last_day_counts_writes_failures_and_how_long_changes_took(acme: Business, alice: User) -> None:
    now = timezone.now()
    with scope(business=acme):
        sync = factories.sync(acme)
        link = factories.link(sync, factories.client(acme, sync.source), factories.customer(acme, sync.target))
        for seconds in [1] * 10 + [4]:
            factories.attempt(link, noticed_at=now - timedelta(seconds=seconds), at=now)
        factories.attempt(link, outcome="failed")
        factories.attempt(link, noticed_by="Everything, once", noticed_at=now - timedelta(hours=5), at=now)
        factories.attempt(link, at=now - timedelta(days=2), noticed_at=now - timedelta(days=3))
        factories.run(sync, "poll", counts={"seen": 40, "unchanged": 38})
    html = page(alice, acme)
    assert '?written=24h">12</a></dd>' in html
    assert "<dt>Failed tries</dt><dd>1</dd>" in html
    assert "<dt>Looked at, nothing to write</dt><dd>38</dd>" in html
    assert "half within 1.0 s, 95 % within 4.0 s" in html


def test_the_live_part_comes_alone(acme: Business, alice: User) -> None:
    with scope(business=acme):
        factories.sync(acme)
    html = signed_in(alice).get(f"/b/{acme.pk}/live/", headers={"HX-Request": "true"}).content.decode()
    assert html.lstrip().startswith('<div id="overview"')
    assert "<html" not in html


def test_another_business_is_not_there(acme: Business, mallory: User) -> None:
    for path in ("", "live/"):
        assert signed_in(mallory).get(f"/b/{acme.pk}/{path}").status_code == 404


def test_without_signing_in_one_is_asked_to(acme: Business) -> None:
    response = Client().get(f"/b/{acme.pk}/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_name_from_outside_stays_text(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        client = factories.client(acme, sync.source, name="<script>alert(1)</script>🌳=cmd()")
        factories.write(factories.link(sync, client, factories.customer(acme, sync.target)))
    html = page(alice, acme)
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;🌳=cmd()" in html


def test_many_records_cost_no_more_queries(
    acme: Business, alice: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = signed_in(alice)
    with scope(business=acme):
        sync = factories.sync(acme)
        for n in range(30):
            found = factories.client(acme, sync.source)
            link = factories.link(sync, found, state="due" if n % 2 else "held", noticed=1 + n % 2, cause_code="x")
            factories.attempt(link)
            factories.write(link)
        factories.incident(sync)
        factories.run(sync, state="running")
    client.get(f"/b/{acme.pk}/")
    with django_assert_max_num_queries(12):
        assert client.get(f"/b/{acme.pk}/").status_code == 200
