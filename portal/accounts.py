"""How people sign up and in: the seam to allauth."""

import logging
import time
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa import signals as mfa
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from portal import crypto
from portal.models import User

log = logging.getLogger(__name__)
#: What a session notes beside allauth's own: when it began, and the address an invitation's link was sent to.
BEGAN = "began"
INVITED = "invited_email"
#: Where allauth keeps what it encrypts, in the data of an authenticator.
SECRETS = ("secret", "seed", "migrated_codes")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "That email address and password do not go together. Check both and try again.",
        "incorrect_password": "That is not your password. Try again.",
        "too_many_login_attempts": "Too many tries. Wait 15 minutes and try again, or set a new password.",
        "rate_limited": "That was a lot at once. Wait a minute and try again.",
    }

    def save_user(self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True) -> User:
        """Whoever came through the link of an invitation has shown that this very address is theirs."""
        email = form.cleaned_data["email"]
        if email and email == request.session.pop(INVITED, ""):
            self.stash_verified_email(request, email)
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return _absolute(super().get_email_confirmation_url(request, emailconfirmation))

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _absolute(super().get_reset_password_from_key_url(key))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away is a word on the page, never an error page."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            log.error("The mail %s could not be sent: %s", template_prefix, error)
            messages.error(self.request, "The email could not be sent just now. Try again in a few minutes.")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Signing in a moment ago is as good as saying the password again."""
        return super().is_reauthentication_required(app=app, **kwargs) and not recently_signed_in(self.request)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # as above
    """The secrets of authenticator apps and recovery codes are stored encrypted, like those of connections."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": "Your second step is tied to the address. Switch it off under Security, change the "
        "address, then set it up again.",
        "unverified_email": "Your email address is about to change. Press the link in the mail about it, or keep the "
        "old one, then come back.",
        "incorrect_code": "That is not the code the app shows now. Wait for the next one and try again.",
        "unknown_passkey": "That passkey is not known here. Try another one, or sign in with your password.",
        "passkey_not_added": "That passkey could not be added. Nothing was changed. Try once more.",
    }

    def validation_error(self, code: str, *args: object) -> ValidationError:
        """A passkey that does not fit is no code of an app, though allauth calls it so."""
        if code == "incorrect_code" and "credential" in self.request.POST:
            adding = self.request.path == reverse("mfa_add_webauthn")
            code = "passkey_not_added" if adding else "unknown_passkey"
        return cast(ValidationError, super().validation_error(code, *args))

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        return f"Key {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Fieldbridge"}


class SignupForm(forms.Form):
    """What sign-up asks beside email and password."""

    name = forms.CharField(
        label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}), strip=True
    )
    field_order = ("name", "email", "password1", "password2")

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


@transaction.atomic
def re_encrypt_second_factor(pk: int) -> bool | None:
    """Brings the secrets of one authenticator under the first key: whether any moved, None where no key opens them."""
    row = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    secrets = {name: row.data[name] for name in SECRETS if name in row.data}
    try:
        fresh = {name: _under_first_key(value) for name, value in secrets.items()}
    except crypto.KeyMissing:
        return None
    if fresh != secrets:
        row.data |= fresh
        row.save(update_fields=["data"])
    return fresh != secrets


def _under_first_key(value: Any) -> Any:
    if isinstance(value, list):
        return [_under_first_key(item) for item in value]
    return value if crypto.is_under_first_key(value) else crypto.rotate(value)


def _absolute(url: str) -> str:
    """The same page at the portal's own address, whatever host name the request came in by."""
    return f"{settings.BASE_URL}{urlsplit(url).path}"


def recently_signed_in(request: HttpRequest) -> bool:
    """Whether the session began, or the person gave a password, code or passkey, within the last 15 minutes."""
    records = get_authentication_records(request, request.user)
    latest = max((record["at"] for record in records), default=0)
    return bool(time.time() - max(latest, request.session.get(BEGAN, 0)) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def confirm_first(request: HttpRequest, back: str) -> HttpResponse:
    """To the page that asks for the password again, and from there back to a page of ours."""
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")


def _end_others(request: HttpRequest, user: User, **_: object) -> None:
    for session in UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key):
        session.end()


def watch() -> None:
    """A change of the second factor signs out everywhere else."""
    for signal in (mfa.authenticator_added, mfa.authenticator_removed, mfa.authenticator_reset):
        signal.connect(_end_others, dispatch_uid="end other sessions")
