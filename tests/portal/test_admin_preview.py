"""The preview beside the rows: the draft as it is typed, on real records, and nothing is saved."""

import html
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django_scopes import scope

from portal.models import Business, Connection, User
from syncs.models import FieldMapping, Link, Rule, Snapshot
from tests.conftest import person, signed_in
from tests.portal.rows import World, everything
from tests.portal.test_admin_mapping import draft_of, row, sent
from tests.portal.test_admin_pages import page_address
from tests.portal.test_admin_rules import LEADS, form


def address(here: World) -> str:
    return page_address(here.sync).replace("change/", "preview/")


def typed(client: Client, here: World, filled: QueryDict, **more: str) -> Any:
    filled.update(more)
    return client.post(
        address(here), filled.urlencode(), content_type="application/x-www-form-urlencoded", HTTP_HX_REQUEST="true"
    )


def shown(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    return {record.name: record for record in answer.context["preview"].records}


def problems(answer: Any) -> list[str]:
    assert answer.headers["HX-Retarget"] == "#fb-preview-problems"
    return list(answer.context["problems"])


def test_a_typed_row_is_tried_and_nothing_is_saved(staff: Client, here: World) -> None:
    before = (draft_of(here.sync), [repr(r) for r in everything(Link)])
    answer = typed(staff, here, sent(here.sync, [*draft_of(here.sync), row(["custom.gate_code"], "metadata.gate")]))
    records = shown(answer)
    assert len(records) == 3
    linked = records["Acme Plumbing client 0"]
    gate = next(f for f in linked.fields if f.label == "Gate")
    assert (gate.said, gate.made, gate.there, gate.sent, gate.differs) == ("12", "12", "", True, True)
    assert (linked.differs, linked.badge.words) == (True, "Would be updated")
    assert answer.context["preview"].linked == 1
    assert "Changes for already linked records: 1." in answer.content.decode()
    assert (draft_of(here.sync), [repr(r) for r in everything(Link)]) == before


def test_a_row_taken_out_and_an_option_count_too(staff: Client, here: World) -> None:
    given = draft_of(here.sync)
    name = next(n for n, r in enumerate(given) if r["target_path"] == "name")
    filled = sent(here.sync, given)
    assert "Name" in [f.label for r in shown(typed(staff, here, filled)).values() for f in r.fields]
    filled[f"mappings-{name}-DELETE"] = "on"
    assert "Name" not in [f.label for r in shown(typed(staff, here, filled)).values() for f in r.fields if f.sent]


def test_a_typed_rule_leaves_out_and_says_so(staff: Client, here: World) -> None:
    rule = {**LEADS, "rows": [("name", "contains", "client 2")]}
    record = shown(typed(staff, here, form(here.sync, rule)))["Acme Plumbing client 2"]
    assert record.badge.words == "Would be left out"
    assert record.live.words == "Would be created"
    assert record.rules == [("Leads", "left out: Leads stay in Jobber.")]
    assert everything(Rule) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            row(["title"], "metadata.t", [{"name": "cut"}]),
            "Row 22 (metadata.t): Transforms: Step 1: “cut” needs “length”",
        ),
        (row(["title"], ""), "Row 22: To: This field is required."),
        (row(["title"], "metadata.t", "text, please"), "Row 22 (metadata.t): Transforms: This is not a list of steps."),
        (row(["email"], "email", [{"name": "email"}]), "Row 22 (email): Another row writes to this field already."),
    ],
)
def test_a_wrong_row_is_named_and_the_preview_stays(
    wrong: dict[str, Any], words: str, staff: Client, here: World
) -> None:
    given = draft_of(here.sync)
    found = problems(typed(staff, here, sent(here.sync, [*given, wrong])))
    expected = words.replace("Row 22", f"Row {len(given) + 1}")
    assert any(expected in problem for problem in found), found


def test_a_wrong_rule_is_named(staff: Client, here: World) -> None:
    found = problems(typed(staff, here, form(here.sync, {**LEADS, "reason": ""})))
    assert any(words.startswith("Rule 1 (Leads): ") and "Say why these are left out" in words for words in found), found


