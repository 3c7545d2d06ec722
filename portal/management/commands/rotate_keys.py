"""Bring every encrypted value under the first key of ENCRYPTION_KEYS."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models

from portal.accounts import re_encrypt_second_factor
from portal.crypto import EncryptedTextField, KeyMissing, Sealed, is_under_first_key, rotate

type Place = tuple[type[models.Model], str]


class Command(BaseCommand):
    """May be stopped and started again at any time, while the portal and its workers run."""

    help = "Re-encrypt everything under the first key of ENCRYPTION_KEYS, so that older keys can be dropped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=200, help="rows read at once")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        locked = self._tell("Second factors of people", *re_encrypt_second_factors())
        for model, field in places():
            locked += self._tell(f"{model._meta.label}.{field}", *re_encrypt(model, field, batch))
        if locked:
            raise CommandError(
                f"{locked} values open with none of the keys. Put the key they need back and run this again."
            )

    def _tell(self, place: str, done: int, unopened: int) -> int:
        self.stdout.write(f"{place}: {done} re-encrypted, {unopened} not opened by any key")
        return unopened


def re_encrypt_second_factors() -> tuple[int, int]:
    """As `re_encrypt`, for the secrets that allauth keeps."""
    results = [re_encrypt_second_factor(pk) for pk in Authenticator.objects.values_list("pk", flat=True)]
    return results.count(True), results.count(None)


def places() -> Iterator[Place]:
    """Every encrypted column there is, of every app."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.name


def re_encrypt(model: type[models.Model], field: str, batch: int) -> tuple[int, int]:
    """(values moved to the first key, values that no key opens)."""
    done = unopened = 0
    for pk, sealed in _values(model, field, batch):
        if is_under_first_key(sealed.token):
            continue
        try:
            fresh = Sealed(rotate(sealed.token))
        except KeyMissing:
            unopened += 1
            continue
        # Only where the old text still stands: a token refreshed meanwhile is already under the first key.
        done += _all_rows(model).filter(pk=pk, **{field: sealed}).update(**{field: fresh})
    return done, unopened


def _values(model: type[models.Model], field: str, batch: int) -> Iterator[tuple[Any, Sealed]]:
    last: Any = 0
    while rows := list(_all_rows(model).filter(pk__gt=last).order_by("pk").values_list("pk", field)[:batch]):
        yield from ((pk, sealed) for pk, sealed in rows if sealed)
        last = rows[-1][0]


def _all_rows(model: type[models.Model]) -> models.QuerySet[models.Model]:
    """Rows of every tenant: a key is the whole installation's, and nothing of a row is shown."""
    return model._base_manager.all()
