"""What a business can choose to keep in step, and the options of each."""

import pytest
from django_scopes import scope

from portal import offers
from portal.models import Business, Connection, User
from syncs import recipes
from syncs.models import Sync
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def connected(acme: Business) -> Business:
    with scope(business=acme):
        factories.connection(acme, "jobber")
        factories.connection(acme, "stripe")
    return acme


def page(user: User, business: Business) -> str:
    return str(signed_in(user).get(f"/b/{business.pk}/syncs/new/").content.decode())


def chosen(business: Business) -> dict[str, Sync]:
    with scope(business=business):
        return {sync.recipe: sync for sync in Sync.objects.all()}


def test_every_recipe_is_offered_in_its_own_words(connected: Business, alice: User) -> None:
    html = page(alice, connected)
    with scope(business=connected):
        for offer in offers.current():
            assert offer.recipe.name in html
            for words in (*offer.recipe.does, *offer.recipe.never):
                assert words in html


def test_one_that_builds_on_another_comes_after_it(connected: Business, alice: User) -> None:
    needs = [recipe for recipe in recipes.RECIPES.values() if recipe.after]
    assert "Choose “Clients to customers” first: this builds on it." in page(alice, connected)
    signed_in(alice).post(f"/b/{connected.pk}/syncs/new/", {"recipe": needs[0].slug})
    assert chosen(connected) == {}
    for slug in (needs[0].after, needs[0].slug):
        signed_in(alice).post(f"/b/{connected.pk}/syncs/new/", {"recipe": slug})
    assert set(chosen(connected)) == {needs[0].after, needs[0].slug}


def test_ticks_and_choices_are_kept_as_chosen(connected: Business, alice: User) -> None:
    client, address = signed_in(alice), f"/b/{connected.pk}/syncs/new/"
    client.post(address, {"recipe": "clients-to-customers"})
    form = {"recipe": "invoices-to-stripe", "options": ["finalize", "rounding_line"], "option-draft_as": "draft"}
    client.post(address, form)
    options = chosen(connected)["invoices-to-stripe"].options
    assert options["finalize"] is options["rounding_line"] is True
    assert options["include_paid"] is options["void_without_asking"] is False
    assert options["draft_as"] == "draft"
    assert options["statuses"] == recipes.get("invoices-to-stripe").options["statuses"]


def test_a_choice_can_be_changed_later_and_nothing_else_be_slipped_in(connected: Business, alice: User) -> None:
    client = signed_in(alice)
    with scope(business=connected):
        both = {c.connector: c for c in Connection.objects.all()}
        of = {"source": both["jobber"], "target": both["stripe"]}
        sync = factories.sync(connected, recipe="invoices-to-stripe", mode="preview", **of)
    address = f"/b/{connected.pk}/syncs/{sync.pk}/options/"
    client.post(address, {"options": ["finalize"], "option-draft_as": "draft"})
    assert chosen(connected)["invoices-to-stripe"].options["draft_as"] == "draft"
    html = client.post(address, {"options": ["finalize"], "option-draft_as": "shred"}, follow=True).content.decode()
    assert chosen(connected)["invoices-to-stripe"].options["draft_as"] == "draft"
    assert "Nothing was changed." in html
    assert "A draft in Jobber is: a draft in Stripe" in html
