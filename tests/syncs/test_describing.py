"""The words for what a mapping does."""

import inspect
from typing import Any

import pytest

from syncs import describing, recipes
from syncs.mapping import MODES
from syncs.models import WriteMode
from syncs.transforms import TRANSFORMS

SOURCE, TARGET = describing.labels("jobber", "clients"), describing.labels("stripe", "customers")
RECIPE = recipes.get("clients-to-customers")


def line(sources: list[str], target: str, *steps: dict[str, Any], mode: str = "always") -> describing.Line:
    row = {"sources": sources, "target": target, "transforms": list(steps), "mode": mode}
    return describing.lines([row], SOURCE, TARGET)[0]


def test_every_transform_has_words_and_no_others() -> None:
    assert set(describing.WORDS) == set(TRANSFORMS)


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_the_words_take_the_arguments_of_the_transform(name: str) -> None:
    parameters = list(inspect.signature(TRANSFORMS[name]).parameters.values())
    own = {p.name for p in parameters if p.kind == p.KEYWORD_ONLY}
    words = inspect.signature(describing.WORDS[name].how).parameters.values()
    assert {p.name for p in words} == own
    assert {p.name for p in words if p.default is p.empty} == {
        p.name for p in parameters if p.kind == p.KEYWORD_ONLY and p.default is p.empty
    }


def test_every_way_to_write_has_words() -> None:
    assert set(describing.WHEN) == set(MODES)
    assert set(WriteMode.values) <= set(describing.WHEN)


def test_every_row_of_every_recipe_is_described_in_words() -> None:
    for recipe in recipes.RECIPES.values():
        source = describing.labels(recipe.source, recipe.source_resource)
        target = describing.labels(recipe.target, recipe.target_resource)
        for row, found in zip(recipe.mappings, describing.lines(recipe.mappings, source, target), strict=True):
            assert found.target, row
            assert found.reads, row
            if "metadata" not in row["target"]:
                assert "_" not in found.target + found.words, "a path where words should be"


def test_a_checked_email() -> None:
    found = line(["email"], "email", {"name": "email"})
    assert found.target == "Email"
    assert found.words == "Email; checked, left out when it is no address"


def test_a_name_says_what_is_taken_when_it_is_empty() -> None:
    found = describing.lines(RECIPE.mappings[:1], SOURCE, TARGET)[0]
    assert found.reads == (
        "Name, else first name and last name (of a company the company), else the part of the email before the @, "
        "else “Client” and the end of the client id"
    )
    assert found.how == "shortened to at most 256 characters"


def test_a_field_as_it_is() -> None:
    assert line(["id"], "metadata.jobber_client_id").words == "Client id"


def test_several_fields_together() -> None:
    found = line(["first_name", "last_name"], "individual_name", {"name": "join", "separator": " "})
    assert found.words == "First name and last name"
    dashed = line(["first_name", "last_name"], "individual_name", {"name": "join", "separator": "-"})
    assert dashed.words == "First name and last name; joined by “-”"


def test_the_first_that_is_filled() -> None:
    assert line(["company_name", "name"], "name", {"name": "first"}).words == "Company, else name"


def test_phones_name_the_country_code() -> None:
    assert "+61" in line(["phone"], "phone", {"name": "phone", "region": "AU"}).how
    assert "+64" in line(["phone"], "phone", {"name": "phone", "region": "NZ"}).how


def test_a_country_is_read_from_its_own_field_alone() -> None:
    found = line(
        ["billing_address.country", "billing_address.city"], "address.country", {"name": "country", "default": "AU"}
    )
    assert found.reads == "Billing country"
    assert "AU where it is empty but the rest of the address is not" in found.how


def test_keys_of_metadata_and_custom_fields_are_named() -> None:
    assert line(["tags"], "metadata.jobber_tags").target == "Metadata “jobber_tags”"
    assert line(["custom.gate_code"], "metadata.cf_gate").reads == "Custom field “gate code”"
    every = line(["custom.*"], "metadata.cf_*")
    assert (every.target, every.reads) == ("Metadata “cf_…”, one each", "Every custom field")


def test_when_it_is_written() -> None:
    assert line(["url"], "metadata.jobber_url", mode="with_changes").when == "only together with another change"
    assert line(["name"], "description", mode="when_empty").words == "Name; only while it is empty there"
