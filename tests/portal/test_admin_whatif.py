"""What-if in the admin: asked on the sync's page, watched, read, taken away, and mentioned where one publishes."""

import csv
import html
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django_scopes import scope

from portal import spreadsheets
from portal.models import Business, Connection, User
from syncs import whatif
from syncs.models import AuditEntry, FieldMapping, Link, Snapshot, WhatIf
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_pages import page_address


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    made = rows.world(acme)
    with scope(business=acme):
        WhatIf.objects.all().delete()
        FieldMapping.objects.filter(target_path="name").update(
            sources=["name"], transforms=[{"name": "case", "to": "upper"}]
        )
    return made


def press(client: Client, here: World, scope: str = "all") -> Any:
    address = page_address(here.sync).replace("change/", "what-if/")
    return client.post(address, {"_form_submitted": "True", "scope": scope})


def newest() -> WhatIf:
    found: WhatIf = everything(WhatIf)[0]
    return found


def worked(here: World) -> WhatIf:
    asked = newest()
    with scope(business=here.business):
        whatif.work(asked.pk)
    return newest()


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(html.unescape(answer.content.decode()).split())


def at(asked: WhatIf, name: str) -> str:
    return page_address(asked).replace("change/", f"{name}/")


def test_asked_watched_and_read(staff: Client, here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "open", lambda self: pytest.fail("Somebody outside was asked."))
    assert press(staff, here)["Location"] == page_address(newest())
    assert press(staff, here)["Location"] == page_address(newest()), "two presses make one"
    assert len(everything(WhatIf)) == 1
    page = text(staff.get(page_address(newest())))
    assert "Trying the draft: 0 of 3 records." in page
    assert 'hx-trigger="every 1s"' in page
    bar = staff.get(at(newest(), "progress"), headers={"HX-Request": "true"})
    assert "HX-Refresh" not in bar.headers

    asked = worked(here)
    assert (asked.state, asked.done) == ("done", 3)
    assert staff.get(at(asked, "progress"), headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    answer = staff.get(page_address(asked))
    page = text(answer)
    assert "Of 3 records, 3 come out otherwise" in page
    assert "Acme Plumbing client 0 → ACME PLUMBING CLIENT 0" in page
    assert "Hardly anything was written lately, so 2 calls a second are assumed." in page
    assert [record.record.label for record in answer.context["page"].object_list] == [
        f"Acme Plumbing client {n}" for n in range(3)
    ]
    [entry] = [e for e in everything(AuditEntry) if e.action == "what_if.started"]
    assert (entry.who, entry.words) == ("Stella", f"Asked what the draft of “{here.sync}” would do: all records")


def test_every_record_can_be_taken_away_and_no_cell_is_a_formula(staff: Client, here: World) -> None:
    with scope(business=here.business):
        Snapshot.objects.filter(external_id="Acme Plumbing-2").update(label='=HYPERLINK("http://evil.example")')
    press(staff, here)
    asked = worked(here)
    assert staff.get(at(asked, "download")).status_code == 405, "it is recorded, so a link alone does not do it"
    answer = staff.post(at(asked, "download"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    head, *lines = csv.reader(StringIO(answer.content.decode("utf-8-sig")))
    assert head[:3] == ["Record", "Id at the source", "Id at the target"]
    assert len(lines) == 3
    assert lines[2][0] == '\'=HYPERLINK("http://evil.example")'
    assert lines[0][3:8] == [
        "Would be updated" if lines[0][3] != "In step" else "In step", lines[0][4], "Would be updated", lines[0][6],
        "yes",
    ]  # fmt: skip
    assert "ACME PLUMBING CLIENT 0" in lines[0][9]
    [entry] = [e for e in everything(AuditEntry) if e.action == "what_if.downloaded"]
    assert (entry.who, entry.details) == ("Stella", {"records": 3})


@pytest.mark.parametrize("words", ["=1+1", "+61412345678", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1"])
def test_cells_that_a_spreadsheet_would_reckon_with(words: str) -> None:
    assert spreadsheets.plain(words) == f"'{words}"
    assert [spreadsheets.plain(v) for v in ("Ann", 12, None, "a=b")] == ["Ann", "12", "", "a=b"]


def test_cancelled_at_once(staff: Client, here: World) -> None:
    press(staff, here)
    assert staff.get(at(newest(), "cancel")).status_code == 405
    assert "Cancelled." in text(staff.post(at(newest(), "cancel"), follow=True))
    assert worked(here).state == "cancelled"
    assert "It was over already." in text(staff.post(at(newest(), "cancel"), follow=True))


def test_publishing_mentions_what_was_tried(staff: Client, here: World) -> None:
    publish = page_address(here.sync).replace("change/", "publish/")
    assert "was not tried" in text(staff.get(publish))
    press(staff, here)
    asked = worked(here)
    page = text(staff.get(publish))
    assert "3 of 3 records come out otherwise." in page
    assert page_address(asked) in page
    with scope(business=here.business):
        FieldMapping.objects.filter(target_path="email").delete()
    assert "was not tried" in text(staff.get(publish)), "it is another draft now"


def test_a_draft_that_cannot_work_is_not_tried(staff: Client, here: World) -> None:
    with scope(business=here.business):
        FieldMapping.objects.filter(target_path="name").update(transforms=[{"name": "no_such"}])
    press(staff, here)
    assert "The draft cannot be tried. name: there is no transform called “no_such”." in text(
        staff.get(page_address(here.sync))
    )
    assert everything(WhatIf) == []


def test_only_who_may_configure_and_only_their_own(acme: Business, here: World, staff: Client, rival: Business) -> None:
    press(staff, here)
    asked = worked(here)
    support = signed_in(person(acme, "Sam", "support", is_staff=True))
    assert "come out otherwise" in text(support.get(page_address(asked)))
    assert press(support, here).status_code == 403
    stranger = signed_in(person(rival, "Sid", "staff", is_staff=True))
    assert press(stranger, here).status_code == 404
    assert stranger.get(page_address(asked)).status_code == 404
    for name in ("download", "cancel"):
        assert support.post(at(asked, name)).status_code == 403
        assert stranger.post(at(asked, name)).status_code == 404
    assert stranger.get(at(asked, "progress")).status_code == 404
    assert everything(Link)[0].noticed == 1


def test_its_title_says_the_local_time(staff: Client, here: World) -> None:
    press(staff, here)
    asked = newest()
    with scope(business=here.business):
        WhatIf.objects.update(started_at=datetime(2026, 11, 29, 0, 10, tzinfo=UTC))
    assert "What-if of 29 Nov 2026, 11:10 a.m." in html.unescape(staff.get(page_address(asked)).content.decode())
