"""The numbers of a business: right, each leading to its records, in few queries."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_scopes import scope

from portal import numbers
from portal.models import Business, Connection, User
from syncs import ledger
from syncs.models import Sync, Write
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
#: Those for who is signed in, for the menu, and at most nine of its own.
QUERIES = 5 + 9


@pytest.fixture
def sync(acme: Business) -> Sync:
    """Seven records: four in step, and one each that waits, needs a look, was left out."""
    with scope(business=acme):
        sync = factories.sync(acme)
        for number in range(7):
            state = {4: "due", 5: "held", 6: "skipped"}.get(number, "in_step")
            due = {"noticed": 2, "handled": 1} if state == "due" else {}
            factories.link(sync, factories.client(acme, sync.source, name=f"Client {number}"), state=state, **due)
    return sync


def page(user: User, business: Business, path: str = "numbers/") -> str:
    answer = signed_in(user).get(f"/b/{business.pk}/{path}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def number(html: str, key: str) -> tuple[str, str]:
    """What a number says, and where it leads."""
    found = re.search(rf'id="number-{key}" href="/b/\d+/([^"]+)"><span class="stat-number">([^<]+)<', html)
    assert found
    return found[2], unescape(found[1])


def records(html: str) -> int:
    return html.count('<th scope="row"><a href="/b/')


def test_each_number_is_what_its_list_shows(acme: Business, alice: User, sync: Sync) -> None:
    html = page(alice, acme)
    assert number(html, "step")[0] == "66.6 %"
    assert "In step: 4" in html
    for key, count in (("step", 4), ("waiting", 1), ("look", 1), ("failed", 0), ("out", 1)):
        said, address = number(html, key)
        assert key == "step" or said == str(count)
        assert records(page(alice, acme, address)) == count


@pytest.mark.parametrize(
    ("in_step", "rest", "said"), [(9999, 1, "99.9 %"), (10000, 0, "100 %"), (0, 3, "0 %"), (0, 0, "")]
)
def test_a_hundred_percent_is_said_only_when_all_is_in_step(in_step: int, rest: int, said: str) -> None:
    counts = dict.fromkeys(ledger.PLACES, 0) | {"written": in_step, "held": rest, "skipped": 5}
    assert numbers.in_step(counts | {"seen": sum(counts.values())}) == said


def written(sync: Sync, at: datetime, count: int = 1, state: str = "confirmed") -> None:
    link = factories.link(sync, factories.client(sync.business, sync.source, name=f"On {at:%d %H}"))
    for _ in range(count):
        made = factories.write(link, state=state)
        Write.objects.filter(pk=made.pk).update(settled_at=at)


def test_days_are_those_of_the_business_and_lead_to_their_records(acme: Business, alice: User, sync: Sync) -> None:
    """Half past midnight in Perth is still the day before in Greenwich."""
    Business.objects.filter(pk=acme.pk).update(time_zone="Australia/Perth")
    there = timezone.now().astimezone(UTC) + timedelta(hours=8)
    midnight = (there - timedelta(days=3)).replace(hour=0, minute=30, second=0, microsecond=0) - timedelta(hours=8)
    with scope(business=acme):
        Write.objects.all().delete()
        written(sync, midnight, 2)
        written(sync, midnight - timedelta(hours=1))
        written(sync, midnight, state="rejected")
        written(sync, timezone.now() - timedelta(days=31))
    html = page(alice, acme)
    assert "3 written, 1 refused by the service." in html
    day, before = (f"{there - timedelta(days=n):%Y-%m-%d}" for n in (3, 4))
    chart = json.loads(unescape(re.findall(r'data-chart="([^"]+)"', html)[0]))
    assert (len(chart["labels"]), chart["sets"][0]["data"][-4], chart["sets"][1]["data"][-4]) == (30, 2, 1)
    for on, count in ((day, 2), (before, 1)):
        assert re.search(rf'id="day-{on}" href="/b/{acme.pk}/records/\?written={on}">{count}<', html)
        listed = page(alice, acme, f"records/?written={on}")
        assert records(listed) == 1
        assert "Only what was written on" in listed


@pytest.mark.parametrize("asked", ["", "yesterday", "9999-12-31", "2026-02-30", "0"])
def test_what_is_no_day_is_no_filter(acme: Business, alice: User, sync: Sync, asked: str) -> None:
    assert records(page(alice, acme, f"records/?written={asked}")) == 7


def test_how_fast_changes_arrive_is_told_for_each_span(acme: Business, alice: User, sync: Sync) -> None:
    now = timezone.now()
    with scope(business=acme):
        link = factories.link(sync, factories.client(acme, sync.source))
        for ago, waited in ((timedelta(minutes=5), 2), (timedelta(hours=3), 30), (timedelta(days=2), 90)):
            at = now - ago
            factories.attempt(link, at=at, noticed_at=at - timedelta(seconds=waited), noticed_by="webhook X")
    text = re.sub(r"<[^>]+>|\s+", " ", page(alice, acme))
    assert re.search(r"Last hour *half within 2.0 s, 95 % within 2.0 s", text)
    assert re.search(r"Last 24 hours *half within 30 s, 95 % within 30 s *\(2 changes\)", text)
    assert re.search(r"Last 7 days *half within 30 s, 95 % within 90 s *\(3 changes\)", text)


def test_what_services_let_us_use_is_told_with_when_they_said_it(acme: Business, alice: User, sync: Sync) -> None:
    points = {"label": "Jobber query cost", "available": 2500.0, "maximum": 10000.0, "restore_per_second": 500.0}
    paces = [{"label": f"Stripe, {n}", "available": n, "maximum": n, "restore_per_second": n} for n in (27.0, 13.5)]
    with scope(business=acme):
        Connection.objects.filter(pk=sync.source_id).update(budgets=[points], last_ok_at=timezone.now())
        Connection.objects.filter(pk=sync.target_id).update(budgets=paces)
    html = page(alice, acme)
    assert '<progress value="75" max="100" aria-label="query cost: used">75 %</progress>' in html
    assert "75 % of the query cost used" in html
    assert "As Jobber said" in html
    assert "at most 13.5 calls a second at the moment" in html


def test_the_page_of_an_account_says_in_plain_words_what_is_left(acme: Business, alice: User, sync: Sync) -> None:
    points = {"label": "Jobber query cost", "available": 9804.8, "maximum": 10000.0, "restore_per_second": 500.0}
    paces = [
        {"label": f"Stripe, POST {n}", "available": 27.0, "maximum": 27.0, "restore_per_second": 27.0} for n in "ab"
    ]
    with scope(business=acme):
        Connection.objects.filter(pk=sync.source_id).update(budgets=[points], status="off")
        Connection.objects.filter(pk=sync.target_id).update(budgets=paces, status="off")
    html = page(alice, acme, f"connections/{sync.source_id}/")
    assert "<dt>Allowance of Jobber</dt><dd>98 % left</dd>" in html
    assert "query cost" not in html
    html = page(alice, acme, f"connections/{sync.target_id}/")
    assert html.count("<dt>Calls that Stripe takes</dt><dd>At most 27 a second</dd>") == 1
    assert "POST" not in html


def test_what_the_overview_counts_as_written_leads_to_its_records(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = factories.link(sync, factories.client(acme, sync.source, name="Written"))
        factories.attempt(link)
        factories.write(link)
        written(sync, timezone.now() - timedelta(hours=25))
    assert f'<a id="written" href="/b/{acme.pk}/records/?written=24h">1</a>' in page(alice, acme, "")
    listed = page(alice, acme, "records/?written=24h")
    assert records(listed) == 1
    assert "Only what was written in the last 24 hours." in listed


def test_each_sync_tells_what_it_keeps_and_how_much_of_it_is_used(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        written(sync, timezone.now(), 60)
        written(sync, timezone.now() - timedelta(days=40))
        assert sync.version
        content = {**sync.version.content, "rules": [{"name": "Leads"}]}
        sync.version = factories.version(sync, content=content | {"options": {"two_way": True}})
        sync.save()
        factories.sync(acme, "preview", "invoices-to-stripe", source=sync.source, target=sync.target)
        fields = len(content["mappings"])
    table = page(alice, acme).partition('id="kept"')[2].partition("</table>")[0]
    clients, invoices = [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"(?s)<t[hd][ >].*?</t[hd]>", row)]
        for row in table.split("<tr>")[2:]
    ]
    assert clients == ["Clients to customers Live", "Jobber and Stripe, both ways", str(fields), "1", "9", "60"]
    assert invoices[:2] == ["Invoices to Stripe Preview: nothing is written", "Jobber to Stripe"]
    assert invoices[-2:] == ["0", "0"]
    assert "Reckoned at 2 minutes of typing each, that is about 2 hours saved." in page(alice, acme)


def test_it_says_when_it_was_counted_and_what_to_do_before_anything_is(acme: Business, alice: User) -> None:
    html = page(alice, acme)
    assert "counted <time" in html
    assert "Nothing to count yet" in html
    assert "data-chart" not in html


def test_few_queries_however_much_there_is(acme: Business, alice: User, sync: Sync) -> None:
    client = signed_in(alice)
    client.get(f"/b/{acme.pk}/numbers/")
    with scope(business=acme):
        for n in range(10):
            written(sync, timezone.now() - timedelta(days=n, minutes=5))
        factories.sync(acme, recipe="invoices-to-stripe", source=sync.source, target=sync.target)
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert client.get(f"/b/{acme.pk}/numbers/").status_code == 200
    assert len(captured) <= QUERIES


def test_another_business_counts_nothing_here(
    acme: Business, alice: User, sync: Sync, rival: Business, mallory: User
) -> None:
    with scope(business=acme):
        written(sync, timezone.now() - timedelta(minutes=1))
    html = page(mallory, rival)
    assert "0 written" in html
    assert "Nothing to count yet" in html
