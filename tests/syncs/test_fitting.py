"""Rows that cannot work are told so in one sentence, with what to do about it."""

from dataclasses import replace
from typing import Any

import pytest

from connectors import registry
from connectors.base import Field, FieldType
from syncs import recipes
from syncs.fitting import Catalogue, problems, row_problem
from syncs.recipes.base import Recipe, row
from syncs.transforms import CATALOGUE, is_empty


def catalogue(slug: str = "clients-to-customers", **changes: Any) -> Catalogue:
    recipe = recipes.get(slug)
    return replace(_whole(recipe), **changes)


def _whole(recipe: Recipe) -> Catalogue:
    here = {f.path: f for f in registry.connector_class(recipe.source)({}).catalogue(recipe.source_resource)}
    there = {f.path: f for f in registry.connector_class(recipe.target)({}).catalogue(recipe.target_resource)}
    here.setdefault("custom.*", Field("custom.*", "Custom", custom=True))
    return Catalogue(
        "Jobber clients", "Stripe customers", here, {p: f for p, f in there.items() if f.writable},
        {p: f for p, f in there.items() if not f.writable}, recipe=recipe,
    )  # fmt: skip


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=lambda r: r.slug)
@pytest.mark.parametrize("country", ["AU", "US"])
def test_recipes_as_they_come_can_work(recipe: Recipe, country: str) -> None:
    assert problems({"mappings": recipe.mappings_in(country)}, _whole(recipe)) == []


def step(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, **arguments}


SEEN = (
    {"custom.gate_code": "4411", "custom.size": "12", "email": "ann@example.com", "tags": ["VIP"]},
    {"custom.gate_code": "Ring the bell twice and wait", "custom.size": "none", "email": "", "tags": []},
)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (row("tags", "description"), "gives a list, and “Description” takes a text. Add “join_list”."),
        (row("is_archived", "metadata.gone"), "gives a yes or no, and “gone” takes a text. Add “yes_no”."),
        (row("custom.mail", "email"), "gives a text, and “Email” takes an email. Add “email”."),
        (row("custom.cell", "phone"), "“Phone” takes a phone. Add “phone”."),
        (row("custom.land", "address.country"), "takes a country. Add “country”."),
        (row("billing_address.country", "address.country"), "Add “country”."),
        (row("title", "created"), "no field “created” that can be written. “Created” can only be read"),
        (row("shoe", "description"), "Jobber clients have no field “shoe”."),
        (
            row("title", "business_name", step("text"), step("cut", length=300)),
            "gives up to 300 characters, and “Business name” takes 150. Add “cut” with length 150.",
        ),
        (row("title", "phone", step("constant", text="0" * 30)), "takes a phone"),
        (row("custom.gate_code", f"metadata.{'k' * 41}"), "a key takes at most 40 characters, and this one has 41."),
        (row("custom.gate_code", "metadata.gate[0]"), "a key is a word without [ and ]"),
        (row("email", "metadata.jobber_client_id"), "belong together: let it read id."),
        (row("email", "metadata.jobber_invoice_id"), "kept for what another sync writes"),
        (row("company_name", "individual_name", back="company_name"), ""),
        (row("email", "email", step("email"), back="is_company"), "“Is a company” takes a yes or no"),
        (row("custom.gate_code", "individual_name", back="custom.gate_code"), "“custom.gate_code” that can be written"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_work(wrong: dict[str, Any], words: str) -> None:
    found = row_problem(wrong, catalogue())
    assert words in found
    assert bool(found) == bool(words)


def test_rows_are_tried_on_what_is_really_there() -> None:
    short = Field("size", "Size", FieldType.TEXT, writable=True, max_length=10)
    number = Field("size", "Size", FieldType.NUMBER, writable=True)
    plan = Field("size", "Size", FieldType.CHOICE, writable=True, choices=(("12", "Twelve"),))
    base = catalogue(seen=SEEN)
    for field, source, words in (
        (short, "custom.gate_code", "takes 10 characters. Add “cut” with length 10."),
        (short, "custom.size", ""),
        (number, "custom.size", "gives a text, and “Size” takes a number. Add “number”."),
        (plan, "custom.size", "“none” becomes “none”, and “Size” can be 12. Add “lookup”"),
    ):
        found = row_problem(row(source, "size"), replace(base, targets={"size": field}))
        assert words in found
        assert bool(found) == bool(words)
    assert row_problem(row("custom.size", "size", step("number")), replace(base, targets={"size": number})) == ""


def test_what_rows_lack_together() -> None:
    rows = list(recipes.get("clients-to-customers").mappings)
    twice = problems({"mappings": [*rows, row("title", "name")]}, catalogue())
    assert twice == ["name: two rows write this field. Keep one of them."]
    without = [r for r in rows if r["target"] != "metadata.jobber_client_id"]
    [found] = problems({"mappings": without}, catalogue())
    assert "Put its row back: id to metadata.jobber_client_id." in found
    many = problems({"mappings": [*rows, *(row("title", f"metadata.k{n}") for n in range(45))]}, catalogue())
    assert "there is room for 50" in many[0]
    needed = catalogue(targets={**catalogue().targets, "vat": Field("vat", "VAT number", writable=True, required=True)})
    assert problems({"mappings": rows}, needed) == [
        "Stripe customers cannot be without “VAT number”. Add a row that writes vat."
    ]


def test_what_a_sync_fills_itself_is_not_a_rows() -> None:
    invoices = catalogue("invoices-to-stripe")
    assert "fills it itself" in row_problem(row("number", "customer"), invoices)
    notes = catalogue("pay-links-to-jobber")
    assert "fills all fields itself" in row_problem(row("hosted_url", "custom.other"), notes)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda e: e.name)
def test_transforms_make_what_they_say(entry: Any) -> None:
    for example in entry.examples:
        made = entry.run(example)
        most = entry.most(example.arguments, len(str(example.value)))
        assert is_empty(made) or most is None or len(str(made)) <= most, (example, most)
        assert isinstance(entry.made(example.arguments, FieldType.TEXT), FieldType)
