"""The frame of the pages: the way in, the businesses of a person, and the pages for when something is wrong."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.urls import path
from django_scopes import scope

from portal import urls
from portal.models import Business, Membership, User
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db
FIRST = {"name": "Alice's Second", "country": "AU", "currency": "AUD", "time_zone": "Australia/Perth"}


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


# The way in


def test_strangers_are_shown_the_door(client: Client) -> None:
    assert client.get("/").url == "/accounts/login/?next=/"


def test_somebody_without_a_business_makes_one(client: Client, db: None) -> None:
    browser = signed_in(User.objects.create_user(email="new@example.com"))
    assert browser.get("/").url == "/businesses/new/"


def test_one_business_opens_at_once(acme: Business, alice: User) -> None:
    assert signed_in(alice).get("/").url == f"/b/{acme.pk}/"


def test_several_are_offered_and_the_last_one_remembered(acme: Business, rival: Business, alice: User) -> None:
    Membership.objects.create(business=rival, user=alice, role="office")
    browser = signed_in(alice)
    page = browser.get("/", follow=True)
    assert page.redirect_chain[-1][0] == "/businesses/"
    assert b"Acme Plumbing" in page.content
    assert b"Rival Electrics" in page.content
    browser.get(f"/b/{rival.pk}/people/")
    assert browser.get("/").url == f"/b/{rival.pk}/"
    Membership.objects.filter(business=rival).delete()
    assert browser.get("/").url == f"/b/{acme.pk}/"


def test_the_bar_offers_the_switch_to_those_with_several(acme: Business, rival: Business, alice: User) -> None:
    browser = signed_in(alice)
    assert b"to another business" not in browser.get(f"/b/{acme.pk}/people/").content
    Membership.objects.create(business=rival, user=alice, role="office")
    assert b"to another business" in browser.get(f"/b/{acme.pk}/people/").content


def test_a_name_is_text_and_nothing_else(acme: Business, alice: User) -> None:
    Business.objects.update(name="<script>alert(1)</script>")
    page = signed_in(alice).get(f"/b/{acme.pk}/people/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


# Businesses


def test_a_second_business_belongs_to_who_made_it(acme: Business, alice: User, bob: User) -> None:
    signed_in(alice).post("/businesses/new/", FIRST)
    made = Business.objects.get(name=FIRST["name"])
    assert [(row.user, row.role) for row in Membership.objects.filter(business=made)] == [(alice, "owner")]


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("country", "XX"), ("currency", "XXX"), ("time_zone", "Mars/Olympus")]
)
def test_a_business_needs_values_that_exist(field: str, value: str, acme: Business, alice: User) -> None:
    answer = signed_in(alice).post("/businesses/new/", FIRST | {field: value})
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    assert Business.objects.count() == 1


def test_nobody_makes_businesses_without_end(acme: Business, alice: User) -> None:
    browser = signed_in(alice)
    for number in range(30):
        browser.post("/businesses/new/", FIRST | {"name": f"Number {number}"})
    assert Membership.objects.filter(user=alice, role="owner").count() == 25


def test_an_owner_renames_the_business_and_moves_its_clock(acme: Business, alice: User) -> None:
    values = {"name": "Acme & Sons", "time_zone": "Australia/Darwin", "currency": "USD", "id": "999", "country": "US"}
    signed_in(alice).post(f"/b/{acme.pk}/settings/", values)
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone, acme.currency, acme.country) == ("Acme & Sons", "Australia/Darwin", "AUD", "AU")


def test_others_do_not(acme: Business, bob: User) -> None:
    answer = signed_in(bob).post(f"/b/{acme.pk}/settings/", {"name": "Mine", "time_zone": "Australia/Perth"})
    assert answer.status_code == 403
    assert b"change the name and time zone" in answer.content
    assert Business.objects.get().name == "Acme Plumbing"


def test_people_change_their_own_name_and_nothing_more(acme: Business, alice: User) -> None:
    values = {"name": "Alice B.", "email": "evil@example.com", "is_superuser": "on", "is_staff": "on"}
    signed_in(alice).post("/you/", values)
    alice.refresh_from_db()
    assert (alice.name, alice.email, alice.is_superuser, alice.is_staff) == (
        "Alice B.",
        "alice@example.com",
        False,
        False,
    )


# What every page has


@pytest.mark.parametrize("page", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nothing/"])
def test_pages_carry_no_inline_script_or_style(page: str, client: Client) -> None:
    answer = client.get(page)
    text = answer.content.decode()
    scripts = [tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag]
    assert all('type="application/json"' in tag for tag in scripts)
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://(?!testserver)(?!www\.w3\.org)", text)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_pages_can_be_read_without_looking(acme: Business, alice: User) -> None:
    text = signed_in(alice).get(f"/b/{acme.pk}/people/").content.decode()
    assert '<html lang="en-AU">' in text
    assert 'href="#main"' in text
    assert '<main id="main"' in text
    assert text.count("<h1") == 1
    current = re.findall(r'<a href="([^"]+)" aria-current="page"', text)
    assert current == [f"/b/{acme.pk}/people/"]


# When something is wrong


def boom(request: object) -> None:
    raise ValueError("secret detail")


def down(request: object) -> None:
    raise OperationalError("password=hunter2")


@pytest.fixture
def broken_pages(client: Client) -> Iterator[Client]:
    extra = [path("boom/", boom), path("down/", down)]
    urls.urlpatterns += extra
    client.raise_request_exception = False
    yield client
    del urls.urlpatterns[-len(extra) :]


def test_an_unforeseen_error_says_nothing_about_itself(broken_pages: Client, acme: Business, alice: User) -> None:
    broken_pages.force_login(alice)
    answer = broken_pages.get("/boom/")
    assert answer.status_code == 500
    assert b"The mistake is ours" in answer.content
    assert b"secret detail" not in answer.content
    assert b"Alice" not in answer.content, "the page asks the database nothing"


def test_a_database_that_is_away_is_said_so(broken_pages: Client) -> None:
    answer = broken_pages.get("/down/")
    assert answer.status_code == 503
    assert b"database does not answer" in answer.content
    assert b"hunter2" not in answer.content
    assert answer.headers["Retry-After"] == "30"


def test_a_database_that_is_away_before_any_page_is_said_so(
    broken_pages: Client, acme: Business, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_pages.force_login(alice)

    def away(*_: object) -> None:
        raise OperationalError("password=hunter2")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", away)
    answer = broken_pages.get(f"/b/{acme.pk}/people/")
    assert answer.status_code == 503
    assert b"hunter2" not in answer.content


def test_a_page_that_is_not_there_has_words(client: Client) -> None:
    answer = client.get("/nothing/")
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content
    assert b"urlpatterns" not in answer.content


def test_a_request_that_cannot_be_read_has_words(client: Client, settings: object) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert b"did not arrive whole" in answer.content
    assert b"evil.example" not in answer.content


def test_a_person_of_two_businesses_has_a_role_in_each(acme: Business, rival: Business, alice: User) -> None:
    both = person(rival, "Both", "read_only")
    Membership.objects.create(business=acme, user=both, role="owner")
    browser = signed_in(both)
    assert browser.get(f"/b/{acme.pk}/settings/").status_code == 200
    assert browser.get(f"/b/{rival.pk}/settings/").status_code == 403


def many_businesses(of: User) -> None:
    for number in range(12):
        made = Business.objects.create(name=f"{'Green Tiling' if number % 2 else 'Blue Roofing'} {number}")
        Membership.objects.create(business=made, user=of, role="owner")
        with scope(business=made):
            if number == 5:
                factories.incident(factories.sync(made), records=3)


def test_one_of_many_businesses_is_found_by_its_name(
    acme: Business, rival: Business, alice: User, mallory: User, django_assert_max_num_queries: Any
) -> None:
    many_businesses(alice)
    with scope(business=rival):
        factories.incident(factories.sync(rival), records=9)
    browser = signed_in(alice)
    browser.get("/businesses/")
    with django_assert_max_num_queries(6):
        html = browser.get("/businesses/").content.decode()
    assert [name for name in ("Acme Plumbing", "Green Tiling 5", "Blue Roofing 10") if name not in html] == []
    assert "1 of 13 needs somebody" in html
    assert "3 need attention" in html
    assert rival.name not in html
    found = browser.get("/businesses/", {"q": "tiling GREEN 1"}).content.decode()
    assert ("Green Tiling 11" in found, "Green Tiling 5" in found, "Blue Roofing 10" in found) == (True, False, False)
    needing = browser.get("/businesses/", {"show": "attention"}).content.decode()
    assert ("Green Tiling 5" in needing, "Green Tiling 11" in needing) == (True, False)
    assert "None like that" in browser.get("/businesses/", {"q": rival.name}).content.decode()


def test_with_one_business_there_is_nothing_to_look_for(acme: Business, alice: User) -> None:
    html = signed_in(alice).get("/businesses/").content.decode()
    assert "Acme Plumbing" in html
    assert "Find a business" not in html
