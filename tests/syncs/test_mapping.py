"""What a version makes of a record, and which rows it does not take."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncs.mapping import MODES, Compiled, MappingError, compile_row, compile_version
from tests.strategies import texts, values


def row(sources: str | list[str], target: str, *steps: Any, mode: str = "always") -> dict[str, Any]:
    listed = [sources] if isinstance(sources, str) else sources
    return {"sources": listed, "target": target, "transforms": list(steps), "mode": mode}


def version(*rows: dict[str, Any]) -> Compiled:
    return compile_version({"mappings": list(rows)})


def made(compiled: Compiled, data: dict[str, Any], there: tuple[str, ...] = ()) -> dict[str, Any]:
    return {path: value.value for path, value in compiled.values(data, there)[0].items()}


TEXT, JOIN, CUT = {"name": "text"}, {"name": "join"}, {"name": "cut", "length": 10}
CUSTOM = row("custom.*", "metadata.cf_*", TEXT)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (row([], "name"), "at least one field to read"),
        (row("name", ""), "at least one field to read"),
        (row("", "name"), "at least one field to read"),
        (row("name", "name", {"name": "shout"}), "no transform called “shout”"),
        (row("name", "name", {}), "no transform called"),
        (row("name", "name", {"name": None}), "no transform called"),
        (row("name", "name", "text"), "a transform is written as"),
        (row("name", "name", {"name": "cut"}), "name: “cut” needs “length”: a whole number from 4 to 100,000."),
        (row("name", "name", {"name": "cut", "length": "ten"}), "“length” to be a whole number .*, and has “ten”."),
        (row("name", "name", {"name": "cut", "length": 2}), "“length” to be a whole number .*, and has “2”."),
        (row("name", "name", {"name": "text", "loud": True}), "“text” has no argument “loud”. It takes none."),
        (row(["a", "b"], "name", {"name": "choose_name"}), "“choose_name” reads 7 fields .*, and has 2."),
        (row("a", "name", {"name": "choose_name"}), "“choose_name” reads 7 fields .*, and has 1."),
        (row(["a", "b"], "name"), "several fields need a first transform"),
        (row(["a", "b"], "name", TEXT), "several fields need a first transform"),
        (row("custom.*", "metadata.all"), "a star must stand on both sides"),
        (row("name", "metadata.*"), "a star must stand on both sides"),
        (row(["custom.*", "name"], "metadata.cf_*", JOIN), "a star must stand on both sides"),
        (row(["custom.*", "other.*"], "metadata.cf_*", JOIN), "reads one group of fields"),
        (row("*", "metadata.cf_*"), "reads one group of fields"),
        (row("custom.*", "cf_*"), "reads one group of fields"),
        (row("name", "name", mode="sometimes"), "no way to write called “sometimes”"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_work_is_refused_in_words(broken: dict[str, Any], words: str) -> None:
    with pytest.raises(MappingError, match=words):
        compile_row(broken)


def test_two_rows_for_one_field_are_refused() -> None:
    with pytest.raises(MappingError, match="name: two rows write this field"):
        version(row("name", "name"), row("company_name", "name"))


def test_every_way_to_write_is_taken() -> None:
    for mode in MODES:
        assert compile_row(row("name", "name", mode=mode)).mode == mode


def test_rows_make_values_in_their_order() -> None:
    compiled = version(row(["first_name", "last_name"], "name", JOIN, TEXT, CUT), row("email", "email"), CUSTOM)
    data = {"first_name": " Ann", "last_name": "Featherstonehaugh", "custom.gate code": "#12", "custom.Zone": "N"}
    found, warnings = compiled.values(data)
    assert list(found) == ["name", "email", "metadata.cf_zone", "metadata.cf_gate_code"]
    assert {p: v.value for p, v in found.items()} == {
        "name": "Ann Fea...", "email": "", "metadata.cf_zone": "N", "metadata.cf_gate_code": "#12",
    }  # fmt: skip
    assert found["name"].notes == ("Name is 21 characters long and was shortened to 10.",)
    assert warnings == []


def test_the_note_names_the_field_that_was_read() -> None:
    compiled = version(row("billing_address.city", "address.city", CUT), row("custom.gate_code", "metadata.g", CUT))
    found, _ = compiled.values({"billing_address.city": "x" * 11, "custom.gate_code": "y" * 11})
    assert found["address.city"].notes[0].startswith("Billing address city is 11 characters")
    assert found["metadata.g"].notes[0].startswith("Gate code is 11 characters")


def test_what_cannot_be_sent_is_told_apart_from_what_is_empty() -> None:
    compiled = version(row("email", "email", {"name": "email"}))
    bad, empty = compiled.values({"email": "nonsense"}), compiled.values({"email": ""})
    assert bad[0]["email"].unusable
    assert bad[1] == ["Email “nonsense” is not an email address, so it was not sent."]
    assert not empty[0]["email"].unusable
    assert empty[1] == []


ADDRESS = (
    row("street", "address.line1", TEXT),
    row(["country", "street"], "address.country", {"name": "country", "default": "AU"}),
)


def test_a_part_that_cannot_be_sent_is_empty_where_the_rest_of_the_address_is_sent() -> None:
    found, warnings = version(*ADDRESS).values({"street": "1 King St", "country": "Narnia"})
    assert not found["address.country"].unusable
    assert warnings == ["Address country “Narnia” is not a country we know, so it was not sent."]
    alone, _ = version(*ADDRESS).values({"country": "Narnia"})
    assert alone["address.country"].unusable


def test_keys_are_short_plain_and_unlike_each_other() -> None:
    long = "custom.a very long label of a custom field that goes on"
    data = {long: "1", f"{long} and on": "2", "custom.[Gate] Code": "3", "custom.密码": "4", "custom.门": "5"}
    found = made(version(CUSTOM), data)
    assert sorted(found.values()) == ["1", "2", "3", "4", "5"]
    keys = [path.removeprefix("metadata.") for path in found]
    assert all(len(k) <= 40 and k.replace("_", "").isalnum() and k.isascii() for k in keys)
    assert {"cf_gate_code", "cf_field", "cf_field_2"} <= set(keys)


def test_a_row_of_its_own_keeps_its_key() -> None:
    found = made(version(CUSTOM, row("zone", "metadata.cf_zone")), {"custom.zone": "custom", "zone": "own"})
    assert found == {"metadata.cf_zone_2": "custom", "metadata.cf_zone": "own"}


OWN = tuple(row(f"own{n}", f"metadata.own{n}") for n in range(10))
SIXTY = {f"custom.f{n:02}": f"value {n}" for n in range(60)} | {f"own{n}": "x" for n in range(3)}


@pytest.mark.parametrize("rows", [(*OWN, CUSTOM), (CUSTOM, *OWN)])
def test_of_sixty_custom_fields_those_are_sent_that_leave_room_for_our_keys(rows: tuple[dict[str, Any], ...]) -> None:
    compiled = version(*rows)
    found, warnings = compiled.values(SIXTY)
    sent = sorted(p for p in found if "cf_" in p)
    assert sent == [f"metadata.cf_f{n:02}" for n in range(40)]
    assert sum(p.startswith("metadata.own") for p in found) == 10
    assert warnings == ["20 custom fields were not sent: there is room for 50 entries there."]


def test_custom_fields_that_are_there_already_keep_their_place() -> None:
    there = tuple(f"metadata.cf_f{n:02}" for n in range(20, 60))
    assert sorted(p for p in made(version(*OWN, CUSTOM), SIXTY, there) if "cf_" in p) == list(there)


def test_keys_that_others_have_put_there_take_room() -> None:
    there = tuple(f"metadata.theirs{n}" for n in range(15))
    found, warnings = version(*OWN, CUSTOM).values(SIXTY, there)
    assert sum("cf_" in p for p in found) == 25
    assert warnings == ["35 custom fields were not sent: there is room for 50 entries there."]


def test_empty_custom_fields_take_no_room() -> None:
    data = {**SIXTY, **{f"custom.f{n:02}": "" for n in range(20)}}
    found, warnings = version(*OWN, CUSTOM).values(data)
    assert sum(1 for p, v in found.items() if "cf_" in p and v.value) == 40
    assert warnings == []


records = st.dictionaries(
    st.one_of(st.sampled_from(["name", "email", "tags", "street", "country"]), st.builds("custom.{}".format, texts)),
    values, max_size=60,
)  # fmt: skip
EVERYTHING = version(
    row(["name", "email"], "name", {"name": "first"}, TEXT, CUT), row("email", "email", {"name": "email"}),
    row("tags", "metadata.tags", {"name": "join_list"}, mode="merge"), *ADDRESS, CUSTOM,
)  # fmt: skip


@given(records)
def test_any_record_makes_values_that_fit(data: dict[str, Any]) -> None:
    found, _ = EVERYTHING.values(data)
    metadata = {p: v.value for p, v in found.items() if p.startswith("metadata.") and v.value != ""}
    assert len(metadata) <= 50
    assert all(len(p.removeprefix("metadata.")) <= 40 for p in metadata)
    assert not any("[" in p or "]" in p for p in metadata)
    assert all(v.value is not None for v in found.values())


@given(records, st.randoms(use_true_random=False))
def test_the_order_in_which_a_database_keeps_a_record_changes_nothing(data: dict[str, Any], dice: Any) -> None:
    shuffled = list(data.items())
    dice.shuffle(shuffled)
    assert EVERYTHING.values(dict(shuffled)) == EVERYTHING.values(data)
