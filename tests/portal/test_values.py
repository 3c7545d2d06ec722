"""How values of records read to a person."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Field, FieldType
from portal.values import Reader

FIELDS = (
    Field("total", "Total", FieldType.MONEY), Field("due", "Due", FieldType.DATETIME),
    Field("status", "Status", FieldType.CHOICE, choices=(("open", "To be paid"),)), Field("name", "Name"),
)  # fmt: skip
READ = Reader(ZoneInfo("Australia/Sydney"), "AUD", FIELDS)
SENT = {"quantity_decimal": "1.5", "unit_amount_decimal": "2070", "tax_rates": [], "metadata": {}}


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("total", 123450, "$1,234.50"), ("total", "1234.5", "$1,234.50"), ("total", 0, "$0.00"), ("total", "", ""),
        ("total", "a lot", "a lot"), ("total", None, ""), ("name", 5, "5"), ("name", "2.50", "2.50"),
        ("due", 1796130000, "2 Dec 2026, 12:00 a.m."), ("due", 0, ""), ("name", True, "Yes"),
        ("status", "open", "To be paid"), ("status", "odd", "odd"), ("elsewhere", ["a", "b"], "a, b"),
        ("lines", [SENT, SENT], "2 lines, $62.10"), ("lines", [{"amount": 3410}], "1 line, $34.10"),
        ("lines", [{"total": "341.00"}], "1 line, $341.00"), ("lines", [{"id": "il_1"}], "1 line"),
        ("lines", [{**SENT, "quantity_decimal": "x"}], "1 line"), ("payments", [{"amount": 500}], "1 payment, $5.00"),
        ("ids", ["il_1", "il_2"], "2 lines"), ("odd", [{"a": 1}, {"a": 2}], "2 entries"),
        ("custom_fields", [{"name": "Job", "value": "12"}, {"name": "Due", "value": "1 Jan"}], "Job: 12, Due: 1 Jan"),
    ],
)  # fmt: skip
def test_a_value_reads_as_its_field_says(path: str, value: Any, shown: str) -> None:
    assert READ.shown(path, value) == shown


def test_another_currency_is_named() -> None:
    assert READ.money(500, "USD") == "$5.00 USD"
    assert READ.money(500, "JPY") == "¥500 JPY"
