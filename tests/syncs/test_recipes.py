"""Each recipe against both field catalogues, and "clients to customers" row by row."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.base import Field, Record
from syncs import recipes
from syncs.describing import catalogue as fields_of
from syncs.mapping import Limits, compile_version
from syncs.matching import Clues
from syncs.planning import Known, Verdict, plan
from tests import shared
from tests.strategies import ODD_TEXTS, texts

RECIPE = recipes.get("clients-to-customers")
VERSION = compile_version({"mappings": RECIPE.mappings, "options": RECIPE.options})


def catalogue(slug: str, resource: str) -> dict[str, Field]:
    assert resource in registry.connector_class(slug).resources
    return {f.path: f for f in fields_of(slug, resource)}


def entry(path: str, fields: dict[str, Field]) -> Field | None:
    return fields.get(path) or fields.get(f"{path.split('.')[0]}.*")


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=recipes.RECIPES)
def test_every_field_of_a_recipe_is_in_the_catalogues(recipe: recipes.Recipe) -> None:
    reads, writes = catalogue(recipe.source, recipe.source_resource), catalogue(recipe.target, recipe.target_resource)
    for row in recipe.mappings:
        for path in row["sources"]:
            assert path in reads or path.startswith("custom."), f"{path} is not read from {recipe.source}"
        field = entry(row["target"], writes)
        assert field is not None, f"{row['target']} is unknown to {recipe.target}"
        assert field.writable, f"{row['target']} cannot be written"


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=recipes.RECIPES)
def test_no_row_of_a_recipe_can_exceed_the_targets_lengths(recipe: recipes.Recipe) -> None:
    writes = catalogue(recipe.target, recipe.target_resource)
    version = compile_version({"mappings": recipe.mappings, "options": recipe.options})
    for name in ("x" * 9000, "é" * 9000, "0412 345 678" * 500, "a@b.com," * 900):
        filled: dict[str, Any] = {p: name for row in recipe.mappings for p in row["sources"]}
        filled |= {"tags": [f"{name}{n}"[-90:] for n in range(90)], "other_emails": [name], "custom.long": name}
        filled = {p: v for p, v in filled.items() if not p.endswith("*")}
        for path, value in version.values(filled)[0].items():
            longest = entry(path, writes).max_length  # type: ignore[union-attr]  # checked above
            assert longest is None or len(str(value.value)) <= longest, path


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=recipes.RECIPES)
def test_a_recipe_writes_its_cross_reference_first_of_all(recipe: recipes.Recipe) -> None:
    if recipe.target == "stripe":  # Jobber has no such place: a note names its payment in its words
        row = next(r for r in recipe.mappings if r["target"] == f"metadata.{recipe.names.reference}")
        assert (row["sources"], row["mode"]) == (["id"], "always")


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=recipes.RECIPES)
def test_every_option_of_a_recipe_has_words(recipe: recipes.Recipe) -> None:
    assert {*recipe.option_labels, *recipe.tables} == set(recipe.options)
    assert {k for k, v in recipe.options.items() if isinstance(v, str)} == set(recipe.option_choices)
    assert not recipe.after or recipe.after in recipes.RECIPES


def test_the_rows_of_another_country_read_its_phones_and_stand_in_its_name() -> None:
    rows = RECIPE.mappings_in("NZ")
    version = compile_version({"mappings": rows, "options": {}})
    found, _ = version.values({"phone": "021 123 456", "billing_address.city": "Nelson"})
    assert (found["phone"].value, found["address.country"].value) == ("+6421123456", "NZ")
    assert RECIPE.mappings_in("AU") == list(RECIPE.mappings)


# Row by row


def sent(**data: Any) -> dict[str, Any]:
    """What a new customer gets, but for the client's id."""
    full = {"id": "Z2lk", **{k.replace("__", "."): v for k, v in data.items()}}
    made = plan(VERSION, RECIPE.names, Record("Z2lk", full, "x"), None, Known(), Clues())
    assert made.verdict == Verdict.CREATE
    assert made.data["metadata.jobber_client_id"] == "Z2lk"
    return {p: v for p, v in made.data.items() if p not in {"metadata.jobber_client_id", "name"}}


