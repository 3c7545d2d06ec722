"""What invoices of the Stripe stand-in come to, to the cent."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.stripe.sandbox import items, totals
from connectors.stripe.sandbox.customers import new as new_customer
from connectors.stripe.sandbox.invoices import new
from connectors.stripe.sandbox.seeding import fresh_accounts
from tests import shared

PROFILE: Any = next(iter(fresh_accounts(0).values()))["profile"]


def rate(percentage: str, inclusive: bool, identity: str = "txr_1") -> dict[str, Any]:
    return {"id": identity, "percentage": float(percentage), "inclusive": inclusive, "active": True}


def _no_rate(identity: str) -> None:
    return None


def invoice(lines: list[tuple[str, str]], rates: list[dict[str, Any]], exempt: str = "none", **how: bool) -> Any:
    """(quantity, unit price in minor units) each -> the invoice with its sums."""
    customer = new_customer("cus_1", 0, "AB") | {"tax_exempt": exempt}
    draft = new("in_1", 0, PROFILE, customer, "aud") | {"default_tax_rates": rates}
    made = []
    for number, (quantity, unit) in enumerate(lines):
        form = {"quantity_decimal": quantity, "unit_amount_decimal": unit}
        made.append(items.line(items.changed(items.new(f"ii_{number}", 0, "cus_1", "aud"), form, _no_rate), draft))
    per_invoice = how.get("per_invoice", False)
    return totals.totalled(draft, made, {r["id"]: r for r in rates}, per_invoice=per_invoice)


def cases() -> list[Any]:
    folder = shared.folder()
    path = folder / "data" / "rounding-cases.json" if folder else None
    if path is None or not path.exists():
        return [pytest.param({}, marks=pytest.mark.skip("There is no folder 'shared' with rounding-cases.json in it."))]
    return list(shared.read("rounding-cases.json"))


def minor(amount: str) -> str:
    return items.plain(Decimal(amount) * 100)


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case.get("lines", ""))[:40])
@pytest.mark.parametrize("way", ["per_line", "per_document"])
def test_tax_is_rounded_for_each_line_or_once(case: dict[str, Any], way: str) -> None:
    if way == "per_document" and any(Decimal(q) * Decimal(u) * 100 % 1 for q, u in case["lines"]) and case["differ"]:
        pytest.skip("The case rounds no line at all; an amount of Stripe's is always whole cents.")
    lines = [(quantity, minor(unit)) for quantity, unit in case["lines"]]
    rates = [rate(str(Decimal(case["rate"]) * 100), case["inclusive"])]
    found = invoice(lines, rates, per_invoice=way == "per_document")
    tax = sum(t["amount"] for t in found["total_taxes"])
    assert {"tax": tax, "total": found["total"]} == {k: int(minor(v)) for k, v in case[way].items()}
    assert found["total_excluding_tax"] == found["total"] - tax


def test_the_example_of_stripes_own_page() -> None:
    """Two lines of 1000.00 and 50.00 with 10% inside: 90.91 and 4.55."""
    found = invoice([("1", "100000"), ("1", "5000")], [rate("10", True)])
    assert [t["amount"] for t in found["total_taxes"]] == [9546]
    assert (found["total"], found["subtotal"], found["subtotal_excluding_tax"]) == (105000, 105000, 95454)
    once = invoice([("1", "100000"), ("1", "5000")], [rate("10", True)], per_invoice=True)
    assert [t["amount"] for t in once["total_taxes"]] == [9545]


@pytest.mark.parametrize(
    ("quantity", "unit", "amount"),
    [("1.5", "2070", 3105), ("1", "0.5", 1), ("1", "-0.5", -1), ("3", "0.166666666666", 0), ("0", "999", 0),
     ("0.333333333333", "300", 100), ("1", "0.4999", 0), ("1000000", "0.0000005", 1)],
)  # fmt: skip
def test_a_line_is_whole_cents_half_away_from_zero(quantity: str, unit: str, amount: int) -> None:
    assert invoice([(quantity, unit)], [])["subtotal"] == amount


def test_two_rates_on_one_line_are_told_apart() -> None:
    found = invoice([("1", "10000")], [rate("5", False), rate("9.975", False, "txr_2")])
    assert [(t["tax_rate_details"]["tax_rate"], t["amount"]) for t in found["total_taxes"]] == [
        ("txr_1", 500), ("txr_2", 998),
    ]  # fmt: skip
    assert found["total"] == 11498


def test_tax_on_top_is_taken_of_what_is_left_without_the_tax_inside() -> None:
    found = invoice([("1", "11000")], [rate("10", True), rate("5", False, "txr_2")])
    assert [(t["amount"], t["taxable_amount"]) for t in found["total_taxes"]] == [(1000, 10000), (500, 10000)]
    assert (found["total"], found["total_excluding_tax"]) == (11500, 10000)


@pytest.mark.parametrize(("exempt", "reason"), [("exempt", "customer_exempt"), ("reverse", "reverse_charge")])
@pytest.mark.parametrize("per_invoice", [True, False])
def test_an_exempt_customer_pays_no_tax(exempt: str, reason: str, per_invoice: bool) -> None:
    found = invoice([("1", "10000")], [rate("10", False)], exempt, per_invoice=per_invoice)
    assert [(t["amount"], t["taxability_reason"]) for t in found["total_taxes"]] == [(0, reason)]
    assert found["total"] == 10000


def test_a_credit_line_takes_its_tax_back() -> None:
    found = invoice([("1", "20000"), ("1", "-5000")], [rate("10", False)])
    assert (found["subtotal"], found["total"], found["amount_due"]) == (15000, 16500, 16500)
    less = invoice([("1", "1000"), ("1", "-5000")], [rate("10", False)])
    assert (less["total"], less["amount_due"]) == (-4400, 0)
