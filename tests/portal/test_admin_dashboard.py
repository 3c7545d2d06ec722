"""The admin's first page: right numbers, links that lead to what was counted, and few queries."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from portal.admin.filters import PLACES
from portal.models import Business, Connection, RefusedDelivery, User, WorkerBeat
from syncs import ledger
from syncs.models import Incident, Lane, Link, Sync, Version
from tests import factories
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World
from tests.portal.test_admin_pages import list_address

#: Two of them for who is signed in.
QUERIES = 11


@pytest.fixture
def boss(db: None) -> Client:
    return signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    return rows.world(acme, records=6)


def numbers(client: Client, name: str = "tiles") -> dict[str, int]:
    return {t.words: t.number for t in client.get(reverse("admin:index")).context[name]}


def test_numbers_lead_to_what_they_count(boss: Client, here: World, rival: Business, mallory: User) -> None:
    """A record noticed anew waits, whatever its last look said; a paused sync has no work, but its held stay held."""
    paused = rows.world(rival, records=5)
    with scopes_disabled():  # a test looks at both businesses
        Sync.objects.filter(pk=paused.sync.pk).update(mode="off")
        Link.objects.filter(pk=here.links[1].pk).update(noticed=2)
        Link.objects.filter(pk=here.links[2].pk).update(state="parked", handled=1)
    page = boss.get(reverse("admin:index"))
    assert numbers(boss) == {
        "Businesses": 2, "Connected": 4, "Needs reconnecting": 0, "Disconnected": 0, "Waiting": 4, "Needs a look": 1,
        "Failed": 1,
    }  # fmt: skip
    for tile in page.context["tiles"]:
        assert boss.get(tile.address).context["cl"].result_count == tile.number, tile.words
    for row in page.context["incidents"]:
        assert boss.get(row["address"]).context["cl"].result_count == row["n"]


def test_last_day_by_the_hour(boss: Client, here: World) -> None:
    now = timezone.now()
    with scope(business=here.business):
        rows.attempt(here.links[0], 0, now - timedelta(hours=5))
        rows.attempt(here.links[0], 0, now - timedelta(hours=30))
    page = boss.get(reverse("admin:index"))
    assert numbers(boss, "day") == {"Written": 2, "Nothing to write": 4, "Failed": 1}
    chart = json.loads(page.context["chart"])
    written = next(s for s in chart["datasets"] if s["label"] == "Written")
    assert (len(chart["labels"]), written["data"][-1], written["data"][-6], sum(written["data"])) == (24, 1, 1, 2)


def test_the_owner_sees_the_same_numbers_of_the_last_day(boss: Client, here: World, alice: User) -> None:
    with scope(business=here.business):
        factories.run(here.sync, "poll", counts={"seen": 40, "unchanged": 38})
        factories.attempt(here.links[1], "hold", "done")
    day = numbers(boss, "day")
    assert day == {"Written": 1, "Nothing to write": 42, "Failed": 1}
    owner = signed_in(alice).get(f"/b/{here.business.pk}/").content.decode()
    for words, number in (("Written", 1), ("Looked at, nothing to write", 42), ("Failed tries", 1)):
        assert f"<dt>{words}</dt><dd>{number}</dd>" in re.sub("</?a[^>]*>", "", owner)
    assert "Nothing to write</span></div>" in boss.get(reverse("admin:index")).content.decode()


def test_incidents_by_cause_with_the_oldest(boss: Client, here: World, rival: Business, mallory: User) -> None:
    other = rows.world(rival)
    with scopes_disabled():  # a test looks at both businesses
        Incident.objects.filter(pk=other.incident.pk).update(opened_at=timezone.now() - timedelta(days=3), records=4)
        rows.incident(here.sync, "ambiguous")
        Incident.objects.filter(cause_code="ambiguous").update(state="ignored")
    (cause,) = boss.get(reverse("admin:index")).context["incidents"]
    assert (cause["words"], cause["n"], cause["records"]) == ("Refused by the service: email", 2, 5)
    assert timezone.now() - cause["oldest"] > timedelta(days=2)


def test_the_money_at_stake_is_named_in_its_currency(boss: Client, acme: Business) -> None:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe")
        for number, total in (("1", "100.00"), ("2", "20.50")):
            made = factories.written_invoice(acme, bills.source, number=number, total=total)
            factories.link(bills, made, state="held", cause_code="total_differs")
        factories.incident(bills, "total_differs", 2)
        disputed = {"code": "dispute", "title": "A payment of {amount} is disputed", "next_step": "Answer.",
                    "about": "pi_1", "due": None, "url": "", "amount": 4200, "currency": "NZD",
                    "over": False}  # fmt: skip
        Connection.objects.filter(pk=bills.target_id).update(concerns=[disputed])
        Incident.objects.create(
            business=acme, connection=bills.target, subject="account:1:pi_1", cause_code="dispute", title="D",
        )  # fmt: skip
    page = boss.get(reverse("admin:index"))
    money = {cause["words"]: cause["money"] for cause in page.context["incidents"]}
    assert money == {"Total differs": "$120.50 AUD", "Disputed payment": "$42.00 NZD"}
    assert "$120.50 AUD" in page.content.decode()


def test_connections_that_need_somebody_are_named_with_what_to_do(boss: Client, here: World) -> None:
    assert boss.get(reverse("admin:index")).context["needy"]["rows"] == []
    off = {"code": "payouts_off", "title": "Stripe does not pay out", "next_step": "Open Stripe.", "about": "",
           "due": None, "url": "", "amount": 0, "currency": "", "over": False}  # fmt: skip
    with scopes_disabled():  # as above
        Connection.objects.filter(pk=here.sync.target_id).update(concerns=[off, off])
        Connection.objects.filter(pk=here.sync.source_id).update(status="needs_reconnect", status_reason="It ran out.")
    html = boss.get(reverse("admin:index")).content.decode()
    for words in ("It ran out.", "Connect Jobber again.", "Stripe does not pay out.", "And 1 more.", "Open Stripe."):
        assert words in html


def test_what_is_put_off_asks_for_nobody_but_still_holds_up_the_work(boss: Client, here: World) -> None:
    with scope(business=here.business):
        Incident.objects.all().delete()
        Incident.objects.create(
            business=here.business, sync=here.sync, subject=f"work:{here.sync.pk}", cause_code="stuck_run",
            title="It does not get ahead", snoozed_until=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        WorkerBeat.objects.create(supervisor="a", host="one", pid=1, started_at=timezone.now(), beat_at=timezone.now())
    page = boss.get(reverse("admin:index"))
    assert page.context["incidents"] == []
    (row,) = page.context["troubled"]["rows"]
    assert (row.health.level, row.health.why) == ("broken", "It does not get ahead.")


def test_lanes_that_wait_and_the_slowest(boss: Client, here: World, rival: Business, mallory: User) -> None:
    slow = rows.world(rival, since=timezone.now() - timedelta(hours=3))
    with scopes_disabled():  # as above
        Lane.objects.filter(pk=here.sync.lane_id).update(parked="Connect Stripe again.", parked_code="auth")
        Version.objects.update(published_at=timezone.now() - timedelta(days=1))
    page = boss.get(reverse("admin:index"))
    first, other = page.context["slow"]
    assert (first.lane.pk, other.lane.pk) == (slow.sync.lane_id, here.sync.lane_id)
    for lag in (first, other):
        assert boss.get(lag.address).context["cl"].result_count == lag.waiting
    assert [lane.parked for lane in page.context["lanes"]["rows"]] == ["Connect Stripe again."]
    assert "Connect Stripe again." in page.content.decode()


def test_a_new_version_is_no_delay(boss: Client, here: World) -> None:
    """Publishing has every record looked at once more; its last notice may be long ago."""
    with scope(business=here.business):
        Link.objects.update(noticed_at=timezone.now() - timedelta(days=2))
        WorkerBeat.objects.create(supervisor="a", host="one", pid=1, started_at=timezone.now(), beat_at=timezone.now())
        Link.objects.filter(state="held").update(state="in_step")
    assert boss.get(reverse("admin:index")).context["troubled"]["rows"] == []


def test_workers_and_refused_deliveries(boss: Client, here: World) -> None:
    now = timezone.now()
    WorkerBeat.objects.create(supervisor="a", host="one", pid=1, started_at=now, beat_at=now)
    WorkerBeat.objects.create(supervisor="b", host="two", pid=2, started_at=now, beat_at=now - timedelta(hours=1))
    for _ in range(3):
        RefusedDelivery.note("jobber", RefusedDelivery.Reason.SIGNATURE)
    RefusedDelivery.objects.create(connector="jobber", reason="signature", hour=now - timedelta(days=2), count=40)
    page = boss.get(reverse("admin:index"))
    assert page.context["workers"]["beating"] == 1
    assert numbers(boss, "refused") == {"Not signed by the service": 3}


def test_silence_of_the_workers_shows(boss: Client, here: World) -> None:
    page = boss.get(reverse("admin:index"))
    (row,) = page.context["troubled"]["rows"]
    assert (row.sync.pk, row.health.level) == (here.sync.pk, "broken")
    assert "No worker is running, and 4 records wait." in page.content.decode()


def test_as_many_queries_for_six_businesses_as_for_one(boss: Client, here: World) -> None:
    assert asked(boss, reverse("admin:index")) <= QUERIES
    for number in range(5):
        business = Business.objects.create(name=f"Business {number}")
        person(business, f"Owner{number}", "owner")
        rows.world(business)
    with scopes_disabled():  # as above
        Lane.objects.update(parked="Connect Stripe again.", parked_code="auth")
    assert asked(boss, reverse("admin:index")) <= QUERIES


def asked(client: Client, address: str) -> int:
    client.get(address)  # so that what is kept for the process is there
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "name",
    ["Link", "Attempt", "Write", "Event", "Snapshot", "SnapshotHistory", "Sync", "FieldMapping", "Rule", "Incident",
     "Lane", "Run", "Version", "Connection", "Membership", "Invitation", "User", "Business", "ConnectStart"],
)  # fmt: skip
def test_lists_ask_as_often_for_many_rows_as_for_few(name: str, boss: Client, here: World) -> None:
    from tests.portal.test_admin_pages import registered

    model = next(m for m in registered() if m.__name__ == name and m._meta.app_label in {"syncs", "portal"})
    few = asked(boss, list_address(model))
    for number in range(3):
        business = Business.objects.create(name=f"Business {number}")
        person(business, f"Owner{number}", "owner")
        rows.world(business, records=8)
    assert asked(boss, list_address(model)) <= few


def test_places_of_links_are_those_of_the_ledger(here: World) -> None:
    with scope(business=here.business):
        for number, state in enumerate(Link.State.values):
            for due in (False, True):
                Link.objects.create(
                    business=here.business, sync=here.sync, source_id=f"{state}-{due}", state=state,
                    noticed=2 if due else 1, handled=1, written_at=timezone.now() if number % 2 else None,
                )  # fmt: skip
        said = ledger.equation(here.sync)
        assert {place: Link.objects.filter(condition).count() for place, condition in PLACES.items()} == {
            k: v for k, v in said.items() if k != "seen"
        }
        assert Link.objects.filter(Q(*PLACES.values(), _connector=Q.OR)).count() == said["seen"]


def test_the_syncs_that_do_not_fit_are_one_press_away(boss: Client) -> None:
    for number in range(10):
        made = Business.objects.create(name=f"Business {number}")
        with scope(business=made):
            away = factories.connection(made, status="needs_reconnect", status_since=timezone.now())
            factories.sync(made, source=away)
    html = boss.get(reverse("admin:index")).content.decode()
    assert "And 2 more: <a" in html
    assert f'href="{list_address(Sync)}">all syncs, with how they are doing</a>' in html
    assert "under a minute" in html
