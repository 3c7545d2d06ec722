"""The pages of reconciliation: reports, what they found, putting it right, and files for a spreadsheet."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django_scopes import scope
from openpyxl import load_workbook
from pypdf import PdfReader

from portal import spreadsheets
from portal.models import Business, User
from syncs import fixing
from syncs.models import AuditEntry, Link, Mismatch, Report, Run, Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db
FORMULA = '=HYPERLINK("http://evil.example","Ann")'


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        return factories.sync(acme)


def report(sync: Sync, **changes: Any) -> Report:
    run = factories.run(sync, "reconcile", side="compare")
    counts = {"compared": 3, "kinds": {}, "new": 0, "still": 0, "settled": 0, "being_written": 0}
    values = {"finished_at": run.started_at, "counts": counts} | changes
    return Report.objects.create(business=sync.business, sync=sync, run=run, **values)


def mismatch(found: Report, link: Link, kind: str = "field", **changes: Any) -> Mismatch:
    values = {
        "key": f"{kind} link:{link.pk}", "label": link.label, "source_id": link.source_id, "fix": "push",
        "target_id": link.target_id or "", "words": "Name changed in Jobber.", "noticed": link.noticed,
        "fields": [["name", "Ann Smith", "Ann Smyth"]],
    } | changes  # fmt: skip
    made = Mismatch.objects.create(
        business=found.business, report=found, sync=found.sync, link=link, kind=kind, **values
    )  # fmt: skip
    found.counts["kinds"][kind] = found.counts["kinds"].get(kind, 0) + 1
    found.counts["new"] += 1
    found.save()
    return made


def differing(sync: Sync, name: str = "Ann") -> Link:
    """Linked and told in step, though the customer is called otherwise."""
    here = factories.client(sync.business, sync.source, name=f"{name} Smith")
    names = {"metadata.jobber_client_id": here.external_id}
    there = factories.customer(sync.business, sync.target, name=f"{name} Smyth", **names)
    there.references = {"jobber_client_id": here.external_id}
    there.save()
    return factories.link(sync, here, there)


def get(user: User, path: str, status: int = 200) -> str:
    response = signed_in(user).get(path)
    assert response.status_code == status
    return str(response.content.decode())


def post(user: User, path: str, **form: str) -> str:
    return str(signed_in(user).post(path, form, follow=True).content.decode())


def page(business: Business, rest: str = "") -> str:
    return f"/b/{business.pk}/reconciliation/{rest}"


def test_before_anything_is_chosen_it_says_what_to_do(acme: Business, alice: User) -> None:
    assert "Choose what to keep in step" in get(alice, page(acme))


def test_it_is_started_by_a_press_and_shown_while_it_runs(acme: Business, bob: User, sync: Sync) -> None:
    html = post(bob, page(acme, f"{sync.pk}/start/"))
    assert "Reading customers in Stripe" in html
    with scope(business=acme):
        run = Run.objects.get()
        assert (run.kind, Report.objects.get().asked_by) == ("reconcile", bob)
    assert 'hx-trigger="every 1s"' in html
    post(bob, page(acme, f"{sync.pk}/start/"))
    with scope(business=acme):
        assert Run.objects.count() == 1


def test_while_something_else_is_read_it_is_made_right_after(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        factories.run(sync, "poll", "running", side="source")
    assert "made right after that" in post(bob, page(acme, f"{sync.pk}/start/"))
    with scope(business=acme):
        assert Sync.objects.get().report_asked_at


def test_who_only_reads_sees_it_and_starts_nothing(acme: Business, sync: Sync) -> None:
    rita = person(acme, "Rita", "read_only")
    assert "Compare now" not in get(rita, page(acme))
    assert signed_in(rita).post(page(acme, f"{sync.pk}/start/")).status_code == 403


def test_when_it_is_made_is_a_setting_that_is_audited(acme: Business, alice: User, sync: Sync) -> None:
    post(alice, page(acme, f"{sync.pk}/settings/"), every="daily")
    with scope(business=acme):
        kept = Sync.objects.get()
        assert (kept.reconciling, kept.reconciling_writes) == ("daily", False)
        assert "every day" in AuditEntry.objects.get(action="reconciliation.settings").words


def test_a_report_shows_both_values_and_both_months(acme: Business, alice: User, sync: Sync) -> None:
    here = {"count": 2, "net": 10000, "tax": 1000, "total": 11000, "paid": 0}
    totals = [{"month": "2026-11", "currency": "AUD", "here": here, "there": {**here, "total": 10999}}]
    with scope(business=acme):
        found = report(sync, totals=totals)
        mismatch(found, differing(sync))
    html = get(alice, page(acme, f"reports/{found.pk}/"))
    for words in ("Ann Smith", "Ann Smyth", "A field differs", "November 2026", "$110.00", "$109.99", "-$0.01"):
        assert words in html
    assert "Put it right" in html


def test_it_is_compared_with_the_report_before(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        before = report(sync)
        mismatch(before, differing(sync, "Gone"))
        found = report(sync, counts={"compared": 2, "kinds": {}, "new": 0, "still": 0, "settled": 1})
        mismatch(found, differing(sync, "Fresh"))
    html = get(alice, page(acme, f"reports/{found.pk}/?which=settled"))
    assert "Gone Smyth" in html or "Gone Smith" in html
    assert "Fresh Smith" not in html
    earlier = get(alice, page(acme, f"reports/{before.pk}/"))
    assert "earlier report" in earlier
    assert f'id="newest" href="{page(acme, f"reports/{found.pk}/")}"' in earlier


def test_what_is_written_is_shown_before_it_is(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        row = mismatch(report(sync), differing(sync))
    path = page(acme, f"mismatches/{row.pk}/")
    html = get(bob, f"{path}?way=push")
    assert "This is what is written in Stripe" in html
    assert "Ann Smyth" in html
    shown = html.partition('name="shown" value="')[2].partition('"')[0]
    assert "It has changed since this was shown" in post(bob, path, way="push", shown="something else")
    with scope(business=acme):
        assert Link.objects.get().noticed == 1
    assert "Noted" in post(bob, path, way="push", shown=shown)
    with scope(business=acme):
        assert Link.objects.get().noticed == 2
        assert Mismatch.objects.get().who == "Bob"
        assert AuditEntry.objects.get(action="mismatch.push").words.startswith("Had Ann Smith written again")


def test_what_is_meant_to_be_so_is_kept_with_its_reason_and_taken_back(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        row = mismatch(report(sync), differing(sync))
    path = page(acme, f"mismatches/{row.pk}/")
    shown = get(bob, f"{path}?way=meant").partition('name="shown" value="')[2].partition('"')[0]
    assert "She asked for it" in post(bob, path, way="meant", shown=shown, why="She asked for it")
    with scope(business=acme):
        assert (Mismatch.objects.get().state, Link.objects.get().noticed) == ("ignored", 1)
    post(bob, f"{path}undo/")
    with scope(business=acme):
        assert Mismatch.objects.get().state == "open"
        assert AuditEntry.objects.filter(action="mismatch.undone").exists()


def test_what_an_earlier_report_found_is_put_right_in_the_newest(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        link = differing(sync)
        old = mismatch(report(sync), link)
        shown = fixing.preview(old, "meant").shown
        gone = mismatch(old.report, differing(sync, "Bea"))
        new = mismatch(report(sync), link)
    path = page(acme, f"mismatches/{old.pk}/")
    for html in (get(bob, path), get(bob, f"{path}?way=meant"), post(bob, path, way="meant", shown=shown)):
        assert "This is an earlier report" in html
        assert page(acme, f"mismatches/{new.pk}/") in html
        assert "way=meant" not in html
    assert page(acme, f"reports/{new.report_id}/") in get(bob, page(acme, f"mismatches/{gone.pk}/"))
    assert "Use the newest one" in post(
        bob, page(acme, f"reports/{old.report_id}/together/"), kind="field", way="meant"
    )
    with scope(business=acme):
        assert set(Mismatch.objects.values_list("state", flat=True)) == {"open"}


def test_alike_ones_are_put_right_together_after_a_look_at_each(acme: Business, bob: User, sync: Sync) -> None:
    with scope(business=acme):
        found = report(sync)
        for name in ("Ann", "Bea", "Cleo"):
            mismatch(found, differing(sync, name))
    path = page(acme, f"reports/{found.pk}/together/")
    html = get(bob, f"{path}?kind=field&way=push")
    parts = [part.partition('"') for part in html.split('name="shown:')[1:]]
    shown = {f"shown:{key}": rest.partition('value="')[2].partition('"')[0] for key, _, rest in parts}
    assert len(shown) == 3
    assert html.count("In Stripe:") == 3
    assert "To take it back, change it in Jobber: it follows in Stripe." in html
    shown.popitem()
    assert "Noted for 2." in post(bob, path, kind="field", way="push", **shown)
    with scope(business=acme):
        assert sorted(Link.objects.values_list("noticed", flat=True)) == [1, 2, 2]


def test_before_a_sync_is_live_nothing_is_written_from_here(acme: Business, alice: User) -> None:
    with scope(business=acme):
        draft = factories.sync(acme, "preview")
        row = mismatch(report(draft), differing(draft))
    html = get(alice, page(acme, f"mismatches/{row.pk}/"))
    assert "The sync is not live" in html
    assert "way=push" not in html


# Files


@pytest.mark.parametrize("text", ["=1+1", "+61 2", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\n=1"])
def test_what_begins_like_a_formula_is_made_plain(text: str) -> None:
    assert spreadsheets.plain(text).startswith("'")


@pytest.mark.parametrize("text", ["Ann", "a=1", "", "$-3.00", "2 + 2"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert spreadsheets.plain(text) == text


def test_files_hold_what_was_found_and_no_formula(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        link = differing(sync)
        Link.objects.update(label=FORMULA)
        link.refresh_from_db()
        money = {"here_amount": 12345, "there_amount": -5, "currency": "AUD", "fields": [["name", FORMULA, "+1"]]}
        found = report(sync)
        mismatch(found, link, "amount", **money)
    path = page(acme, f"reports/{found.pk}/report.")
    body = signed_in(alice).post(f"{path}csv").content.decode("utf-8-sig")
    head, line, *_ = list(csv.reader(io.StringIO(body)))
    assert head[:3] == ["Kind", "Record", "What is wrong"]
    assert line[1] == f"'{FORMULA}"
    assert line[6:9] == ["123.45", "-0.05", "AUD"]
    answer = signed_in(alice).post(f"{path}xlsx")
    assert "attachment" in answer["Content-Disposition"]
    cells = [c for row in load_workbook(io.BytesIO(answer.content))["Mismatches"].rows for c in row]
    assert not [c.value for c in cells if c.data_type == "f"]
    assert 123.45 in [c.value for c in cells]
    assert [c.value for c in cells if isinstance(c.value, str) and c.value[:1] in "=+-@"] == []


def test_the_pdf_has_both_values_and_both_months_and_numbers_its_pages(acme: Business, alice: User, sync: Sync) -> None:
    sums = {"count": 2, "net": 10000, "tax": 1000, "total": 11000, "paid": 0}
    totals = [{"month": "2026-11", "currency": "AUD", "here": sums, "there": sums | {"total": 11005}}]
    with scope(business=acme):
        found = report(sync, totals=totals)
        for n in range(40):
            mismatch(found, differing(sync, f"Thị Nguyễn {n}"), fields=[["name", "Łukasz", "Zoë “Zo” Žižek"]])
    answer = signed_in(alice).post(page(acme, f"reports/{found.pk}/report.pdf"))
    assert answer["Content-Type"] == "application/pdf"
    pages = [" ".join(each.extract_text().split()) for each in PdfReader(io.BytesIO(answer.content)).pages]
    assert "3 clients compared" in pages[0]
    assert all(words in pages[0] for words in ("November 2026", "$110.00", "$110.05", "$0.05", "Differs"))
    assert f"Page 1 of {len(pages)}" in pages[0]
    text = " ".join(pages)
    assert "Thị Nguyễn 39 Smith" in text
    assert "Łukasz" in text
    assert "Zoë “Zo” Žižek" in text


def test_there_is_no_other_file(acme: Business, alice: User, sync: Sync) -> None:
    with scope(business=acme):
        found = report(sync)
    assert signed_in(alice).post(page(acme, f"reports/{found.pk}/report.doc")).status_code == 404


def test_a_file_has_the_day_of_the_business_in_its_name(alice: User, sync: Sync) -> None:
    with scope(business=sync.business):
        found = report(sync)
        Run.objects.filter(pk=found.run_id).update(started_at=datetime(2026, 11, 28, 20, tzinfo=UTC))
        Report.objects.filter(pk=found.pk).update(started_at=datetime(2026, 11, 28, 20, tzinfo=UTC))
    answer = signed_in(alice).post(page(sync.business, f"reports/{found.pk}/report.csv"))
    assert f'"reconciliation-2026-11-29-{found.pk}.csv"' in answer["Content-Disposition"]  # in Sydney it is Sunday
