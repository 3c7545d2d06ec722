"""Two people at one draft, versions compared and rolled back, recipes taken elsewhere as files."""

import html
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_scopes import scope

from portal.models import Business, User
from syncs import choosing
from syncs.models import Attempt, AuditEntry, FieldMapping, Link, Rule, Sync, Version
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_mapping import live, row, sent
from tests.portal.test_admin_pages import page_address

TITLE = row(["title"], "metadata.title", [{"name": "cut", "length": 150}])


@pytest.fixture
def other(acme: Business) -> Client:
    return signed_in(person(acme, "Oskar", "staff", is_staff=True))


def draft_of(sync: Sync) -> list[dict[str, Any]]:
    """All of it, the way back too."""
    with scope(business=sync.business):
        return [
            {
                **row(m.sources, m.target_path, m.transforms, m.mode, m.position, m.pk, m.examples),
                "owner": m.owner, "back_path": m.back_path, "back_transforms": json.dumps(m.back_transforms),
            }
            for m in FieldMapping.objects.filter(sync=sync)
        ]  # fmt: skip


def opened(client: Client, sync: Sync) -> str:
    return str(client.get(page_address(sync)).context["opened"])


def save(client: Client, sync: Sync, given: list[dict[str, Any]], **more: Any) -> Any:
    form = sent(sync, given, **more)
    return client.post(page_address(sync), form.urlencode(), content_type="application/x-www-form-urlencoded")


def targets(sync: Sync) -> list[str]:
    with scope(business=sync.business):
        return [m.target_path for m in FieldMapping.objects.filter(sync=sync)]


def said(answer: Any) -> str:
    return html.unescape(answer.content.decode())


# Two editors


def test_nobody_is_overwritten_silently(staff: Client, other: Client, here: World) -> None:
    mine, given = opened(staff, here.sync), draft_of(here.sync)
    assert save(other, here.sync, [*given, TITLE], opened=opened(other, here.sync)).status_code == 302
    before = targets(here.sync)
    description = row(["title"], "description")
    answer = save(staff, here.sync, [*given, description], opened=mine)
    page = said(answer)
    assert answer.status_code == 200
    assert targets(here.sync) == before
    assert "Nothing was saved: the draft has changed since you opened it" in page
    assert "Oskar" in page
    assert [(d.what, bool(d.live)) for d in answer.context["theirs"]] == [("metadata.title", False)]
    assert 'value="description" selected' in page

    again = save(staff, here.sync, [*given, description], opened=mine, save_over=answer.context["over"])
    assert again.status_code == 302
    assert targets(here.sync) == [*(g["target_path"] for g in given), "description"]
    with scope(business=here.business):
        told = AuditEntry.objects.filter(action="draft.saved").order_by("-pk").first()
    assert told is not None
    assert (told.who, "over what others had saved: description" in told.words) == ("Stella", True)


def test_saving_over_is_for_what_was_shown(staff: Client, other: Client, here: World) -> None:
    mine, given = opened(staff, here.sync), draft_of(here.sync)
    save(other, here.sync, [*given, TITLE], opened=opened(other, here.sync))
    over = save(staff, here.sync, given, opened=mine).context["over"]
    save(other, here.sync, [*draft_of(here.sync), row(["title"], "description")], opened=opened(other, here.sync))
    before = targets(here.sync)
    answer = save(staff, here.sync, given, opened=mine, save_over=over)
    assert answer.status_code == 200
    assert targets(here.sync) == before
    wrong = [*given, row(["no_such"], "metadata.x")]
    still = save(staff, here.sync, wrong, opened=mine, save_over=answer.context["over"])
    assert still.status_code == 200
    assert "no field “no_such”" in said(still)
    assert targets(here.sync) == before


def test_what_is_published_is_what_was_shown(staff: Client, other: Client, here: World) -> None:
    save(other, here.sync, [*draft_of(here.sync), TITLE])
    address = page_address(here.sync).replace("change/", "publish/")
    shown = staff.get(address).context["form"].initial["shown"]
    save(other, here.sync, [*draft_of(here.sync), row(["title"], "description")])
    answer = staff.post(address, {"_form_submitted": "True", "shown": shown}, follow=True)
    assert "The draft has changed since it was shown to you" in said(answer)
    assert len(everything(Version)) == 1
    shown = staff.get(address).context["form"].initial["shown"]
    staff.post(address, {"_form_submitted": "True", "shown": shown})
    assert len(everything(Version)) == 2


