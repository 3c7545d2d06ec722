"""Signing up, in and out, as a person meets it: through the pages and the mails."""

import json
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from portal import crypto, environment
from portal.models import Business, Membership, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
NEW = {"name": "Sam Rivers", "email": "Sam@Example.com", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def sam(db: None) -> User:
    return known("sam@example.com")


def known(email: str, *, verified: bool = True) -> User:
    user = User.objects.create_user(email=email, password=PASSWORD, name="Sam")
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
    return user


def link(within: str) -> str:
    """The path of the link in the last mail."""
    found = re.search(rf"{re.escape(settings.BASE_URL)}(/\S*{within}\S*)", str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found[1]


def sign_in(client: Client, email: str = "sam@example.com", password: str = PASSWORD) -> object:
    return client.post("/accounts/login/", {"login": email, "password": password})


def inside(client: Client) -> bool:
    return client.get("/you/").status_code == 200


def code_of(user: User, secret: str = "") -> str:
    secret = secret or crypto.decrypt(Authenticator.objects.get(user=user, type="totp").data["secret"])
    return str(hotp_value(secret, next(yield_hotp_counters_from_time()))).zfill(6)


# Signing up


def test_from_sign_up_through_the_mail_to_the_first_business(client: Client) -> None:
    answer = client.post("/accounts/signup/", NEW, follow=True)
    assert b"Look in your email" in answer.content
    assert not inside(client)
    assert mail.outbox[-1].to == ["sam@example.com"]
    confirm = link("confirm-email")
    assert b"Is this your address?" in client.get(confirm).content
    assert not inside(client), "opening a link alone must change nothing"
    assert b"Which business is it?" in client.post(confirm, follow=True).content
    values = {"name": "Rivers Plumbing", "country": "NZ", "currency": "NZD", "time_zone": "Pacific/Auckland"}
    answer = client.post("/businesses/new/", values, follow=True)
    business = Business.objects.get()
    assert answer.redirect_chain[-1][0] == f"/b/{business.pk}/connections/"
    assert (business.name, business.country, business.currency, business.time_zone) == tuple(values.values())
    assert Membership.objects.get().role == "owner"
    assert User.objects.get().name == "Sam Rivers"


def test_another_browser_confirms_but_is_not_signed_in(client: Client) -> None:
    client.post("/accounts/signup/", NEW)
    phone = Client()
    phone.post(link("confirm-email"))
    assert not inside(phone)
    assert EmailAddress.objects.get().verified


def test_nobody_comes_in_before_the_address_is_confirmed(client: Client) -> None:
    known("sam@example.com", verified=False)
    answer = sign_in(client)
    assert answer.url == "/accounts/confirm-email/"
    assert not inside(client)
    assert "confirm-email" in link("confirm-email"), "a fresh link goes out"


def test_signing_up_twice_tells_only_the_mailbox(client: Client, sam: User) -> None:
    known_answer = client.post("/accounts/signup/", NEW, follow=True)
    assert "already" in str(mail.outbox[-1].subject)
    new_answer = Client().post("/accounts/signup/", NEW | {"email": "other@example.com"}, follow=True)
    shown = [answer.content.decode().split("<main")[1] for answer in (known_answer, new_answer)]
    assert shown[0].replace("sam@example.com", "X") == shown[1].replace("other@example.com", "X")
    assert User.objects.count() == 2


@pytest.mark.parametrize(("password", "words"), [("short", "at least 12"), ("password1234", "too common")])
def test_weak_passwords_are_refused_with_the_reason(client: Client, password: str, words: str) -> None:
    answer = client.post("/accounts/signup/", NEW | {"password1": password, "password2": password})
    assert words in answer.content.decode()
    assert not User.objects.exists()


# Signing in


def test_a_wrong_password_says_the_same_for_known_and_unknown_addresses(client: Client, sam: User) -> None:
    answers = [sign_in(client, email, "wrong").content.decode() for email in ("sam@example.com", "no@example.com")]
    assert all("do not go together" in answer for answer in answers)


def test_five_wrong_passwords_close_the_account_for_a_while(client: Client, sam: User) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")
    assert b"Wait 15 minutes" in sign_in(client).content, "even the right one"
    assert not inside(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in(client).status_code == 302


def test_one_address_that_tries_many_accounts_is_slowed(client: Client) -> None:
    answers = [sign_in(client, f"person{number}@example.com", "wrong").content for number in range(21)]
    assert b"do not go together" in answers[19]
    assert b"Wait 15 minutes" in answers[20]


def test_too_many_requests_get_a_plain_page(client: Client) -> None:
    for _ in range(20):
        client.post("/accounts/signup/", {})
    answer = client.post("/accounts/signup/", {})
    assert answer.status_code == 429
    assert b"A short pause" in answer.content


def test_the_session_key_is_new_after_signing_in(client: Client, sam: User) -> None:
    client.get("/accounts/login/")
    client.session["planted"] = 1
    client.session.save()
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


def test_sign_in_leads_back_to_where_one_wanted_to_go_but_never_elsewhere(client: Client, sam: User) -> None:
    values = {"login": "sam@example.com", "password": PASSWORD}
    assert client.post("/accounts/login/", values | {"next": "/you/"}).url == "/you/"
    assert Client().post("/accounts/login/", values | {"next": "https://evil.example/"}).url == "/"


def test_an_account_that_is_switched_off_is_out_at_once(client: Client, sam: User) -> None:
    sign_in(client)
    User.objects.update(is_active=False)
    assert not inside(client)
    assert sign_in(Client()).url == "/accounts/inactive/"


def test_forms_need_their_token(sam: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = sign_in(strict)
    assert answer.status_code == 403
    assert b"Please try once more" in answer.content
    strict.force_login(sam)
    assert strict.post("/businesses/new/", {"name": "Sneaked in"}).status_code == 403
    assert not Business.objects.exists()


# Passwords


def test_a_forgotten_password_is_set_anew_and_ends_every_session(client: Client, sam: User) -> None:
    stolen = Client()
    sign_in(stolen)
    client.post("/accounts/password/reset/", {"email": "SAM@example.com"})
    form = client.get(link("password/reset/key"), follow=True)
    fresh = {"password1": "another long word", "password2": "another long word"}
    client.post(form.redirect_chain[-1][0], fresh)
    assert not inside(stolen)
    assert sign_in(Client(), password=PASSWORD).status_code == 200
    assert sign_in(Client(), password="another long word").status_code == 302
    assert b"no longer good" in Client().get(link_of_first_mail(), follow=True).content, "used once"


def link_of_first_mail() -> str:
    found = re.search(rf"{re.escape(settings.BASE_URL)}(/\S+)", str(mail.outbox[0].body))
    assert found
    return found[1]


def test_reset_for_an_unknown_address_looks_the_same(client: Client, sam: User) -> None:
    pages = [
        client.post("/accounts/password/reset/", {"email": e}, follow=True).content
        for e in ("sam@example.com", "no@example.com")
    ]
    assert pages[0].split(b"<main")[1] == pages[1].split(b"<main")[1]
    assert "no account" in str(mail.outbox[-1].body)


def test_mails_lead_to_the_portals_own_address_whatever_the_request_said(client: Client, sam: User) -> None:
    client.post("/accounts/password/reset/", {"email": "sam@example.com"}, headers={"host": "evil.example"})
    assert "evil.example" not in str(mail.outbox[-1].body)


def test_a_changed_password_signs_out_everywhere_else(client: Client, sam: User) -> None:
    other = Client()
    sign_in(other)
    sign_in(client)
    change = {"oldpassword": PASSWORD, "password1": "another long word", "password2": "another long word"}
    client.post("/accounts/password/change/", change)
    assert inside(client)
    assert not inside(other)
    assert "password" in str(mail.outbox[-1].subject), "the owner of the account is told"


# The address


def test_a_new_address_counts_once_it_is_confirmed(client: Client, sam: User) -> None:
    sign_in(client)
    client.post("/accounts/email/", {"action_add": "", "email": "fresh@example.com"})
    assert User.objects.get().email == "sam@example.com"
    client.post(link("confirm-email"))
    assert User.objects.get().email == "fresh@example.com"
    assert sign_in(Client(), "fresh@example.com").status_code == 302
    assert sign_in(Client(), "sam@example.com").status_code == 200


def test_a_mail_server_that_is_away_is_a_word_on_the_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    answer = client.post("/accounts/signup/", NEW, follow=True)
    assert answer.status_code == 200
    assert b"could not be sent just now" in answer.content


@pytest.mark.parametrize("address", ["filemail:///tmp/mails", "filemail:////tmp/mails"])
def test_mails_may_go_to_a_folder(address: str) -> None:
    mailer = environment.read({**os.environ, "EMAIL_URL": address}).email
    assert mailer["OPTIONS"] == {"file_path": "/tmp/mails"}


# The second step


@pytest.fixture
def protected(client: Client, sam: User) -> User:
    """Sam with an authenticator app, set up through the page."""
    sign_in(client)
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(sam, secret)}, follow=True)
    assert b"10 of 10 are left" in answer.content
    return sam


def test_an_authenticator_app_is_asked_for_after_the_password(protected: User) -> None:
    browser = Client()
    assert sign_in(browser).url.startswith("/accounts/2fa/authenticate/")
    assert not inside(browser)
    assert b"not the code" in browser.post("/accounts/2fa/authenticate/", {"code": "000000"}).content
    with time_machine.travel(timezone.now() + timedelta(seconds=90)):  # a code counts once
        browser.post("/accounts/2fa/authenticate/", {"code": code_of(protected)})
        assert inside(browser)


def test_a_passkey_that_is_not_known_is_not_called_a_code(client: Client, protected: User) -> None:
    wrong = {"credential": json.dumps("none of ours")}
    for browser, place, words in (
        (Client(), "webauthn/login/", "That passkey is not known here."),
        (client, "webauthn/add/", "That passkey could not be added."),
    ):
        browser.get(f"/accounts/2fa/{place}")
        said = browser.post(f"/accounts/2fa/{place}", wrong, follow=True).content.decode()
        assert words in said
        assert "not the code" not in said


def test_a_recovery_code_lets_in_once(client: Client, protected: User) -> None:
    code = re.findall(r"<code>(\d+)</code>", client.get("/accounts/2fa/recovery-codes/").content.decode())[0]
    for expected in (True, False):
        browser = Client()
        sign_in(browser)
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        assert inside(browser) is expected


def test_secrets_of_the_second_step_are_not_readable_in_the_database(protected: User) -> None:
    for row in Authenticator.objects.all():
        secret = row.data.get("secret") or row.data["seed"]
        assert secret.startswith("gAAAA"), "a Fernet token"


def test_rotated_keys_keep_the_second_step_working(protected: User, settings: object) -> None:
    settings.ENCRYPTION_KEYS = ("bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleSE=", *settings.ENCRYPTION_KEYS)
    call_command("rotate_keys", verbosity=0)
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    browser = Client()
    sign_in(browser)
    with time_machine.travel(timezone.now() + timedelta(seconds=90)):
        browser.post("/accounts/2fa/authenticate/", {"code": code_of(protected)})
        assert inside(browser)


@pytest.mark.django_db(transaction=True)
def test_a_second_step_signs_out_everywhere_else(client: Client, sam: User) -> None:
    other = Client()
    sign_in(other)
    sign_in(client)
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(sam, secret)})
    assert inside(client)
    assert not inside(other)


