"""Recipes as files: what is written is read as it was, and nothing that comes in makes the reader stumble."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import storable
from syncs import recipes
from syncs.mapping import MODES, OWNERS
from syncs.recipefiles import LARGEST, FileError, read, write
from syncs.recipes.base import row
from syncs.rules.values import Kind
from tests.strategies import values

CLIENTS = recipes.get("clients-to-customers")
KINDS = {"is_lead": Kind.YES_NO, "balance": Kind.MONEY, "custom.*": Kind.TEXT}
LEADS = {
    "name": "Leads", "outcome": "skip", "reason": "They stay.",
    "condition": {"all": [{"field": "is_lead", "operator": "yes", "value": ""}]},
}  # fmt: skip
BIG = {
    "name": "Big", "outcome": "hold", "role": "owner", "reason": "", "condition": {"cel": "balance > 5000"},
}  # fmt: skip
GATE = {
    "name": "Gate", "outcome": "set", "target": "description", "value": "Ask", "reason": "",
    "condition": {"any": [{"field": "custom.gate", "operator": "empty", "value": ""}]},
}  # fmt: skip


def text(content: dict[str, Any], **more: Any) -> str:
    return write(content, CLIENTS, **{"at": "2026-01-31T09:00:00Z", "by": "Stella", **more})


def whole(rows: list[dict[str, Any]], rules: Any = (), **options: Any) -> dict[str, Any]:
    return {"mappings": rows, "rules": list(rules), "options": {**CLIENTS.options, **options}}


def test_a_file_is_readable_and_always_the_same() -> None:
    made = text(whole([row("title", "description")], [BIG]), note="First")
    assert made == text(whole([row("title", "description")], [BIG]), note="First")
    assert made.splitlines()[:8] == [
        "{", '  "fieldbridge_recipe": 1,', '  "recipe": "clients-to-customers",', '  "from": "Jobber clients",',
        '  "to": "Stripe customers",', '  "exported_at": "2026-01-31T09:00:00Z",', '  "exported_by": "Stella",',
        '  "note": "First",',
    ]  # fmt: skip
    assert json.loads(made)["rows"] == [{"sources": ["title"], "target": "description"}]


words = st.text(min_size=1, max_size=30).filter(lambda t: storable(t) == t and t.strip() == t and "*" not in t)
steps = st.lists(
    st.sampled_from([{"name": "text"}, {"name": "cut", "length": 9}, {"name": "lookup", "table": {"a": "ü"}}]),
    max_size=3,
)
made_rows = st.builds(
    lambda source, target, transforms, mode, owner, pairs: row(
        source, target, *transforms, mode=mode, owner=owner, back="title", back_steps=transforms
    )
    | {"examples": pairs, "editable": False},
    words, words, steps, st.sampled_from(sorted(MODES)), st.sampled_from(sorted(OWNERS)),
    st.lists(st.tuples(words, words).map(list), max_size=3),
)  # fmt: skip


@given(st.lists(made_rows, max_size=5, unique_by=lambda r: r["target"].casefold()), st.booleans(),
       st.lists(st.sampled_from([LEADS, BIG, GATE]), unique_by=lambda r: r["name"]))  # fmt: skip
def test_what_is_written_is_read_as_it_was(rows: list[dict[str, Any]], leads: bool, rules: list[Any]) -> None:
    content = whole(rows, rules, include_leads=leads)
    assert read(text(content).encode(), CLIENTS, KINDS).content == content


def changed(**changes: Any) -> bytes:
    told = json.loads(text(whole([row("title", "description")], [LEADS])))
    return json.dumps({**told, **changes}).encode()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The file is not JSON"),
        (b"\xff\xfe", "The file is not JSON"),
        (b"[" * 100_000, "The file is not JSON"),
        (b"[]", "The file is no recipe"),
        (b'{"a": 1}', "The file is no recipe"),
        (b'{"fieldbridge_recipe": NaN}', "which is no number"),
        (b" " * (LARGEST + 1), "larger than 256 kB"),
        (changed(fieldbridge_recipe=2), "written by a newer Fieldbridge (format 2)"),
        (changed(fieldbridge_recipe="1"), "must be the number of the format"),
        (changed(recipe="invoices-to-stripe"), "this sync's is “clients-to-customers”"),
        (changed(note="nul\x00"), "cannot be kept"),
        (changed(note=1), "“note” must be a text."),
        (changed(secret="x"), "The file has “secret”, which means nothing here."),
        (changed(rows={}), "“rows” must be a list"),
        (changed(rows=[[]]), "Row 1 is not written as an object"),
        (changed(rows=[{"target": "x"}]), "Row 1 (x) has no “sources”."),
        (changed(rows=[{"sources": ["a"], "target": "x", "id": 4}]), "Row 1 (x) has “id”, which means nothing there."),
        (changed(rows=[{"sources": "a", "target": "x"}]), "Row 1 (x): “sources” must be a list of the fields"),
        (changed(rows=[row("a", "x", mode="often")]), "Row 1 (x): “mode” must be one of always"),
        (changed(rows=[row("a", "x", {"name": "shout"})]), "Row 1 (x): there is no transform called “shout”."),
        (changed(rows=[row("a", "x", {"name": "cut"})]), "Row 1 (x): “cut” needs “length”"),
        (changed(rows=[row("a", "x"), row("b", "x")]), "Two rows write “x”."),
        (changed(rules=[{**LEADS, "outcome": "explode"}]), "Rule 1 (“Leads”): Say what it does"),
        (changed(rules=[{**LEADS, "condition": {"all": [{"field": "shoe"}]}}]), "Rule 1 (“Leads”): "),
        (changed(rules=[{"name": "x"}]), "Rule 1 (“x”) has no “condition”."),
        (changed(options={"colour": "red"}), "There is no option “colour”"),
        (changed(options={"two_way": "yes"}), "The option “two_way” cannot be"),
    ],
)  # fmt: skip
def test_a_wrong_file_says_what_is_wrong(body: bytes, sentence: str) -> None:
    with pytest.raises(FileError) as found:
        read(body, CLIENTS, KINDS)
    assert any(sentence in one for one in found.value.sentences), found.value.sentences


def tried(body: bytes) -> None:
    """It is read, or refused in words."""
    try:
        read(body, CLIENTS, KINDS)
    except FileError as error:
        said = error.sentences
    else:
        return
    assert all(said)


PARTS = ("rows", "rules", "options", "note", "fieldbridge_recipe")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(PARTS, values)))
def test_nothing_makes_the_reader_stumble(changes: dict[str, Any]) -> None:
    tried(json.dumps({**json.loads(changed()), **changes}).encode())


@given(
    st.dictionaries(st.sampled_from(["sources", "target", "transforms", "mode", "owner", "back", "examples"]), values)
)
def test_nor_does_a_row(changes: dict[str, Any]) -> None:
    tried(changed(rows=[{**row("title", "description"), **changes}]))


@given(st.dictionaries(st.sampled_from(["name", "condition", "outcome", "role", "target", "value"]), values))
def test_nor_does_a_rule(changes: dict[str, Any]) -> None:
    tried(changed(rules=[{**LEADS, **changes}]))