def test_the_same_draft_is_published_only_once(staff: Client, here: World) -> None:
    address = page_address(here.sync).replace("change/", "publish/")
    save(staff, here.sync, [*draft_of(here.sync), TITLE], switches="include_leads")
    with scope(business=here.business):
        condition = {"all": [{"field": "balance", "operator": "gt", "value": "5"}]}
        Rule.objects.create(
            business=here.business, sync=here.sync, name="Big", outcome="set", target_path="description", value="Big",
            condition=condition, position=10,
        )  # fmt: skip
    assert "Publish the draft" in said(staff.get(page_address(here.sync)))
    shown = staff.get(address).context["form"].initial["shown"]
    for words in ("Version 2 is live. Every record", "This draft is live already. Nothing was published."):
        answer = staff.post(address, {"_form_submitted": "True", "shown": shown}, follow=True)
        assert words in said(answer)
        assert "Publish the draft" not in said(answer)
    assert [v.number for v in everything(Version)] == [2, 1]
    with scope(business=here.business):
        Sync.objects.filter(pk=here.sync.pk).update(options={**here.sync.options, "include_leads": False})
    assert "Publish the draft" in said(staff.get(page_address(here.sync)))


# Versions


def publish(client: Client, sync: Sync, note: str) -> None:
    client.post(page_address(sync).replace("change/", "publish/"), {"_form_submitted": "True", "note": note})


def test_any_two_versions_are_compared(staff: Client, here: World) -> None:
    save(staff, here.sync, [*draft_of(here.sync), TITLE])
    publish(staff, here.sync, "Titles")
    save(staff, here.sync, [*draft_of(here.sync), row(["title"], "description")], switches="include_leads")
    publish(staff, here.sync, "Leads")
    address = page_address(here.sync).replace("change/", "compare/")
    for one, other, found in (
        ("1", "2", ["metadata.title"]), ("3", "2", ["description", "Include archived", "Include leads"]),
        ("2", "draft", ["description", "Include archived", "Include leads"]), ("3", "draft", []),
    ):  # fmt: skip
        page = staff.get(address, {"from": one, "to": other})
        assert [d.what for d in page.context["differences"]] == found
    assert "There is no such version" in said(staff.get(address, {"from": "9", "to": "x"}))
    page = said(staff.get(page_address(here.sync)))
    assert "Titles" in page
    assert "Stella" in page


def test_rolling_back_publishes_an_older_version_and_sets_the_draft(staff: Client, here: World) -> None:
    first = everything(Version)[0]
    rule = {"name": "Leads", "outcome": "skip", "reason": "so", "condition": {"cel": "is_lead"}}
    asked = {"all": [{"field": "balance", "operator": "gt", "value": "5"}]}
    big = {"name": "Big", "outcome": "set", "target": "description", "value": "Big", "reason": "", "condition": asked}
    rule, big = {**rule, "kinds": {"is_lead": "yes or no"}}, {**big, "kinds": {"balance": "amount"}}
    with scope(business=here.business):
        Version.objects.filter(pk=first.pk).update(content={**first.content, "rules": [rule, big]})
    save(staff, here.sync, [*draft_of(here.sync), TITLE], switches="include_leads")
    publish(staff, here.sync, "Titles")
    address = page_address(first).replace("change/", "roll-back/")
    assert "metadata.title" in said(staff.get(address))
    staff.post(address, {"_form_submitted": "True"})
    newest = everything(Version)[0]
    assert (newest.number, newest.note) == (3, "Back to version 1: As the recipe comes")
    assert "metadata.title" not in targets(here.sync)
    assert live(here.sync)["options"]["include_leads"] is False
    assert live(here.sync)["rules"] == [rule, big]
    assert staff.get(page_address(here.sync)).context["differences"] == []
    with scope(business=here.business):
        assert AuditEntry.objects.filter(action="version.rolled_back", actor__name="Stella").count() == 1
        assert {x.noticed for x in Link.objects.all()} == {3}


def test_what_can_no_longer_work_is_not_rolled_back_to(staff: Client, here: World) -> None:
    first = everything(Version)[0]
    content = json.loads(json.dumps(first.content))
    content["mappings"][0]["transforms"] = [{"name": "gone_by_now"}]
    with scope(business=here.business):
        Version.objects.filter(pk=first.pk).update(content=content)
    save(staff, here.sync, [*draft_of(here.sync), TITLE])
    publish(staff, here.sync, "")
    before = (targets(here.sync), live(here.sync), len(everything(AuditEntry)))
    answer = staff.post(page_address(first).replace("change/", "roll-back/"), {"_form_submitted": "True"}, follow=True)
    assert "Nothing was changed. Version 1 can no longer work." in said(answer)
    assert "no transform called “gone_by_now”" in said(answer)
    assert (targets(here.sync), live(here.sync), len(everything(AuditEntry))) == before


