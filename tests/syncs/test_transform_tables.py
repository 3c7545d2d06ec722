"""Each of the newer transforms by a table of what people and services write."""

from typing import Any

import pytest

from syncs.transforms import CATALOGUE, Hold

HUGE, EMOJI, CONTROL = "9" * 200_000, "👩‍👩‍👧‍👦 Family 🛠️", "a\x00b\x07\u202e"
NOTED = "was noted"


def run(name: str, value: Any, **arguments: Any) -> tuple[Any, list[str]]:
    notes: list[str] = []
    return CATALOGUE[name].bound(arguments, ())(value, notes), notes


def check(name: str, value: Any, arguments: dict[str, Any], result: Any, noted: str = "") -> None:
    made, notes = run(name, value, **arguments)
    assert made == result
    assert " | ".join(notes) == noted if not noted else noted in " | ".join(notes)


@pytest.mark.parametrize(
    ("name", "value", "arguments", "result"),
    [
        ("case", "o'brien & söhne", {"to": "title"}, "O'brien & Söhne"),
        ("case", "straße", {"to": "upper"}, "STRASSE"),
        ("case", "GATE code", {"to": "sentence"}, "Gate code"),
        ("case", EMOJI, {"to": "lower"}, "👩‍👩‍👧‍👦 family 🛠️"),
        ("case", None, {"to": "upper"}, ""),
        ("case", ["a", 1, True], {"to": "upper"}, "A, 1, YES"),
        ("trim", "  x  ", {}, "x"),
        ("trim", "--x--", {"characters": "-"}, "x"),
        ("trim", "---", {"characters": "-"}, ""),
        ("split", "a/b/c", {"at": "/", "part": 2}, "b"),
        ("split", "a/b/c", {"at": "/", "part": -3}, "a"),
        ("split", "a/b/c", {"at": "/", "part": 0}, ""),
        ("split", "a/b/c", {"at": "/", "part": -4}, ""),
        ("split", "", {"at": "/"}, ""),
        ("split", "a and b", {"at": " and ", "part": 2}, "b"),
        ("replace", "A-b-a", {"find": "a", "by": "x"}, "x-b-x"),
        ("replace", "aaa", {"find": "aa", "by": "a"}, "aa"),
        ("replace", "Straße", {"find": "ss", "by": "s"}, "Straße"),
        ("replace", "Straße", {"find": "ße", "by": "sse"}, "Strasse"),
        ("replace", "x", {"find": "x"}, ""),
        ("extract", "tel 0412 345 678", {"pattern": r"\d{4} \d{3}"}, "0412 345"),
        ("extract", "Zürich", {"pattern": "r.*$"}, "rich"),
        ("extract", "abc", {"pattern": "(x)?abc"}, ""),
        ("extract", None, {"pattern": ".*"}, ""),
        ("extract", CONTROL, {"pattern": "^ab"}, "ab"),
        ("default", "  ", {"to": "x"}, "x"),
        ("default", 0, {"to": "x"}, 0),
        ("default", False, {"to": "x"}, False),
        ("default", [], {"to": "x"}, "x"),
        ("constant", None, {"text": "x"}, "x"),
        ("lookup", "  RESIDENTIAL ", {"table": {"Residential": "home"}}, "home"),
        ("lookup", "", {"table": {"": "none given"}}, "none given"),
        ("lookup", None, {"table": {"a": "b"}}, ""),
        ("lookup", True, {"table": {"yes": "1"}}, "1"),
        ("lookup", 3, {"table": {"3": "three"}}, "three"),
        ("yes_no", "None", {}, "no"),
        ("yes_no", [], {}, "no"),
        ("yes_no", "maybe", {}, "yes"),
        ("dedupe", [["a", "A"], "b, a"], {}, "a, b"),
        ("dedupe", None, {}, ""),
        ("number", "1,234,567.80", {}, "1234567.8"),
        ("number", "-$0.00", {}, "0"),
        ("number", "+5", {}, "5"),
        ("number", ".5", {}, "0.5"),
        ("number", 1e-7, {}, "0.0000001"),
        ("number", 0.1 + 0.2, {}, "0.30000000000000004"),
        ("number", "", {}, ""),
        ("number", 1e15, {}, "1000000000000000"),
        ("round", 2.675, {}, "2.68"),
        ("round", "-0.004", {}, "0.00"),
        ("round", "1.5", {"decimals": 0, "how": "down"}, "1"),
        ("round", "-1.1", {"decimals": 0, "how": "up"}, "-2"),
        ("round", "3.5", {"decimals": 0, "how": "half even"}, "4"),
        ("scale", "19.99", {"by": 100}, "1999"),
        ("scale", 5, {"by": -1}, "-5"),
        ("scale", 5, {"by": 0}, "0"),
        ("money", 19.99, {}, "1999"),
        ("money", "0.005", {}, "1"),
        ("money", "1500", {"currency": "JPY"}, "1500"),
        ("money", 1500, {"currency": "JPY", "reads": "cents", "gives": "amount"}, "1500"),
        ("money", "1.2345", {"currency": "KWD"}, "1235"),
        ("money", "-3", {"gives": "words"}, "-$3.00"),
        ("money", 5, {"reads": "cents", "gives": "amount"}, "0.05"),
        ("date", "2026-01-31", {"zone": "Australia/Sydney"}, "2026-01-31"),
        ("date", "2026-01-31T09:00:00Z", {"format": "%H:%M", "zone": "Australia/Perth"}, "17:00"),
        ("date", "2026-10-03T16:30:00Z", {"format": "%H:%M", "zone": "Australia/Sydney"}, "03:30"),
        ("date", 1769850000, {"format": "%Y-%m-%dT%H:%M:%S%z"}, "2026-01-31T09:00:00+0000"),
        ("date", "1/2/2026", {}, "2026-02-01"),
        ("date", "31st January 2026", {}, "2026-01-31"),
        ("date", "Sat 31 Jan 2026, 9:05 am", {"format": "%H:%M"}, "09:05"),
        ("date", "31/1/2026 23:30 +1000", {}, "2026-01-31"),
        ("date", "31 Jan 2026 23:30 GMT", {"zone": "Australia/Sydney"}, "2026-02-01"),
        ("date", "", {}, ""),
        ("email", "JANE@Example.COM", {"lower": True}, "jane@example.com"),
        ("phone_kind", "13 12 34", {}, ""),
        ("phone_kind", "nobody", {}, ""),
        ("phone_kind", ["", "+44 7911 123456"], {}, "mobile"),
        ("postcode_au", 800, {}, "0800"),
        ("postcode_au", 2000.0, {}, "2000"),
        ("postcode_au", None, {}, ""),
        ("abn", 51824753556, {}, "51 824 753 556"),
        ("abn", "ABN: 51 824 753 556", {}, "51 824 753 556"),
        ("abn", "", {}, ""),
        ("abn_valid", "51-824-753-556", {}, "yes"),
        ("abn_valid", "51824753556 " * 2, {}, "no"),
        ("abn_valid", "٥١٨٢٤٧٥٣٥٥٦", {}, "no"),
    ],
)  # fmt: skip
def test_what_comes_out(name: str, value: Any, arguments: dict[str, Any], result: Any) -> None:
    made, notes = run(name, value, **arguments)
    assert made == result
    assert type(made) is type(result)
    assert not notes or (made == "" and name == "abn")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("number", "twelve", "“twelve” is not a number"),
        ("number", "1,23", "is not a number"),
        ("number", "--1", "is not a number"),
        ("number", "1e5", "is not a number"),
        ("number", "٣", "is not a number"),
        ("number", True, "“yes” is not a number"),
        ("number", [1], "is not a number"),
        ("number", HUGE, "is not a number"),
        ("number", 10**30, "is not a number"),
        ("number", 1e300, "is not a number"),
        ("round", "NaN", "is not a number"),
        ("money", "Infinity", "is not a number"),
        ("date", "yesterday", "“yesterday” is not a date"),
        ("date", "2026-02-30", "is not a date"),
        ("date", "31/1", "is not a date"),
        ("date", "Jan 2026", "is not a date"),
        ("date", "9:30", "is not a date"),
        ("date", "31 Jan 2026 9:00 EST", "is not a date"),
        ("date", True, "is not a date"),
        ("date", -1, "is not a date"),
        ("date", 1e30, "is not a date"),
        ("date", ["2026-01-31"], "is not a date"),
        ("date", HUGE, "is not a date"),
        ("date", EMOJI, "is not a date"),
        ("postcode_au", "20000", "“20000” is not an Australian postcode"),
        ("postcode_au", "0100", "is not an Australian postcode"),
        ("postcode_au", "٢٠٠٠", "is not an Australian postcode"),
        ("abn", "51 824 753 557", "is not a valid ABN"),
        ("abn", CONTROL, "is not a valid ABN"),
    ],
)
def test_what_cannot_be_sent_is_left_out_and_said_so(name: str, value: Any, words: str) -> None:
    made, notes = run(name, value)
    assert made == ""
    assert words in notes[0]
    assert len(notes[0]) < 200


