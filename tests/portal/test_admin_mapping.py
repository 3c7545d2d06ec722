"""The draft of a mapping: checked row by row in plain words, live only once published."""

import html
import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import QueryDict
from django.test import Client
from django_scopes import scope

from portal.admin.drafts import Difference, differences, row_words
from portal.admin.mapping import ExamplesField, StepsField
from portal.models import Business, User
from syncs.models import AuditEntry, FieldMapping, Link, Sync, Version
from syncs.transforms import CATALOGUE
from syncs.transforms.shown import step
from tests.portal import rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_pages import page_address

CUT = [{"name": "cut", "length": 150}]
#: The draft's rules, as a page sends them on which nothing was done to them.
ASKS = {"approver": "office", "raised_by": "staff", "approval_days": "14"}
NO_RULES = {f"rules-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM")} | {"rules-MAX_NUM_FORMS": "1000"}


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    return rows.world(acme)


def row(
    sources: list[str], target: str, transforms: Any = (), mode: str = "always", position: int = 0,
    pk: int | str = "", examples: Any = "",
) -> dict[str, Any]:  # fmt: skip
    steps = transforms if isinstance(transforms, str) else json.dumps(list(transforms))
    return {
        "sources": sources, "target_path": target, "transforms": steps, "mode": mode, "position": position, "id": pk,
        "examples": examples if isinstance(examples, str) else json.dumps(list(examples)),
    }  # fmt: skip


def draft_of(sync: Sync) -> list[dict[str, Any]]:
    with scope(business=sync.business):
        return [
            row(m.sources, m.target_path, m.transforms, m.mode, m.position, m.pk, m.examples)
            for m in FieldMapping.objects.filter(sync=sync)
        ]


def sent(sync: Sync, given: list[dict[str, Any]], **more: Any) -> QueryDict:
    """The form of the sync's page as a browser sends it."""
    form = QueryDict(mutable=True)
    form.update({"name": sync.name, "poll_minutes": "15", "switches": "include_archived", **ASKS, **NO_RULES, **more})
    form.update(
        {
            "mappings-TOTAL_FORMS": str(len(given)), "mappings-MIN_NUM_FORMS": "0", "mappings-MAX_NUM_FORMS": "1000",
            "mappings-INITIAL_FORMS": str(len([r for r in given if r["id"]])),
        }
    )  # fmt: skip
    for number, one in enumerate(given):
        for name, value in {**one, "sync": sync.pk}.items():
            form.setlist(f"mappings-{number}-{name}", [str(v) for v in (value if isinstance(value, list) else [value])])
    return form


def save(client: Client, sync: Sync, given: list[dict[str, Any]], **more: Any) -> Any:
    form = sent(sync, given, **more)
    return client.post(page_address(sync), form.urlencode(), content_type="application/x-www-form-urlencoded")


def problems(answer: Any) -> list[str]:
    assert answer.status_code == 200, "it was saved"
    formset = answer.context["inline_admin_formsets"][0].formset
    return [m for errors in formset.errors for found in errors.values() for m in found] + list(
        formset.non_form_errors()
    )


def live(sync: Sync) -> dict[str, Any]:
    with scope(business=sync.business):
        return dict(Sync.objects.get(pk=sync.pk).version.content)


def test_who_approves_counts_as_soon_as_it_is_saved(staff: Client, here: World) -> None:
    assert save(staff, here.sync, draft_of(here.sync), approver="owner", approval_days="").status_code == 302
    with scope(business=here.business):
        kept, entry = Sync.objects.get(pk=here.sync.pk), AuditEntry.objects.get(action="sync.approvals")
    assert (kept.approver, kept.approval_days, kept.name) == ("owner", None, here.sync.name)
    assert entry.details["before"]["approver"] == "office"


def test_the_history_names_only_the_row_and_field_that_was_changed(staff: Client, here: World) -> None:
    given = []
    with scope(business=here.business):
        for m in FieldMapping.objects.filter(sync=here.sync):
            back = {"back_path": m.back_path, "back_transforms": json.dumps(m.back_transforms), "owner": m.owner}
            given.append(row(m.sources, m.target_path, m.transforms, m.mode, m.position, m.pk, m.examples or "") | back)
    given[0]["mode"] = "when_empty"
    assert save(staff, here.sync, given).status_code == 302
    changes = [c["changed"] for c in json.loads(LogEntry.objects.latest("pk").change_message) if "changed" in c]
    assert [c["fields"] for c in changes if c.get("object") != str(here.sync) and "object" in c] == [["Write"]]


def test_a_row_can_be_left_to_who_approves_and_says_so(staff: Client, here: World) -> None:
    given = draft_of(here.sync)
    place = next(n for n, one in enumerate(given) if one["target_path"] == "name")
    given[place]["editable"] = "on"
    assert save(staff, here.sync, given).status_code == 302
    with scope(business=here.business):
        assert [m.target_path for m in FieldMapping.objects.filter(editable=True)] == ["name"]
    assert "who approves may edit it" in staff.get(page_address(here.sync)).content.decode()
    given[place].pop("editable")
    theirs = next(one for one in given if one["target_path"] == "metadata.jobber_client_id")
    theirs["editable"] = "on"
    assert problems(save(staff, here.sync, given)) == ["This field is not for a person to edit while approving."]


