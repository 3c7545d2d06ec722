"""The page “How items sync”: the live versions in plain words."""

import re
from typing import Any

import pytest
from django.urls import reverse
from django_scopes import scope

from portal.models import Business, User
from syncs import describing, explaining, recipes
from syncs.models import Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db

RULES = [
    {"name": "Leads", "condition": {"all": [{"field": "is_lead", "operator": "yes", "value": ""}]}, "outcome": "skip",
     "reason": "Leads stay in Jobber.", "kinds": {"is_lead": "yes or no"}},
    {"name": "Owing", "condition": {"any": [{"field": "balance", "operator": "gt", "value": "5,000"},
                                            {"not": [{"field": "billing_address.city", "operator": "is",
                                                      "value": "Perth"}]}]},
     "outcome": "hold", "role": "office", "reason": "", "kinds": {}},
    {"name": "VIP", "condition": {"cel": "tags.exists(t, t == 'vip')"}, "outcome": "incident",
     "reason": "Ring them.", "kinds": {"tags": "list"}},
    {"name": "North", "condition": {"all": [{"field": "link.is_new", "operator": "yes"}]}, "outcome": "route",
     "to": {"recipe": "x", "connector": "stripe", "name": "North side"}, "sync": 5, "kinds": {}},
    {"name": "Label", "condition": {"all": [{"field": "tags", "operator": "any_of", "value": ["a", "b"]}]},
     "outcome": "set", "target": "description", "value": True, "kinds": {}},
]  # fmt: skip


def shown(user: User, business: Business) -> str:
    return str(signed_in(user).get(reverse("explained", args=[business.pk])).content.decode())


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


@pytest.fixture
def clients(acme: Business, alice: User) -> Sync:
    with scope(business=acme):
        made = factories.sync(acme)
        content = {**made.version.content, "rules": RULES}  # type: ignore[union-attr]  # it is published
        content["options"] = {**content["options"], "two_way": True}
        made.version = factories.version(made, content=content, author=alice, note="With rules")
        made.save()
        return made


def test_it_says_what_goes_where_who_wins_and_what_the_rules_do(acme: Business, alice: User, clients: Sync) -> None:
    told = text(shown(alice, acme))
    for words in (
        "Version 2,", ", by Alice: With rules", "Both ways", "The first number in it, written", "A client is deleted",
        "Make the same customer twice.", "When both change it", "Whoever changed it last",
        "When “Is a lead” is yes: It is left out: Leads stay in Jobber.",
        "When balance is more than 5,000 or (not (billing city is “Perth”)): It waits for the office or an owner.",
        "When an expression about tags is true: It goes on, and people are told: Ring them.",
        "When it has no counterpart yet: It goes to “North side” instead.",
        "Description is set to “yes”.",
    ):  # fmt: skip
        assert words in told, words
    assert not re.search(r"\b[a-z]+_[a-z]+\b|metadata|\.exists|None", told), "a path where words should be"


def test_it_follows_the_live_version_and_not_the_draft(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        clients.mappings.all().delete()
        clients.options = {"include_leads": True}
        clients.save()
    told = text(shown(alice, acme))
    assert "Business name" in told
    assert "Also leads" not in told


def test_every_recipe_can_be_told(acme: Business, alice: User, clients: Sync) -> None:
    with scope(business=acme):
        bills = factories.sync(
            acme, recipe="invoices-to-stripe", source=clients.source, target=clients.target
        )  # fmt: skip
        for slug in ("payments-to-jobber", "pay-links-to-jobber"):
            factories.sync(acme, recipe=slug, source=bills.target, target=bills.source)
    told = text(shown(alice, acme))
    for recipe in recipes.RECIPES.values():
        assert recipe.summary.replace("'", "&#x27;") in told
        assert recipe.never[0] in told
    assert "Status, amount, method and date" in told
    assert not re.search(r"\b[a-z]+_[a-z]+\b", told)


@pytest.mark.parametrize("role", ["office", "read_only", "support", "staff"])
def test_every_member_reads_it_and_finds_it(role: str, acme: Business, alice: User, clients: Sync) -> None:
    member = signed_in(person(acme, "Max", role))
    address = reverse("explained", args=[acme.pk])
    for page in (reverse("overview", args=[acme.pk]), reverse("sync", args=[acme.pk, clients.pk])):
        assert address in member.get(page).content.decode()
    assert member.get(address).status_code == 200


def test_without_syncs_it_says_so(acme: Business, alice: User) -> None:
    assert "Nothing is kept in step yet" in shown(alice, acme)


def test_its_size_costs_no_more_queries(
    acme: Business, alice: User, clients: Sync, django_assert_max_num_queries: Any
) -> None:
    browser = signed_in(alice)
    browser.get(reverse("explained", args=[acme.pk]))
    with django_assert_max_num_queries(10):
        browser.get(reverse("explained", args=[acme.pk]))


def test_what_a_planner_makes_itself_is_said_in_its_own_words() -> None:
    for recipe in recipes.RECIPES.values():
        assert set(recipe.written) <= {row["target"] for row in recipe.mappings}
    recipe = recipes.get("payments-to-jobber")
    sides = [describing.catalogue(*side) for side in (("stripe", "payments"), ("jobber", "notes"))]
    (line,) = describing.lines({"mappings": recipe.mappings}, sides[0], sides[1], recipe.written)
    assert line.source.startswith("Status, amount, method and date")
    assert explaining.winner({"back": "x", "owner": "ask"}, recipe.names, both_ways=True) == "A person is asked"
