"""Who may what: one table, and a door that asks it."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import get_resolver

from portal import access
from portal.access import Action
from portal.models import Business, Membership, Role, User
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]
#: The table as the documentation gives it: role -> what it may.
TABLE = {
    "owner": "view run decide configure connect people settings",
    "office": "view run decide",
    "staff": "view run decide configure",
    "support": "view run",
    "read_only": "view",
}


def test_the_table_is_the_documented_one() -> None:
    assert {role: {str(action) for action in Action if access.may(role, action)} for role in Role} == {
        role: set(actions.split()) for role, actions in TABLE.items()
    }


def test_every_action_has_words_for_a_refusal() -> None:
    assert set(access.WORDS) == set(Action)
    words = access.refusal("support", Action.DECIDE)
    assert words == (
        "Only somebody with the role Owner, Office or Integration staff can decide about a record. Yours is Support."
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", list(Action))
def test_the_door_follows_the_table(role: str, action: Action, acme: Business, bob: User) -> None:
    Membership.objects.update(role=role)
    request = RequestFactory().get("/")
    request.user = bob
    if access.may(role, action):
        assert access.demand(request, acme.pk, action) == acme
    else:
        with pytest.raises(PermissionDenied, match="Only somebody with the role"):
            access.demand(request, acme.pk, action)


def test_the_door_does_not_take_one_business_for_another(
    acme: Business, rival: Business, alice: User, mallory: User
) -> None:
    request = RequestFactory().get("/")
    request.user = mallory
    request.membership = Membership.objects.get(user=mallory)
    with pytest.raises(Http404):
        access.demand(request, acme.pk, Action.VIEW)


def business_pages() -> list[str]:
    """Every address of one business; other parts of it are filled with a 1."""
    patterns = (str(entry.pattern) for entry in get_resolver().url_patterns)
    return [re.sub(r"<(?!int:business_id)[^>]+>", "1", each) for each in patterns if each.startswith("b/<")]


@pytest.mark.parametrize("page", business_pages())
def test_a_foreign_business_does_not_exist_whatever_the_method(page: str, acme: Business, mallory: User) -> None:
    browser = signed_in(mallory)
    mine, nobodys = Business.objects.get(name="Rival Electrics").pk, 999_999
    assert browser.get(f"/b/{mine}/connections/").status_code == 200
    for number in (acme.pk, nobodys):
        path = "/" + page.replace("<int:business_id>", str(number))
        answers = {method: getattr(browser, method)(path).status_code for method in METHODS}
        assert answers == dict.fromkeys(METHODS, 404)


@pytest.mark.parametrize("page", business_pages())
def test_nobody_sees_a_business_without_signing_in(page: str, client: Client, acme: Business) -> None:
    path = "/" + page.replace("<int:business_id>", str(acme.pk))
    for method in METHODS:
        answer = getattr(client, method)(path)
        assert answer.status_code == 302
        assert answer.url.startswith("/accounts/login/")


def test_a_fragment_sends_the_whole_page_to_sign_in(client: Client, acme: Business) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/b/{acme.pk}/"}
    answer = client.get(f"/b/{acme.pk}/people/", headers=headers)
    assert answer.headers["HX-Redirect"] == f"/accounts/login/?next=/b/{acme.pk}/"


@pytest.mark.parametrize("page", ["", "live/", "records/"])
def test_a_number_no_business_can_have_does_not_exist_either(page: str, alice: User) -> None:
    answer = signed_in(alice).get(f"/b/99999999999999999999999/{page}")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
