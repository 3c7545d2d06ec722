"""A copy of all that is held, and an end to it, for owners who have just said who they are."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from portal import copies
from portal.models import Business, Connection, Membership, User
from syncs.models import AuditEntry, Link
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import CANARY, World

pytestmark = pytest.mark.django_db


def unzipped(answer: Any) -> dict[str, list[dict[str, Any]]]:
    assert answer["Content-Type"] == "application/zip"
    file = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    return {name: [json.loads(line) for line in file.read(name).splitlines()] for name in file.namelist()}


def dumped() -> str:
    """The whole database as text."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.fixture
def owner(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def both(acme: Business, rival: Business, alice: User, mallory: User) -> tuple[World, World]:
    """Two businesses with a row of everything, invoices too."""
    worlds = rows.world(acme), rows.world(rival)
    for each in worlds:
        rows.invoices(each)
    return worlds


# A copy


def test_a_copy_of_a_business_holds_all_of_it_and_nothing_else(owner: Client, both: tuple[World, World]) -> None:
    acme, rival = (each.business for each in both)
    assert owner.get(f"/b/{acme.pk}/privacy/copy/").status_code == 405
    found = unzipped(owner.post(f"/b/{acme.pk}/privacy/copy/"))
    assert found["business.jsonl"][0]["name"] == "Acme Plumbing"
    assert [row["email"] for row in found["people.jsonl"]] == ["alice@example.com"]
    for model in copies.owned():
        name = f"{model._meta.verbose_name_plural}.jsonl".replace(" ", "-")
        assert len(found[name]) == model._base_manager.filter(business=acme).count(), name  # type: ignore[misc]
    text = json.dumps(found)
    assert "Acme Plumbing client 0" in text
    assert CANARY not in text.replace("canary-secret@", "")
    assert rival.name not in text
    with scope(business=acme):
        assert AuditEntry.objects.latest("pk").words == "Downloaded all that is held of Acme Plumbing"


def test_a_copy_of_one_client_holds_their_invoices_and_payments_too(owner: Client, both: tuple[World, World]) -> None:
    link = both[0].links[0]
    found = unzipped(owner.post(f"/b/{link.business_id}/records/{link.pk}/privacy/copy/"))
    assert {row["label"] for row in found["links.jsonl"]} == {"Acme Plumbing client 0", "Acme Plumbing invoice 1"}
    assert len(found["writes.jsonl"]) == 1
    assert "client 1" not in json.dumps(found)


def test_a_copy_is_sent_while_it_is_made(acme: Business, alice: User) -> None:
    """Not held as a whole: the first piece comes before the last row is read."""
    pieces = copies.zipped([("people", User.objects.all())])
    assert next(iter(pieces)).startswith(b"PK")


# Erasing one client


def test_an_owner_sees_what_goes_and_what_stays_then_erases(owner: Client, both: tuple[World, World]) -> None:
    link = both[0].links[0]
    page = f"/b/{link.business_id}/records/{link.pk}/privacy/"
    shown = owner.get(page).content.decode()
    assert "The client in Jobber (" in shown
    assert ">open</a>) and Stripe (" in shown
    assert "tax law" in shown
    owner.post(f"{page}erase/")
    assert "Acme Plumbing client 0" in dumped()  # not sure, not erased
    answer = owner.post(f"{page}erase/", {"sure": "yes"}, follow=True)
    assert b"2 clients erased so far" in answer.content
    assert "Acme Plumbing client 0" not in dumped()
    assert "Rival Electrics client 0" in dumped()
    assert b"This client was erased" in owner.get(page).content
    assert owner.get(f"/b/{link.business_id}/records/{link.pk}/").status_code == 200


def test_what_is_no_client_cannot_be_erased_as_one(owner: Client, both: tuple[World, World]) -> None:
    with scope(business=both[0].business):
        invoice = Link.objects.get(label="Acme Plumbing invoice 1")
    assert owner.post(f"/b/{invoice.business_id}/records/{invoice.pk}/privacy/erase/").status_code == 404


# Deleting a business


def test_a_business_goes_with_everything_and_others_stay(
    owner: Client, both: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, rival = (each.business for each in both)
    monkeypatch.setattr("portal.connect._let_go", lambda *_: "It does not answer.")
    page = f"/b/{acme.pk}/privacy/delete/"
    shown = owner.get(page).content.decode()
    assert "in Jobber, also those that Fieldbridge wrote there" in shown
    assert "<dt>Records kept in step</dt>" in shown
    for inside in ("ueues of work", "Lanes", "nds of chains", "Chain heads", "resses of Connect", "Connect starts"):
        assert inside not in shown
    assert owner.post(page, {"name": "Acme"}).status_code == 422
    assert Business.objects.filter(pk=acme.pk).exists()
    answer = owner.post(page, {"name": "Acme Plumbing"}, follow=True)
    assert b"Acme Plumbing is deleted" in answer.content
    assert b"It does not answer. Remove Fieldbridge" in answer.content
    for model in copies.owned():
        assert not model._base_manager.filter(business_id=acme.pk).exists(), model  # type: ignore[misc]
        assert model._base_manager.filter(business=rival).exists(), model  # type: ignore[misc]
    assert "Acme Plumbing client" not in dumped()
    assert User.objects.filter(email="alice@example.com").exists()


# Who may


PAGES = ("privacy/copy/", "privacy/delete/", "records/{link}/privacy/copy/", "records/{link}/privacy/erase/")


@pytest.mark.parametrize("page", PAGES)
def test_only_an_owner_who_has_just_said_who_they_are(both: tuple[World, World], alice: User, page: str) -> None:
    link = both[0].links[0]
    address = f"/b/{link.business_id}/{page.format(link=link.pk)}"
    staff, owner = signed_in(person(both[0].business, "Stella", "staff")), signed_in(alice)
    said = {"name": "Acme Plumbing", "sure": "yes"}
    assert staff.post(address, said).status_code == 403
    owner.get(f"/b/{link.business_id}/")
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        answer = owner.post(address, said)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    with scopes_disabled():
        assert Connection.objects.count() == 4
        assert Link.objects.get(pk=link.pk).label == "Acme Plumbing client 0"
    assert Membership.objects.filter(business=link.business_id).exists()
