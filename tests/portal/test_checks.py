"""What `manage.py check` says before people notice it."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.db import DatabaseError
from pytest_django import DjangoAssertNumQueries

from portal import checks
from portal.crypto import Sealed, encrypt
from portal.models import Business, Connection


def found(databases: list[str] | None = None, *, deploy: bool = False) -> list[str]:
    messages = run_checks(include_deployment_checks=deploy, databases=databases)
    return [f"{m.id} {m.msg}" for m in messages if str(m.id).startswith("portal.")]


def stored(business: Business, account: str, token: str) -> None:
    Connection._base_manager.create(
        business=business,
        connector="jobber",
        method="oauth",
        account_id=account,
        credentials=Sealed(token),
        status="off",
    )


def test_credentials_that_no_key_opens_are_counted(acme: Business) -> None:
    assert found(["default"]) == []
    stored(acme, "A1", encrypt("{}"))
    stored(acme, "A2", Fernet(Fernet.generate_key()).encrypt(b"{}").decode())
    stored(acme, "A3", "")
    assert found(["default"]) == ["portal.W002 No key opens the credentials of 1 connections."]


def test_the_database_is_only_asked_when_that_is_wanted(
    acme: Business, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert found() == []


def test_a_database_that_is_not_migrated_yet_is_no_finding(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    def missing(*_: object, **__: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(Connection.objects, "exclude", missing, raising=False)
    assert checks.keys_open_credentials(None, ["default"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize(("backend", "ids"), [("console", ["portal.W001"]), ("smtp", [])])
def test_mails_that_are_only_printed_are_no_way_to_go_live(backend: str, ids: list[str], settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": f"django.core.mail.backends.{backend}.EmailBackend", "OPTIONS": {}}}
    assert [text.split()[0] for text in found(deploy=True)] == ids
    assert found() == []