def test_the_second_step_is_changed_only_by_who_just_showed_who_they_are(client: Client, sam: User) -> None:
    sign_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        answer = client.get("/accounts/2fa/totp/activate/")
        assert answer.url == "/accounts/reauthenticate/?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F"
        assert client.post(answer.url, {"password": "wrong"}).status_code == 200
        assert client.post(answer.url, {"password": PASSWORD}).status_code == 302
        assert client.get("/accounts/2fa/totp/activate/").status_code == 200


# Sessions


def test_hours_of_nothing_sign_out_and_work_does_not(client: Client, sam: User) -> None:
    start = timezone.now()
    with time_machine.travel(start):
        sign_in(client)
        assert inside(client)
    for hours in (7, 14):
        with time_machine.travel(start + timedelta(hours=hours)):
            assert inside(client)
    with time_machine.travel(start + timedelta(hours=22, minutes=1)):
        answer = client.get("/you/", follow=True)
        assert b"it has been a while" in answer.content
        assert not inside(client)


def test_a_session_ends_after_a_day_however_busy(client: Client, sam: User) -> None:
    start = timezone.now()
    for hours in range(0, 24, 4):
        with time_machine.travel(start + timedelta(hours=hours)):
            if not hours:
                sign_in(client)
            assert inside(client)
    with time_machine.travel(start + timedelta(hours=24, seconds=1)):
        assert not inside(client)


def test_the_other_sessions_are_listed_and_ended(client: Client, sam: User) -> None:
    phone = Client(headers={"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0) AppleWebKit Version/26 Safari/604"})
    sign_in(phone)
    sign_in(client)
    assert b"Safari on iPhone" in client.get("/accounts/sessions/").content
    client.post("/accounts/sessions/")
    assert inside(client)
    assert not inside(phone)


def test_signing_out_needs_a_post_and_ends_the_session(client: Client, sam: User) -> None:
    sign_in(client)
    client.get("/accounts/logout/")
    assert inside(client)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/accounts/logout/")
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = key
    assert not inside(thief)


def test_watching_activity_costs_no_write_for_every_request(
    client: Client, sam: User, django_assert_num_queries: Callable[..., AbstractContextManager[object]]
) -> None:
    sign_in(client)
    inside(client)
    with django_assert_num_queries(3):  # the session, the person, the name to edit
        inside(client)


def test_the_admin_is_entered_through_the_same_door(client: Client) -> None:
    assert client.get("/admin/").url.startswith("/admin/login/")
    assert client.get("/admin/login/").url.startswith("/accounts/login/")
    assert client.post("/admin/login/", {"username": "a@example.com", "password": "b"}).status_code == 302
