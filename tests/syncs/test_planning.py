"""The one decision, by tables for each situation and by properties over many lives of a record."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Record
from syncs import recipes
from syncs.mapping import Compiled, compile_version
from syncs.matching import Clues
from syncs.planning import Change, Known, Plan, Verdict, agreement, plan
from tests.strategies import ODD_TEXTS, texts

RECIPE = recipes.get("clients-to-customers")
REFERENCE = RECIPE.names.reference


def version(**options: Any) -> Compiled:
    return compile_version({"mappings": RECIPE.mappings, "options": {**RECIPE.options, **options}})


VERSION = version()


def client(key: str = "c1", email: str = "ann@example.com", **data: Any) -> Record:
    full = {"id": key, "name": "Ann Smith", "first_name": "Ann", "last_name": "Smith", "email": email, "tags": []}
    return Record(id=key, data={**full, **data}, label="Ann Smith", email=email.lower())


def customer(key: str = "t1", email: str = "ann@example.com", **data: Any) -> Record:
    shown = {k.replace("__", "."): v for k, v in data.items()}
    references = {REFERENCE: shown[f"metadata.{REFERENCE}"]} if f"metadata.{REFERENCE}" in shown else {}
    return Record(key, {"id": key, "email": email, **shown}, key, email=email.lower(), references=references)


def look(
    source: Record | None, target: Record | None = None, known: Known | None = None, *candidates: Record,
    twins: tuple[str, ...] = (), compiled: Compiled = VERSION,
) -> Plan:  # fmt: skip
    return plan(compiled, RECIPE.names, source, target, known or Known(), Clues(candidates, twins))


class Stripe:
    """A target that keeps what it is sent, in its own spelling."""

    def __init__(self, spelling: dict[str, Any] | None = None) -> None:
        self.spelling = spelling or {}
        self.records: dict[str, Record] = {}

    def carry_out(self, made: Plan, known: Known) -> Known:
        """The link as it is afterwards."""
        if made.writes:
            key = made.target_id or f"t{len(self.records) + 1}"
            before = self.records[key].data if key in self.records else {"id": key}
            self.records[key] = self._record(key, {**before, **made.data})
        else:
            key = made.target_id
        if made.code != "in_step" and made.verdict not in {Verdict.CREATE, Verdict.UPDATE, Verdict.LINK}:
            return known
        base, rendered = agreement(made, known, self.records[key].data)
        return Known(key, base, rendered)

    def _record(self, key: str, data: dict[str, Any]) -> Record:
        shown = {p: self.spelling.get(p, lambda v: v)(v) for p, v in data.items()}
        kept = {p: v for p, v in shown.items() if v not in ("", None)}
        references = {REFERENCE: kept[f"metadata.{REFERENCE}"]} if f"metadata.{REFERENCE}" in kept else {}
        return Record(key, kept, key, email=str(kept.get("email", "")).lower(), references=references)

    def edit(self, key: str, **changes: Any) -> None:
        shown = {k.replace("__", "."): v for k, v in changes.items()}
        self.records[key] = self._record(key, {**self.records[key].data, **shown})


def linked(source: Record, spelling: dict[str, Any] | None = None) -> tuple[Stripe, Known]:
    """A client that became a customer."""
    stripe = Stripe(spelling)
    return stripe, stripe.carry_out(look(source), Known())


# Without a counterpart


def test_a_new_client_becomes_a_customer_with_every_filled_value() -> None:
    made = look(client(phone="0412 345 678", tags=["VIP"]))
    assert (made.verdict, made.code, made.writes) == (Verdict.CREATE, "missing", True)
    assert made.reason == "There is no such customer in Stripe yet."
    assert made.data == {
        "name": "Ann Smith", "individual_name": "Ann Smith", "email": "ann@example.com", "phone": "+61412345678",
        "metadata.jobber_client_id": "c1", "metadata.jobber_first_name": "Ann", "metadata.jobber_last_name": "Smith",
        "metadata.jobber_tags": "VIP",
    }  # fmt: skip


def test_the_only_customer_with_the_email_is_linked_and_gets_what_differs() -> None:
    made = look(client(phone="0412 345 678"), None, None, customer(name="Ann Smith", phone="+61412345678"))
    assert (made.verdict, made.target_id, made.reason) == (Verdict.LINK, "t1", "Same email, ann@example.com.")
    assert {"name", "email", "phone"}.isdisjoint(made.data)
    assert made.data["metadata.jobber_client_id"] == "c1"


def test_a_link_that_needs_no_write_writes_nothing() -> None:
    stripe, _ = linked(client())
    made = look(client(), None, None, stripe.records["t1"])
    assert (made.verdict, made.writes, made.changes) == (Verdict.LINK, False, ())


def test_linking_erases_nothing_that_jobber_does_not_have() -> None:
    made = look(
        client(), None, None, customer(phone="+61299999999", address__line1="1 King St", metadata__other="kept")
    )
    assert {"phone", "address.line1", "metadata.other"}.isdisjoint(made.data)


def test_a_customer_that_an_earlier_installation_made_is_cleaned_of_what_it_left() -> None:
    left = customer(
        metadata__jobber_client_id="c1", metadata__jobber_archived="true", metadata__cf_gone="x", metadata__mine="kept",
        metadata__jobber_tags="VIP, theirs",
    )  # fmt: skip
    made = look(client(tags=["VIP"]), None, None, left)
    assert made.data["metadata.jobber_archived"] == ""
    assert made.data["metadata.cf_gone"] == ""
    assert {"metadata.mine", "metadata.jobber_tags"}.isdisjoint(made.data)


@pytest.mark.parametrize(
    ("source", "options", "code"),
    [
        (client(is_lead=True), {}, "lead"),
        (client(is_lead=True), {"include_leads": True}, "missing"),
        (client(is_archived=True), {}, "missing"),
        (client(is_archived=True), {"include_archived": False}, "archived"),
        (client(sample_data=True), {"include_leads": True}, "sample"),
        (client(is_lead=False, is_archived=False, sample_data=False), {"include_archived": False}, "missing"),
    ],
)
def test_who_is_left_out(source: Record, options: dict[str, bool], code: str) -> None:
    made = look(source, compiled=version(**options))
    assert made.code == code
    assert made.verdict == (Verdict.CREATE if code == "missing" else Verdict.SKIP)


def test_a_lead_that_becomes_a_client_is_made() -> None:
    assert look(client(is_lead=True)).verdict == Verdict.SKIP
    assert look(client(is_lead=False)).verdict == Verdict.CREATE


@pytest.mark.parametrize(
    ("candidates", "twins"),
    [
        ((customer("t1"), customer("t2")), ()),
        ((customer("t1"),), ("Bob",)),
        ((customer(metadata__jobber_client_id="another"),), ()),
    ],
)
def test_in_doubt_a_person_is_asked(candidates: tuple[Record, ...], twins: tuple[str, ...]) -> None:
    made = look(client(), None, None, *candidates, twins=twins)
    assert (made.verdict, made.code, made.writes) == (Verdict.HOLD, "ambiguous", False)


def decided(choice: str, target_id: str = "", **known: Any) -> Known:
    return Known(decision={"choice": choice, "target_id": target_id, "by": 1}, **known)


def test_what_a_person_decided_is_done() -> None:
    two = (customer("t1"), customer("t2"))
    assert look(client(), None, decided("same", "t2"), *two).target_id == "t2"
    assert look(client(), None, decided("same", "t2"), *two).verdict == Verdict.LINK
    assert look(client(), None, decided("new"), *two).verdict == Verdict.CREATE
    assert look(client(), None, decided("leave"), *two).code == "left_out"


def test_no_other_customer_is_taken_when_the_chosen_one_is_gone() -> None:
    made = look(client(), None, decided("same", "t2"), customer("t1"))
    assert (made.verdict, made.code) == (Verdict.HOLD, "ambiguous")
    assert "Choose again" in made.reason
    assert look(client(), None, decided("same", "t2")).verdict == Verdict.HOLD


# With a counterpart


def test_both_sides_as_agreed_is_in_step() -> None:
    stripe, known = linked(client())
    made = look(client(), stripe.records["t1"], known)
    assert (made.verdict, made.code, made.writes, made.changes) == (Verdict.SKIP, "in_step", False, ())


def test_only_what_changed_is_sent() -> None:
    stripe, known = linked(client(phone="0412 345 678"))
    made = look(client(phone="0413 111 222"), stripe.records["t1"], known)
    assert made.verdict == Verdict.UPDATE
    assert made.changes == (Change("phone", "+61412345678", "+61413111222"),)
    assert made.reason == "Phone changed in Jobber."


def test_a_value_cleared_in_jobber_is_cleared() -> None:
    stripe, known = linked(client(phone="0412 345 678", company_name="Acme"))
    made = look(client(), stripe.records["t1"], known)
    assert made.data == {"phone": "", "business_name": ""}


def test_a_value_that_only_stripe_has_is_left_alone() -> None:
    stripe, known = linked(client())
    stripe.edit("t1", phone="+61299999999")
    assert look(client(), stripe.records["t1"], known).code == "in_step"


def test_an_edit_at_stripe_is_put_back_and_the_reason_says_so() -> None:
    stripe, known = linked(client())
    stripe.edit("t1", name="Somebody Else")
    made = look(client(), stripe.records["t1"], known)
    assert made.data == {"name": "Ann Smith"}
    assert made.reason == "Name changed in Stripe; what Jobber says is put back."


def test_an_email_that_becomes_none_leaves_the_one_there() -> None:
    stripe, known = linked(client())
    made = look(client(email="nonsense"), stripe.records["t1"], known)
    assert made.code == "in_step"
    assert made.warnings == ("Email “nonsense” is not an email address, so it was not sent.",)
    after = stripe.carry_out(made, known)
    assert after.base["email"] == "ann@example.com"
    assert look(client(email=""), stripe.records["t1"], after).data == {"email": ""}


def test_the_times_go_along_with_a_real_change_only() -> None:
    stripe, known = linked(client(updated_at="2026-01-01T00:00:00Z"))
    touched = client(updated_at="2026-02-02T00:00:00Z")
    made = look(touched, stripe.records["t1"], known)
    assert made.code == "in_step"
    known = stripe.carry_out(made, known)
    edited = client(updated_at="2026-03-03T00:00:00Z", phone="0412 345 678")
    made = look(edited, stripe.records["t1"], known)
    assert made.data == {"phone": "+61412345678", "metadata.jobber_updated_at": "2026-03-03T00:00:00Z"}
    assert made.reason == "Phone changed in Jobber."


HOME = {
    "billing_address.street1": "1 King St", "billing_address.street2": "Unit 5", "billing_address.city": "Manly",
    "billing_address.province": "New South Wales", "billing_address.postal_code": "0800",
}  # fmt: skip


def test_an_address_moves_as_one() -> None:
    made = look(
        client(**{k: v for k, v in HOME.items() if not k.endswith("street2")}), None, None,
        customer(address__line1="9 Queen St", address__line2="Level 3", address__city="Perth", address__country="US"),
    )  # fmt: skip
    sent = {p: v for p, v in made.data.items() if p.startswith("address.")}
    assert sent == {
        "address.line1": "1 King St", "address.line2": "", "address.city": "Manly", "address.state": "NSW",
        "address.postal_code": "0800", "address.country": "AU",
    }  # fmt: skip


def test_an_address_that_jobber_does_not_have_is_left_alone() -> None:
    made = look(client(), None, None, customer(address__line1="9 Queen St", address__country="US"))
    assert not any(path.startswith("address.") for path in made.data)


def test_a_custom_field_that_is_gone_is_taken_away() -> None:
    stripe, known = linked(client(**{"custom.gate": "#12", "custom.zone": "N"}))
    made = look(client(**{"custom.zone": "N"}), stripe.records["t1"], known)
    assert made.data == {"metadata.cf_gate": ""}
    known = stripe.carry_out(made, known)
    assert look(client(**{"custom.zone": "N"}), stripe.records["t1"], known).code == "in_step"


def test_what_was_archived_is_marked_and_unmarked() -> None:
    stripe, known = linked(client(is_archived=False))
    made = look(client(is_archived=True), stripe.records["t1"], known)
    assert made.data == {"metadata.jobber_archived": "true"}
    known = stripe.carry_out(made, known)
    assert look(client(is_archived=False), stripe.records["t1"], known).data == {"metadata.jobber_archived": ""}


@pytest.mark.parametrize(
    ("before", "at_stripe", "now", "sent"),
    [
        (["VIP", "Gas"], "VIP, Gas", ["Gas", "VIP"], None),
        (["VIP", "Gas"], "VIP, Gas", ["VIP"], "VIP"),
        (["VIP"], "VIP, theirs", ["VIP"], None),
        (["VIP"], "VIP, theirs", ["VIP", "Gas"], "VIP, Gas, theirs"),
        (["VIP"], "VIP, theirs", [], "theirs"),
        (["VIP"], "theirs", ["VIP"], "VIP, theirs"),
        (["VIP"], "", ["VIP"], "VIP"),
        (["VIP"], "VIP", [], ""),
        ([], "theirs", [], None),
        ([], "theirs", ["Theirs"], "Theirs"),
    ],
)
def test_tags_of_both_sides_are_kept_and_taken_away_tags_go(
    before: list[str], at_stripe: str, now: list[str], sent: str | None
) -> None:
    stripe, known = linked(client(tags=before))
    stripe.edit("t1", metadata__jobber_tags=at_stripe)
    made = look(client(tags=now), stripe.records["t1"], known)
    assert made.data.get("metadata.jobber_tags") == sent
    known = stripe.carry_out(made, known)
    assert look(client(tags=now), stripe.records["t1"], known).code == "in_step"


MODES = compile_version(
    {
        "mappings": [
            {"sources": ["id"], "target": "metadata.jobber_client_id", "transforms": [], "mode": "always"},
            {"sources": ["name"], "target": "name", "transforms": [], "mode": "when_new"},
            {"sources": ["email"], "target": "email", "transforms": [], "mode": "when_empty"},
        ]
    }
)


def test_rows_for_new_records_write_to_no_other() -> None:
    assert look(client(), compiled=MODES).data["name"] == "Ann Smith"
    assert "name" not in look(client(), None, None, customer(name="Their Name"), compiled=MODES).data
    assert "name" not in look(client(), None, None, customer(), compiled=MODES).data
    stripe, known = linked(client())
    assert "name" not in look(client(name="New Name"), stripe.records["t1"], known, compiled=MODES).data


def test_rows_for_empty_fields_fill_and_never_replace() -> None:
    there = customer(email="", metadata__jobber_client_id="c1")
    assert look(client(), there, Known("t1"), compiled=MODES).data == {"email": "ann@example.com"}
    there = customer(email="other@example.com", metadata__jobber_client_id="c1")
    assert look(client(email=""), there, Known("t1", {"email": "x"}), compiled=MODES).changes == ()


@pytest.mark.parametrize("empty", ["", None, []])
def test_every_kind_of_nothing_is_the_same_nothing(empty: Any) -> None:
    stripe, known = linked(client())
    nothing = client(company_name=empty, tags=empty, phone=empty, other_emails=empty)
    shown = {**stripe.records["t1"].data, "business_name": None, "phone": ""}
    assert look(nothing, replace(stripe.records["t1"], data=shown), known).code == "in_step"


# Endings


def test_a_deleted_client_ends_the_link_and_keeps_the_customer() -> None:
    stripe, known = linked(client())
    for source in (None, replace(client(), deleted=True)):
        made = look(source, stripe.records["t1"], known)
        assert (made.verdict, made.code, made.writes) == (Verdict.END, "source_deleted", False)
        assert made.reason == "The client was deleted in Jobber. The Stripe customer stays as it is."
        assert look(source, stripe.records["t1"], replace(known, ended=True)) == made


def test_a_client_that_comes_back_goes_on_where_it_was() -> None:
    stripe, known = linked(client())
    ended = replace(known, ended=True)
    assert look(client(), stripe.records["t1"], ended).code == "in_step"
    assert look(client(phone="0412 345 678"), stripe.records["t1"], ended).verdict == Verdict.UPDATE


def test_a_customer_deleted_at_stripe_ends_the_link_however_often_it_is_looked_at() -> None:
    stripe, known = linked(client(tags=["VIP"], updated_at="2026-01-01T00:00:00Z", **{"custom.zone": "N"}))
    unchanged = client(tags=["VIP"], updated_at="2026-02-02T00:00:00Z", **{"custom.zone": "N"})
    for target in (None, replace(stripe.records["t1"], deleted=True)):
        first = look(unchanged, target, known)
        assert (first.verdict, first.code, first.writes) == (Verdict.END, "target_deleted", False)
        assert look(unchanged, target, replace(known, ended=True)) == first


@pytest.mark.parametrize("change", [{"phone": "0412 345 678"}, {"custom.zone": ""}, {"tags": []}])
def test_a_later_edit_asks_before_a_customer_is_made_again(change: dict[str, Any]) -> None:
    before = {"tags": ["VIP"], "custom.zone": "N"}
    _, known = linked(client(**before))
    ended = replace(known, ended=True)
    made = look(client(**{**before, **change}), None, ended)
    assert (made.verdict, made.code) == (Verdict.HOLD, "target_deleted")
    assert "Make a new customer, or leave it out?" in made.reason


def test_what_a_person_says_about_a_deleted_customer_is_done() -> None:
    _, known = linked(client())
    made = look(client(), None, replace(known, ended=True, decision={"choice": "new"}))
    assert (made.verdict, made.target_id) == (Verdict.CREATE, "")
    assert made.data["email"] == "ann@example.com"
    left = look(client(), None, replace(known, ended=True, decision={"choice": "leave"}))
    assert (left.verdict, left.code) == (Verdict.SKIP, "left_out")


def test_leaving_out_a_linked_client_writes_nothing_more() -> None:
    stripe, known = linked(client())
    left = replace(known, decision={"choice": "leave"})
    made = look(client(phone="0412 345 678"), stripe.records["t1"], left)
    assert (made.verdict, made.code, made.target_id) == (Verdict.SKIP, "left_out", "t1")
    assert look(None, stripe.records["t1"], left).code == "source_deleted"


# What is said


def test_a_cut_is_said_when_it_is_sent_and_not_again() -> None:
    long = client(name="N" * 5000)
    made = look(long)
    assert made.warnings == ("Name is 5,000 characters long and was shortened to 256.",)
    assert made.data["name"] == "N" * 253 + "..."
    stripe = Stripe()
    known = stripe.carry_out(made, Known())
    assert look(long, stripe.records["t1"], known).warnings == ()


def test_custom_fields_without_room_are_said_at_every_look() -> None:
    sixty = client(**{f"custom.f{n:02}": "x" for n in range(60)})
    made = look(sixty)
    own = sum(row["target"].startswith("metadata.") and "*" not in row["target"] for row in RECIPE.mappings)
    said = f"{60 - (50 - own)} custom fields were not sent: there is room for 50 entries there."
    assert made.warnings == (said,)
    stripe = Stripe()
    known = stripe.carry_out(made, Known())
    again = look(sixty, stripe.records["t1"], known)
    assert (again.code, again.warnings) == ("in_step", (said,))


def test_a_plan_as_json_tells_all_there_is_to_show() -> None:
    stripe, known = linked(client())
    found = look(client(phone="0412 345 678"), stripe.records["t1"], known).as_json()
    assert found == {
        "verdict": "update", "code": "changed", "reason": "Phone changed in Jobber.", "target_id": "t1",
        "changes": [["phone", "", "+61412345678"]], "warnings": [],
    }  # fmt: skip


# Targets that show values their own way


SPELLING = {
    "name": str.upper, "phone": lambda v: v[:10], "address.line1": str.strip, "business_name": lambda v: "",
    "metadata.cf_zone": lambda v: v.replace("\u00e9", "e"),
}  # fmt: skip


def test_a_spelling_of_the_targets_own_is_no_difference() -> None:
    odd = client(phone="0412 345 678", company_name="Acme", **{"custom.zone": "Caf\u00e9"})
    stripe, known = linked(odd, SPELLING)
    assert stripe.records["t1"].data["name"] == "ANN SMITH"
    assert look(odd, stripe.records["t1"], known).code == "in_step"
    stripe.edit("t1", phone="+614999999")
    assert look(odd, stripe.records["t1"], known).data == {"phone": "+61412345678"}


def test_an_edit_that_comes_to_light_with_the_answer_to_a_write_is_not_taken_for_a_spelling() -> None:
    stripe, known = linked(client())
    seen = stripe.records["t1"]
    stripe.edit("t1", name="Edited meanwhile")
    made = look(client(phone="0412 345 678"), seen, known)
    assert made.data == {"phone": "+61412345678"}
    known = stripe.carry_out(made, known)
    assert look(client(phone="0412 345 678"), stripe.records["t1"], known).data == {"name": "Ann Smith"}


# Properties


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """[(the client's data, edits at Stripe before the look)]"""
    word = st.one_of(texts, st.sampled_from(["x", "y", ""]))
    data = st.fixed_dictionaries(
        {},
        optional={
            "name": word, "company_name": word, "first_name": word, "last_name": word, "email": word, "phone": word,
            "phone_normalized": word, "tags": st.lists(word, max_size=4), "other_emails": st.lists(word, max_size=3),
            "is_archived": st.booleans(), "updated_at": word, "billing_address.street1": word,
            "billing_address.street2": word, "billing_address.country": word, "billing_address.province": word,
            **{f"custom.f{n}": word for n in range(3)},
        },
    )  # fmt: skip
    paths = [
        "name",
        "email",
        "phone",
        "address.line1",
        "address.line2",
        "metadata.jobber_tags",
        "metadata.cf_f1",
        "metadata.hers",
    ]
    edits = st.dictionaries(st.sampled_from(paths), st.sampled_from(["", "hers", "hers, x", "Sydney"]), max_size=3)
    many = st.booleans().map(lambda b: {f"custom.g{n:02}": "g" for n in range(60)} if b else {})
    return [({**draw(data), **draw(many)}, draw(edits)) for _ in range(draw(st.integers(1, 4)))]


def odd_service(seed: int) -> dict[str, Any]:
    """Its own spelling of some fields, the same every time."""
    dice = random.Random(seed)
    ways = [str.upper, str.strip, lambda v: v[:5], lambda v: "", lambda v: v]
    return {
        path: dice.choice(ways) for path in (r["target"] for r in RECIPE.mappings) if "jobber_client_id" not in path
    }


@given(histories(), st.integers(0, 30), st.booleans())
def test_after_one_write_both_sides_are_in_step_whatever_has_happened(
    history: list[tuple[dict[str, Any], dict[str, Any]]], seed: int, starts_there: bool
) -> None:
    stripe, known = Stripe(odd_service(seed)), Known()
    if starts_there:
        stripe.records["t1"] = customer(metadata__jobber_client_id="c1", name="Was Here", phone="+61299999999")
    for data, edits in history:
        source = Record(id="c1", data={"id": "c1", **data}, label="c1", email="")
        for key in stripe.records:
            stripe.edit(key, **edits)
        candidates = [r for r in stripe.records.values() if not known.target_id]
        made = look(source, stripe.records.get(known.target_id), known, *candidates)
        assert made == look(source, stripe.records.get(known.target_id), known, *candidates)
        assert unmapped(made) == []
        known = stripe.carry_out(made, known)
        again = look(source, stripe.records[known.target_id], known)
        assert (again.code, again.changes) == ("in_step", ())
        assert len(stripe.records) == 1


def unmapped(made: Plan) -> list[str]:
    """What the plan writes that no row of the recipe is for."""
    rows = {row["target"] for row in RECIPE.mappings}
    return [p for p in made.data if p not in rows and not p.startswith("metadata.cf_")]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    emails = st.sampled_from(["", "a@example.com", "b@example.com"])
    clients = [client(f"c{n}", draw(emails)) for n in range(draw(st.integers(1, 4)))]
    owners = st.sampled_from(["", "", "c0", "c1", "gone"])
    customers = []
    for n in range(draw(st.integers(0, 4))):
        owner = draw(owners)
        customers.append(customer(f"t{n}", draw(emails), **({"metadata__jobber_client_id": owner} if owner else {})))
    return clients, customers


@given(crowds(), st.booleans())
def test_two_clients_never_get_one_customer_unless_a_person_says_so(
    crowd: tuple[list[Record], list[Record]], one_by_one: bool
) -> None:
    """Planned in one batch, or each after the one before was linked."""
    clients, customers = crowd
    taken: list[str] = []
    for source in clients:
        free = [c for c in customers if not one_by_one or c.id not in taken]
        mine = [c for c in free if c.references.get(REFERENCE) == source.id or (c.email and c.email == source.email)]
        twins = tuple(o.id for o in clients if o is not source and o.email and o.email == source.email)
        made = look(source, None, None, *mine, twins=twins if any(c.email == source.email for c in mine) else ())
        if made.verdict == Verdict.LINK:
            taken.append(made.target_id)
    assert len(taken) == len(set(taken))


@given(st.sampled_from(ODD_TEXTS), st.sampled_from(ODD_TEXTS))
def test_reasons_and_warnings_can_be_stored(name: str, email: str) -> None:
    made = look(client(name=name, email=email, phone=name, **{"billing_address.country": name}))
    for text in (made.reason, *made.warnings, *map(str, made.data.values())):
        assert "\x00" not in text
        text.encode()
