"""Encryption of what must not be readable in a stolen database: MultiFernet, keys from the environment."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class KeyMissing(Exception):
    """None of the keys in ENCRYPTION_KEYS opens this value."""


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(k) for k in keys])


def encrypt(text: str) -> str:
    return _ring(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises KeyMissing; never returns the ciphertext."""
    try:
        return _ring(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise KeyMissing(
            "No key in ENCRYPTION_KEYS opens this value: put the old key back behind the new one."
        ) from None


def rotate(token: str) -> str:
    """The same text under the first key."""
    return encrypt(decrypt(token))


def is_under_first_key(token: str) -> bool:
    try:
        _ring(tuple(settings.ENCRYPTION_KEYS[:1])).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


if TYPE_CHECKING:
    TextField = models.TextField["str | Sealed | None", "Sealed"]
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """Text stored encrypted. Reading gives a `Sealed` value, so that a key that is missing hurts only who opens it."""

    def from_db_value(self, value: str | None, *_: Any) -> "Sealed | None":
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.token
        return None if value is None else encrypt(value)


class Sealed:
    """An encrypted value as stored; `open()` shows it."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    def open(self) -> str:
        return decrypt(self.token)

    def __bool__(self) -> bool:
        return bool(self.token)

    def __repr__(self) -> str:
        return "Sealed('***')"