@pytest.mark.parametrize(
    ("postcodes", "state"),
    [
        (["0200", "0299", "2600", "2618", "2900", "2920"], "ACT"),
        (["1000", "1999", "2000", "2599", "2619", "2899", "2921", "2999", "2540"], "NSW"),
        (["3000", "3999", "8000", "8999"], "VIC"),
        (["4000", "4999", "9000", "9999"], "QLD"),
        (["5000", "5799", "5800", "5999"], "SA"),
        (["6000", "6797", "6798", "6999"], "WA"),
        (["7000", "7151", "7799", "7999"], "TAS"),
        (["0800", "800", "0872", "0999"], "NT"),
        (["0199", "0300", "0799", "199", "10000", "", "NSW", "-800", "08 00"], ""),
    ],
)
def test_the_state_of_a_postcode(postcodes: list[str], state: str) -> None:
    assert {run("state_of_postcode", p)[0] for p in postcodes} == {state}


def test_a_postcode_on_a_border_says_so() -> None:
    assert run("state_of_postcode", "2620") == ("NSW", ["2620 lies on a border; NSW was taken for its state"])
    assert run("state_of_postcode", "2621") == ("NSW", [])


def test_a_table_holds_what_it_does_not_know_unless_told_otherwise() -> None:
    table = {"residential": "home"}
    made, notes = run("lookup", "Farm", table=table)
    assert made == ""
    assert isinstance(notes[0], Hold)
    assert (notes[0].code, notes[0]) == ("not_in_table", "“Farm” is not in the table of this row, and is not guessed")
    assert run("lookup", "Farm", table=table, otherwise="keep") == ("Farm", [])
    assert run("lookup", "Farm", table=table, otherwise="empty") == ("", [])
