"""What each role may do in the admin, and that history stays as it happened."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django_scopes import scope
from pytest_django import Settings

from portal.admin.base import NOBODY
from portal.models import Business, Membership, User
from syncs.models import FieldMapping, Incident, Link, Run, Sync, Version
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal import test_admin_mapping as drafts
from tests.portal.rows import World, everything
from tests.portal.test_admin_pages import list_address, page_address, registered

HISTORY = ("Event", "Snapshot", "SnapshotHistory", "Attempt", "Write", "Version", "Run", "Incident", "Lane", "Link")
ASKS = {"approver": "office", "raised_by": "staff", "approval_days": "14"}
SENT = {"_form_submitted": "True"}


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    return rows.world(acme)


@pytest.fixture
def boss(db: None) -> Client:
    return signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))


@pytest.fixture
def support(acme: Business) -> Client:
    return signed_in(person(acme, "Sue", "support", is_staff=True))


def button(row: object, name: str) -> str:
    return page_address(row).replace("change/", f"{name}/")


def fresh(row: Sync) -> Sync:
    with scope(business=row.business):
        return Sync.objects.get(pk=row.pk)


def running(sync: Sync) -> list[str]:
    return [r.kind for r in everything(Run) if r.sync_id == sync.pk and r.state == "running"]


def stop_runs(sync: Sync) -> None:
    with scope(business=sync.business):
        Run.objects.filter(sync=sync).update(state="done")


def test_support_may_run_but_not_edit(support: Client, here: World) -> None:
    stop_runs(here.sync)
    page = support.get(page_address(here.sync))
    assert 'name="_save"' not in page.content.decode()
    for refused in ("publish", "pause", "resume"):
        assert support.post(button(here.sync, refused), SENT).status_code == 403
    assert support.post(page_address(here.sync), {"name": "Mine"}).status_code == 403
    assert (fresh(here.sync).name, fresh(here.sync).mode) == ("Clients to customers", "live")

    assert support.post(button(here.sync, "sync-now"), SENT).status_code == 302
    assert running(here.sync) == ["backfill"]
    support.post(button(here.links[1], "sync"), SENT)
    asked = next(x for x in everything(Link) if x.pk == here.links[1].pk)
    assert (asked.noticed, asked.noticed_by) == (2, "asked by Sue")


def test_support_triages_incidents_but_does_not_configure(support: Client, here: World) -> None:
    support.post(list_address(Incident), {"_selected_action": [here.incident.pk], "action": "ignore"})
    assert [i.state for i in everything(Incident)] == ["ignored"]
    support.post(list_address(Incident), {"_selected_action": [here.incident.pk], "action": "reopen"})
    assert [i.state for i in everything(Incident)] == ["open"]
    support.post(list_address(Sync), {"_selected_action": [here.sync.pk], "action": "pause_these"})
    assert fresh(here.sync).mode == "live"


def test_a_press_on_a_link_changes_nothing(staff: Client, here: World) -> None:
    stop_runs(here.sync)
    for name in ("publish", "sync-now", "review", "pause", "resume"):
        answer = staff.get(button(here.sync, name))
        assert answer.status_code == 200
        assert "<form" in answer.content.decode()
    assert running(here.sync) == []
    assert fresh(here.sync).mode == "live"
    assert len(everything(Version)) == 1


def test_pause_and_resume_go_back_to_what_it_was(staff: Client, here: World, rival: Business) -> None:
    stop_runs(here.sync)
    staff.post(button(here.sync, "pause"), SENT)
    assert fresh(here.sync).mode == "off"
    assert running(here.sync) == []
    staff.post(button(here.sync, "resume"), SENT)
    assert (fresh(here.sync).mode, running(here.sync)) == ("live", ["backfill"])

    with scope(business=here.business):
        Sync.objects.update(mode="off", live_since=None, paused_in="")
    stop_runs(here.sync)
    staff.post(button(here.sync, "resume"), SENT)
    assert (fresh(here.sync).mode, running(here.sync)) == ("preview", ["review"])


def test_actions_on_many(staff: Client, here: World) -> None:
    stop_runs(here.sync)
    chosen = {"_selected_action": [here.sync.pk]}
    staff.post(list_address(Sync), {**chosen, "action": "sync_these_now"})
    assert running(here.sync) == ["backfill"]
    staff.post(list_address(Sync), {**chosen, "action": "pause_these"})
    assert fresh(here.sync).mode == "off"
    staff.post(list_address(Link), {"_selected_action": [x.pk for x in here.links], "action": "try_again"})
    assert {x.noticed for x in everything(Link)} == {1}  # a paused sync looks at nothing
    staff.post(list_address(Sync), {**chosen, "action": "resume_these"})
    staff.post(list_address(Link), {"_selected_action": [x.pk for x in here.links], "action": "try_again"})
    assert {x.noticed for x in everything(Link)} == {2}


@pytest.mark.parametrize("name", HISTORY)
def test_history_cannot_be_added_changed_or_deleted(name: str, boss: Client, here: World) -> None:
    model = next(m for m in registered() if m.__name__ == name and m._meta.app_label == "syncs")
    row = everything(model)[0]
    before = {f.attname: getattr(row, f.attname) for f in model._meta.concrete_fields}
    sent = {f.name: "1" for f in model._meta.fields}
    assert boss.post(page_address(row), sent).status_code == 403
    assert boss.post(page_address(row).replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    assert boss.post(f"{list_address(model)}add/", sent).status_code == 403
    deleted = {"_selected_action": [row.pk], "action": "delete_selected", "post": "yes"}
    boss.post(list_address(model), deleted)
    after = next(r for r in everything(model) if r.pk == row.pk)
    assert {f.attname: getattr(after, f.attname) for f in model._meta.concrete_fields} == before


def test_no_list_offers_to_delete_many(boss: Client, here: World) -> None:
    for model in registered():
        assert "delete_selected" not in boss.get(list_address(model)).content.decode()


def test_tables_of_the_queue_are_not_edited() -> None:
    for model, found in admin.site._registry.items():
        if model._meta.app_label == "django_q":
            assert {found.add_gate, found.change_gate, found.delete_gate} == {NOBODY}


def test_last_owner_stays(boss: Client, here: World, alice: User) -> None:
    sole = Membership.objects.get(user=alice)
    answer = boss.post(page_address(sole), {"role": "office"})
    assert "A business needs an owner" in answer.content.decode()
    assert boss.post(page_address(sole).replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    person(here.business, "Olga", "owner")
    assert boss.post(page_address(sole), {"role": "office"}).status_code == 302
    assert Membership.objects.get(user=alice).role == "office"


def test_settings_of_a_business_are_the_owners(staff: Client, acme: Business, here: World) -> None:
    olive = signed_in(person(acme, "Olive", "owner", is_staff=True))
    sent = {"name": "Acme & Sons", "time_zone": "Australia/Perth", "currency": "USD", "country": "US", **no_members()}
    assert staff.post(page_address(acme), sent).status_code == 403
    assert olive.post(page_address(acme), {**sent, "time_zone": "Mars/Base"}).status_code == 200
    assert olive.post(page_address(acme), sent).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone, acme.currency, acme.country) == (
        "Acme & Sons", "Australia/Perth", "AUD", "AU",
    )  # fmt: skip
    assert olive.get(f"{list_address(Business)}add/").status_code == 403


def no_members() -> dict[str, str]:
    return {k.replace("mappings", "memberships"): v for k, v in empty_rows().items()}


def test_a_superuser_adds_a_business(boss: Client) -> None:
    sent = {"name": "Newtown Pools", "country": "NZ", "currency": "NZD", "time_zone": "Pacific/Auckland"}
    assert boss.post(f"{list_address(Business)}add/", {**sent, **no_members()}).status_code == 302
    assert Business.objects.get(name="Newtown Pools").currency == "NZD"


def test_connections_of_an_existing_sync_stay(staff: Client, here: World, rival: Business, mallory: User) -> None:
    other = rows.world(rival)
    moved = {"source": other.source.pk, "target": other.target.pk, "source_resource": "invoices", "mode": "off"}
    with scope(business=here.business):
        given = drafts.draft_of(here.sync)
        filled = drafts.sent(here.sync, given, **{**ASKS, **moved, "name": "Renamed", "poll_minutes": "30"})
    staff.post(page_address(here.sync), filled.urlencode(), "application/x-www-form-urlencoded")
    now = fresh(here.sync)
    assert (now.name, now.poll_minutes) == ("Renamed", 30)
    assert (now.source_id, now.target_id, now.source_resource, now.mode) == (
        here.source.pk, here.target.pk, "clients", "live",
    )  # fmt: skip
    assert FieldMapping.objects  # the draft is looked at elsewhere


def empty_rows() -> dict[str, str]:
    names = ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    return {f"{rows}-{name}": "0" for rows in ("mappings", "rules") for name in names}


# Coming in


def test_second_factor_is_asked_for(boss: Client, settings: Settings, here: World) -> None:
    settings.REQUIRE_ADMIN_MFA = True
    answer = boss.get(page_address(here.sync))
    assert answer.status_code == 302
    assert answer["Location"] == reverse("mfa_index")
    assert boss.post(button(here.sync, "pause"), SENT)["Location"] == reverse("mfa_index")
    assert fresh(here.sync).mode == "live"
    user = User.objects.get(email="boss@example.com")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    assert boss.get(page_address(here.sync)).status_code == 200


def test_admin_has_no_sign_in_of_its_own(client: Client) -> None:
    answer = client.post(reverse("admin:login"), {"username": "boss@example.com", "password": "a long enough word"})
    assert answer["Location"].startswith(reverse("account_login"))
    assert client.get(reverse("admin:index"))["Location"].startswith(reverse("admin:login"))


def test_only_the_admin_may_evaluate(boss: Client, client: Client, here: World) -> None:
    inside = boss.get(page_address(here.sync))["Content-Security-Policy"]
    outside = client.get(reverse("account_login"))["Content-Security-Policy"]
    assert "'unsafe-eval'" in inside
    assert "'unsafe-inline'" not in inside.split("script-src")[1].split(";")[0]
    assert "unsafe" not in outside
    assert "default-src 'none'" in inside
