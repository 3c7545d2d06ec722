"""System checks of our own: what `manage.py check` should say before people notice it."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError
from django_scopes import scopes_disabled

from portal.crypto import KeyMissing, Sealed


@register(Tags.security, deploy=True)
def mails_leave(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Sign-up, invitations and incidents need mail."""
    if "console" not in settings.MAILERS["default"]["BACKEND"]:
        return []
    hint = "Set EMAIL_URL, such as smtp://user:password@mail.example.com:587."
    return [Warning("Mails are only printed, not sent.", hint=hint, id="portal.W001")]


@register(Tags.database)
def keys_open_credentials(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **_: Any
) -> list[CheckMessage]:  # fmt: skip
    """With --database: a key dropped too early is found here, not by the next sync."""
    if not databases:
        return []
    from portal.models import Connection

    try:
        with scopes_disabled():  # a count leaves here, nothing of any business
            held = list(Connection.objects.exclude(credentials=Sealed("")).values_list("credentials", flat=True))
    except DatabaseError:  # not migrated yet
        return []
    lost = sum(not _opens(value) for value in held)
    if not lost:
        return []
    hint = "Put the old key back behind the new one in ENCRYPTION_KEYS, then run `manage.py rotate_keys`."
    return [Warning(f"No key opens the credentials of {lost} connections.", hint=hint, id="portal.W002")]


def _opens(value: str | Sealed | None) -> bool:
    try:
        return isinstance(value, Sealed) and value.open() is not None
    except KeyMissing:
        return False
