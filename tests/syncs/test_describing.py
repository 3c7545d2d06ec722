"""The words for what a mapping does."""

import inspect
from typing import Any

import pytest

from syncs import describing, recipes
from syncs.mapping import MODES
from syncs.models import WriteMode
from syncs.transforms import CATALOGUE, Entry

SOURCE, TARGET = describing.catalogue("jobber", "clients"), describing.catalogue("stripe", "customers")
RECIPE = recipes.get("clients-to-customers")


def line(sources: list[str], target: str, *steps: dict[str, Any], mode: str = "always") -> describing.Line:
    row = {"sources": sources, "target": target, "transforms": list(steps), "mode": mode}
    return describing.lines({"mappings": [row]}, SOURCE, TARGET)[0]


def test_every_transform_has_words_and_no_others() -> None:
    speaking = {entry.name for entry in CATALOGUE.values() if entry.says}
    assert set(describing.WORDS) | speaking == set(CATALOGUE)
    assert not set(describing.WORDS) & speaking


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_what_a_transform_says_of_itself_is_a_clause(entry: Entry) -> None:
    for example in entry.examples:
        step = {"name": entry.name, **example.arguments}
        how = line(list(example.paths) or ["name"], "description", step).how
        assert "{" not in how.replace(str(example.arguments.get("text")), "")


@pytest.mark.parametrize("name", sorted(describing.WORDS))
def test_the_words_take_the_arguments_of_the_transform(name: str) -> None:
    words = inspect.signature(describing.WORDS[name].does).parameters.values()
    taken = {p.name: None if p.default is p.empty else p.default for p in words}
    assert taken == {a.name: a.default for a in CATALOGUE[name].arguments}


def test_every_way_to_write_has_words() -> None:
    assert set(describing.WHEN) == set(MODES)
    assert set(WriteMode.values) <= set(describing.WHEN)


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=lambda recipe: recipe.slug)
def test_every_row_of_a_recipe_is_described_in_words(recipe: recipes.Recipe) -> None:
    source = describing.catalogue(recipe.source, recipe.source_resource)
    target = describing.catalogue(recipe.target, recipe.target_resource)
    found = describing.lines({"mappings": recipe.mappings}, source, target)
    assert [f.path for f in found] == [row["target"] for row in recipe.mappings]
    for each in found:
        assert each.source, each
        assert each.target, each
        assert "_" not in each.target + each.words, "a path where words should be"


def test_a_checked_email() -> None:
    found = line(["email"], "email", {"name": "email"})
    assert found.target == "Email"
    assert found.words == "Email; checked, left out when it is no email address"
    assert not found.extra


def test_a_name_says_what_is_taken_when_it_is_empty() -> None:
    found = describing.lines({"mappings": RECIPE.mappings[:1]}, SOURCE, TARGET)[0]
    assert found.source == (
        "Name, else first name and last name (of a company the company), else the part of the email before the @, "
        "else “Client” and the end of the client id"
    )
    assert found.how == "at most 256 characters"


def test_a_name_from_other_fields_names_them() -> None:
    assert line(["company_name", "name"], "name", {"name": "choose_name"}).source == "Company, else name"


def test_a_field_as_it_is() -> None:
    found = line(["id"], "metadata.jobber_client_id")
    assert (found.words, found.how, found.target, found.extra) == ("Client id", "", "Jobber client id", True)


def test_several_fields_together() -> None:
    found = line(["first_name", "last_name"], "individual_name", {"name": "join", "separator": " "})
    assert found.words == "First name and last name; put together"
    dashed = line(["first_name", "last_name"], "individual_name", {"name": "join", "separator": "-"})
    assert dashed.how == "put together with “-”"


def test_the_first_that_is_filled() -> None:
    assert line(["company_name", "name"], "name", {"name": "first"}).words == "Company, else name"


def test_phones_name_the_country_code() -> None:
    assert "+61" in line(["phone"], "phone", {"name": "phone", "region": "AU"}).how
    assert "+64" in line(["phone"], "phone", {"name": "phone", "region": "NZ"}).how


def test_a_country_is_read_from_its_own_field_alone() -> None:
    step = {"name": "country", "default": "NZ"}
    found = line(["billing_address.country", "billing_address.city"], "address.country", step)
    assert found.source == "Billing country"
    assert "NZ when the address names none" in found.how


def test_custom_fields_are_named() -> None:
    assert line(["custom.gate_code"], "metadata.cf_gate_code").source == "Gate code"
    every = line(["custom.*"], "metadata.cf_*")
    assert (every.target, every.source, every.extra) == ("Custom fields", "Custom fields", True)


def test_when_it_is_written() -> None:
    assert line(["url"], "metadata.jobber_url", mode="with_changes").when == "only together with another change"
    assert line(["name"], "description", mode="when_empty").words == "Name; only where nothing is there yet"


def test_what_becomes_of_archived_clients_is_said_only_where_it_is_mapped() -> None:
    said = [case.happens for case in describing.cases(RECIPE.names, RECIPE.mappings)]
    assert "A client is archived" in said
    rows = [row for row in RECIPE.mappings if "is_archived" not in row["sources"]]
    assert "A client is archived" not in [case.happens for case in describing.cases(RECIPE.names, rows)]
