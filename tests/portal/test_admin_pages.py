"""Every list and page of the admin opens, shows no secret, and asks the database as often for many rows as for few."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django_scopes import scope

from portal.models import Business, User
from syncs.models import Snapshot
from tests.conftest import signed_in
from tests.portal import rows
from tests.portal.rows import World, everything

OUR_APPS = {"portal", "syncs"}
#: What stored secrets hold: our canaries, ciphertext, a hashed password.
SECRETS = (rows.CANARY, "gAAAA", "md5$", "s3ssion", "JBSWY3DP")
#: Kept for the ledger's sake only; it holds a hash and nothing to look at.
NOT_SHOWN = {"syncs.ChainHead"}


@pytest.fixture
def boss(db: None) -> Client:
    return signed_in(User.objects.create_superuser("boss@example.com", "a long enough word"))


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    return rows.world(acme)


def list_address(model: type) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_address(row: object) -> str:
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])


def registered() -> list[type]:
    return list(admin.site._registry)


def test_every_model_of_ours_is_registered() -> None:
    ours = {m._meta.label for m in apps.get_models() if m._meta.app_label in OUR_APPS}
    assert ours - {m._meta.label for m in registered()} == NOT_SHOWN


@pytest.mark.parametrize("model", registered(), ids=lambda m: m._meta.label)
def test_list_and_page_open_without_a_secret(model: type, boss: Client, here: World) -> None:
    pages = [list_address(model), *(page_address(row) for row in everything(model)[:3])]
    for address in pages:
        answer = boss.get(address)
        assert answer.status_code == 200, address
        shown = answer.content.decode()
        assert not [secret for secret in SECRETS if secret in shown]


def test_the_signed_in_and_their_factors_show_no_secret(boss: Client, here: World, alice: User) -> None:
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    UserSession.objects.create(user=alice, ip="10.0.0.1", session_key="s3ssion" * 4, user_agent="A browser")
    for model in (Authenticator, UserSession):
        for address in (list_address(model), *(page_address(row) for row in everything(model))):
            shown = boss.get(address).content.decode()
            assert "Alice" in shown or "boss" in shown
            assert not [secret for secret in SECRETS if secret in shown]


def test_names_from_outside_are_only_text(boss: Client, acme: Business, alice: User) -> None:
    acme.name = "<script>alert(1)</script>"
    acme.save()
    made = rows.world(acme)
    with scope(business=acme):
        Snapshot.objects.update(url="javascript:alert(1)", label=acme.name)
    for model in registered():
        for address in (list_address(model), *(page_address(row) for row in everything(model)[:2])):
            shown = boss.get(address).content.decode()
            assert "<script>alert" not in shown, address
            assert 'href="javascript:' not in shown, address
    assert "&lt;script&gt;alert(1)" in boss.get(page_address(made.links[0])).content.decode()
    assert "<script>alert" not in boss.get(reverse("admin:index")).content.decode()


def test_times_of_a_record_are_told_as_times(boss: Client, here: World) -> None:
    link = here.links[0]
    with scope(business=here.business):
        for external_id, data in (
            (link.source_id, {"created_at": "2026-10-18T07:55:03Z", "name": "1732838103"}),
            (link.target_id, {"created": 1732838103}),
        ):
            Snapshot.objects.filter(external_id=external_id).update(data=data)
    shown = boss.get(page_address(link)).content.decode()
    assert '<th scope="row">created_at</th><td>18 Oct 2026, 6:55 p.m.</td>' in shown
    assert '<th scope="row">created</th><td>29 Nov 2024, 10:55 a.m.</td>' in shown
    assert '<th scope="row">name</th><td>1732838103</td>' in shown


def test_the_world_has_a_row_of_every_model_of_ours(here: World) -> None:
    empty = {m._meta.label for m in registered() if m._meta.app_label in OUR_APPS and not everything(m)}
    assert empty <= {"portal.WorkerBeat", "portal.RefusedDelivery"}


@pytest.mark.parametrize("asked", ["sync__id__exact=9{}", "business__id__exact=9{}", "sync__id__in=1,9{}"])
def test_a_filter_by_a_number_no_row_can_have_is_left_out(asked: str, boss: Client, here: World) -> None:
    answer = boss.get("/admin/syncs/link/?" + asked.format("9" * 22), follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain == [("/admin/syncs/link/?e=1", 302)]
