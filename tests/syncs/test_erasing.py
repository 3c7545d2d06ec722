"""A client who is erased is nowhere in the database any more, stays out, and the proof of what was done holds."""

import json
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from connectors.base import Notice, NoticeKind
from portal.models import Alert, Business, User
from syncs import audit, erasing, notice, proof, settling
from syncs.models import AuditEntry, Erased, Event, Link, Snapshot, Sync, Write
from tests import factories
from tests.syncs.world import World

FIRST, LAST, EMAIL, PHONE = "Thi Hoa", "Nguyen-Pham", "hoa.np@example.com", "0412 555 019"
NAME = f"{FIRST} {LAST}"
SAID = (NAME, LAST, EMAIL, PHONE, "+61412555019")


def everywhere(word: str) -> list[str]:
    """Tables and columns of the whole database in which the word stands."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for column in connection.introspection.get_table_description(cursor, table):
                name = f'"{table}"."{column.name}"'
                cursor.execute(f'SELECT 1 FROM "{table}" WHERE CAST({name} AS TEXT) LIKE %s LIMIT 1', [f"%{word}%"])
                found += [name] if cursor.fetchone() else []
    return found


@pytest.fixture
def hoa(here: World) -> Link:
    """With a history: written twice, and looked at once more."""
    phones = [{"number": PHONE, "primary": True}]
    key = here.jobber.add(FIRST, LAST, EMAIL, phones=phones)
    here.jobber.add("Ann", "Smith", "ann@example.com")
    here.read_again()
    here.jobber.edit(key, companyName="Hoa Gardens")
    here.read_again()
    link = Link.objects.get(label__contains=LAST)
    assert link.target_id
    return link


def beside(link: Link, by: User) -> None:
    """Rows that are not the client's own and name them all the same."""
    sync = link.sync
    factories.incident(sync, title=f"{NAME} was refused", note=f"Rang {PHONE}")
    factories.event(sync.target, str(link.target_id), topic="customer.updated", body=f'{{"email": "{EMAIL}"}}')
    other = Link.objects.exclude(pk=link.pk).get()
    factories.attempt(other, plan={"reason": f"It may be {NAME}, who has {PHONE}"})
    business: Business = sync.business
    Alert.objects.create(business=business, key="a", kind="news", title=f"About {NAME}", items=[{"title": EMAIL}])
    audit.record(business.pk, by, "record.decided", other, f"Decided about {other}: not {NAME}")
    audit.record(business.pk, by, "record.decided", link, "Decided about Hoa: the same", who=EMAIL)


def test_nothing_of_an_erased_client_is_left_anywhere(here: World, hoa: Link, alice: User) -> None:
    beside(hoa, alice)
    assert all(everywhere(word) for word in SAID)
    counts = erasing.erase(hoa, alice)
    assert [place for word in SAID for place in everywhere(word)] == []
    assert counts["records"] == 2
    assert everywhere("Ann Smith")
    assert [c["email"] for c in here.stripe.of(hoa.source_id)] == [EMAIL]  # the outside services are as they were


def test_the_proof_holds_after_it_and_still_finds_a_forger(here: World, hoa: Link, alice: User) -> None:
    beside(hoa, alice)
    erasing.erase(hoa, alice)
    found = proof.of(hoa.business_id)
    assert (found.broken, found.writes) == (None, Write.objects.count())
    last = AuditEntry.objects.latest("pk")
    assert (last.action, last.who) == ("privacy.erased", "Alice")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE syncs_write SET verb = %s WHERE link_id = %s", ["delete", hoa.pk])
    assert "ledger of writes, entry 1" in str(proof.of(hoa.business_id).broken)


def test_an_erased_client_stays_out_while_they_exist_outside(here: World, hoa: Link, alice: User) -> None:
    erasing.erase(hoa, alice)
    key = hoa.source_id
    here.jobber.edit(key, companyName="Hoa Trees")
    written = here.writes()
    notice.mark(here.sync, key, "webhook CLIENT_UPDATE", timezone.now())
    here.work()
    here.read_again()
    assert here.writes() == written
    assert [place for word in SAID for place in everywhere(word)] == []
    hoa.refresh_from_db()
    assert (hoa.state, hoa.cause_code, hoa.label) == ("skipped", "erased", "(erased)")
    assert not Snapshot.objects.filter(external_id=key, data__isnull=False).exclude(data={}).exists()


def test_what_comes_anew_for_an_erased_client_stays_out_too(
    here: World, invoices: Sync, hoa: Link, alice: User
) -> None:
    erasing.erase(hoa, alice)
    bill = here.jobber.bill(hoa.source_id, [("Mowing", "1", "100.00")])
    here.read_again(invoices)
    assert [place for word in SAID for place in everywhere(word)] == []
    assert Erased.objects.filter(resource="invoices", external_id=bill).exists()
    assert here.stripe.invoices() == []


def test_the_body_of_a_webhook_about_them_is_not_kept(here: World, hoa: Link, alice: User) -> None:
    erasing.erase(hoa, alice)
    body = json.dumps({"id": hoa.target_id, "email": EMAIL}).encode()
    for key in ("evt_1", "evt_2"):
        said = Notice("customer.updated", "acct", NoticeKind.CHANGED, "customers", str(hoa.target_id), key)
        notice.receive(here.sync.target, said, body)
    here.work()
    assert [event.body for event in Event.objects.filter(event_id__startswith="evt_")] == ["", ""]
    assert everywhere(EMAIL) == []


def test_a_call_under_way_while_they_are_erased_brings_nothing_back(
    here: World, hoa: Link, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, erased = settling.settle_answers, []

    def at_that_moment(*told: Any, **more: Any) -> None:
        if not erased:
            erased.append(erasing.erase(hoa, alice))
        real(*told, **more)

    here.jobber.edit(hoa.source_id, companyName="Hoa Trees")
    monkeypatch.setattr(settling, "settle_answers", at_that_moment)
    here.read_again()
    assert erased
    here.forget_waits()
    here.work()
    assert [place for word in SAID for place in everywhere(word)] == []
    assert here.open_writes() == 0


def test_a_call_without_an_answer_is_not_made_again_once_they_are_erased(here: World, alice: User) -> None:
    here.sandbox.sandbox.frame.faults.add("500", service="stripe", operation="POST customers", times=100)
    key = here.jobber.add(FIRST, LAST, EMAIL)
    here.read_again()
    assert here.open_writes() == 1
    erasing.erase(here.link(key), alice)
    written = here.writes()
    here.forget_waits()
    here.read_again()
    assert (here.writes(), here.open_writes(), here.stripe.customers()) == (written, 0, [])
