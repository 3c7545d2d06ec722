"""The audit trail of a business as its owners read, download and check it."""

import io
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django_scopes import scope
from openpyxl import load_workbook

from portal.models import Business, User
from syncs import audit
from syncs.models import AuditEntry, Erased
from tests import factories
from tests.conftest import PASSWORD, person, signed_in
from tests.portal.rows import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(acme: Business) -> str:
    return f"/b/{acme.pk}/audit/"


@pytest.fixture
def owner(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def told(acme: Business, alice: User, bob: User) -> None:
    """A role on the 1st of May, a download on the 2nd, each in the evening of Sydney."""
    with scope(business=acme):
        for day, by, action, words in (
            (1, alice, "person.role", "Made Bob Office"), (2, bob, "report.exported", "=Downloaded the report"),
        ):  # fmt: skip
            with time_machine.travel(datetime(2026, 5, day, 12, 30, tzinfo=UTC), tick=False):
                audit.record(acme.pk, by, action, bob, words)


@pytest.mark.parametrize(
    ("asked", "role", "download"),
    [
        ({}, True, True),
        ({"what": "people"}, True, False),
        ({"what": "exports"}, False, True),
        ({"who": "bo"}, False, True),
        ({"about": "made bob"}, True, False),
        ({"since": "2026-05-02"}, False, True),
        ({"until": "2026-05-01"}, True, False),
        ({"since": "yesterday", "what": "anything"}, True, True),
    ],
)
def test_entries_are_found_by_what_who_when_and_about_what(
    owner: Client, page: str, told: None, asked: dict[str, str], role: bool, download: bool
) -> None:
    shown = owner.get(page, asked).content
    assert (b"Made Bob Office" in shown, b"Downloaded the report" in shown) == (role, download)


def test_what_was_written_to_the_accounts_is_there_too(owner: Client, page: str, here: World) -> None:
    shown = owner.get(page, {"show": "writes"}).content.decode()
    assert f"Create in Stripe: {here.links[0]} (confirmed)" in shown
    assert "went live" not in shown
    assert str(here.links[0]) not in owner.get(page, {"show": "writes", "who": "somebody"}).content.decode()


def test_a_file_holds_what_is_shown_and_says_so_in_the_trail(
    owner: Client, page: str, told: None, acme: Business
) -> None:
    assert owner.get(f"{page}audit.csv").status_code == 405
    answer = owner.post(f"{page}audit.csv", {"what": "exports", "since": "2026-05-02", "until": "2026-05-02"})
    lines = answer.content.decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("2026-05-02T22:30:00+10:00,Bob,Downloads,'=Downloaded the report,")
    with scope(business=acme):
        assert AuditEntry.objects.latest("pk").words == "Downloaded the audit trail"
    book = load_workbook(io.BytesIO(owner.post(f"{page}audit.xlsx", {"what": "people"}).content))
    assert [row[3].value for row in book.active] == ["In words", "Made Bob Office"]
    assert owner.post(f"{page}audit.exe").status_code == 404


def test_every_download_stands_under_downloads_and_about_what_is_no_code(
    owner: Client, page: str, acme: Business, alice: User
) -> None:
    with scope(business=acme):
        audit.record(acme.pk, alice, "privacy.exported", acme, "Downloaded all that is held of Ann")
        audit.record(acme.pk, alice, "incident.ignored", acme, "Ignored it")
    owner.post(f"/b/{acme.pk}/attention/export/")
    taken = ["Downloaded the records that wait for a person", "Downloaded all that is held of Ann"]
    for what, found in ({"exports": taken, "decisions": ["Ignored it"], "privacy": []}).items():
        assert [line.words for line in owner.get(page, {"what": what}).context["lines"]] == found
    lines = owner.post(f"{page}audit.csv", {}).content.decode()
    assert "Alice,Downloads,Downloaded the records that wait for a person,," in lines
    assert "business:" not in lines


def test_an_owner_can_have_it_checked(owner: Client, page: str, told: None) -> None:
    assert (
        b"All 2 entries and 0 writes are there, in order and unchanged."
        in owner.post(f"{page}check/", follow=True).content
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE syncs_auditentry SET words = %s WHERE action = %s", ["No", "person.role"])
    assert b"In the audit trail, entry 1 of 2026-05-01" in owner.post(f"{page}check/", follow=True).content


def test_only_owners_read_it(page: str, bob: User, mallory: User, told: None) -> None:
    assert signed_in(bob).get(page).status_code == 403
    assert signed_in(mallory).get(page).status_code == 404


def test_a_name_in_it_is_not_taken_for_html(owner: Client, page: str, acme: Business, alice: User) -> None:
    with scope(business=acme):
        audit.record(acme.pk, alice, "sync.mode", factories.sync(acme), "<script>alert(1)</script>")
    assert b"<script>alert" not in owner.get(page).content


def test_the_admin_says_what_kind_it_was_and_finds_it_by_that(here: World) -> None:
    support = signed_in(person(here.business, "Sue", "support", is_staff=True))
    with scope(business=here.business):
        audit.record(here.business.pk, None, "audit.exported", here.business, "Took the trail along")
    html = support.get("/admin/syncs/auditentry/").content.decode()
    assert "sync.mode" not in html
    assert "Settings" in html
    found = support.get("/admin/syncs/auditentry/", {"what": "exports"}).context["cl"]
    assert [row.words for row in found.result_list] == ["Took the trail along"]


def test_support_downloads_entries_in_the_admin_and_it_is_written_down(here: World) -> None:
    support = signed_in(person(here.business, "Sue", "support", is_staff=True))
    with scope(business=here.business):
        entry = AuditEntry.objects.get()
    answer = support.post("/admin/syncs/auditentry/", {"action": "download", "_selected_action": [entry.pk]})
    assert answer.content.decode().splitlines()[1].startswith("Acme Plumbing,")
    with scope(business=here.business):
        assert AuditEntry.objects.latest("pk").words == "Downloaded 1 entry of the audit trail"


def test_what_was_erased_can_be_let_in_again_by_who_may(here: World) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", PASSWORD, name="Boss"))
    with scope(business=here.business):
        erased = Erased.objects.get()
        assert boss.post(f"/admin/syncs/erased/{erased.pk}/delete/", {"post": "yes"}).status_code == 302
        assert not Erased.objects.exists()
        assert AuditEntry.objects.latest("pk").action == "admin.removed"
