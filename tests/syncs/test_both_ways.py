"""Two sides that both may change a record: field by field, and over many random lives of one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Record
from syncs import bothways, recipes
from syncs.bothways import Facts
from syncs.comparing import Known
from syncs.mapping import Compiled, compile_version
from syncs.matching import Clues
from syncs.planning import Plan, Verdict, agreement

RECIPE = recipes.get("clients-to-customers")
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CLIENT = {
    "id": "c1", "name": "Ann Smith", "first_name": "Ann", "last_name": "Smith", "email": "ann@example.com",
    "phone": "0412 345 678", "tags": [],
}  # fmt: skip
CUSTOMER = {
    "id": "cus_1", "name": "Ann Smith", "individual_name": "Ann Smith", "email": "ann@example.com",
    "phone": "+61412345678", "metadata.jobber_client_id": "c1", "metadata.jobber_first_name": "Ann",
    "metadata.jobber_last_name": "Smith",
}  # fmt: skip


def version(owners: dict[str, str] | None = None, **options: Any) -> Compiled:
    rows = [{**row, "owner": (owners or {}).get(row["target"], row["owner"])} for row in RECIPE.mappings]
    return compile_version({"mappings": rows, "options": {**RECIPE.options, "two_way": True, **options}})


def client(**data: Any) -> Record:
    found = {**CLIENT, **data}
    return Record("c1", found, "Ann Smith", updated_at=NOW, email=str(found["email"]).lower())


def customer(**data: Any) -> Record:
    found = {**CUSTOMER, **{k.replace("__", "."): v for k, v in data.items()}}
    return Record("cus_1", found, "Ann Smith", email=str(found["email"]).lower(), references={"jobber_client_id": "c1"})


def agreed() -> Known:
    """As after the first sync."""
    made = look(client(), customer(), Known("cus_1"))
    assert not made.changes
    return Known("cus_1", dict(made.values))


def look(
    source: Record | None, target: Record | None, known: Known, *, compiled: Compiled | None = None,
    here: datetime = NOW, there: datetime = NOW,
) -> Plan:  # fmt: skip
    facts = Facts(here, there, unmade=source is None)
    return bothways.plan(compiled or version(), RECIPE.names, source, target, known, Clues(), facts)


def test_what_the_target_changed_goes_back_in_the_sources_own_field() -> None:
    made = look(client(), customer(email="new@example.com", phone="+61299998888"), agreed())
    assert made.back
    assert made.target_id == "c1"
    assert made.data == {"email": "new@example.com", "phone": "+61299998888"}
    assert not made.more


def test_without_the_switch_the_source_is_put_back() -> None:
    made = look(client(), customer(email="new@example.com"), agreed(), compiled=version(two_way=False))
    assert not made.back
    assert made.data == {"email": "ann@example.com"}


def test_each_side_keeps_what_only_it_has_changed_in_two_steps() -> None:
    known = agreed()
    source, target = client(phone="0412 000 111"), customer(email="new@example.com")
    first = look(source, target, known)
    assert (first.back, first.more, first.data) == (False, True, {"phone": "+61412000111"})
    base, _ = agreement(first, known, {**target.data, **first.data})
    second = look(source, customer(email="new@example.com", phone="+61412000111"), Known("cus_1", base))
    assert (second.back, second.more, second.data) == (True, False, {"email": "new@example.com"})


@pytest.mark.parametrize(
    ("owner", "here", "there", "winner"),
    [
        ("source", NOW, NOW + timedelta(1), "source"),
        ("target", NOW + timedelta(1), NOW, "target"),
        ("newest", NOW + timedelta(1), NOW, "source"),
        ("newest", NOW, NOW + timedelta(1), "target"),
        ("newest", NOW, NOW, "source"),
        ("ask", NOW, NOW, "nobody"),
    ],
)
def test_where_both_have_changed_a_field_its_owner_decides(
    owner: str, here: datetime, there: datetime, winner: str
) -> None:
    compiled = version({"email": owner})
    made = look(
        client(email="here@example.com"), customer(email="there@example.com"), agreed(), compiled=compiled, here=here,
        there=there,
    )  # fmt: skip
    if winner == "nobody":
        assert made.verdict == Verdict.CONFLICT
        assert [(c.path, c.agreed, c.here, c.there) for c in made.conflicts] == [
            ("email", "ann@example.com", "here@example.com", "there@example.com")
        ]
        assert "Email changed in Jobber and in Stripe" in made.reason
    else:
        assert made.back == (winner == "target")
        assert made.data == {"email": "there@example.com" if winner == "target" else "here@example.com"}


def test_a_conflict_keeps_what_was_agreed_until_a_person_has_chosen() -> None:
    compiled, known = version({"email": "ask"}), agreed()
    source, target = client(email="here@example.com"), customer(email="there@example.com")
    made = look(source, target, known, compiled=compiled)
    assert made.values["email"] == "ann@example.com"
    for side, back in (("source", False), ("target", True)):
        decided = replace(known, decision={"choice": "sides", "sides": {"email": side}})
        chosen = look(source, target, decided, compiled=compiled)
        assert (chosen.verdict, chosen.back) == (Verdict.UPDATE, back)


def test_an_address_goes_over_whole_or_not_at_all() -> None:
    parts = {"address.line1": "1 Pitt St", "address.city": "Sydney", "address.country": "AU"}
    rows = {f"address.{p}": "target" for p in ("line1", "line2", "city", "state", "postal_code", "country")}
    compiled = version(rows)
    known = replace(agreed(), base={**agreed().base, **parts})
    source = client(**{"billing_address.street1": "9 George St", "billing_address.city": "Sydney"})
    target = customer(address__line1="1 Pitt St", address__city="Penrith", address__country="AU")
    made = look(source, target, known, compiled=compiled)
    assert made.back
    assert made.data == {
        "billing_address.street1": "1 Pitt St", "billing_address.city": "Penrith", "billing_address.country": "AU",
    }  # fmt: skip


def test_a_choice_about_one_part_of_an_address_speaks_for_the_whole() -> None:
    parts = {"address.line1": "1 Pitt St", "address.city": "Sydney", "address.country": "AU"}
    compiled = version({f"address.{p}": "ask" for p in ("line1", "line2", "city", "state", "postal_code", "country")})
    known = replace(agreed(), base={**agreed().base, **parts})
    source = client(**{"billing_address.street1": "1 Pitt St", "billing_address.city": "Parramatta"})
    target = customer(address__line1="1 Pitt St", address__city="Penrith", address__country="AU")
    held = look(source, target, known, compiled=compiled)
    assert [c.path for c in held.conflicts] == ["address.city"]
    decided = replace(known, decision={"choice": "sides", "sides": {"address.city": "target"}})
    made = look(source, target, decided, compiled=compiled)
    assert made.back
    assert made.data == {"billing_address.city": "Penrith", "billing_address.country": "AU"}


def test_what_was_cleared_there_is_cleared_here_but_an_empty_field_erases_nothing() -> None:
    assert look(client(), customer(phone=""), agreed()).data == {"phone": ""}
    never = replace(agreed(), base={p: v for p, v in agreed().base.items() if p != "phone"})
    assert not look(client(), customer(phone=""), never).back


def test_a_customer_made_there_becomes_a_client_here() -> None:
    made = look(None, customer(name="Jo van Dam", individual_name="", business_name=""), Known("cus_1"))
    assert (made.verdict, made.back, made.more) == (Verdict.CREATE, True, True)
    assert made.data == {
        "first_name": "Jo van", "last_name": "Dam", "email": "ann@example.com", "phone": "+61412345678",
        "is_company": False,
    }  # fmt: skip
    company = look(None, customer(business_name="Dam & Co", individual_name="Jo Dam"), Known("cus_1"))
    assert company.data["company_name"] == "Dam & Co"
    assert company.data["is_company"] is True


def test_one_that_may_be_here_already_waits_for_a_person() -> None:
    facts = Facts(unmade=True, alike=("Ann Smith",))
    made = bothways.plan(version(), RECIPE.names, None, customer(), Known("cus_1"), Clues(), facts)
    assert (made.verdict, made.code) == (Verdict.HOLD, "made_there")
    known = Known("cus_1", decision={"choice": "new"})
    assert bothways.plan(version(), RECIPE.names, None, customer(), known, Clues(), facts).verdict == Verdict.CREATE


EMAILS = ["ann@example.com", "a.smith@example.com", "office@example.com.au", ""]
PHONES = ["+61412345678", "+61299998888", "+61398765432", ""]
FIELDS = {"email": EMAILS, "phone": PHONES, "name": ["Ann Smith", "Anne Smith", "A. Smith"]}
EDIT = st.tuples(st.sampled_from(["here", "there"]), st.sampled_from(sorted(FIELDS)), st.integers(0, 3))


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.lists(EDIT, min_size=1, max_size=5), max_size=8), st.sampled_from(["newest", "ask", "target"]))
def test_random_edits_on_both_sides_end_equal_or_in_a_visible_conflict(
    bursts: list[list[tuple[str, str, int]]], owner: str
) -> None:
    compiled = version({"email": owner, "phone": owner})
    source, target, known, clock = client(), customer(), agreed(), NOW
    edits = writes = 0
    here_at = there_at = NOW
    for burst in bursts:
        for side, name, which in burst:
            clock += timedelta(seconds=1)
            value = FIELDS[name][which % len(FIELDS[name])]
            if side == "here":
                edits += source.data.get(name) != value
                source, here_at = Record("c1", {**source.data, name: value}, "Ann", updated_at=clock), clock
            else:
                edits += target.data.get(name) != value
                target = Record("cus_1", {**target.data, name: value}, "Ann", references=target.references)
                there_at = clock
        for _ in range(6):
            made = look(source, target, known, compiled=compiled, here=here_at, there=there_at)
            if made.writes:
                writes += 1
                if made.back:
                    source = Record("c1", {**source.data, **made.data}, "Ann")
                else:
                    target = Record("cus_1", {**target.data, **made.data}, "Ann", references=target.references)
            known = Known("cus_1", *agreement(made, known, target.data), known.decision)
            if not made.more:
                break
        else:
            pytest.fail("It does not come to an end.")
        if made.verdict == Verdict.CONFLICT:
            continue
        again = look(source, target, known, compiled=compiled, here=here_at, there=there_at)
        assert not again.writes, "a look at two sides in step writes"
        wanted, _ = compiled.values(source.data)
        for path in ("email", "phone", "name"):
            assert (wanted[path].value or "") == (target.data.get(path) or ""), path
    assert writes <= edits
