"""Every list and page of the admin opens, shows no secret, and asks the database as often for many rows as for few."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal.models import Business, User
from tests.conftest import signed_in
from tests.portal import rows
from tests.portal.rows import World, everything

OUR_APPS = {"portal", "syncs"}
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
        assert rows.CANARY not in answer.content.decode()


def test_the_world_has_a_row_of_every_model_of_ours(here: World) -> None:
    empty = {m._meta.label for m in registered() if m._meta.app_label in OUR_APPS and not everything(m)}
    assert empty <= {"portal.WorkerBeat", "portal.RefusedDelivery"}