def test_saving_the_draft_changes_nothing_that_is_live(staff: Client, here: World) -> None:
    before, given = live(here.sync), draft_of(here.sync)
    given[1]["transforms"] = json.dumps([{"name": "text"}, {"name": "cut", "length": 20}])
    assert save(staff, here.sync, given, switches="include_leads").status_code == 302
    assert live(here.sync) == before
    assert {x.noticed for x in everything(Link)} == {1}

    page = staff.get(page_address(here.sync))
    found = {d.what: (d.live, d.draft) for d in page.context["differences"]}
    assert found["business_name"][1] == "company_name → text, cut(length=20), always"
    assert (found["Include leads"], found["Include archived"]) == (("no", "yes"), ("yes", "no"))
    assert "The draft differs from live version 1" in page.content.decode()


def test_publishing_makes_a_version_and_looks_at_every_record(staff: Client, here: World) -> None:
    given = [*draft_of(here.sync), row(["title"], "metadata.title", CUT)]
    save(staff, here.sync, given)
    address = page_address(here.sync).replace("change/", "publish/")
    assert "metadata.title" in staff.get(address).content.decode()
    staff.post(address, {"_form_submitted": "True", "note": "Titles too"})
    newest = everything(Version)[0]
    assert (newest.number, newest.note, newest.author.name) == (2, "Titles too", "Stella")
    assert live(here.sync)["mappings"][-1] == {
        "sources": ["title"], "target": "metadata.title", "transforms": CUT, "mode": "always", "owner": "source",
        "back": "", "back_transforms": [], "examples": [], "editable": False,
    }  # fmt: skip
    assert {x.noticed for x in everything(Link)} == {2}
    assert staff.get(page_address(here.sync)).context["differences"] == []


def test_a_draft_that_cannot_work_is_not_published(staff: Client, here: World) -> None:
    with scope(business=here.business):
        FieldMapping.objects.filter(target_path="name").update(transforms=[{"name": "no_such"}])
    address = page_address(here.sync).replace("change/", "publish/")
    answer = staff.post(address, {"_form_submitted": "True"}, follow=True)
    assert "Nothing was published" in answer.content.decode()
    assert "no transform called “no_such”" in answer.content.decode()
    assert len(everything(Version)) == 1


def test_order_of_fields_and_rows_is_kept(staff: Client, here: World) -> None:
    given = draft_of(here.sync)
    names = next(r for r in given if r["target_path"] == "individual_name")
    names["sources"] = ["last_name", "first_name"]
    for number, one in enumerate(given):
        one["position"] = len(given) - number
    save(staff, here.sync, [*given, row(["balance"], "metadata.balance"), row(["title"], "metadata.title")])
    after = draft_of(here.sync)
    assert [r["target_path"] for r in after] == [
        *(r["target_path"] for r in reversed(given)), "metadata.balance", "metadata.title",
    ]  # fmt: skip
    assert next(r for r in after if r["target_path"] == "individual_name")["sources"] == ["last_name", "first_name"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (row(["nickname"], "description"), "Jobber clients have no field “nickname”."),
        (row(["title"], "shoe_size"), "Stripe customers have no field “shoe_size” that can be written."),
        (row(["title"], "created"), "Stripe customers have no field “created” that can be written."),
        (row(["title"], "description", [{"name": "shout"}]), "there is no transform called “shout”"),
        (row(["title"], "description", [{"name": "cut"}]), "“cut” needs “length”: a whole number from 4 to 100,000."),
        (
            row(["title"], "description", [{"name": "cut", "size": 9}]),
            "“cut” has no argument “size”. It takes “length”.",
        ),
        (row(["title"], "description", "text, please"), "This is not a list of steps."),
        (row(["title"], "description", '{"name": "text"}'), "This is not a list of steps."),
        (row(["custom.*"], "description"), "a star must stand on both sides or on neither"),
        (row(["title", "balance"], "description", [{"name": "text"}]), "several fields need"),
        (row(["title"], "description", [{"name": "join"}]), "“join” needs several fields, or one that holds a list"),
        (
            row(["title", "name"], "description", [{"name": "choose_name"}]),
            "“choose_name” reads 7 fields as the first step of a row, and has 2.",
        ),
        (row(["title"], "email"), "Another row writes to this field already."),
        (row(["title"], "description", [{"name": "join_list", "longest": "many"}]), "“longest” to be a whole number"),
    ],
)
def test_a_wrong_row_says_what_is_wrong(wrong: dict[str, Any], words: str, staff: Client, here: World) -> None:
    before = draft_of(here.sync)
    found = problems(save(staff, here.sync, [*before, wrong]))
    assert any(words in problem for problem in found), found
    assert draft_of(here.sync) == before