def test_a_form_without_anything_is_said_to_be_wrong(staff: Client, here: World) -> None:
    assert problems(staff.post(address(here), {}))


def test_records_are_found_by_name_email_number_and_id(staff: Client, here: World) -> None:
    with scope(business=here.business):
        seen = Snapshot.objects.get(external_id="Acme Plumbing-2")
        Snapshot.objects.filter(pk=seen.pk).update(email="zoe@example.com")
        customer = Link.objects.exclude(target_id=None)[0].target_id
    for asked, name in (
        ("client 1", "client 1"), ("zoe@", "client 2"), ("Acme Plumbing-1", "client 1"), (customer, "client 0"),
    ):  # fmt: skip
        found = shown(typed(staff, here, sent(here.sync, draft_of(here.sync)), preview_q=str(asked)))
        assert list(found) == [f"Acme Plumbing {name}"], asked
        page = staff.get(address(here), {"preview_q": asked})
        assert [r.name for r in page.context["preview"].records] == [f"Acme Plumbing {name}"]
    none = typed(staff, here, sent(here.sync, draft_of(here.sync)), preview_q="nobody at all")
    assert "No record of this sync is found by “nobody at all”." in html.unescape(none.content.decode())


def test_the_saved_draft_has_a_page_without_scripts(staff: Client, here: World) -> None:
    with scope(business=here.business):
        FieldMapping.objects.filter(target_path="name").update(transforms=[{"name": "no_such"}])
    assert "no transform called “no_such”" in html.unescape(staff.get(address(here)).content.decode())
    with scope(business=here.business):
        FieldMapping.objects.filter(target_path="name").update(
            transforms=[{"name": "case", "to": "upper"}], sources=["name"]
        )
    page = staff.get(address(here))
    assert "ACME PLUMBING CLIENT 2" in page.content.decode()
    assert "Preview the saved draft" in staff.get(page_address(here.sync)).content.decode()


def test_examples_that_fail_are_told_beside_the_preview(staff: Client, here: World) -> None:
    new = row(["title"], "metadata.title", examples=[["a", "b"]])
    answer = typed(staff, here, sent(here.sync, [*draft_of(here.sync), new]))
    assert "It could not be published like this." in answer.content.decode()
    assert len(shown(answer)) == 3


def test_money_times_and_yes_or_no_read_as_people_write_them(staff: Client, here: World) -> None:
    with scope(business=here.business):
        seen = Snapshot.objects.get(external_id="Acme Plumbing-2")
        data = {**seen.data, "balance": "1234.5", "is_archived": True, "created_at": "2026-01-05T04:04:00Z"}
        Snapshot.objects.filter(pk=seen.pk).update(data=data)
    more = [row([p], f"metadata.{p}", [{"name": "text"}]) for p in ("balance", "is_archived", "created_at")]
    given = [*draft_of(here.sync), *more]
    record = shown(typed(staff, here, sent(here.sync, given)))["Acme Plumbing client 2"]
    said = {f.label: f.said for f in record.fields}
    assert (said["Balance"], said["Is archived"], said["Created at"]) == ("$1,234.50", "Yes", "5 Jan 2026, 3:04 p.m.")


def test_only_who_may_configure_and_only_their_own(acme: Business, here: World, rival: Business, mallory: User) -> None:
    support = signed_in(person(acme, "Sam", "support", is_staff=True))
    assert support.get(address(here)).status_code == 403
    assert "fb-preview" not in support.get(page_address(here.sync)).content.decode()
    filled = sent(here.sync, draft_of(here.sync))
    assert typed(support, here, filled).status_code == 403
    stranger = signed_in(person(rival, "Sid", "staff", is_staff=True))
    assert stranger.get(address(here)).status_code == 404
    assert typed(stranger, here, filled).status_code == 404
    assert signed_in(mallory).get(address(here)).status_code == 302


def test_nobody_outside_is_asked(staff: Client, here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("Somebody outside was asked.")

    monkeypatch.setattr(Connection, "open", refuse)
    assert staff.get(address(here)).status_code == 200
    assert len(shown(typed(staff, here, sent(here.sync, draft_of(here.sync))))) == 3
