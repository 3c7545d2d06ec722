"""Whoever looks after one business sees nothing of another, by whatever way they ask."""

import pytest
from django.contrib import admin
from django.db.models import ForeignKey
from django.test import Client
from django.urls import reverse
from django_scopes import scope

from portal.models import Business, Membership, User
from syncs.models import Run, Version
from tests.conftest import person, signed_in
from tests.portal import rows
from tests.portal.rows import World, everything
from tests.portal.test_admin_pages import list_address, page_address, registered

BUTTONS = ("publish", "sync-now", "review", "pause", "resume")


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    return rows.world(acme)


@pytest.fixture
def there(rival: Business, mallory: User) -> World:
    return rows.world(rival)


@pytest.fixture
def stella(acme: Business) -> User:
    return person(acme, "Stella", "staff", is_staff=True)


@pytest.fixture
def staff(stella: User) -> Client:
    return signed_in(stella)


def rows_of(model: type, business: Business) -> list[object]:
    """The business's own rows, as far as a row says whose it is."""
    return [row for row in everything(model) if getattr(row, "business_id", None) == business.pk]


@pytest.mark.parametrize("model", registered(), ids=lambda m: m._meta.label)
def test_lists_and_searches_show_nothing_of_the_other(model: type, staff: Client, here: World, there: World) -> None:
    for query in ({}, {"q": "ival"}, {"business__id__exact": there.business.pk}):
        page = staff.get(list_address(model), query, follow=True).content.decode()
        assert "Rival" not in page
        assert "mallory" not in page.lower()


@pytest.mark.parametrize("model", registered(), ids=lambda m: m._meta.label)
def test_the_others_rows_do_not_exist(model: type, staff: Client, here: World, there: World) -> None:
    found = [there.business] if model is Business else rows_of(model, there.business)
    for row in found:
        page = page_address(row)
        for address in (page, page.replace("/change/", "/history/"), page.replace("/change/", "/delete/")):
            assert staff.get(address).status_code == 404, address
            assert staff.post(address, {"post": "yes"}).status_code == 404, address


def test_the_others_members_do_not_exist(staff: Client, here: World, there: World, mallory: User) -> None:
    assert staff.get(page_address(mallory)).status_code == 404
    assert staff.get(page_address(mallory.memberships.get())).status_code == 404


@pytest.mark.parametrize("button", BUTTONS)
def test_buttons_of_the_other_do_not_exist(button: str, staff: Client, here: World, there: World) -> None:
    runs = len(rows_of(Run, there.business))
    address = page_address(there.sync).replace("change/", f"{button}/")
    assert staff.get(address).status_code == 404
    assert staff.post(address, {"_form_submitted": "True", "note": "mine now"}).status_code == 404
    assert len(rows_of(Run, there.business)) == runs
    assert {v.number for v in rows_of(Version, there.business)} == {1}


def test_actions_leave_the_others_rows_alone(staff: Client, here: World, there: World) -> None:
    chosen = {"_selected_action": [link.pk for link in (*here.links, *there.links)], "action": "try_again"}
    staff.post(list_address(type(here.links[0])), chosen)
    asked = {link.source_id for link in everything(type(here.links[0])) if link.noticed == 2}
    assert asked == {link.source_id for link in here.links}

    incidents = {"_selected_action": [here.incident.pk, there.incident.pk], "action": "ignore"}
    staff.post(list_address(type(here.incident)), incidents)
    states = {i.business_id: i.state for i in everything(type(here.incident))}
    assert states == {here.business.pk: "ignored", there.business.pk: "open"}


def test_select_across_stays_within(staff: Client, here: World, there: World) -> None:
    chosen = {"_selected_action": [here.links[0].pk], "action": "try_again", "select_across": "1"}
    staff.post(list_address(type(here.links[0])), chosen)
    with scope(business=there.business):
        assert {link.noticed for link in type(here.links[0]).objects.all()} == {1}


def test_autocompletes_offer_nothing_of_the_other(staff: Client, here: World, there: World) -> None:
    asked = 0
    for model in registered():
        for field in model._meta.get_fields():
            if not isinstance(field, ForeignKey):
                continue
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
            answer = staff.get(reverse("admin:autocomplete"), {**query, "term": ""})
            asked += answer.status_code == 200
            assert "Rival" not in answer.content.decode()
            assert "mallory" not in answer.content.decode().lower()
    assert asked > 20


def test_dashboard_counts_only_ones_own(staff: Client, here: World, there: World) -> None:
    answer = staff.get(reverse("admin:index"))
    assert "Rival" not in answer.content.decode()
    assert {t.words: t.number for t in answer.context["tiles"]} == {
        "Businesses": 1, "Connected": 2, "Needs reconnecting": 0, "Disconnected": 0, "Waiting": 1, "Needs a look": 1,
        "Failed": 0,
    }  # fmt: skip


def test_superuser_sees_both(here: World, there: World, db: None) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))
    page = boss.get(list_address(Business)).content.decode()
    assert "Acme Plumbing" in page
    assert "Rival Electrics" in page
    assert boss.get(page_address(there.sync)).status_code == 200


def test_role_elsewhere_gives_no_right_here(there: World, here: World, rival: Business) -> None:
    """An owner of one business who only supports another cannot let people into that one."""
    olive = person(here.business, "Olive", "owner", is_staff=True)
    Membership.objects.create(business=rival, user=olive, role="support")
    form = {"user": olive.pk, "business": rival.pk, "role": "owner"}
    answer = signed_in(olive).post(reverse("admin:portal_membership_add"), form)
    assert answer.status_code == 200  # the form again, with what is wrong
    assert answer.context["adminform"].form.errors["business"]
    mine = Membership.objects.get(business=rival, user=olive)
    assert signed_in(olive).post(page_address(mine), {"role": "owner"}).status_code == 403
    assert signed_in(olive).get(page_address(mine)).status_code == 200


def test_everyone_else_stays_out(bob: User, alice: User, here: World) -> None:
    assert Client().get(reverse("admin:index"), follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    for outsider in (bob, alice):
        answer = signed_in(outsider).get(reverse("admin:index"), follow=True)
        assert answer.status_code == 403
    bob.is_staff = True  # an office member is not somebody who looks after the business
    bob.save()
    page = signed_in(bob).get(reverse("admin:index"))
    assert page.status_code == 200
    assert "Acme" not in page.content.decode()
    assert signed_in(bob).get(page_address(here.sync)).status_code == 404


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("portal_connection", "credentials__startswith"),
        ("portal_connection", "credentials_digest__startswith"),
        ("portal_user", "password__startswith"),
        ("syncs_sync", "source__credentials__startswith"),
        ("portal_invitation", "key_digest__startswith"),
        ("mfa_authenticator", "data__icontains"),
        ("usersessions_usersession", "session_key__startswith"),
    ],
)
def test_hidden_columns_cannot_be_felt_out(model: str, lookup: str, here: World) -> None:
    boss = signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))
    assert boss.get(reverse(f"admin:{model}_changelist"), {lookup: "a"}).status_code == 400


def test_nobody_looks_after_a_model_without_the_door() -> None:
    from portal.admin.base import ScopedAdmin

    assert all(isinstance(found, ScopedAdmin) for found in admin.site._registry.values())
