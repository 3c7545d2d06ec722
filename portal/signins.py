"""What people do to get in, and about how they get in, stands in the audit trail of each business that they can see.

A sign-in is of no one business. An owner wants to know who could look at theirs and when, and must not see another's
trail, so each has its own entry (docs/decisions.md). Who belongs to none leaves none, but for the log.
"""

import logging
from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django_scopes import scope

from portal.models import Business, User
from syncs import audit

log = logging.getLogger(__name__)


def seen_by(user: User) -> list[Business]:
    """The businesses that this person can look into."""
    rows = Business.objects.all() if user.is_superuser else Business.objects.filter(memberships__user=user)
    return list(rows.order_by("pk"))


def record(user: User, by: User | None, action: str, on: models.Model, words: str, **details: Any) -> None:
    """An entry in each of these."""
    for business in seen_by(user):
        with scope(business=business):
            audit.record(business.pk, by, action, on, words, **details)


def _note(request: HttpRequest | None, user: User, action: str, words: str, *, by: User | None = None) -> None:
    """`by`: nobody where it is not known that it was the person."""
    record(user, by, action, user, f"{user.get_short_name()} {words}", address=_address(request))


def _address(request: HttpRequest | None) -> str:
    """Where it came from, '' where that cannot be told: nobody is kept in or out for that."""
    try:
        return str(get_adapter(request).get_client_ip(request)) if request else ""
    except PermissionDenied:
        return ""


def _signed_in(request: HttpRequest, user: User, **_: object) -> None:
    _note(request, user, "person.signed_in", "signed in", by=user)


def _signed_out(request: HttpRequest, user: User | None, **_: object) -> None:
    if user is not None:
        _note(request, user, "person.signed_out", "signed out", by=user)


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    address = str(credentials.get("email") or credentials.get("username") or credentials.get("login") or "")
    user = User.objects.filter(email__iexact=address).first() if address else None
    if user is None:
        log.info("Somebody tried to sign in with an address that nobody has here")
    else:
        _note(request, user, "person.refused", "was not let in: the password was wrong")


def _wrong_code(request: HttpRequest, user: User, **_: object) -> None:
    _note(request, user, "person.refused", "was not let in: the second factor was wrong")


def _second_factor(words: str) -> Any:
    def note(request: HttpRequest, user: User, authenticator: Authenticator, **_: object) -> None:
        kind = authenticator.get_type_display().lower()
        _note(request, user, "person.second_factor", f"{words} a second factor ({kind})", by=user)

    return note


def _password(words: str) -> Any:
    def note(request: HttpRequest, user: User, **_: object) -> None:
        _note(request, user, "person.password", words, by=user)

    return note


def _moved(request: HttpRequest, user: User, **_: object) -> None:
    _note(request, user, "person.email", "now signs in with another email address", by=user)


#: Signal -> who hears it.
_HEARD = (
    (account.user_logged_in, _signed_in),
    (auth.user_logged_out, _signed_out),
    (auth.user_login_failed, _failed),
    (mfa.authentication_failed, _wrong_code),
    (mfa.authenticator_added, _second_factor("set up")),
    (mfa.authenticator_removed, _second_factor("removed")),
    (mfa.authenticator_reset, _second_factor("renewed")),
    (account.password_set, _password("set a password")),
    (account.password_changed, _password("changed the password")),
    (account.password_reset, _password("set a new password by the link of a mail")),
    (account.email_changed, _moved),
)


def watch() -> None:
    for number, (signal, heard) in enumerate(_HEARD):
        signal.connect(heard, weak=False, dispatch_uid=f"audit of sign-ins {number}")
