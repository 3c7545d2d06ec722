"""Why a record is as it is, said at the top of its page; how it was then; and a client's whole story."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, Connection, User, WorkerBeat
from syncs.models import Lane, Link, Snapshot, SnapshotHistory, Sync
from tests import factories
from tests.conftest import signed_in
from tests.portal.test_reconciliation import mismatch, report

pytestmark = pytest.mark.django_db


def html_of(user: User, business: Business, link: Link, query: str = "", page: str = "") -> str:
    answer = signed_in(user).get(f"/b/{business.pk}/records/{link.pk}/{page}{query}", follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def answer(user: User, business: Business, link: Link) -> str:
    """What is said at the top, before the facts."""
    return plain(html_of(user, business, link).split('id="answer">')[1].split("<dl")[0])


@pytest.fixture
def waiting(acme: Business, clients: Sync) -> Link:
    """A change that nobody has looked at yet, of a client that is in step; a worker is there."""
    now = timezone.now()
    WorkerBeat.objects.create(host="here", pid=1, started_at=now, beat_at=now)
    with scope(business=acme):
        source, target = factories.client(acme, clients.source), factories.customer(acme, clients.target)
        return factories.link(clients, source, target, noticed=2, noticed_by="webhook CLIENT_UPDATE")


def test_what_waits_for_its_turn_says_so(acme: Business, alice: User, waiting: Link) -> None:
    said = answer(alice, acme, waiting)
    assert said == "Not in step It waits for its turn: a change was reported (CLIENT_UPDATE)."


@pytest.mark.parametrize(("lane", "words"), [
    ({}, "no worker is running"),
    ({"resume_at": timedelta(minutes=5)}, "has asked for fewer calls (its rate limit). It goes on by itself at"),
    ({"resume_at": timedelta(minutes=5), "failures": 3}, "does not answer just now. It is tried again at"),
    ({"parked": "Stripe needs you."}, "The work waits: Stripe needs you."),
])  # fmt: skip
def test_what_holds_up_the_work_is_named(
    acme: Business, alice: User, waiting: Link, lane: dict[str, Any], words: str
) -> None:
    changes = {k: timezone.now() + v if isinstance(v, timedelta) else v for k, v in lane.items()}
    with scope(business=acme):
        if changes:
            Lane.objects.update(**changes)
    if not changes:
        WorkerBeat.objects.update(beat_at=timezone.now() - timedelta(minutes=5))
    assert words in answer(alice, acme, waiting)


@pytest.mark.parametrize(("mode", "words"), [
    ("off", "“Clients to customers” is switched off: nothing is read or written until somebody resumes it."),
    ("preview", "“Clients to customers” is in preview: every record is planned, and nothing is written."),
])  # fmt: skip
def test_a_sync_that_writes_nothing_is_named_with_the_way_on(
    acme: Business, alice: User, waiting: Link, mode: str, words: str
) -> None:
    with scope(business=acme):
        Sync.objects.update(mode=mode)
    html = html_of(alice, acme, waiting)
    assert words in plain(html)
    assert f'Next step:</strong> <a href="/b/{acme.pk}/syncs/{waiting.sync_id}/">' in html


def test_a_connection_that_is_broken_comes_first(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        link = factories.link(
            clients, factories.client(acme, clients.source), factories.customer(acme, clients.target)
        )  # fmt: skip
        assert answer(alice, acme, link).startswith("In step Both sides agreed at the last look; 1 field differs")
        Connection.objects.filter(connector="jobber").update(
            status="needs_reconnect", status_reason="Access was taken back."
        )
    said = answer(alice, acme, link)
    assert said.startswith("In step when it was last read Jobber has not let us in since")
    assert "(Access was taken back)" in said
    assert "Reconnect Jobber" in said


def test_what_waits_for_its_client_says_why_the_client_waits(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target)
        hers = {"cause_code": "ambiguous", "cause": "Two customers have her email."}
        client = factories.link(clients, factories.client(acme, clients.source), state="held", **hers)
        here = factories.written_invoice(acme, clients.source, number="1042")
        more = {"verdict": "wait", "cause_code": "client", "cause": "Its client comes first.", "waits_for": client}
        link = factories.link(bills, here, state="due", **more)
    said = answer(alice, acme, link)
    assert said.startswith("Not in Stripe Its client comes first. Ann Smith itself: needs a look. Two customers have")
    assert "Settle Ann Smith first; this goes on by itself then" in said


@pytest.mark.parametrize(("code", "words"), [
    ("rule", "see the rules"), ("lead", "It follows by itself then."), ("left_out", "Do not leave it out any more"),
    ("expired", "asked about once more"),
])  # fmt: skip
def test_what_is_left_out_says_how_it_comes_in(
    acme: Business, alice: User, clients: Sync, code: str, words: str
) -> None:
    with scope(business=acme):
        source = factories.client(acme, clients.source)
        link = factories.link(clients, source, state="skipped", cause_code=code, cause="Left out, and why.")
    said = answer(alice, acme, link)
    assert said.startswith("Not in Stripe Left out, and why.")
    assert words in said


def test_what_a_comparison_came_upon_says_so_and_leads_there(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        link = factories.link(clients, factories.client(acme, clients.source), state="due")
        row = mismatch(report(clients), link, "missing", words="There is no customer for it.")
    said = answer(alice, acme, link)
    assert said.startswith("Not in Stripe There is no customer for it. A comparison came upon it on ")
    assert "“Clients to customers” leaves what that finds to a person." in said
    assert reverse("mismatch", args=[acme.pk, row.pk]) in html_of(alice, acme, link)


def test_who_has_switched_it_off_is_named(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        link = factories.link(clients, factories.client(acme, clients.source))
    signed_in(alice).post(f"/b/{acme.pk}/syncs/{clients.pk}/pause/")
    assert "until somebody resumes it. Alice did so on" in answer(alice, acme, link)


# Then and now


@pytest.fixture
def renamed(acme: Business, clients: Sync) -> Link:
    """Ann became Anna on both sides an hour ago."""
    hour = timezone.now() - timedelta(hours=1)
    with scope(business=acme):
        source = factories.client(acme, clients.source, name="Anna Smith")
        target = factories.customer(acme, clients.target, name="Anna Smith")
        for held in (source, target):
            SnapshotHistory.objects.create(
                business=acme, snapshot=held, data={**held.data, "name": "Ann Smith"}, fingerprint="old",
                read_at=hour - timedelta(hours=1), replaced_at=hour,
            )  # fmt: skip
        Snapshot.objects.update(created_at=hour - timedelta(days=2))
        link = factories.link(clients, source, target, base={"name": "Anna Smith"})
        factories.attempt(
            link, "create", at=hour - timedelta(minutes=30), plan={"changes": [["name", None, "Ann Smith"]]}
        )
        factories.attempt(link, at=hour, plan={"changes": [["name", "Ann Smith", "Anna Smith"]]})
    return link


def test_both_sides_are_shown_as_they_were_at_a_moment(acme: Business, alice: User, renamed: Link) -> None:
    html = html_of(alice, acme, renamed)
    moments = re.findall(r'<option value="([^"]+T[^"]+)"', html)
    assert len(moments) == 2
    assert "Changed since" not in html
    then = html_of(alice, acme, renamed, f"?then={moments[1].replace('+', '%2B')}").split('id="then"')[1]
    row = next(r for r in then.split("<tr>") if ">Name</th>" in r)
    assert re.findall(r">([^<>]* Smith)</td>", row) == ["Ann Smith", "Anna Smith", "Ann Smith", "Anna Smith"]
    assert "Changed since" in row
    assert 'rel="next"' in then
    now = html_of(alice, acme, renamed, f"?then={moments[0].replace('+', '%2B')}").split('id="then"')[1]
    assert ">Changed since<" not in now.split("<tbody>")[1].split("</tbody>")[0]


@pytest.mark.parametrize(
    "asked", ["", "yesterday", "2026-01-01", "9999-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_moment_is_as_none(acme: Business, alice: User, renamed: Link, asked: str) -> None:
    html = html_of(alice, acme, renamed, f"?then={asked.replace('+', '%2B')}")
    assert "As it was known on" not in html
    assert "As it was known on" not in html_of(alice, acme, renamed, "?then=%00")


def test_before_it_was_made_there_is_nothing_there(acme: Business, alice: User, renamed: Link) -> None:
    with scope(business=acme):
        SnapshotHistory.objects.all().delete()
        Snapshot.objects.filter(resource="customers").update(created_at=timezone.now())
    early = (timezone.now() - timedelta(minutes=90)).isoformat().replace("+", "%2B")
    assert "it was not in Stripe yet" in plain(html_of(alice, acme, renamed, f"?then={early}"))


# Paid twice


@pytest.mark.parametrize(("cards", "entered", "words"), [
    (2, [], "It may have been paid twice: $220.00 came in through Stripe, of a total of $110.00."),
    (1, ["110.00"], "$110.00 came in through Stripe, and $110.00 is entered in Jobber, of a total of $110.00."),
    (1, ["110.00", "-50.00"], "$110.00 came in through Stripe, and $60.00 is entered in Jobber"),
    (1, ["110.00", "-110.00"], ""), (1, [], ""), (0, ["110.00"], ""),
])  # fmt: skip
def test_more_than_was_asked_for_is_said_at_the_top(
    acme: Business, alice: User, clients: Sync, cards: int, entered: list[str], words: str
) -> None:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target)
        cash = [
            {"id": f"p{n}", "amount": a.removeprefix("-"), "kind": "REFUND" if a.startswith("-") else "PAYMENT"}
            for n, a in enumerate(entered)
        ]
        here = factories.written_invoice(acme, clients.source, payments=cash)
        link = factories.link(bills, here, factories.paid_invoice(acme, clients.target, "in_9"))
        for _ in range(cards):
            factories.payment(acme, clients.target, invoice="in_9")
    said = plain(html_of(alice, acme, link))
    assert words in said
    assert ("It may have been paid twice" in said) == bool(words)


# A client's whole story


def test_a_client_is_told_with_every_invoice_and_payment(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target)
        her = factories.client(acme, clients.source, "C-1", name="Linh Nguyen")
        link = factories.link(clients, her, factories.customer(acme, clients.target, "cus_1", name="Linh Nguyen"))
        for n in range(25):
            here = factories.written_invoice(acme, clients.source, number=str(2000 + n), client_id="C-1")
            there = factories.paid_invoice(acme, clients.target, f"in_{n}")
            factories.attempt(factories.link(bills, here, there), plan={"reason": f"Reason {n}"})
        factories.payment(acme, clients.target, customer="cus_1", invoice="in_3", method="card visa 4242")
        factories.payment(acme, clients.target, customer="cus_1", invoice="in_3", method="card visa 1881")
        factories.written_invoice(acme, clients.source, number="9999", client_id="other")
    record = html_of(alice, acme, link)
    assert f'href="/b/{acme.pk}/records/{link.pk}/story/"' in record
    story = plain(html_of(alice, acme, link, page="story/"))
    assert [n for n in range(25) if f"Invoice {2000 + n}" not in story] == []
    assert "9999" not in story
    assert "Paid $110.00 by card visa 4242" in story
    assert "Paid $110.00 by card visa 1881" in story
    assert "2, $220.00 came in" in story


def test_a_long_story_goes_on_before(acme: Business, alice: User, clients: Sync) -> None:
    now = timezone.now()
    with scope(business=acme):
        link = factories.link(clients, factories.client(acme, clients.source))
        for n in reversed(range(130)):
            at, plan = now - timedelta(minutes=n), {"reason": f"Reason {n}."}
            factories.attempt(link, at=at, noticed_at=None, plan=plan)
    seen: set[int] = set()
    query = ""
    for _ in range(6):
        html = html_of(alice, acme, link, query, "story/")
        seen |= {int(n) for n in re.findall(r"Reason (\d+)\.", html)}
        on = re.search(r'rel="next" href="([^"]+)"', html)
        if on is None:
            break
        query = unescape(on[1])
    assert seen == set(range(130))


def test_only_clients_have_a_whole_story(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        bills = factories.sync(acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target)
        link = factories.link(bills, factories.written_invoice(acme, clients.source))
    assert signed_in(alice).get(f"/b/{acme.pk}/records/{link.pk}/story/").status_code == 404
