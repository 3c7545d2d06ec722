"""The list of records, the story of one, and what people decide about it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Link, Snapshot, Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        return factories.sync(acme)


@pytest.fixture
def held(acme: Business, sync: Sync) -> Link:
    """A client that shares her email with a customer and with another client."""
    with scope(business=acme):
        data = {"name": "Chiara Abdullah", "email": "home@example.com", "phone": "0407 953 510"}
        found = factories.client(acme, sync.source, **data)
        factories.client(acme, sync.source, name="Ebony Turner", email="home@example.com")
        factories.customer(acme, sync.target, "cus_home", **{**data, "phone": "+61407953510"})
        cause = "home@example.com is also the email of Ebony Turner; someone who knows them must say who is who."
        return factories.link(sync, found, state="held", cause_code="ambiguous", cause=cause)


def get(user: User, business: Business, path: str = "") -> str:
    response = signed_in(user).get(f"/b/{business.pk}/records/{path}")
    assert response.status_code == 200
    return str(response.content.decode())


def decide(client: Client, link: Link, choice: str, target_id: str = "", **more: str) -> str:
    """The page one comes to."""
    path = f"/b/{link.business_id}/records/{link.pk}/decide/"
    response = client.post(path, {"choice": choice, "target_id": target_id, **more}, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def fresh(link: Link) -> Link:
    with scope(business=link.business_id):
        return Link.objects.get(pk=link.pk)


# The list


def test_a_record_is_found_by_name_email_and_id(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        for name, email in (("Jane Citizen", "jc@example.com"), ("Bert Smith", "bert@example.org")):
            found = factories.client(acme, sync.source, f"id-{name[0]}", name=name, email=email)
            factories.link(sync, found, factories.customer(acme, sync.target, f"cus_{name[0]}", name=name, email=email))
    for asked in ("jane", "CITIZEN", "jc@example", "JC@EXAMPLE.COM", "id-J", "cus_J"):
        html = get(alice, acme, f"?q={asked}")
        assert "Jane Citizen" in html, asked
        assert "Bert Smith" not in html, asked
    assert "No record has “nobody” in its name or email." in get(alice, acme, "?q=nobody")


def test_states_are_filtered_as_they_are_counted(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        states = ["in_step", "due", "planned", "retrying", "skipped", "held", "conflict", "parked", "ended"]
        for n, state in enumerate(states):
            factories.link(sync, factories.client(acme, sync.source, name=f"Client {n}"), state=state)
        again = factories.client(acme, sync.source, name="Client 9")
        factories.link(sync, again, state="in_step", noticed=2)
    wanted = {"in_step": {0}, "waiting": {1, 2, 3, 9}, "look": {5, 6}, "failed": {7}, "out": {4, 8}}
    for state, numbers in wanted.items():
        html = get(alice, acme, f"?state={state}")
        assert {n for n in range(10) if f">Client {n}<" in html} == numbers, state
        count = html.split('aria-current="true">')[1].split("</a>")[0]
        assert f">{len(numbers)}<" in count, state


def test_the_list_says_what_a_state_means(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        found = factories.client(acme, sync.source)
        cause = {"cause_code": "rejected:email", "cause": "Invalid email address."}
        factories.link(sync, found, state="held", **cause)
    html = get(alice, acme)
    assert "Needs a look" in html
    assert "Invalid email address." in html
    assert "Correct it in Jobber; it is then tried again by itself." in html


def test_nothing_yet_leads_back_to_the_set_up(acme: Business, alice: User) -> None:
    assert "No records yet" in get(alice, acme)


def test_the_list_is_paged(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        for _ in range(51):
            factories.link(sync, factories.client(acme, sync.source, name="Smith"))
    assert "1–50 of 51" in get(alice, acme, "?q=smith")
    assert "51–51 of 51" in get(alice, acme, "?q=smith&page=2")


# The story


def test_both_sides_are_compared_field_by_field(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        data = {"name": "Jane Citizen", "billing_address__city": "Geelong", "email": "not an email"}
        source = factories.client(acme, sync.source, "J1", **data)
        there = {"name": "Jane Old", "address__city": "Geelong", "metadata__jobber_client_id": "J1"}
        link = factories.link(sync, source, factories.customer(acme, sync.target, "cus_J", **there))
    html = get(alice, acme, f"{link.pk}/")
    rows = {r.split("</th>")[0].rsplit(">", 1)[1]: r for r in html.split("<tr>")}
    assert "Jane Citizen" in rows["Name"]
    assert "Jane Old" in rows["Name"]
    assert "Differs" in rows["Name"]
    assert "In step" in rows["City or suburb"]
    assert "not an email" in rows["Email"]
    assert "Cannot be sent" in rows["Email"]
    assert 'href="https://secure.getjobber.com/clients/J1"' in html
    assert 'href="https://dashboard.stripe.com/customers/cus_J"' in html


def test_an_address_that_is_no_web_address_is_no_link(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        source = factories.client(acme, sync.source)
        Snapshot.objects.filter(pk=source.pk).update(url="javascript:alert(1)")
        link = factories.link(sync, source)
    assert "javascript:" not in get(alice, acme, f"{link.pk}/")


def test_the_timeline_tells_all_of_it_newest_first(acme: Business, alice: User, sync: Sync) -> None:
    now = timezone.now()
    with scope(business=acme):
        source, target = factories.client(acme, sync.source), factories.customer(acme, sync.target)
        link = factories.link(sync, source, target)
        asked = {"noticed_by": "asked by Alice", "noticed_at": now - timedelta(hours=3)}
        factories.attempt(link, "skip", "done", at=now - timedelta(hours=2), **asked)
        factories.event(sync.source, source.external_id, received_at=now - timedelta(seconds=9))
        plan = {"reason": "Name changed in Jobber.", "changes": [["name", "Ann", "Anna"]], "warnings": ["Careful."]}
        factories.attempt(link, noticed_at=now - timedelta(seconds=9), at=now - timedelta(seconds=8), plan=plan)
        sent = {"params": {"name": "Anna"}, "request_id": "req_77", "key": "fb-key-of-it", "duration_ms": 82.4}
        factories.write(link, settled_at=now - timedelta(seconds=8), **sent)
        factories.write(link, state="rejected", error="Your card is not a hamster.", settled_at=now)
    html = get(alice, acme, f"{link.pk}/").split("What happened")[1]
    titles = (
        "Stripe refused it", "Updated in Stripe", "Some details differ", "Jobber told us of a change",
        "Looked at: nothing to write", "Alice asked for it",
    )  # fmt: skip
    places = [html.index(title) for title in titles]
    assert places == sorted(places)
    for words in (
        "Your card is not a hamster.", "Name changed in Jobber.", "<del>Ann</del>", "<ins>Anna</ins>", "Careful.",
        "req_77", "fb-key-of-it", "82 ms", "CLIENT_UPDATE", "Version 1", "<dd>1.0 s</dd>",
    ):  # fmt: skip
        assert words in html, words


def test_a_review_shows_the_match_it_has_found(acme: Business, alice: User) -> None:
    with scope(business=acme):
        sync = factories.sync(acme, "preview")
        target = factories.customer(acme, sync.target, name="Ann of Stripe")
        link = factories.planned(
            sync, factories.client(acme, sync.source), "link", plan={"target_id": target.external_id}
        )
    html = get(alice, acme, f"{link.pk}/")
    assert "Ann of Stripe" in html
    assert "Will be matched" in html
    assert "Preview: nothing written" in html


def test_times_are_those_of_the_business(acme: Business, alice: User, sync: Sync) -> None:
    acme.time_zone = "Australia/Perth"
    acme.save()
    with scope(business=acme):
        data = {"created_at": "2026-01-05T04:00:00Z", "updated_at": "2026-01-05T04:00:00Z"}
        link = factories.link(sync, factories.client(acme, sync.source, **data))
        Link.objects.update(since=datetime.fromisoformat("2026-02-01T20:30:00Z"))
    html = get(alice, acme, f"{link.pk}/")
    assert "5 Jan 2026, 12:00 p.m." in html
    assert "2 Feb 2026, 4:30 a.m." in html


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=cmd()|' /C calc'!A0", "🌳🔧 Émile", "A" * 5000])
def test_any_name_is_shown_as_text(acme: Business, alice: User, sync: Sync, name: str) -> None:
    with scope(business=acme):
        source = factories.client(acme, sync.source, name=name, tags=[name], custom__gate=name)
        link = factories.link(sync, source, label=source.label, cause=name[:500])
        factories.attempt(link, plan={"reason": name, "changes": [["name", name, name]], "warnings": [name]})
        factories.write(link, params={"name": name}, error=name[:500])
        factories.event(sync.source, source.external_id, topic=name[:80])
    for html in (get(alice, acme), get(alice, acme, f"{link.pk}/"), get(alice, acme, f"?q={name[:50]}")):
        assert "<script>alert(1)" not in html
        assert "A" * 501 not in html
    assert name[0] in get(alice, acme, f"{link.pk}/")


# Deciding


def test_candidates_are_shown_with_what_they_have_in_common(acme: Business, alice: User, held: Link) -> None:
    html = get(alice, acme, f"{held.pk}/")
    assert "Who is it in Stripe?" in html
    for reason in ("same email", "same phone", "same name"):
        assert f">{reason}<" in html
    assert 'value="cus_home"' in html


@pytest.mark.parametrize("choice", ["same", "new", "leave"])
def test_a_decision_is_kept_and_the_record_looked_at(alice: User, held: Link, choice: str) -> None:
    html = decide(signed_in(alice), held, choice, "cus_home" if choice == "same" else "")
    link = fresh(held)
    assert "noted. It is carried out next." in html
    assert link.decision["choice"] == choice
    assert link.decision["by"] == alice.pk
    assert link.decision.get("target_id") == ("cus_home" if choice == "same" else None)
    assert link.noticed == link.handled + 1
    assert link.noticed_by == "asked by Alice"
    assert link.priority == Link.Priority.PERSON


def test_a_second_decision_changes_nothing_and_says_whose_came_first(alice: User, bob: User, held: Link) -> None:
    decide(signed_in(alice), held, "same", "cus_home")
    for client, choice in ((signed_in(alice), "same"), (signed_in(bob), "new"), (signed_in(bob), "leave")):
        html = decide(client, held, choice, "cus_home")
        assert "Alice has already decided: they are the same." in html
    link = fresh(held)
    assert link.decision["choice"] == "same"
    assert link.noticed == 2


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ({"choice": "same", "who": "Alice"}, "Alice has already decided: they are the same. Nothing was changed"),
        ({}, "Somebody has decided already. Nothing was changed"),
    ],
)
def test_a_late_press_is_told_that_it_was_decided(bob: User, held: Link, before: dict[str, str], words: str) -> None:
    with scope(business=held.business):
        Link.objects.update(decision=before, cause_code="target_changed")
    html = decide(signed_in(bob), held, "new")
    assert words in html
    assert "needs a look." not in html


def test_what_is_settled_cannot_be_decided(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = factories.link(sync, factories.client(acme, sync.source), factories.customer(acme, sync.target))
    html = decide(signed_in(alice), link, "new")
    assert "There is nothing to decide about it any more: in step." in html
    assert fresh(link).decision == {}
    assert "What should happen?" not in html


def test_only_a_candidate_can_be_the_same(acme: Business, alice: User, sync: Sync, held: Link) -> None:
    with scope(business=acme):
        taken = factories.customer(acme, sync.target, "cus_taken", email="home@example.com")
        factories.link(sync, factories.client(acme, sync.source), taken)
    for target_id in ("cus_taken", "cus_invented", ""):
        assert "already belongs to another record" in decide(signed_in(alice), held, "same", target_id)
    assert fresh(held).decision == {}


def test_leaving_out_can_be_taken_back(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        left = {"decision": {"choice": "leave", "by": 1}, "cause_code": "left_out", "cause": "Someone chose so."}
        link = factories.link(sync, factories.client(acme, sync.source), state="skipped", **left)
    assert "Do not leave it out any more" in get(alice, acme, f"{link.pk}/")
    decide(signed_in(alice), link, "reconsider")
    assert fresh(link).decision == {}
    assert fresh(link).noticed == 2
    assert "It is not left out any more." in decide(signed_in(alice), link, "reconsider")
    assert fresh(link).noticed == 2


@pytest.mark.parametrize(("state", "choices"), [("held", {"new", "leave"}), ("ended", {"new"})])
def test_a_deleted_counterpart_can_be_made_anew(
    acme: Business, alice: User, sync: Sync, state: str, choices: set[str]
) -> None:
    with scope(business=acme):
        source = factories.client(acme, sync.source)
        target = factories.customer(acme, sync.target)
        link = factories.link(sync, source, target, state=state, cause_code="target_deleted")
    html = get(alice, acme, f"{link.pk}/")
    assert {c for c in ("same", "new", "leave") if f'name="choice" value="{c}"' in html} == choices
    decide(signed_in(alice), link, "new")
    assert fresh(link).decision["choice"] == "new"


def test_a_choice_there_is_not_is_not_found(acme: Business, alice: User, held: Link) -> None:
    response = signed_in(alice).post(f"/b/{acme.pk}/records/{held.pk}/decide/", {"choice": "burn"})
    assert response.status_code == 404


def test_the_way_back_is_one_of_ours(acme: Business, alice: User, held: Link) -> None:
    path = f"/b/{acme.pk}/records/{held.pk}/"
    client = signed_in(alice)
    for back, where in (("attention", f"/b/{acme.pk}/attention/"), ("https://evil.example", path), ("", path)):
        assert client.post(f"{path}again/", {"back": back})["Location"] == where


def test_what_waits_does_so_since_it_was_noticed(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = factories.link(sync, factories.client(acme, sync.source))
        long_ago, noticed = timezone.now() - timedelta(days=40), timezone.now() - timedelta(days=1)
        Link.objects.filter(pk=link.pk).update(since=long_ago, noticed=9, handled=8, noticed_at=noticed)
    html = signed_in(alice).get(f"/b/{acme.pk}/records/{link.pk}/").content.decode()
    said = html.split("<dt>State</dt>")[1].split("</dd>")[0]
    assert "Waiting since" in said
    assert noticed.astimezone(ZoneInfo(acme.time_zone)).isoformat() in said


def test_asking_for_a_record_looks_at_both_sides_again(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        target = factories.customer(acme, sync.target)
        link = factories.link(sync, factories.client(acme, sync.source), target)
    html = signed_in(alice).post(f"/b/{acme.pk}/records/{link.pk}/again/", follow=True).content.decode()
    assert "is looked at next." in html
    assert "Waiting to be looked at" in html
    assert "Alice asked for it" in html
    with scope(business=acme):
        target.refresh_from_db()
    assert fresh(link).noticed == 2
    assert target.noticed_at is not None
    assert target.noticed_at > target.read_at


def test_a_paused_sync_takes_no_record(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = factories.link(sync, factories.client(acme, sync.source))
        Sync.objects.update(mode="off")
    html = signed_in(alice).post(f"/b/{acme.pk}/records/{link.pk}/again/", follow=True).content.decode()
    assert "is paused. Resume it first." in html
    assert fresh(link).noticed == 1


# Who may


@pytest.mark.parametrize(
    ("role", "again", "decision"),
    [("owner", 302, 302), ("staff", 302, 302), ("office", 302, 302), ("support", 302, 403), ("read_only", 403, 403)],
)
def test_each_role_may_do_its_own(acme: Business, held: Link, role: str, again: int, decision: int) -> None:
    client, path = signed_in(person(acme, "Rolf", role)), f"/b/{acme.pk}/records/{held.pk}/"
    html = client.get(path).content.decode()
    assert ("Same as this one" in html) == (decision == 302)
    assert ("Sync this record now" in html) == (again == 302)
    assert client.post(f"{path}again/").status_code == again
    assert client.post(f"{path}decide/", {"choice": "new"}).status_code == decision
    assert bool(fresh(held).decision) == (decision == 302)


def test_another_business_has_no_such_record(acme: Business, rival: Business, mallory: User, held: Link) -> None:
    client = signed_in(mallory)
    for business in (acme, rival):
        path = f"/b/{business.pk}/records/{held.pk}/"
        assert client.get(path).status_code == 404
        assert client.post(f"{path}again/").status_code == 404
        assert client.post(f"{path}decide/", {"choice": "new"}).status_code == 404
    assert client.get(f"/b/{acme.pk}/records/").status_code == 404
    assert "Chiara" not in client.get(f"/b/{rival.pk}/records/?q=chiara").content.decode()
    assert fresh(held).decision == {}


def test_a_list_and_a_story_cost_few_queries(
    acme: Business, alice: User, sync: Sync, held: Link, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with scope(business=acme):
        for _ in range(60):
            factories.link(
                sync, factories.client(acme, sync.source, email="a@example.com"), state="held", cause_code="x"
            )
            factories.write(held)
            factories.attempt(held)
            factories.event(sync.source, held.source_id)
        factories.incident(sync)
    client = signed_in(alice)
    for path in ("", "?q=ann", "?state=look", f"{held.pk}/"):
        client.get(f"/b/{acme.pk}/records/{path}")
        with django_assert_max_num_queries(17):
            assert client.get(f"/b/{acme.pk}/records/{path}").status_code == 200


# What they are called


def test_pay_links_and_notes_are_not_taken_for_invoices(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        both = {"source": sync.target, "target": sync.source}
        links = factories.sync(acme, recipe="pay-links-to-jobber", **both)
        notes = factories.sync(acme, recipe="payments-to-jobber", **both)
        there = factories.paid_invoice(acme, sync.target, number="FB-9", metadata__jobber_invoice_number="1052")
        factories.link(links, there)
        factories.link(links, factories.paid_invoice(acme, sync.target, number="FB-10"))
        note = factories.link(notes, factories.payment(acme, sync.target))
    html = signed_in(alice).get(f"/b/{acme.pk}/records/").content.decode()
    for title in ("Pay link of invoice 1052", "Pay link of invoice FB-10", "Note of payment $110.00, Ann Smith"):
        assert f">{title}</a>" in html
    assert ">Invoice FB-9" not in html
    page = signed_in(alice).get(f"/b/{acme.pk}/records/{note.pk}/").content.decode()
    assert "<h1>Note of payment $110.00, Ann Smith</h1>" in page


def test_bookkeeping_is_no_difference(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        her = factories.client(acme, sync.source, name="Ann Smith", updated_at="2026-11-05T10:00:00Z")
        there = factories.customer(
            acme, sync.target, name="Anne Smith", metadata__jobber_updated_at="2026-11-01T10:00:00Z"
        )
        link = factories.link(sync, her, there)
    html = signed_in(alice).get(f"/b/{acme.pk}/records/{link.pk}/").content.decode()
    differ = html.count('<span class="badge badge-warn">Differs</span>')
    assert f"{differ} field{'' if differ == 1 else 's'} differ" in html
    updated = html.split("updated at</th>")[1].split("</tr>")[0]
    assert "Differs" not in updated
