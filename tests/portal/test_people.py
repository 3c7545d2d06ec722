"""Inviting, joining, changing roles and leaving, through the pages."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portal import access
from portal.access import Action
from portal.models import Business, Invitation, Membership, Role, User
from tests.conftest import PASSWORD, person, signed_in

pytestmark = pytest.mark.django_db
COUSIN = "cousin@example.com"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def owner(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def cousin(db: None) -> User:
    """Somebody with an account and a proven address, who belongs nowhere."""
    return proven(User.objects.create_user(email=COUSIN, password=PASSWORD, name="Cousin"))


def proven(user: User) -> User:
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def invite(owner: Client, business: Business, email: str = COUSIN, role: str = "office") -> str:
    """The path of the link that was mailed."""
    answer = owner.post(f"/b/{business.pk}/people/invite/", {"email": email, "role": role})
    assert answer.status_code == 302, answer.content
    return mailed()


def mailed() -> str:
    found = re.search(rf"{re.escape(settings.BASE_URL)}(/invitations/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def role_of(user: User, business: Business) -> str | None:
    return Membership.objects.filter(user=user, business=business).values_list("role", flat=True).first()


def row_of(user: User, business: Business) -> Membership:
    return Membership.objects.get(user=user, business=business)


def rows() -> list[Invitation]:
    return list(Invitation._base_manager.all())


# Inviting and joining


def test_an_invitation_goes_by_mail_and_makes_a_member(owner: Client, acme: Business, cousin: User) -> None:
    link = invite(owner, acme, "Cousin@Example.com", "read_only")
    assert mail.outbox[-1].to == [COUSIN]
    assert "Alice invites you to Acme Plumbing" in str(mail.outbox[-1].subject)
    browser = signed_in(cousin)
    assert b"Join Acme Plumbing" in browser.get(link).content
    assert role_of(cousin, acme) is None, "opening the link alone changes nothing"
    answer = browser.post(link)
    assert answer.url == f"/b/{acme.pk}/"
    assert role_of(cousin, acme) == "read_only"


def test_the_key_is_in_the_mail_alone(owner: Client, acme: Business) -> None:
    key = invite(owner, acme).split("/")[2]
    assert key not in str(rows()[0].__dict__)
    assert key not in owner.get(f"/b/{acme.pk}/people/").content.decode()


def test_somebody_new_signs_up_from_the_link_without_a_second_mail(owner: Client, acme: Business) -> None:
    link = invite(owner, acme)
    mail.outbox.clear()
    browser = Client()
    sign_up = re.search(r'href="(/accounts/signup/[^"]+)"', browser.get(link).content.decode())
    assert sign_up
    form = browser.get(sign_up[1].replace("&amp;", "&"))
    assert COUSIN in form.content.decode()
    values = {"name": "Cousin", "email": COUSIN, "password1": PASSWORD, "password2": PASSWORD, "next": link}
    answer = browser.post("/accounts/signup/", values)
    assert answer.url == link
    browser.post(link)
    assert role_of(User.objects.get(email=COUSIN), acme) == "office"
    assert not mail.outbox


def test_the_link_proves_no_other_address(owner: Client, acme: Business) -> None:
    link = invite(owner, acme)
    browser = Client()
    browser.get(link)
    values = {"name": "Eve", "email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD, "next": link}
    browser.post("/accounts/signup/", values)
    eve = User.objects.get(email="eve@example.com")
    assert not EmailAddress.objects.filter(verified=True).exists()
    assert browser.get("/you/").status_code == 302
    EmailAddress.objects.update(verified=True)
    browser = signed_in(eve)
    assert b"is for cousin@example.com" in browser.get(link).content
    browser.post(link)
    assert role_of(eve, acme) is None


def test_another_account_cannot_use_the_link(owner: Client, acme: Business, mallory: User) -> None:
    link = invite(owner, acme)
    browser = signed_in(proven(mallory))
    page = browser.get(link).content.decode()
    assert "You are signed in as mallory@example.com" in page
    answer = browser.post(link, follow=True)
    assert "is for cousin@example.com" in answer.content.decode()
    assert role_of(mallory, acme) is None


def test_an_address_that_is_not_proven_does_not_count(owner: Client, acme: Business) -> None:
    link = invite(owner, acme)
    claimed = User.objects.create_user(email=COUSIN, password=PASSWORD)
    signed_in(claimed).post(link)
    assert role_of(claimed, acme) is None


@pytest.mark.parametrize("case", ["expired", "used", "withdrawn", "resent", "unknown"])
def test_a_link_that_is_no_longer_good_says_so(case: str, owner: Client, acme: Business, cousin: User) -> None:
    link, row = invite(owner, acme), rows()[0]
    if case == "expired":
        Invitation._base_manager.update(expires_at=timezone.now())
    if case == "used":
        signed_in(cousin).post(link)
        Membership.objects.filter(user=cousin).delete()
    if case == "withdrawn":
        owner.post(f"/b/{acme.pk}/people/invitations/{row.pk}/withdraw/")
    if case == "resent":
        owner.post(f"/b/{acme.pk}/people/invitations/{row.pk}/resend/")
    if case == "unknown":
        link = "/invitations/never-made/"
    for browser in (signed_in(cousin), Client()):
        answers = [browser.get(link), browser.post(link)]
        assert [answer.status_code for answer in answers] == [410, 410]
        assert b"no longer good" in answers[0].content
    assert role_of(cousin, acme) is None


def test_seven_days_are_the_life_of_a_link(owner: Client, acme: Business, cousin: User) -> None:
    link, sent = invite(owner, acme), timezone.now()
    with time_machine.travel(sent + timedelta(days=6, hours=23)):
        assert Client().get(link).status_code == 200
    with time_machine.travel(sent + timedelta(days=7, minutes=1)):
        assert Client().get(link).status_code == 410


def test_a_resent_invitation_brings_a_fresh_link(owner: Client, acme: Business, cousin: User) -> None:
    invite(owner, acme)
    Invitation._base_manager.update(expires_at=timezone.now())
    owner.post(f"/b/{acme.pk}/people/invitations/{rows()[0].pk}/resend/")
    signed_in(cousin).post(mailed())
    assert role_of(cousin, acme) == "office"


def test_pressing_the_link_again_leads_to_the_business(owner: Client, acme: Business, cousin: User) -> None:
    link = invite(owner, acme)
    browser = signed_in(cousin)
    browser.post(link)
    assert browser.get(link).url == f"/b/{acme.pk}/"


def test_whoever_is_in_already_is_not_invited(owner: Client, acme: Business, bob: User) -> None:
    answer = owner.post(f"/b/{acme.pk}/people/invite/", {"email": "BOB@example.com", "role": "owner"})
    assert b"already belongs to Acme Plumbing" in answer.content
    assert not mail.outbox
    assert role_of(bob, acme) == "office"


def test_joining_never_changes_a_role_one_has(owner: Client, acme: Business, cousin: User) -> None:
    link = invite(owner, acme, role="read_only")
    Membership.objects.create(business=acme, user=cousin, role="staff")
    signed_in(cousin).post(link)
    assert role_of(cousin, acme) == "staff"


def test_an_address_is_invited_once(owner: Client, acme: Business) -> None:
    invite(owner, acme)
    again = owner.post(f"/b/{acme.pk}/people/invite/", {"email": COUSIN, "role": "owner"})
    assert b"invited already" in again.content
    assert len(mail.outbox) == 1
    Invitation._base_manager.update(expires_at=timezone.now())
    invite(owner, acme, role="staff")
    assert [(row.role, row.accepted_at) for row in rows()] == [("staff", None)]


def test_open_invitations_wait_on_the_first_page(owner: Client, acme: Business, cousin: User, mallory: User) -> None:
    invite(owner, acme)
    row = rows()[0]
    browser = signed_in(cousin)
    assert b"Join Acme Plumbing" in browser.get("/", follow=True).content
    assert signed_in(proven(mallory)).post(f"/invitations/{row.pk}/join/").status_code == 404
    browser.post(f"/invitations/{row.pk}/join/")
    assert role_of(cousin, acme) == "office"
    assert role_of(mallory, acme) is None


def test_a_mail_that_cannot_go_out_keeps_the_invitation(
    owner: Client, acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("portal.people.send_mail", refuse)
    answer = owner.post(f"/b/{acme.pk}/people/invite/", {"email": COUSIN, "role": "office"})
    assert b"is kept, but the mail could not be sent" in answer.content
    assert len(rows()) == 1


def test_invitations_are_no_way_to_send_mails_in_bulk(owner: Client, acme: Business) -> None:
    for number in range(30):
        invite(owner, acme, f"person{number}@example.com")
    answer = owner.post(f"/b/{acme.pk}/people/invite/", {"email": COUSIN, "role": "office"})
    assert b"a lot of invitations" in answer.content
    assert len(mail.outbox) == 30


def test_names_make_no_headers_and_no_links(owner: Client, acme: Business) -> None:
    settings_page = f"/b/{acme.pk}/settings/"
    for name in ("Win\nBcc: all@example.com", "See https://evil.example"):
        assert b"plain words" in owner.post(settings_page, {"name": name, "time_zone": "Australia/Perth"}).content
    Business.objects.update(name="Two\nlines")
    invite(owner, acme)
    assert "\n" not in str(mail.outbox[-1].subject)


# Roles and leaving


def test_an_owner_changes_a_role_and_removes_a_person(owner: Client, acme: Business, bob: User) -> None:
    place = f"/b/{acme.pk}/people/{row_of(bob, acme).pk}/"
    owner.post(place, {"role": "staff"})
    assert role_of(bob, acme) == "staff"
    browser = signed_in(bob)
    assert browser.get(f"/b/{acme.pk}/people/").status_code == 200
    owner.post(f"{place}remove/")
    assert role_of(bob, acme) is None
    assert browser.get(f"/b/{acme.pk}/people/").status_code == 404, "at once"


@pytest.mark.parametrize("how", ["change", "remove", "leave"])
def test_the_last_owner_stays(how: str, owner: Client, acme: Business, alice: User, bob: User) -> None:
    place = f"/b/{acme.pk}/people/"
    own = f"{place}{row_of(alice, acme).pk}/"
    paths = {"change": own, "remove": f"{own}remove/", "leave": f"{place}leave/"}
    answer = owner.post(paths[how], {"role": "office"}, follow=True)
    assert b"Alice is the only owner" in answer.content
    assert role_of(alice, acme) == "owner"
    Membership.objects.filter(user=bob).update(role="owner")
    owner.post(paths[how], {"role": "office"})
    assert role_of(alice, acme) == ("office" if how == "change" else None)


def test_anybody_may_leave(acme: Business, alice: User, bob: User) -> None:
    browser = signed_in(bob)
    answer = browser.post(f"/b/{acme.pk}/people/leave/", follow=True)
    assert b"You left Acme Plumbing" in answer.content
    assert role_of(bob, acme) is None


def test_unknown_roles_and_strangers_rows_are_refused(
    owner: Client, acme: Business, bob: User, rival: Business, mallory: User
) -> None:
    owner.post(f"/b/{acme.pk}/people/{row_of(bob, acme).pk}/", {"role": "superuser"})
    assert role_of(bob, acme) == "office"
    foreign = row_of(mallory, rival).pk
    for path in (f"{foreign}/", f"{foreign}/remove/"):
        assert owner.post(f"/b/{acme.pk}/people/{path}", {"role": "read_only"}).status_code == 404
    assert role_of(mallory, rival) == "owner"


def test_another_businesss_invitation_is_out_of_reach(
    owner: Client, acme: Business, rival: Business, mallory: User
) -> None:
    invite(signed_in(mallory), rival)
    row = rows()[0]
    for verb in ("resend", "withdraw"):
        assert owner.post(f"/b/{acme.pk}/people/invitations/{row.pk}/{verb}/").status_code == 404
    assert rows()[0].key_digest == row.key_digest


@pytest.mark.parametrize("role", list(Role))
def test_what_each_role_may_on_the_people_pages(role: str, acme: Business, alice: User, bob: User) -> None:
    """Everybody sees who is here; only those with the right change it."""
    Membership.objects.filter(user=bob).update(role=role)
    browser, others = signed_in(bob), row_of(person(acme, "Third", "read_only"), acme)
    invite(signed_in(alice), acme)
    invitation = rows()[0]
    people = f"/b/{acme.pk}/people/"
    posts = [f"{others.pk}/", "invite/", f"invitations/{invitation.pk}/resend/", f"{others.pk}/remove/"]
    allowed = access.may(role, Action.PEOPLE)
    page = browser.get(people)
    assert page.status_code == 200
    assert (COUSIN in page.content.decode()) == allowed
    assert ("Invite somebody" in page.content.decode()) == allowed
    values = {"role": "office", "email": "new@example.com"}
    answers = [browser.post(people + path, values).status_code for path in posts]
    assert answers == ([302] * 4 if allowed else [403] * 4)
    assert browser.get(people + "invite/").status_code == (200 if allowed else 403)
    assert Membership.objects.filter(pk=others.pk).exists() != allowed


def test_a_refusal_says_who_may(acme: Business, bob: User) -> None:
    page = signed_in(bob).get(f"/b/{acme.pk}/people/invite/").content.decode()
    assert "Only somebody with the role Owner can invite people" in page
    assert "Yours is Office" in page


def test_changing_people_asks_again_who_it_is(acme: Business, alice: User, bob: User) -> None:
    browser = Client()
    proven(alice)
    browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    place = f"/b/{acme.pk}/people/{row_of(bob, acme).pk}/"
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        answer = browser.post(place, {"role": "owner"})
        assert answer.url.startswith("/accounts/reauthenticate/?next=")
        assert role_of(bob, acme) == "office"
        assert browser.get(place).status_code == 302
        back = browser.post(answer.url, {"password": PASSWORD})
        assert back.url == f"/b/{acme.pk}/people/"
        browser.post(place, {"role": "owner"})
        assert role_of(bob, acme) == "owner"
