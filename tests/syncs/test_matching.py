"""Who is taken for whom, and when a person is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Record
from connectors.likeness import namesake_key, phone_key
from syncs.matching import Clues, Likeness, likeness, match

REFERENCE = "jobber_client_id"


def client(key: str = "c1", email: str = "ann@example.com") -> Record:
    return Record(id=key, data={"email": email}, label=key, email=email)


def customer(key: str, email: str = "ann@example.com", of: str = "") -> Record:
    return Record(id=key, data={}, label=key, email=email, references={REFERENCE: of} if of else {})


@pytest.mark.parametrize(
    ("candidates", "twins", "target", "says"),
    [
        ((), (), None, ""),
        ((customer("t1"),), (), "t1", "Same email, ann@example.com"),
        ((customer("t1", email="", of="c1"),), (), "t1", "It already carries this record's id"),
        ((customer("t1", of="c1"), customer("t2")), (), "t1", "It already carries this record's id"),
        ((customer("t1", of="c1"),), ("Bob",), "t1", "It already carries this record's id"),
        ((customer("t1", of="c1"), customer("t2", of="c1")), (), None, "2 records there carry this record's id"),
        ((customer("t1"), customer("t2")), (), None, "2 records there have the email ann@example.com"),
        ((customer("t1"), customer("t2", of="c9")), (), None, "2 records there have the email ann@example.com"),
        ((customer("t1", of="c9"),), (), None, "carries the id of another one"),
        ((customer("t1"),), ("Bob",), None, "also the email of Bob; someone who knows them must say"),
        ((customer("t1"),), ("B", "C", "D", "E"), None, "also the email of B, C, D and 1 more"),
        ((customer("t1", of="c2"),), ("Bob",), None, ""),
        ((customer("t1", email="other@example.com"),), (), None, ""),
    ],
)  # fmt: skip
def test_match(candidates: tuple[Record, ...], twins: tuple[str, ...], target: str | None, says: str) -> None:
    found = match(client(), Clues(candidates, twins), REFERENCE)
    assert (found.target.id if found.target else None) == target
    assert says in (found.how or found.doubt)
    assert bool(says) == bool(found.how or found.doubt)


def person(key: str, label: str, *, phone: str = "", postcode: str = "", email: str = "", of: str = "") -> Record:
    return Record(
        id=key, data={}, label=label, email=email, phone=phone_key(phone), namesake=namesake_key(label, postcode),
        references={REFERENCE: of} if of else {},
    )  # fmt: skip


ANN = person("c1", "Ann Smith", phone="0412 345 678", postcode="3056", email="ann@example.com")


@pytest.mark.parametrize(
    ("other", "score", "reasons", "asks"),
    [
        (person("t", "Ann Smith"), 25, ("same name",), False),
        (person("t", "ANN  smith", postcode=" 3056 "), 45, ("same name and postcode",), True),
        (person("t", "Bert Jones", phone="+61 412 345 678"), 40, ("same phone",), False),
        (person("t", "Anne Smith", phone="(0412) 345-678"), 55, ("same phone", "similar name"), True),
        (person("t", "Ann Smith", phone="0412345678", postcode="3056"), 85, ("same name and postcode", "same phone"),
         True),
        (person("t", "Ann Smith", phone="0412345678", email="other@example.com"), 65, ("same phone", "same name"),
         True),
        (person("t", "Ann Smith", phone="0412345678", postcode="3056", of="c2"), 85,
         ("same name and postcode", "same phone"), False),
        (person("t", "Zoe Brown", phone="0412 999 999", postcode="3056"), 0, (), False),
        (person("t", "", phone="12 34"), 0, (), False),
    ],
)  # fmt: skip
def test_one_that_is_alike_without_the_email_is_asked_about_and_never_taken(
    other: Record, score: int, reasons: tuple[str, ...], asks: bool
) -> None:
    assert likeness(ANN, other) == Likeness(score, reasons)
    found = match(ANN, Clues((other,)), REFERENCE)
    assert (found.target, bool(found.doubt)) == (None, asks)
    assert not asks or f"{other.label} is there already: {' and '.join(reasons)}" == found.doubt


def test_the_likeliest_of_several_is_named() -> None:
    clues = Clues((person("t1", "Anne Smith", phone="0412345678"), person("t2", "Ann Smith", postcode="3056")))
    assert match(ANN, clues, REFERENCE).doubt.startswith("Anne Smith is there already: same phone and similar name")


def test_one_with_the_same_email_goes_before_all_that_are_alike() -> None:
    mine = person("t1", "A. Smith", email="ann@example.com")
    found = match(ANN, Clues((person("t2", "Ann Smith", phone="0412345678"), mine)), REFERENCE)
    assert found.target == mine


@pytest.mark.parametrize("raw", ["", None, "12345", "00000000", "0000 0000", "no phone"])
def test_what_tells_nobody_apart_is_no_key(raw: object) -> None:
    assert phone_key(raw) == ""


def test_records_without_an_email_are_never_alike() -> None:
    assert match(client(email=""), Clues((customer("t1", email=""),)), REFERENCE).target is None


candidates = st.lists(
    st.builds(
        customer, st.uuids().map(str), st.sampled_from(["", "ann@example.com", "bob@example.com"]),
        of=st.sampled_from(["", "c1", "c2"]),
    ),
    max_size=4,
)  # fmt: skip


@given(candidates, st.lists(st.just("Bob"), max_size=2))
def test_a_match_is_certain_or_a_question_and_never_both(found: list[Record], twins: list[str]) -> None:
    answer = match(client(), Clues(found, twins), REFERENCE)
    assert not (answer.target and answer.doubt)
    if answer.target:
        others = [c for c in found if c is not answer.target]
        carries = answer.target.references.get(REFERENCE)
        assert carries == "c1" or (not carries and not twins and all(c.email != "ann@example.com" for c in others))


@given(candidates, st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_nothing(found: list[Record], dice: object) -> None:
    shuffled = list(found)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (match(client(), Clues(c), REFERENCE) for c in (found, shuffled))
    assert (one.target, one.doubt) == (other.target, other.doubt)
