"""What kind of mismatch a pair is, and that pairs in step are none: tables and properties, nothing but values."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Record
from syncs import bothways, recipes
from syncs.comparing import Known
from syncs.invoices.facts import Facts
from syncs.mapping import compile_version
from syncs.matching import Clues
from syncs.planning import Plan, Verdict
from syncs.reconciling import Fix, Kind, Pair, classify, standing, stranger
from tests.syncs.papers import Paper
from tests.syncs.test_invoice_steps import papers
from tests.syncs.till import Desk

CLIENTS = recipes.get("clients-to-customers")
BILLS = recipes.get("invoices-to-stripe")
VERSION = compile_version({"mappings": CLIENTS.mappings, "options": CLIENTS.options})


def pair(desk: Desk) -> Pair:
    """As the report sees the invoice of a desk."""
    made = desk.look()
    target = desk.till.record(desk.known.target_id) if desk.known.target_id else None
    return Pair(
        desk.source, tax_in(target), made, desk.source.id if desk.source else "", bool(desk.known.target_id),
        desk_facts(desk), desk.version.options,
    )  # fmt: skip


def desk_facts(desk: Desk) -> Any:
    return Facts(desk.client, desk.currency, desk.zone, "AU", desk.till.now, list(desk.till.rates))


def tax_in(target: Record | None) -> Record | None:
    """The till tells no tax by itself: what is over the lines' own amounts."""
    if target is None:
        return None
    lines = sum(line["amount"] for line in target.data.get("lines") or ())
    return replace(target, data={**target.data, "tax": int(target.data.get("total") or 0) - lines})


@given(paper=papers(), once=st.booleans())
def test_an_invoice_that_is_in_step_is_no_mismatch(paper: Paper, once: bool) -> None:
    desk = Desk(paper.record())
    desk.till.once = once
    last = desk.run()
    if last.code != "in_step" or "inclusive" in str(desk.source.data.get("tax_calculation") if desk.source else ""):
        return
    assert [f.kind for f in classify(pair(desk), BILLS.names) if f.kind != Kind.STATUS] == []


NAMES = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and text.isprintable())


@given(first=NAMES, last=NAMES, email=st.emails(), tags=st.lists(NAMES, max_size=3))
def test_a_client_that_is_in_step_is_no_mismatch(first: str, last: str, email: str, tags: list[str]) -> None:
    data = {"id": "c1", "name": f"{first} {last}", "first_name": first, "last_name": last, "email": email, "tags": tags}
    source = Record("c1", data, "Ann")
    made = CLIENTS.decide(VERSION, source, None, Known(), Clues(), None)
    sent = {p: v for p, v in made.data.items() if v not in ("", None)}
    there = Record("cus_1", sent, "Ann", references={"jobber_client_id": "c1"})
    known = Known("cus_1", dict(made.values))
    plan = CLIENTS.decide(VERSION, source, there, known, Clues(), bothways.Facts())
    assert classify(Pair(source, there, plan, "c1", linked=True), CLIENTS.names) == []


def bill(**changes: Any) -> Record:
    data = {"status": "awaiting_payment", "total": "110.00", "tax": "10.00", "balance": "110.00", "lines": [{}]}
    return Record("b1", data | changes, "Invoice 1")


def there(**changes: Any) -> Record:
    data = {"status": "open", "total": 11000, "tax": 1000, "customer": "cus_1"} | changes
    return Record("in_1", data, "Invoice 1", references={"jobber_invoice_id": changes.get("named", "b1")})


@pytest.mark.parametrize(
    ("here", "other", "kind"),
    [
        ({}, {}, None),
        ({"total": "110.01"}, {}, Kind.AMOUNT),
        ({"total": "120.00", "tax": "20.00"}, {}, Kind.TAX),
        ({}, {"tax": 0}, Kind.TAX),
        ({"tax": "10.01"}, {}, None),  # prices that hold the tax, rounded line by line
        ({}, {"status": "paid"}, Kind.STATUS),
        ({"status": "bad_debt"}, {}, Kind.STATUS),
        ({"status": "voided"}, {"total": 5}, Kind.STATUS),
        ({}, {"customer": "cus_2"}, Kind.CLIENT),
        ({}, {"named": "b2"}, Kind.BROKEN),
        ({}, {"named": ""}, Kind.BROKEN),
        ({"status": "draft"}, {"status": "void"}, None),
    ],
)
def test_what_differs_about_an_invoice(here: dict[str, Any], other: dict[str, Any], kind: Kind | None) -> None:
    quiet = Plan(Verdict.SKIP, "in_step", "Both agree.", "in_1")
    found = classify(
        Pair(bill(**here), there(**other), quiet, "b1", True, desk_facts(Desk(None)), BILLS.options), BILLS.names
    )
    assert [f.kind for f in found] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (Plan(Verdict.SKIP, "left_out", ""), None),
        (Plan(Verdict.SKIP, "lead", ""), None),
        (Plan(Verdict.WAIT, "client", ""), None),
        (Plan(Verdict.CREATE, "missing", ""), Kind.MISSING),
        (Plan(Verdict.HOLD, "ambiguous", "Who?"), Kind.HELD),
        (Plan(Verdict.HOLD, "ambiguous_invoice", "Two."), Kind.DUPLICATE),
        (Plan(Verdict.END, "target_deleted", "Gone."), Kind.BROKEN),
        (Plan(Verdict.CONFLICT, "both_changed", "Both."), Kind.HELD),
        (Plan(Verdict.HOLD, "paid_twice", "Twice."), Kind.PAYMENT),
    ],
)
def test_what_a_plan_says(made: Plan, kind: Kind | None) -> None:
    found = classify(Pair(Record("c1", {"name": "Ann"}, "Ann"), None, made, "c1"), CLIENTS.names)
    assert [f.kind for f in found] == ([kind] if kind else [])


def test_what_is_late_is_told_as_that_alone() -> None:
    late = Pair(bill(), there(total=1), Plan(Verdict.UPDATE, "changed", ""), "b1", True, late="3 hours")
    assert [f.kind for f in classify(late, BILLS.names)] == [Kind.LATE]


def test_what_was_refused_waits_for_a_person() -> None:
    made = Plan(Verdict.CREATE, "missing", "")
    (found,) = classify(Pair(Record("c1", {}, "Ann"), None, made, "c1", stopped="Stripe refused it."), CLIENTS.names)
    assert (found.kind, found.words) == (Kind.HELD, "Stripe refused it.")


def test_records_without_a_source() -> None:
    twice = stranger(there(), "Invoice 1", BILLS.names, gone=False)
    alone = stranger(Record("cus_1", {"name": "Ann"}, "Ann"), "", CLIENTS.names, gone=False)
    assert twice
    assert alone
    assert (twice.kind, twice.fix, alone.kind, alone.fix) == (Kind.DUPLICATE, Fix.VOID, Kind.ORPHAN, Fix.LINK)
    assert stranger(there(status="void"), "Invoice 1", BILLS.names, gone=False) is None
    paid = stranger(there(status="paid"), "Invoice 1", BILLS.names, gone=False)
    assert paid
    assert paid.fix is None


def test_two_reports() -> None:
    assert standing(["a", "b"], ["b", "c"]) == ({"c"}, {"b"}, {"a"})