TWO = [["title", "name"], "description", [{"name": "join"}]]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (row(["title"], "description", examples="a -> b"), "Write examples as [["),
        (row(["title"], "description", examples=["a", "b"]), "Write examples as [["),
        (row(["title"], "description", examples=[["a"]]), "Write examples as [["),
        (row(["title"], "description", examples='{"a": "b"}'), "Write examples as [["),
        (row(["title"], "description", examples=[["a", "a"]] * 21), "at most 20 examples, and has 21"),
        (row(["title"], "description", examples=[["a" * 2000, "a"]]), "at most 2,000 characters"),
        (row(*TWO, examples=[["Ann", "Ann"]]), "a list of 2 values, one for each field"),
        (row(*TWO, examples=[[["Ann"], "Ann"]]), "a list of 2 values, one for each field"),
    ],
)
def test_examples_that_cannot_be_read_are_refused(
    wrong: dict[str, Any], words: str, staff: Client, here: World
) -> None:
    found = problems(save(staff, here.sync, [*draft_of(here.sync), wrong]))
    assert any(words in problem for problem in found), found


def publish(client: Client, sync: Sync) -> str:
    address = page_address(sync).replace("change/", "publish/")
    return client.post(address, {"_form_submitted": "True"}, follow=True).content.decode()


def test_examples_must_come_true_before_the_draft_is_published(staff: Client, here: World) -> None:
    table = [{"name": "lookup", "table": {"Mr": "m"}}]
    given = [["mr", "m"], ["Mrs", "f"], ["Dr", {"held": True}]]
    save(staff, here.sync, [*draft_of(here.sync), row(["title"], "metadata.title", table, examples=given)])
    page = html.unescape(staff.get(page_address(here.sync)).content.decode())
    assert '"mr" → "m", "Mrs" → "f", "Dr" → {"held": true}' in page

    said = html.unescape(publish(staff, here.sync))
    assert 'Nothing was published. metadata.title: "Mrs" should give "f", and gives {"held": true}.' in said
    assert len(everything(Version)) == 1

    with scope(business=here.business):
        FieldMapping.objects.filter(target_path="metadata.title").update(examples=[given[0], given[2]])
    assert "Version 2 is live" in publish(staff, here.sync)
    assert live(here.sync)["mappings"][-1]["examples"] == [given[0], given[2]]
    version = everything(Version)[0]
    shown = html.unescape(staff.get(page_address(version)).content.decode())
    assert 'Examples: "mr" → "m", "Dr" → {"held": true}' in shown
    assert "Examples of metadata.title" in shown


def test_the_page_tells_of_every_transform_with_its_examples(staff: Client, here: World) -> None:
    page = html.unescape(staff.get(page_address(here.sync)).content.decode())
    for entry in CATALOGUE.values():
        assert entry.help in page
        assert all(argument.help in page for argument in entry.arguments)
        assert all(step(entry, example) in page for example in entry.examples)


def test_own_fields_of_the_account_are_offered(staff: Client, here: World) -> None:
    page = staff.get(page_address(here.sync)).content.decode()
    assert "custom.gate_code · Gate code" in page
    assert save(staff, here.sync, [*draft_of(here.sync), row(["custom.gate_code"], "metadata.gate")]).status_code == 302


def test_steps_are_shown_one_a_line() -> None:
    shown = StepsField().prepare_value([{"name": "text"}, *CUT])
    assert shown == '[{"name": "text"},\n {"name": "cut", "length": 150}]'
    assert StepsField().clean(shown) == [{"name": "text"}, *CUT]
    assert StepsField(required=False).clean("") == []
    assert StepsField().prepare_value(None) == ""


def test_examples_are_shown_one_a_line() -> None:
    shown = ExamplesField().prepare_value([["800", "0800"], [["a", "b"], None]])
    assert shown == '[["800", "0800"],\n [["a", "b"], null]]'
    assert ExamplesField().clean(shown) == [["800", "0800"], [["a", "b"], None]]
    assert ExamplesField().prepare_value([]) == ExamplesField().prepare_value(None) == ""


def test_differences_name_rows_options_and_order() -> None:
    one = {"sources": ["title"], "target": "a", "transforms": [], "mode": "always"}
    two = {"sources": ["title", "name"], "target": "b", "transforms": [{"name": "join"}], "mode": "when_new"}
    assert row_words(two) == "title, name → join, only when the record is new"
    assert differences({"mappings": [one]}, {"mappings": [one]}) == []
    assert differences({"mappings": [one]}, {"mappings": [two]}) == [
        Difference("b", "", "title, name → join, only when the record is new"),
        Difference("a", "title → always", ""),
    ]
    assert differences({"mappings": [one, two]}, {"mappings": [two, one], "options": {"x_y": True}}) == [
        Difference("X y", "", "yes"),
        Difference("Order of the rows", "as published", "changed"),
    ]


def test_two_new_rows_for_one_field(staff: Client, here: World) -> None:
    new = [row(["title"], "metadata.title"), row(["balance"], "metadata.title")]
    assert "Two rows write to the same field. Keep one of them." in problems(
        save(staff, here.sync, [*draft_of(here.sync), *new])
    )
