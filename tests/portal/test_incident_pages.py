"""The page of an incident: its records and their money, who takes care of it, another try, the file, a replay."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scope
from hypothesis import given
from hypothesis import strategies as st

from portal import exports, spreadsheets
from portal.models import Business, User
from syncs import incidents
from syncs.models import AuditEntry, Incident, Link, Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        return factories.sync(acme, recipe="invoices-to-stripe")


def stop(sync: Sync, code: str = "gave_up", **data: Any) -> Link:
    found = factories.written_invoice(sync.business, sync.source, **data)
    state = "parked" if code == "gave_up" else "held"
    return factories.link(sync, found, state=state, cause_code=code, cause=f"Because of {code}.")


@pytest.fixture
def opened(sync: Sync) -> Incident:
    with scope(business=sync.business):
        for number in ("1001", "1002"):
            stop(sync, number=number)
        incidents.refresh(sync)
        return Incident.objects.get()


def at(row: Incident, what: str = "") -> str:
    return f"/b/{row.business_id}/incidents/{row.pk}/{what}"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.status_code
    return re.sub(r"\s+", " ", answer.content.decode())


def handle(user: User, row: Incident, **form: object) -> str:
    answer = signed_in(user).post(at(row, "handle/"), form, follow=True)
    return str(answer.content.decode())


def test_the_page_says_what_it_is_what_to_do_and_what_is_at_stake(alice: User, opened: Incident) -> None:
    page = text(signed_in(alice), at(opened))
    assert "2 invoices could not be written after many tries, $220.00" in page
    assert "Look at the answer, then try again." in page
    assert "Invoice 1001" in page
    assert "Nobody yet" in page
    listed = text(signed_in(alice), f"/b/{opened.business_id}/attention/")
    assert at(opened) in listed
    assert at(opened, "try/") in listed


def test_somebody_takes_care_of_it_and_notes_why(alice: User, bob: User, opened: Incident) -> None:
    handle(alice, opened, do="assign", who=bob.pk)
    page = handle(bob, opened, do="note", note="<b>Rang</b> the client")
    assert "Bob" in page
    assert "&lt;b&gt;Rang&lt;/b&gt; the client" in page
    assert "takes care of “2 invoices" in page
    with scope(business=opened.business):
        assert AuditEntry.objects.count() == 2
    assert "Bob takes care of it." in text(signed_in(alice), f"/b/{opened.business_id}/attention/")


def test_nobody_of_another_business_can_be_given_it(alice: User, mallory: User, opened: Incident) -> None:
    for who in (mallory.pk, "x", "9" * 30):
        assert signed_in(alice).post(at(opened, "handle/"), {"do": "assign", "who": who}).status_code == 404
    with scope(business=opened.business):
        opened.refresh_from_db()
        assert (opened.assignee, AuditEntry.objects.count()) == (None, 0)


def test_what_is_put_off_or_ignored_stands_apart(alice: User, opened: Incident) -> None:
    until = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert "Put off until" in handle(alice, opened, do="snooze", until=until)
    listed = text(signed_in(alice), f"/b/{opened.business_id}/attention/")
    assert "Put off or ignored (1)" in listed
    assert "Because of gave_up." not in listed
    assert 'badge badge-warn">2' not in listed
    handle(alice, opened, do="ignore")
    assert "Ignored until a record changes" in text(signed_in(alice), at(opened))
    handle(alice, opened, do="reopen")
    assert "Because of gave_up." in text(signed_in(alice), f"/b/{opened.business_id}/attention/")


@pytest.mark.parametrize("until", ["", "never", "2020-01-01T08:00", "9999-12-31T23:59"])
def test_a_time_that_is_none_is_refused_in_words(alice: User, opened: Incident, until: str) -> None:
    page = handle(alice, opened, do="snooze", until=until)
    assert "Choose a" in page
    with scope(business=opened.business):
        assert Incident.objects.get().snoozed_until is None


def test_who_may_only_look_sees_no_buttons(acme: Business, opened: Incident) -> None:
    reader = person(acme, "Rita", "read_only")
    page = text(signed_in(reader), at(opened))
    assert "Who takes care of it" not in page
    assert "Download as CSV" in page
    assert signed_in(reader).get(at(opened, "try/")).status_code == 403


def test_another_try_is_shown_before_it_is_made(alice: User, opened: Incident) -> None:
    client = signed_in(alice)
    page = text(client, at(opened, "try/"))
    assert "Nothing was sent" in page
    assert "Try all 2 again now" in page
    with scope(business=opened.business):
        assert not Link.objects.filter(noticed=2).exists()
    answer = client.post(at(opened, "try/"), follow=True)
    assert "2 invoices are tried again now." in answer.content.decode()
    with scope(business=opened.business):
        assert AuditEntry.objects.get().action == "incident.retried"
        assert Link.objects.filter(noticed=2).count() == 2


def test_a_paused_sync_tries_nothing(alice: User, opened: Incident) -> None:
    with scope(business=opened.business):
        Sync.objects.update(mode="off")
    assert "resume it first" in text(signed_in(alice), at(opened, "try/"))
    signed_in(alice).post(at(opened, "try/"))
    with scope(business=opened.business):
        assert not Link.objects.filter(noticed=2).exists()


def test_an_incident_of_a_connection_has_no_records_to_try(alice: User, sync: Sync) -> None:
    with scope(business=sync.business):
        incidents.connection_failed(sync.target, "auth", "Stripe needs attention", "Connect it again.")
        row = Incident.objects.get()
    assert "Ignore it until it is over" in text(signed_in(alice), at(row))
    assert signed_in(alice).get(at(row, "try/")).status_code == 404


# The file


def rows_of(answer: Any) -> list[list[str]]:
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_every_record_that_waits_is_in_the_file(alice: User, sync: Sync, opened: Incident) -> None:
    with scope(business=sync.business):
        stop(sync, "void_there", number="1003")
        moving = stop(sync, number="1004")
        Link.objects.filter(pk=moving.pk).update(noticed=2)
    head, *lines = rows_of(signed_in(alice).post(f"/b/{sync.business_id}/attention/export/"))
    assert head == list(exports.HEAD)
    assert len(lines) == 3
    line = dict(zip(head, lines[0], strict=True))
    assert line["Record"].startswith("Invoice 1001")
    assert (line["Amount"], line["Currency"], line["Cause"]) == ("110.00", "AUD", "gave_up")
    one = rows_of(signed_in(alice).post(f"/b/{sync.business_id}/attention/export/", {"incident": opened.pk}))
    assert len(one) == 3


def test_what_to_do_points_to_nothing_below_in_a_file(alice: User, sync: Sync) -> None:
    with scope(business=sync.business):
        stop(sync, "void_there")
    head, line = rows_of(signed_in(alice).post(f"/b/{sync.business_id}/attention/export/"))
    words = dict(zip(head, line, strict=True))["What to do"]
    assert words == "Say on the page of the record whether to make a new one."


def test_no_cell_is_a_formula(alice: User, sync: Sync) -> None:
    with scope(business=sync.business):
        link = stop(sync)
        Link.objects.filter(pk=link.pk).update(label="=HYPERLINK(“x”)", cause="+1", source_id="@SUM(A1)")
    cells = [c for line in rows_of(signed_in(alice).post(f"/b/{sync.business_id}/attention/export/")) for c in line]
    assert "'=HYPERLINK(“x”)" in cells
    assert [c for c in cells if c.startswith(("=", "+", "-", "@"))] == []


@given(st.text(max_size=40))
def test_a_cell_keeps_its_text(text: str) -> None:
    shown = spreadsheets.plain(text)
    assert shown in (text, f"'{text}")
    assert not shown.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_the_file_of_another_business_does_not_exist(mallory: User, rival: Business, opened: Incident) -> None:
    assert signed_in(mallory).post(f"/b/{rival.pk}/attention/export/", {"incident": opened.pk}).status_code == 404
    assert len(rows_of(signed_in(mallory).post(f"/b/{rival.pk}/attention/export/"))) == 1


# A replay


def test_a_look_is_replayed_beside_what_would_happen_now(alice: User, acme: Business) -> None:
    with scope(business=acme):
        sync = factories.sync(acme)
        link = factories.link(sync, factories.client(acme, sync.source, name="Ann Jones"), state="held")
        plan = {"verdict": "create", "reason": "New.", "changes": [["name", None, "Ann Smith"]]}
        old = factories.attempt(link, "create", "failed", plan=plan, error="The service was away.")
    path = f"/b/{acme.pk}/records/{link.pk}/replay/"
    page = text(signed_in(alice), f"{path}?look={old.pk}")
    assert "As it was then" in page
    assert "The service was away." in page
    assert "Ann Jones" in page
    with scope(business=acme):
        link.refresh_from_db()
        assert link.noticed == 1
    signed_in(alice).post(path)
    with scope(business=acme):
        link.refresh_from_db()
        assert (link.noticed, link.noticed_by) == (2, "asked by Alice")
    for wrong in ("999999", "x", "9" * 40):
        assert signed_in(alice).get(f"{path}?look={wrong}").status_code == 404


# In the admin


def test_support_sees_the_money_the_records_and_a_dry_run(acme: Business, opened: Incident) -> None:
    support = signed_in(person(acme, "Sue", "support", is_staff=True))
    page = f"/admin/syncs/incident/{opened.pk}"
    assert "$220.00" in text(support, "/admin/syncs/incident/")
    shown = text(support, f"{page}/change/")
    assert "$220.00" in shown
    assert "Invoice 1001" in shown
    tried = text(support, f"{page}/try/")
    assert "<strong>2</strong>" in tried
    with scope(business=acme):
        assert not Link.objects.filter(noticed=2).exists()
    support.post(f"{page}/try/", {"_form_submitted": "True"})
    with scope(business=acme):
        assert Link.objects.filter(noticed=2).count() == 2


def test_support_assigns_to_people_of_the_business_only(
    acme: Business, bob: User, mallory: User, opened: Incident
) -> None:
    support = signed_in(person(acme, "Sue", "support", is_staff=True))
    press = f"/admin/syncs/incident/{opened.pk}/assign/"
    support.post(press, {"_form_submitted": "True", "email": mallory.email})
    with scope(business=acme):
        assert Incident.objects.get().assignee is None
    support.post(press, {"_form_submitted": "True", "email": bob.email.upper()})
    support.post(f"/admin/syncs/incident/{opened.pk}/note/", {"_form_submitted": "True", "note": "Rang."})
    support.post(f"/admin/syncs/incident/{opened.pk}/snooze/", {"_form_submitted": "True", "hours": "24"})
    with scope(business=acme):
        row = Incident.objects.get()
        assert (row.assignee, row.note) == (bob, "Rang.")
        assert row.snoozed_until is not None
        assert [e.who for e in AuditEntry.objects.all()] == ["Sue"] * 3


def test_support_takes_the_records_along_as_a_file(acme: Business, opened: Incident) -> None:
    support = signed_in(person(acme, "Sue", "support", is_staff=True))
    answer = support.post("/admin/syncs/incident/", {"_selected_action": [opened.pk], "action": "download"})
    assert len(rows_of(answer)) == 3


def test_support_replays_a_look_and_then_has_it_done(acme: Business, sync: Sync) -> None:
    with scope(business=acme):
        clients = factories.sync(acme, source=sync.source, target=sync.target)
        link = factories.link(clients, factories.client(acme, clients.source, name="Ann Jones"), state="held")
        plan = {"verdict": "create", "reason": "New.", "changes": [["name", None, "Ann Smith"]]}
        old = factories.attempt(link, "create", "failed", plan=plan, error="The service was away.")
    support = signed_in(person(acme, "Sue", "support", is_staff=True))
    path = f"/admin/syncs/attempt/{old.pk}/replay/"
    shown = text(support, path)
    for words in ("As it was then", "As it is now", "Ann Jones"):
        assert words in shown
    with scope(business=acme):
        assert Link.objects.get(pk=link.pk).noticed == 1
    support.post(path, {"_form_submitted": "True"})
    with scope(business=acme):
        assert Link.objects.get(pk=link.pk).noticed_by == "asked by Sue"
