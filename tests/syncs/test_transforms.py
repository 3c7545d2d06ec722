"""Each transform by a table of what people type, and all of them by what must hold for any value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncs import countries
from syncs.transforms import TRANSFORMS
from tests import shared
from tests.strategies import texts, values


def run(transform: str, value: Any, **arguments: Any) -> tuple[Any, str]:
    """(result, notes joined)."""
    notes: list[str] = []
    return TRANSFORMS[transform](value, notes, **arguments), " | ".join(notes)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (None, ""),
        ("", ""),
        ("  Ann   Smith ", "Ann Smith"),
        ("a\tb\r\nc", "a b c"),
        ("Zoe\u0308", "Zoë"),
        ("e\x00\u0301", "é"),
        ("nul\x00inside", "nulinside"),
        ("a \x07 b", "a b"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("non\u00a0breaking", "non breaking"),
        ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("مرحبا بالعالم", "مرحبا بالعالم"),
        ("=cmd|'/c calc'!A0", "=cmd|'/c calc'!A0"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("0800", "0800"),
        (["VIP", " ", "Gas"], "VIP, Gas"),
        ([], ""),
        (True, "yes"),
        (12.5, "12.5"),
    ],
)
def test_text(value: Any, result: str) -> None:
    assert run("text", value) == (result, "")


@given(texts)
def test_text_is_clean_and_stays_as_it_is_when_cleaned_again(raw: str) -> None:
    once, _ = run("text", raw)
    assert run("text", once)[0] == once
    assert once == once.strip()
    assert "  " not in once
    once.encode()  # no lone surrogate is left
    assert not any(ord(c) < 32 or ord(c) == 127 for c in once)


def test_a_long_text_is_cut_once_and_said_so() -> None:
    assert run("cut", "N" * 5000, length=256) == (
        "N" * 253 + "...",
        "is 5,000 characters long and was shortened to 256",
    )
    assert run("cut", "N" * 256, length=256) == ("N" * 256, "")
    assert run("cut", "👷" * 300, length=256)[0] == "👷" * 253 + "..."
    assert run("cut", None, length=256) == ("", "")


@given(values, st.integers(4, 600))
def test_cut_never_gives_more_than_its_length(value: Any, length: int) -> None:
    assert len(run("cut", value, length=length)[0]) <= length


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (" Jane.Citizen@EXAMPLE.com ", "Jane.Citizen@example.com"),
        ("o'brien+jobs@example.com", "o'brien+jobs@example.com"),
        ("jörg@exämple.de", "jörg@exämple.de"),
        (None, ""),
        ("", ""),
    ],
)
def test_email(value: Any, result: str) -> None:
    assert run("email", value) == (result, "")


@pytest.mark.parametrize(
    "value", ["no at sign", "a@b@c", "a@b", "a b@example.com", "ann@example.com, bob@example.com", "@", 7, ["x"]]
)
def test_an_email_that_is_none_is_not_sent_and_said_so(value: Any) -> None:
    result, note = run("email", value)
    assert result == ""
    assert note.endswith("is not an email address, so it was not sent")


PHONES = (
    ("0412 345 678", "+61412345678"), ("0412345678", "+61412345678"), ("61417894656", "+61417894656"),
    ("+61 412 345 678", "+61412345678"), ("+61 (0)412 345 678", "+61412345678"), ("61 (0)412 345 678", "+61412345678"),
    ("0011 61 412 345 678", "+61412345678"), ("412345678", "+61412345678"),
    ("61403232912,0403232912", "+61403232912"), ("0410414736 husband", "+61410414736"),
    ("0412 345 678 or 0413 111 222", "+61412345678"), ("0412 345 678\n0413 111 222", "+61412345678"),
    ("0412 345 678 / 02 9123 4567", "+61412345678"), ("Mob: 0412 345 678", "+61412345678"),
    ("+61 412 345 678 after 5pm", "+61412345678"), ("(02) 9123 4567", "+61291234567"),
    ("0412-345-678", "+61412345678"), ("0412.345.678", "+61412345678"), ("0412\u00a0345\u00a0678", "+61412345678"),
    ("1300 123 456", "+611300123456"), ("1800 123 456", "+611800123456"),
    ("+64 21 123 456", "+6421123456"), ("+1 415 555 0100", "+14155550100"),
)  # fmt: skip


@pytest.mark.parametrize(("raw", "e164"), PHONES)
def test_phone(raw: str, e164: str) -> None:
    assert run("phone", raw) == (e164, "")


@pytest.mark.parametrize("raw", ["9123 4567", "6113 1234", "13 12 34", "0412 345 67", "000", "+61 512 345 678"])
def test_a_phone_that_cannot_be_read_is_kept_as_typed_and_said_so(raw: str) -> None:
    assert run("phone", raw) == (raw, f"“{raw}” is not a phone number we can read, so it was kept as typed")


@pytest.mark.parametrize("raw", ["Test", "call the office, ask for extension 9 please", "+", "-"])
def test_a_phone_that_is_none_or_does_not_fit_is_not_sent_and_said_so(raw: str) -> None:
    result, note = run("phone", raw)
    assert result == ""
    assert note.endswith("is not a phone number, so it was not sent")


def test_a_phone_is_kept_clean_where_it_is_kept_as_typed() -> None:
    assert run("phone", "91\x0023\ud800 4567")[0] == "9123 4567"


@pytest.mark.parametrize("raw", ["02 9123 4567 ext 12", "02 9123 4567 x12", "02 9123 4567x12", "02 9123 4567 Ext. 12"])
def test_a_phones_extension_is_left_out_and_said_so(raw: str) -> None:
    assert run("phone", raw) == ("+61291234567", "was sent without its extension, 12")


def test_of_several_spellings_of_a_phone_the_first_that_can_be_read_counts() -> None:
    assert run("phone", ["0412 345 678", "+61499999999"])[0] == "+61412345678"
    assert run("phone", ["9123 4567", "+61291234567"]) == ("+61291234567", "")
    assert run("phone", ["9123 4567", None])[0] == "9123 4567"
    assert run("phone", [None, ""]) == ("", "")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("+61412345678", "0412 345 678"),
        ("0291234567", "(02) 9123 4567"),
        ("1300123456", "1300 123 456"),
        ("+6421123456", "+64 21 123 456"),
    ],
)
def test_national_form_keeps_the_country_of_a_foreign_number(raw: str, shown: str) -> None:
    assert run("phone", raw, style="national") == (shown, "")


@given(values)
def test_a_phone_fits_and_is_silent_only_when_it_is_whole_or_there_was_none(value: Any) -> None:
    result, note = run("phone", value)
    assert len(result) <= 20
    result.encode()
    assert note or not result or result.startswith("+")


def test_phones_as_the_shared_facts_say() -> None:
    for case in shared.read("phones-au.json"):
        result, note = run("phone", case["raw"])
        if case["e164"]:
            assert result == case["e164"], case
        else:
            assert not result.startswith("+"), case
            assert note or not case["raw"], case


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Australia", "AU"),
        (" new  zealand ", "NZ"),
        ("au", "AU"),
        ("UK", "GB"),
        ("United States of America", "US"),
        ("Viet Nam", "VN"),
        ("Côte d'Ivoire", "CI"),
        ("Türkiye", "TR"),
        (["Australia", "1 King St"], "AU"),
        (["", "1 King St", ""], "AU"),
        ([None, "", None], ""),
        (["", ""], ""),
        ([], ""),
        ("", "AU"),
    ],
)
def test_country(value: Any, code: str) -> None:
    assert run("country", value, default="AU") == (code, "")


@pytest.mark.parametrize("value", ["Narnia", "ZZ", "QQ", "Austria-Hungary", ["Narnia", "1 King St"]])
def test_an_unknown_country_is_not_sent_and_said_so(value: Any) -> None:
    result, note = run("country", value, default="AU")
    assert result == ""
    assert note.endswith("is not a country we know, so it was not sent")


def test_every_country_is_known_by_code() -> None:
    assert len(countries.CODES) == 250
    assert all(countries.code_of(code.lower()) == code for code in countries.CODES)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("New South Wales", "NSW"),
        ("nsw", "NSW"),
        ("N.S.W.", "NSW"),
        ("Australian Capital Territory", "ACT"),
        ("California", "California"),
        (None, ""),
    ],
)
def test_state(value: Any, result: str) -> None:
    assert run("state_au", value) == (result, "")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (["VIP", "vip", " Hot  water ", ""], "VIP, Hot water"),
        ([], ""),
        (None, ""),
        ("one word", "one word"),
        ([["a", "b"], ["B", "c"]], "a, b, c"),
    ],
)
def test_lists_are_joined_without_doubles(value: Any, result: str) -> None:
    assert run("join_list", value) == (result, "")


def test_an_entry_that_does_not_fit_is_left_out_whole() -> None:
    entries = [f"tag number {n:02}" for n in range(60)]
    result, note = run("join_list", entries)
    kept = result.split(", ")
    assert len(result) <= 500
    assert kept == entries[: len(kept)]
    assert note == f"holds more than fits: {60 - len(kept)} of its entries could not be sent"
    assert run("join_list", ["x" * 501, "small"]) == (
        "small",
        "holds more than fits: 1 of its entries could not be sent",
    )


@given(st.lists(texts, max_size=80), st.integers(1, 500))
def test_a_joined_list_holds_whole_entries_once_each(entries: list[str], longest: int) -> None:
    result, _ = run("join_list", entries, separator="|", longest=longest)
    kept = result.split("|") if result else []
    assert len(result) <= longest
    if not any("|" in e for e in entries):
        assert len({k.casefold() for k in kept}) == len(kept)
        assert set(kept) <= {run("text", e)[0] for e in entries}


@pytest.mark.parametrize(
    ("value", "result"),
    [(True, "true"), (False, ""), (None, ""), ("yes", "true"), ("no", ""), ("False", ""), (0, ""), (1, "true")],
)
def test_flag(value: Any, result: str) -> None:
    assert run("flag", value) == (result, "")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("2025-09-15T14:09:40Z", "2025-09-15T14:09:40Z"),
        ("2025-09-15T14:09:40.123+10:00", "2025-09-15T04:09:40Z"),
        ("2025-09-15", "2025-09-15T00:00:00Z"),
        (datetime(2025, 9, 15, 14, tzinfo=UTC), "2025-09-15T14:00:00Z"),
        (None, ""),
    ],
)
def test_utc_time(value: Any, result: str) -> None:
    assert run("utc_time", value) == (result, "")


@pytest.mark.parametrize("value", ["2026-02-30", "yesterday", True, "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none_is_not_sent_and_said_so(value: Any) -> None:
    result, note = run("utc_time", value)
    assert result == ""
    assert note.endswith("is not a date and time, so it was not sent")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (["Ann Smith", False, "Acme", "Ann", "Smith", "a@b.au", "Z2lk"], "Ann Smith"),
        (["", False, "Acme", " Ann ", "", "a@b.au", "Z2lk"], "Ann"),
        (["", True, "Acme", "Ann", "Smith", "a@b.au", "Z2lk"], "Acme"),
        ([None, False, "Acme", "", None, "a@b.au", "Z2lk"], "Acme"),
        (["", False, "", "", "", "ann.smith@example.com", "Z2lk"], "ann.smith"),
        (["\x00", None, None, None, None, "not an address", "Z2lkOi8vMTE4NDA0MDM5=="], "Client A0MDM5"),
    ],
)
def test_a_name_is_found_for_everybody(value: list[Any], result: str) -> None:
    assert run("choose_name", value) == (result, "")


@pytest.mark.parametrize(
    ("transform", "value", "result"),
    [
        ("first", ["", None, [], "x", "y"], "x"),
        ("first", "alone", "alone"),
        ("first", None, ""),
        ("join", ["Ann", " ", None, "Smith "], "Ann Smith"),
        ("join", "alone", "alone"),
        ("join", None, ""),
    ],
)
def test_one_of_several(transform: str, value: Any, result: str) -> None:
    assert run(transform, value) == (result, "")