def test_the_live_version_has_nothing_to_roll_back_to(staff: Client, here: World) -> None:
    assert "roll-back" not in said(staff.get(page_address(everything(Version)[0])))


def test_a_plan_leads_to_the_version_it_was_made_with(staff: Client, here: World) -> None:
    version, attempt = everything(Version)[0], everything(Attempt)[0]
    for shown in (attempt, attempt.link):
        assert f'href="{page_address(version)}"' in said(staff.get(page_address(shown)))


# Files


def exported(client: Client, sync: Sync, **query: str) -> bytes:
    answer = client.post(page_address(sync).replace("change/", "export/"), query)
    assert answer["Content-Disposition"].startswith('attachment; filename="')
    return bytes(answer.content)


def upload(client: Client, sync: Sync, body: bytes) -> Any:
    file = SimpleUploadedFile("recipe.json", body, "application/json")
    return client.post(page_address(sync).replace("change/", "import/"), {"file": file})


def test_a_recipe_goes_from_one_business_to_another(staff: Client, here: World, rival: Business, mallory: User) -> None:
    save(staff, here.sync, [*draft_of(here.sync), TITLE], switches="include_leads")
    body = exported(staff, here.sync)
    told = json.loads(body)
    assert (told["recipe"], told["exported_by"], told["note"]) == (
        "clients-to-customers", "Stella", "the draft of Clients to customers",
    )  # fmt: skip
    assert not any(word in body.decode() for word in ("Acme", "canary", str(here.source.account_id)))

    there = rows.world(rival)
    theirs = signed_in(person(rival, "Rita", "staff", is_staff=True))
    page = upload(theirs, there.sync, body)
    assert {d.what for d in page.context["differences"]} >= {"metadata.title", "Include leads"}
    assert "metadata.title" not in targets(there.sync)
    before = live(there.sync)
    pressed = {"content": page.context["sealed"], "shown": page.context["shown"]}
    address = page_address(there.sync).replace("change/", "import/")
    assert theirs.post(address, pressed).status_code == 302
    assert "metadata.title" in targets(there.sync)
    assert live(there.sync) == before
    with scope(business=rival):
        assert [a.action for a in AuditEntry.objects.filter(who="Rita")] == ["draft.imported"]
        one = choosing.draft_content(there.sync)
    with scope(business=here.business):
        other = choosing.draft_content(Sync.objects.get(pk=here.sync.pk))
    assert one["mappings"] == other["mappings"]

    assert "the draft has changed since it was shown" in said(theirs.post(address, pressed, follow=True))
    assert upload(theirs, here.sync, body).status_code == 404


def test_a_file_that_does_not_fit_says_so(staff: Client, here: World) -> None:
    told = json.loads(exported(staff, here.sync, version="1"))
    assert told["note"] == "version 1 of Clients to customers"
    odd = {**told, "rows": [*told["rows"], {"sources": ["shoe"], "target": "metadata.shoe"}]}
    page = upload(staff, here.sync, json.dumps(odd).encode())
    assert page.context["warnings"] == ["metadata.shoe: Jobber clients have no field “shoe”."]
    for body, words in ((b"{", "not JSON"), (b"", "empty"), (json.dumps({**told, "x": 1}).encode(), "“x”")):
        answer = upload(staff, here.sync, body)
        assert (answer.status_code, words in said(answer)) == (200, True)
    answer = upload(staff, here.sync, b" " * 300_000)
    assert "larger than 256 kB" in said(answer)


def test_files_are_for_who_may_configure(acme: Business, here: World) -> None:
    support = signed_in(person(acme, "Sepp", "support", is_staff=True))
    for name, asked in (
        ("export", support.post),
        ("import", support.get),
        ("import", support.post),
        ("try", support.post),
    ):
        assert asked(page_address(here.sync).replace("change/", f"{name}/")).status_code == 403


# What a row makes now


def test_a_row_is_tried_as_it_stands(staff: Client, here: World) -> None:
    address = page_address(here.sync).replace("change/", "try/")
    asked = {"sources": ["title"], "transforms": '[{"name": "lookup", "table": {"Mr": "m"}}]', "values": '["mr", "Dr"]'}
    assert staff.post(address, asked).json() == {"made": ["m", {"held": True}]}
    for wrong, words in (
        ({"transforms": "text"}, "Correct the steps"), ({"values": "{}"}, "Correct the steps"),
        ({"transforms": '[{"name": "cut"}]'}, "“cut” needs “length”"), ({"transforms": "[1]"}, "is written as"),
        ({"values": json.dumps(["a"] * 21)}, "Correct"), ({"transforms": "[" * 5000}, "Correct the steps"),
    ):  # fmt: skip
        assert words in staff.post(address, {**asked, **wrong}).json()["problem"]
