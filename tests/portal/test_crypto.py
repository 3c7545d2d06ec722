"""What a stolen database, a page, a log line or a traceback shows: no token."""

import logging
import sys
from unittest.mock import MagicMock

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client, RequestFactory
from django.views.debug import get_exception_reporter_class

from connectors.errors import AuthError
from portal import tokens
from portal.management.commands import rotate_keys
from portal.models import Business, Connection, User
from tests.portal.conftest import connected
from tests.portal.fake_service import CANARY, FakeService, refuse

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(service: FakeService, parking: MagicMock, garden: Business) -> Connection:
    return connected(service, garden)


def test_after_rotation_the_old_key_can_go(row: Connection, settings) -> None:
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = [new]
    assert tokens.load(row).access_token.reveal() == f"{CANARY}-access-1"


def test_an_interrupted_rotation_goes_on(service: FakeService, row: Connection, settings, monkeypatch) -> None:
    connected(service, Business.objects.create(name="Other"), status="off")
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
    real = rotate_keys.rotate
    with monkeypatch.context() as killed:
        killed.setattr(rotate_keys, "rotate", MagicMock(side_effect=[real(row.credentials.token), KeyboardInterrupt]))
        with pytest.raises(KeyboardInterrupt):
            call_command("rotate_keys", batch=1)
    assert rotate_keys.re_encrypt(Connection, "credentials", 1) == (1, 0)
    assert rotate_keys.re_encrypt(Connection, "credentials", 1) == (0, 0)


def test_a_token_refreshed_during_rotation_is_kept(
    service: FakeService, row: Connection, settings, monkeypatch
) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    real = rotate_keys.rotate

    def slowly(token: str) -> str:
        tokens.current(row)
        return real(token)

    monkeypatch.setattr(rotate_keys, "rotate", slowly)
    call_command("rotate_keys")
    assert tokens.load(row).access_token.reveal() == f"{CANARY}-access-2"


def test_values_no_key_opens_are_counted_and_kept(row: Connection, settings) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="1 values"):
        call_command("rotate_keys")


def everything_stored() -> str:
    with database.cursor() as cursor:
        lines = []
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            lines += [repr(line) for line in cursor.fetchall()]
    return "\n".join(lines)


def test_no_token_shows_anywhere(
    client: Client, owner: User, garden: Business, service: FakeService, parking: MagicMock, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get())
    client.post(f"/b/{garden.pk}/connections/jobber/start/")
    row = connected(service, garden)
    tokens.current(row)
    pages = [f"/b/{garden.pk}/connections/", f"/b/{garden.pk}/connections/{row.pk}/"]
    pages += [f"/admin/portal/{model._meta.model_name}/" for model in apps.get_app_config("portal").get_models()]
    pages += [f"/admin/portal/connection/{row.pk}/change/"]
    shown = [client.get(page).content.decode() for page in pages]
    service.on_refresh = refuse
    try:
        tokens.renewed(row, tokens.load(row))
    except AuthError:
        reporter = get_exception_reporter_class(None)(RequestFactory().get("/"), *sys.exc_info())
        shown += [reporter.get_traceback_html(), reporter.get_traceback_text()]
    assert len(service.refreshed) == 2
    assert CANARY not in "\n".join([*shown, everything_stored(), caplog.text, repr(row.__dict__)])
