"""What counts as agreed after a call whose answer was lost."""

from typing import Any

import pytest

from syncs import landed
from syncs.comparing import Known
from syncs.mapping import Compiled, compile_version

BOTH_WAYS: dict[str, Any] = {"mode": "always", "owner": "newest"}
ROWS: list[dict[str, Any]] = [
    {"sources": ["email"], "target": "email", "back": "email", "transforms": [], **BOTH_WAYS},
    {"sources": ["phone"], "target": "phone", "back": "phone", "transforms": [{"name": "phone"}], **BOTH_WAYS},
    {"sources": ["tags"], "target": "metadata.tags", "mode": "merge", "transforms": []},
]


@pytest.fixture
def version() -> Compiled:
    return compile_version({"mappings": ROWS})


KNOWN = Known("cus_1", {"email": "a@x.example", "phone": "+61400000000"}, {"email": "A@x.example"})


BEFORE = {"email": "a@x.example", "phone": "+61400000000"}


def forward(version: Compiled, sent: dict[str, str], here: dict[str, str], there: dict[str, str]) -> landed.Agreed:
    return landed.forward(version, KNOWN, landed.Call(sent, BEFORE), here, there)


def back(version: Compiled, sent: dict[str, str], here: dict[str, str], there: dict[str, str]) -> landed.Agreed:
    return landed.back(version, KNOWN, landed.Call(sent, BEFORE), here, there)


def test_what_the_target_shows_as_sent_is_agreed_and_the_rest_is_as_before(version: Compiled) -> None:
    sent = {"email": "b@x.example", "phone": "+61411111111"}
    base, rendered = forward(version, sent, {}, {"email": "b@x.example", "phone": "+61400000000"})
    assert base == {"email": "b@x.example", "phone": "+61400000000"}
    assert rendered == {}, "how it showed the value before says nothing of this one"


def test_what_was_taken_away_and_is_gone_is_agreed(version: Compiled) -> None:
    base, _ = forward(version, {"email": ""}, {}, {"phone": "+61400000000"})
    assert base["email"] == ""


def test_a_list_that_others_add_to_stays_as_it_was_agreed(version: Compiled) -> None:
    base, _ = forward(version, {"metadata.tags": "vip, theirs"}, {}, {"metadata.tags": "vip, theirs"})
    assert "metadata.tags" not in base


@pytest.mark.parametrize(("here", "there", "agreed"), [
    ("b@x.example", "z@x.example", "b@x.example"),  # written over at the target: later than what was on its way
    ("b@x.example", "a@x.example", "a@x.example"),  # as before: it has not come there
    ("c@x.example", "z@x.example", "a@x.example"),  # both have moved on: their times decide
])  # fmt: skip
def test_what_somebody_has_written_over_at_the_target_since_is_the_later(
    version: Compiled, here: str, there: str, agreed: str
) -> None:
    base, _ = forward(version, {"email": "b@x.example"}, {"email": here}, {"email": there})
    assert base["email"] == agreed


def test_where_a_person_is_asked_both_edits_are_shown() -> None:
    asks = compile_version({"mappings": [{**ROWS[0], "owner": "ask"}]})
    base, _ = forward(asks, {"email": "b@x.example"}, {"email": "b@x.example"}, {"email": "z@x.example"})
    assert base["email"] == "a@x.example"


def test_what_the_source_shows_as_sent_back_is_agreed_as_the_source_tells_it(version: Compiled) -> None:
    here, there = {"email": "b@x.example", "phone": "0411 111 111"}, {"email": "c@x.example"}
    base, rendered = back(version, {"email": "b@x.example"}, here, there)
    assert base == {"email": "b@x.example", "phone": "+61400000000"}
    assert rendered == {}


def test_what_the_target_says_in_its_own_way_is_kept_in_that_way(version: Compiled) -> None:
    spelt = "+61 411 111 111"
    base, _ = back(version, {"phone": spelt}, {"phone": spelt}, {"phone": spelt})
    assert base["phone"] == spelt


@pytest.mark.parametrize(("here", "there", "agreed"), [
    ("z@x.example", "b@x.example", "b@x.example"),
    ("a@x.example", "b@x.example", "a@x.example"),
    ("z@x.example", "c@x.example", "a@x.example"),
])  # fmt: skip
def test_what_somebody_has_written_over_at_the_source_since_is_the_later(
    version: Compiled, here: str, there: str, agreed: str
) -> None:
    base, _ = back(version, {"email": "b@x.example"}, {"email": here}, {"email": there})
    assert base["email"] == agreed
