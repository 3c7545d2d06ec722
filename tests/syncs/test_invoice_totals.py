"""What an invoice comes to, how a discount is shared out, and what is said where two sums differ."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import amounts
from connectors.base import Record
from syncs.invoices import document, statuses, totals
from syncs.invoices.document import Impossible, Line, Tax
from syncs.invoices.facts import Facts
from syncs.planning import Parent
from tests import shared
from tests.syncs.papers import Item, Paper
from tests.syncs.test_invoice_steps import papers
from tests.syncs.till import NOW

GST = Tax("GST", "10", inclusive=False)
FACTS = Facts(Parent("ready", "cus_1", "Ann Smith"), "AUD", "Australia/Sydney", "AU", NOW)


def read(paper: Paper, currency: str = "AUD", **options: Any) -> document.Document:
    return document.read(paper.record(), replace(FACTS, currency=currency), options)


def line(quantity: str, price: str, tax: Tax | None) -> Line:
    return Line("l", "Tap", Decimal(quantity), Decimal(price) * 100, tax)


def test_both_ways_of_rounding_come_to_what_is_known_of_them() -> None:
    """The cases that stand beside the project: lines, rate, prices with or without the tax, both totals."""
    cases = shared.read("rounding-cases.json")
    assert any(case["differ"] for case in cases)
    for case in cases:
        tax = Tax("GST", amounts.plain(Decimal(case["rate"]) * 100), case["inclusive"])
        lines = [line(quantity, price, tax) for quantity, price in case["lines"]]
        cents = [int(Decimal(case[way]["total"]) * 100) for way in ("per_line", "per_document")]
        assert [totals.per_line(lines), totals.unrounded(lines)] == cents, case


@pytest.mark.parametrize(("lines", "one", "whole"), [
    ([("1", "33.33")] * 3, 10998, 10999),
    ([("1", "0.05")] * 3, 18, 17),
    ([("1", "-50.00"), ("1", "199.99")], 16499, 16499),
    ([("1.5", "20.70")], 3416, 3416),
    ([("0.333", "0.10")], 3, 3),
])  # fmt: skip
def test_tax_is_rounded_for_each_line_or_once(lines: list[tuple[str, str]], one: int, whole: int) -> None:
    made = [line(quantity, price, GST) for quantity, price in lines]
    assert (totals.per_line(made), totals.per_document(made)) == (one, whole)
    inside = [replace(each, tax=replace(GST, inclusive=True)) for each in made]
    assert totals.per_line(inside) == totals.per_document(inside) == sum(each.amount for each in made)


@given(papers())
def test_a_discount_is_shared_out_to_the_cent(paper: Paper) -> None:
    """By the share that the lines of each tax have in the whole, never more than a cent off the exact one."""
    try:
        made = read(paper)
    except Impossible:
        return
    parts = [each for each in made.lines if each.key.startswith("discount")]
    others = [each for each in made.lines if not each.key.startswith("discount")]
    discount = int(Decimal(paper.discount) * 100)
    assert sum(each.amount for each in parts) == -discount
    assert len({each.key for each in parts}) == len(parts)
    whole = sum(each.amount for each in others)
    for part in parts:
        share = sum(each.amount for each in others if each.tax == part.tax)
        assert abs(-part.amount - Decimal(discount) * share / whole) < 1
    assert sum(each.amount for each in made.lines) == whole - discount


def test_the_taxed_and_the_untaxed_share_of_a_discount_are_lines_of_their_own() -> None:
    made = read(Paper((Item("a", "1", "300"), Item("b", "1", "100", taxable=False)), discount="40"))
    assert [(each.key, each.amount, each.tax) for each in made.lines[2:]] == [
        ("discount", -3000, GST), ("discount-2", -1000, None),
    ]  # fmt: skip


@pytest.mark.parametrize(("currency", "unit", "total"), [("AUD", "4550", 10010), ("JPY", "45.5", 100),
                                                         ("KWD", "45500", 100100)])  # fmt: skip
def test_units_are_those_of_the_currency(currency: str, unit: str, total: int) -> None:
    made = read(Paper((Item("a", "2", "45.50"),)), currency)
    assert (amounts.plain(made.lines[0].unit), made.total) == (unit, total)


@pytest.mark.parametrize(("paper", "code"), [
    (Paper(()), "no_lines"),
    (Paper(tuple(Item(f"l{n}", "1", "1") for n in range(251))), "too_many_lines"),
    (Paper((Item("a", "1", "-5"),)), "below_zero"),
    (Paper(mode="mixed"), "tax_mode"),
    (Paper(more={"tax_rate.percent": None}), "tax_rate"),
    (Paper((Item("a", "1", "0"),), discount="5"), "discount"),
    (Paper(more={"discount": "five"}), "not_a_number"),
    (Paper(more={"total": "NaN"}), "not_a_number"),
])  # fmt: skip
def test_what_no_invoice_can_be_made_of_is_said(paper: Paper, code: str) -> None:
    with pytest.raises(Impossible) as caught:
        read(paper)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


def test_the_most_lines_there_can_be_are_taken() -> None:
    assert len(read(Paper(tuple(Item(f"l{n}", "1", "1") for n in range(250)))).lines) == 250


def test_an_own_rate_goes_before_the_invoices_and_a_rate_of_nothing_is_none() -> None:
    made = read(Paper((Item("a", "1", "10", rate="12.50"), Item("b", "1", "10"), Item("c", "1", "10", rate="0"))))
    assert [each.tax for each in made.lines] == [Tax("Tax 12.50", "12.5", False), GST, None]


@pytest.mark.parametrize(("zone", "issued", "noon"), [
    ("Australia/Sydney", "2026-11-01T00:00:00Z", datetime(2026, 11, 1, 1, tzinfo=UTC)),
    ("Australia/Perth", "2026-10-31T16:00:00Z", datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ("Pacific/Auckland", "2026-10-31T11:00:00Z", datetime(2026, 10, 31, 23, tzinfo=UTC)),
])  # fmt: skip
def test_it_takes_effect_at_midday_where_the_business_is(zone: str, issued: str, noon: datetime) -> None:
    source = Paper(more={"issued_on": issued}).record()
    made = document.read(source, replace(FACTS, zone=zone), {})
    assert made.header["effective_at"] == int(noon.timestamp())


def test_it_never_takes_effect_later_than_now() -> None:
    made = read(Paper(more={"issued_on": "2026-12-24T00:00:00Z"}))
    assert made.header["effective_at"] == int(NOW.timestamp())


def test_a_due_date_is_said_or_follows_from_the_days_to_pay() -> None:
    assert read(Paper(due=None, more={"net_days": 14})).due == datetime(2026, 11, 15).date()
    unsaid = read(Paper(due=None))
    assert (unsaid.due, unsaid.header["due_date"]) == (None, int((NOW + document.UNSAID).timestamp()))
    late = read(Paper(due=datetime(2026, 11, 2, tzinfo=UTC)))
    assert late.header["due_date"] == int((NOW + document.LATER).timestamp())


def test_there_are_four_custom_fields_at_most_each_of_a_length_that_fits() -> None:
    jobs = [str(number) for number in range(100)]
    made = read(Paper(due=datetime(2026, 11, 2, tzinfo=UTC), more={"job_numbers": jobs, "number": "9" * 200}))
    fields = made.header["custom_fields"]
    assert [each["name"] for each in fields] == ["Jobber invoice", "Due date", "Job"]
    assert all(len(each["value"]) <= 140 for each in fields)


def test_payments_count_less_what_was_given_back_of_the_latest() -> None:
    rows = (("p1", "100", "DEPOSIT"), ("p2", "50", "PAYMENT"), ("p3", "70", "REFUND"), ("p4", "9", "BAD_DEBT"))
    assert [(each.id, each.amount) for each in read(Paper(payments=rows)).payments] == [("p1", 8000)]
    rows = (("p1", "100", "PAYMENT"), ("p2", "100", "FAILED_ACH_PAYMENT"))
    assert read(Paper(payments=rows)).payments == ()


# Why two sums differ


SCREWS = Paper(tuple(Item(f"l{n}", "1", "0.05") for n in range(3)))


@pytest.mark.parametrize(("paper", "there", "sums", "cause"), [
    (SCREWS, 18, "$0.17 and Stripe makes it $0.18, $0.01 more", "one rounds the tax of each line"),
    (replace(SCREWS, once=False), 17, "$0.18 and Stripe makes it $0.17, $0.01 less", "one rounds the tax of each line"),
    (Paper(more={"tips": "12.34"}), Paper().minor + 1234, "$12.34 more", "the tip of $12.34 is counted on one side"),
    (Paper(more={"deposit": "40"}), Paper().minor - 4000, "$40.00 less", "the deposit of $40.00 is counted"),
    (Paper(), 29350, "$23.35 less", "the tax of $23.35 is counted on one side only"),
    (Paper(more={"subtotal": "300"}), 31700, "$0.15 more", "add up to $293.50, but it says $300.00 before tax"),
    (Paper(), 99999, "more", "its lines were changed in Stripe"),
    (replace(SCREWS, more={"total": "5.00", "subtotal": None}), 17, "$4.83 less", "worked out differently"),
])  # fmt: skip
def test_both_sums_and_the_likely_cause_are_said(paper: Paper, there: int, sums: str, cause: str) -> None:
    said = totals.differ(read(paper), there, paper.record().data, "AUD")
    assert sums in said
    assert f"Likely cause: {cause}" in said or cause in said
    assert said.count("Likely cause") == 1


# What a status means


@pytest.mark.parametrize(("status", "options", "goal"), [
    ("draft", {}, "none"), ("draft", {"draft_as": "draft"}, "draft"), ("sent_not_due", {}, "open"),
    ("awaiting_payment", {}, "open"), ("PAST_DUE", {}, "open"), ("paid", {}, "paid"),
    ("bad_debt", {}, "uncollectible"), ("voided", {}, "void"), ("on_hold", {}, ""), ("", {}, ""),
    ("on_hold", {"statuses": {"on_hold": "draft"}, "draft_as": "draft"}, "draft"),
    ("paid", {"statuses": {"paid": "open"}}, "open"), ("awaiting_payment", {"statuses": {"paid": "open"}}, "open"),
])  # fmt: skip
def test_each_status_has_its_meaning_and_an_unknown_one_has_none(
    status: str, options: dict[str, Any], goal: str
) -> None:
    assert statuses.goal(status, options) == goal


@given(st.dictionaries(st.sampled_from(["subtotal", "discount", "tax", "total", "balance", "tips"]),
                       st.one_of(st.text(max_size=8), st.none(), st.integers(), st.booleans())))  # fmt: skip
def test_amounts_that_are_none_are_refused_in_words_and_nothing_else_is_raised(odd: dict[str, Any]) -> None:
    source = Record("inv1", {**Paper().record().data, **odd}, "Invoice 1042")
    try:
        made = document.read(source, FACTS, {})
    except Impossible:
        return
    assert "$0.01 more" in totals.differ(made, made.total + 1, source.data, "AUD")