def name_of(**data: Any) -> Any:
    full = {"id": "Z2lkOi8vSm9iYmVyL0NsaWVudC8xMTg0MDQwMzk=", **data}
    return VERSION.values(full)[0]["name"].value


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"name": "Smith & Co", "company_name": "Other", "first_name": "Ann"}, "Smith & Co"),
        ({"name": "", "is_company": True, "company_name": "Acme", "first_name": "Ann"}, "Acme"),
        ({"name": "", "is_company": False, "company_name": "Acme", "first_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"email": "ann.lee@example.com"}, "ann.lee"),
        ({}, "Client DQwMzk"),
        ({"name": "N" * 5000}, "N" * 253 + "..."),
        ({"name": "  Zoe\u0308   O'Brien \x00"}, "Zoë O'Brien"),
        ({"name": "=cmd|'/c calc'!A0"}, "=cmd|'/c calc'!A0"),
        ({"name": "<script>alert(1)</script>"}, "<script>alert(1)</script>"),
        ({"name": "👷 مرحبا"}, "👷 مرحبا"),
    ],
)
def test_name(data: dict[str, Any], name: str) -> None:
    assert name_of(**data) == name


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"company_name": " Acme  Plumbing "}, {"business_name": "Acme Plumbing"}),
        ({"company_name": "A" * 200}, {"business_name": "A" * 147 + "..."}),
        (
            {"first_name": "Ann", "last_name": "Lee"},
            {"individual_name": "Ann Lee", "metadata.jobber_first_name": "Ann", "metadata.jobber_last_name": "Lee"},
        ),
        ({"last_name": "Lee"}, {"individual_name": "Lee", "metadata.jobber_last_name": "Lee"}),
        ({"email": " Ann@EXAMPLE.com "}, {"email": "Ann@example.com"}),
        ({"email": "none"}, {}),
        (
            {"other_emails": ["b@example.com", "B@example.com", "c@example.com"]},
            {"metadata.other_emails": "b@example.com, c@example.com"},
        ),
        ({"phone": "0412 345 678", "phone_normalized": "+61412345678"}, {"phone": "+61412345678"}),
        ({"phone": "9123 4567", "phone_normalized": "+61291234567"}, {"phone": "+61291234567"}),
        ({"phone": "0412 345 678", "phone_normalized": ""}, {"phone": "+61412345678"}),
        ({"phone_normalized": "61412345678"}, {"phone": "+61412345678"}),
        ({"phone": "02 9123 4567 ext 12"}, {"phone": "+61291234567"}),
        ({"phone": "9123 4567"}, {"phone": "9123 4567"}),
        ({"phone": "Test"}, {}),
        ({"phone": "ask Ann for the number, 12 34 is old"}, {}),
        ({"is_archived": True}, {"metadata.jobber_archived": "true"}),
        ({"is_archived": False}, {}),
        ({"tags": ["VIP", "vip", "Gas"]}, {"metadata.jobber_tags": "VIP, Gas"}),
        ({"tags": []}, {}),
        ({"custom.Gate code [front]": "#12"}, {"metadata.cf_gate_code_front": "#12"}),
        ({"custom.gate": ""}, {}),
        ({"custom.long": "x" * 600}, {"metadata.cf_long": "x" * 497 + "..."}),
        (
            {"created_at": "2025-09-15T14:09:40+10:00", "updated_at": "2025-09-16T00:00:00Z"},
            {
                "metadata.jobber_created_at": "2025-09-15T04:09:40Z",
                "metadata.jobber_updated_at": "2025-09-16T00:00:00Z",
            },
        ),
        ({"url": "https://secure.getjobber.com/clients/1"}, {"metadata.jobber_url": "https://secure.getjobber.com/clients/1"}),
        ({"balance": "120.50", "title": "Dr."}, {}),
    ],
)  # fmt: skip
def test_each_row(data: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(**data) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            {"street1": "1 King St", "street2": "Unit 5", "city": "Darwin", "province": "Northern Territory",
             "postal_code": "0800", "country": "Australia"},
            {"line1": "1 King St", "line2": "Unit 5", "city": "Darwin", "state": "NT", "postal_code": "0800",
             "country": "AU"},
        ),
        ({"city": "Manly"}, {"city": "Manly", "country": "AU"}),
        ({"street2": "Unit 5"}, {"line2": "Unit 5", "country": "AU"}),
        ({"city": "Nelson", "country": "NZ"}, {"city": "Nelson", "country": "NZ"}),
        ({"city": "Cair Paravel", "country": "Narnia"}, {"city": "Cair Paravel"}),
        ({"country": "Australia"}, {"country": "AU"}),
        ({}, {}),
    ],
)  # fmt: skip
def test_address(address: dict[str, str], expected: dict[str, str]) -> None:
    found = sent(**{f"billing_address.{part}": value for part, value in address.items()})
    assert found == {f"address.{part}": value for part, value in expected.items()}


def test_the_recipe_is_the_shared_table() -> None:
    tables = {t["id"]: t for t in shared.read("mappings.json")["tables"]}
    told: set[str] = set()
    for field in tables["jobber_client__stripe_customer"]["fields"]:
        names = field["target"].replace("cf_<slug>", "cf_*").split(" / ") if "(" not in field["target"] else []
        told |= {n if "." in n or not names[0].startswith("metadata.") else f"metadata.{n}" for n in names if n}
    # Stripe has one name, so the two parts are kept beside it.
    parts = {"metadata.jobber_first_name", "metadata.jobber_last_name"}
    assert {row["target"] for row in RECIPE.mappings} == told | parts


people = st.fixed_dictionaries(
    {"id": st.just("Z2lk")},
    optional={
        **dict.fromkeys(("name", "company_name", "first_name", "last_name", "email", "phone"), texts),
        "phone_normalized": texts,
        **{f"billing_address.{p}": texts for p in ("street1", "street2", "city", "province", "postal_code", "country")},
        "tags": st.lists(texts, max_size=30), "other_emails": st.lists(texts, max_size=30),
        **{f"custom.f{n}": st.sampled_from(ODD_TEXTS) for n in range(60)},
    },
)  # fmt: skip
WRITES = catalogue("stripe", "customers")


@given(people)
def test_whatever_people_type_stripe_can_take_it(data: dict[str, Any]) -> None:
    made = plan(VERSION, RECIPE.names, Record("Z2lk", data, "x"), None, Known(), Clues())
    keys = [p.removeprefix("metadata.") for p in made.data if p.startswith("metadata.")]
    assert len(keys) <= 50
    assert all(len(k) <= Limits().key_length and not set(k) & set("[]") for k in keys)
    for path, value in made.data.items():
        field = entry(path, WRITES)
        assert field is not None
        assert field.writable
        assert isinstance(value, str)
        assert value
        assert field.max_length is None or len(value) <= field.max_length
        assert "\x00" not in value
        value.encode()
