"""The page of approvals: what waits for whom, approving, declining, editing, several at once, what was decided."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, User
from syncs import incidents
from syncs.models import Approval, AuditEntry, FieldMapping, Link, Sync
from tests import factories
from tests.conftest import person, signed_in
from tests.portal.chromium import MARKS, cookie, opened
from tests.portal.rows import everything

pytestmark = pytest.mark.django_db


def asked(sync: Sync, name: str, *, role: str = "office", rule: str = "", **changes: Any) -> Approval:
    """A client whose creation waits."""
    seen = factories.client(sync.business, sync.source, name=name, email=f"{name.split()[0].lower()}@example.com")
    code, why = ("rule_hold" if rule else "mode_hold"), "There is no such customer in Stripe yet."
    held = factories.link(sync, seen, state="held", cause_code=f"{code}:{role}", cause=why, label=name)
    shown = f"{held.pk:016d}"
    hold = {
        "rule": rule, "role": role, "parts": {"": "a", "name": "b"}, "shown": shown, "steps": False, "verb": "create",
        "planned": why, "editable": {"name": [name, name]},
    }  # fmt: skip
    plan = {
        "verdict": "hold", "code": held.cause_code, "changes": [["name", "", name]], "warnings": [], "hold": hold,
        "reason": f"{why} It waits until somebody has approved it.",
    }  # fmt: skip
    values = {"plan": plan, "shown": shown, "role": role, "rule": rule}
    return Approval.objects.create(business=sync.business, sync=sync, link=held, **{**values, **changes})


@pytest.fixture
def sync(acme: Business) -> Sync:
    with scope(business=acme):
        made = factories.sync(acme, "approve")
        FieldMapping.objects.filter(sync=made, target_path="name").update(editable=True)
    return made


@pytest.fixture
def waiting(sync: Sync) -> list[Approval]:
    with scope(business=sync.business):
        return [
            asked(sync, "Ann Smith", amount=620000, currency="AUD"),
            asked(sync, "Bea Jones", amount=12000, currency="AUD"),
            asked(sync, "Cyd Brown", role="owner", rule="Big ones"),
        ]


def page(user: User, business: Business, query: str = "") -> str:
    answer = signed_in(user).get(f"/b/{business.pk}/approvals/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def decide(user: User, row: Approval, choice: str = "through", **given: str) -> HttpResponse:
    address = reverse("record_decide", args=[row.business_id, row.link_id])
    found: HttpResponse = signed_in(user).post(
        address, {"choice": choice, "shown": row.shown, "back": "approvals", **given}, follow=True
    )
    return found


def now(row: Approval) -> Approval:
    return next(a for a in everything(Approval) if a.pk == row.pk)


def test_an_owner_sees_all_that_waits_with_plan_money_and_reason(
    acme: Business, alice: User, waiting: list[Approval]
) -> None:
    html = page(alice, acme)
    assert html.count("Create it in Stripe.") == 3
    assert "$6,200.00" in html
    assert "It waits until somebody has approved it." in html
    assert "<ins>Ann Smith</ins>" in html
    assert "3 wait for you." in html
    assert 'Approvals <span class="badge badge-warn">3</span>' in html
    assert "Others decide these" not in html


def test_no_space_stands_between_a_time_and_what_follows_it(
    acme: Business, alice: User, waiting: list[Approval]
) -> None:
    with scope(business=acme):
        Approval.objects.update(expires_at=timezone.now() + timedelta(days=1))
    decide(alice, waiting[0])
    html = page(alice, acme) + page(alice, acme, "?show=decided")
    assert "</time>, waits until" in html
    assert "</time> · Asked" in html
    assert not re.search(r"</time>\s+[,.]", html)


def test_the_office_sees_its_own_first_and_who_decides_the_others(
    acme: Business, bob: User, waiting: list[Approval]
) -> None:
    mine, _, others = page(bob, acme).partition("Others decide these")
    assert ("Ann Smith" in mine, "Cyd Brown" in mine) == (True, False)
    assert "Cyd Brown" in others
    assert "An owner decides this." in others
    assert waiting[2].shown not in others
    assert decide(bob, waiting[2]).status_code == 403
    assert now(waiting[2]).state == "waiting"


@pytest.mark.parametrize("role", ["support", "read_only"])
def test_who_may_only_look_sees_and_decides_nothing(role: str, acme: Business, waiting: list[Approval]) -> None:
    looker = person(acme, "Lou", role)
    html = page(looker, acme)
    assert "Waiting for somebody else" in html
    assert waiting[0].shown not in html
    assert decide(looker, waiting[0]).status_code == 403
    chosen = {"chosen": [waiting[0].pk]}
    assert signed_in(looker).post(f"/b/{acme.pk}/approvals/approve/", chosen).status_code == 403
    assert now(waiting[0]).state == "waiting"


def test_another_business_neither_sees_nor_decides(acme: Business, rival: Business, mallory: User,
                                                   waiting: list[Approval]) -> None:  # fmt: skip
    assert signed_in(mallory).get(f"/b/{acme.pk}/approvals/").status_code == 404
    assert decide(mallory, waiting[0]).status_code == 404
    theirs = signed_in(mallory).post(f"/b/{rival.pk}/approvals/approve/", {"chosen": [waiting[0].pk]}, follow=True)
    assert "Choose at least one first." in theirs.content.decode()
    assert now(waiting[0]).state == "waiting"


@pytest.mark.parametrize(
    ("query", "found"),
    [("?q=bea", ["Bea Jones"]), ("?over=500", ["Ann Smith"]), ("?over=6,200.00", []), ("?over=nonsense", None),
     ("?over=1e400", None), ("?sync=999", [])],
)  # fmt: skip
def test_the_list_is_narrowed_by_name_amount_and_sync(
    acme: Business, alice: User, waiting: list[Approval], query: str, found: list[str] | None
) -> None:
    html = page(alice, acme, query)
    names = [name for name in ("Ann Smith", "Bea Jones", "Cyd Brown") if f'Approve<span class="sr">: {name}' in html]
    assert names == (["Ann Smith", "Bea Jones", "Cyd Brown"] if found is None else found)
    assert ("Nothing found" in html) is (found == [])


def test_one_is_approved_once_and_the_next_is_told_who_did(
    acme: Business, alice: User, bob: User, waiting: list[Approval]
) -> None:
    assert "noted. It is carried out next." in decide(alice, waiting[0]).content.decode()
    assert "Alice has already approved it." in decide(bob, waiting[0], "decline", reason="No").content.decode()
    row = now(waiting[0])
    assert (row.state, row.who, row.decided_by_id) == ("approved", "Alice", alice.pk)
    assert [e.action for e in everything(AuditEntry)] == ["approval.approved"]


def test_it_is_declined_for_a_reason_only(acme: Business, bob: User, waiting: list[Approval]) -> None:
    assert "Say why it is declined" in decide(bob, waiting[0], "decline", reason=" ").content.decode()
    assert now(waiting[0]).state == "waiting"
    said = decide(bob, waiting[0], "decline", reason="A test <client>").content.decode()
    assert "Declined: Ann Smith. Nothing is written." in said
    assert "carried out" not in said
    assert now(waiting[0]).reason == "A test <client>"
    listed = page(bob, acme, "?show=decided")
    assert "Declined: A test &lt;client&gt;" in listed
    story = signed_in(bob).get(f"/b/{acme.pk}/records/{waiting[0].link_id}/").content.decode()
    assert "Bob declined it" in story


def test_an_edited_field_is_kept_and_one_that_cannot_be_is_refused(
    acme: Business, alice: User, waiting: list[Approval]
) -> None:
    assert 'name="edit:name"' in page(alice, acme)
    refused = decide(alice, waiting[0], **{"edit:name": "a" * 300})
    assert "“Name” takes 256 characters at most." in refused.content.decode()
    assert now(waiting[0]).state == "waiting"
    decide(alice, waiting[0], **{"edit:name": "Dr Ann Smith"})
    link = next(x for x in everything(Link) if x.pk == waiting[0].link_id)
    assert link.decision["edits"] == {"name": {"value": "Dr Ann Smith", "instead": "Ann Smith"}}
    assert "Edited before it was approved (1)" in page(alice, acme, "?show=decided")


def test_several_are_approved_each_by_itself(acme: Business, bob: User, waiting: list[Approval]) -> None:
    with scope(business=acme):
        Link.objects.filter(pk=waiting[1].link_id).update(state="in_step", cause_code="")
    chosen = {"chosen": [row.pk for row in waiting], "filter": "q=b&page=2"}
    answer = signed_in(bob).post(f"/b/{acme.pk}/approvals/approve/", chosen, follow=True)
    html = answer.content.decode()
    assert answer.redirect_chain[-1][0] == f"/b/{acme.pk}/approvals/?q=b&page=2"
    assert "1 approved. It is carried out next." in html
    assert "Bea Jones: There is nothing to decide about it any more: in step." in html
    assert "Cyd Brown: An owner decides this." in html
    assert [now(row).state for row in waiting] == ["approved", "waiting", "waiting"]


def test_an_empty_page_says_what_comes_here(acme: Business, alice: User, sync: Sync) -> None:
    assert "Every change of a sync that asks before it writes appears here" in page(alice, acme)
    assert "Nothing decided yet" in page(alice, acme, "?show=decided")


def test_the_record_itself_can_be_decided_about_on_its_page(
    acme: Business, alice: User, waiting: list[Approval]
) -> None:
    html = signed_in(alice).get(f"/b/{acme.pk}/records/{waiting[0].link_id}/").content.decode()
    assert "It waits for approval: $6,200.00" in html
    assert html.count(f'value="{waiting[0].shown}"') == 2
    assert "Waits for approval" in html


def test_the_overview_leads_to_the_approvals(acme: Business, alice: User, waiting: list[Approval]) -> None:
    with scope(business=acme):
        incidents.refresh(waiting[0].sync)
    html = signed_in(alice).get(f"/b/{acme.pk}/").content.decode()
    assert "2 clients wait for approval." in html
    assert f'href="/b/{acme.pk}/approvals/?sync={waiting[0].sync_id}"' in html


# Modes


def step(user: User, sync: Sync, path: str, **data: str) -> HttpResponse:
    found: HttpResponse = signed_in(user).post(f"/b/{sync.business_id}/syncs/{sync.pk}/{path}/", data, follow=True)
    return found


def mode(sync: Sync) -> str:
    return str(next(s.mode for s in everything(Sync) if s.pk == sync.pk))


def test_modes_are_stepped_up_and_down_and_logged(acme: Business, alice: User, sync: Sync) -> None:
    html = signed_in(alice).get(f"/b/{acme.pk}/syncs/{sync.pk}/").content.decode()
    assert "Go live: write without asking" in html
    assert "It is live: what waited for approval is written now" in step(alice, sync, "live").content.decode()
    assert "From now on every change waits" in step(alice, sync, "live", mode="approve").content.decode()
    step(alice, sync, "pause")
    assert mode(sync) == "off"
    step(alice, sync, "resume")
    assert mode(sync) == "approve"
    step(alice, sync, "pause", mode="preview")
    assert mode(sync) == "preview"
    moves = [(e.details["from"], e.details["to"], e.who) for e in everything(AuditEntry)][::-1]
    assert moves == [
        ("approve", "live", "Alice"), ("live", "approve", "Alice"), ("approve", "off", "Alice"),
        ("off", "approve", "Alice"), ("approve", "preview", "Alice"),
    ]  # fmt: skip
    assert step(alice, sync, "live", mode="off").status_code == 404


@pytest.mark.parametrize(
    ("raised_by", "role", "may"),
    [("owner", "staff", False), ("staff", "staff", True), ("office", "office", True), ("staff", "office", False)],
)
def test_stepping_up_can_be_left_to_some(raised_by: str, role: str, may: bool, acme: Business, sync: Sync) -> None:
    with scope(business=acme):
        Sync.objects.update(raised_by=raised_by)
    answer = step(person(acme, "Sam", role), sync, "live")
    assert (answer.status_code, mode(sync)) == ((200, "live") if may else (403, "approve"))
    assert may or "may step its mode up" in answer.content.decode()


def test_who_may_not_step_up_can_step_down_but_not_resume(acme: Business, sync: Sync) -> None:
    with scope(business=acme):
        Sync.objects.update(raised_by="owner", mode="live")
    sam = person(acme, "Sam", "staff")
    step(sam, sync, "live", mode="approve")
    assert mode(sync) == "approve"
    step(sam, sync, "pause")
    assert mode(sync) == "off"
    assert step(sam, sync, "resume").status_code == 403
    settings = step(sam, sync, "approvals", approver="staff", raised_by="staff", approval_days="3")
    assert settings.status_code == 403


def test_the_settings_are_saved_and_checked(acme: Business, alice: User, sync: Sync) -> None:
    step(alice, sync, "approvals", approver="owner", raised_by="owner", approval_days="")
    kept = next(s for s in everything(Sync) if s.pk == sync.pk)
    assert (kept.approver, kept.raised_by, kept.approval_days) == ("owner", "owner", None)
    for wrong in ({"approval_days": "0"}, {"approval_days": "a"}, {"approver": "nobody"}):
        answer = step(alice, sync, "approvals", **{"approver": "staff", "raised_by": "staff", **wrong})
        assert "Nothing was saved." in answer.content.decode()
    assert next(s for s in everything(Sync) if s.pk == sync.pk).approver == "owner"


def admin_press(user: User, sync: Sync, path: str) -> str:
    answer = signed_in(user).post(f"/admin/syncs/sync/{sync.pk}/{path}/", {"_form_submitted": "True"}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_admin_steps_it_too_and_refuses_in_words(acme: Business, sync: Sync, settings: Any) -> None:
    sam = person(acme, "Sam", "staff", is_staff=True)
    admin_press(sam, sync, "go-live")
    assert mode(sync) == "live"
    admin_press(sam, sync, "ask-first")
    assert mode(sync) == "approve"
    with scope(business=acme):
        Sync.objects.update(raised_by="owner")
    assert "An owner may step its mode up." in admin_press(sam, sync, "go-live")
    assert mode(sync) == "approve"
    admin_press(sam, sync, "step-back")
    assert mode(sync) == "preview"
    form = signed_in(sam).get(f"/admin/syncs/sync/{sync.pk}/change/").content.decode()
    assert not re.search(r'<select[^>]*name="raised_by"', form)


# In a browser


@pytest.mark.parametrize("width", [390, 1280])
@MARKS[0]
@MARKS[1]
@pytest.mark.django_db(transaction=True)
def test_an_owner_edits_and_approves_in_a_browser(
    width: int, acme: Business, alice: User, waiting: list[Approval], live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scope(business=acme):
        Approval.objects.filter(pk=waiting[1].pk).update(asked_at=timezone.now())
    address = f"{live_server.url}/b/{acme.pk}/approvals/"
    with opened(cookie(alice, live_server.url), monkeypatch) as tab:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(address)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        card = tab.locator("li.card", has_text="Ann Smith")
        card.get_by_text("Edit before approving").click()
        card.get_by_label("Name").fill("Dr Ann Smith")
        card.get_by_role("button", name=re.compile("^Approve")).click()
        tab.get_by_text("Ann Smith: noted.").wait_for()
        card = tab.locator("li.card", has_text="Bea Jones")
        card.locator("summary", has_text="Decline").click()
        card.get_by_label("Why?").fill("Twice")
        card.get_by_role("button", name=re.compile("^Decline")).click()
        tab.get_by_text("Declined: Bea Jones. Nothing is written.").wait_for()
        tab.get_by_label("Choose Cyd Brown").check()
        tab.get_by_role("button", name="Approve those chosen").click()
        tab.get_by_text("1 approved.").wait_for()
        tab.get_by_text("Nothing waits for approval").wait_for()
    assert [now(row).state for row in waiting] == ["approved", "declined", "approved"]
    assert now(waiting[0]).edits["name"]["value"] == "Dr Ann Smith"
