"""The table of faults is whole, and each test that it names is there."""

import ast
from functools import cache

import pytest

from portal.demo.environment import ROOT
from tests.faults.matrix import ROWS, Row, kind


@cache
def named_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_is_held_by_tests_that_exist_or_says_why_not(row: Row) -> None:
    assert row.tests or row.missing
    for test in row.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        assert not name or name in named_in(file), test
        assert bool(name) != (kind(test) == "benchmark"), test


def test_every_fault_has_its_row() -> None:
    numbered = [row.id for row in ROWS if row.id.startswith("F")]
    assert numbered == [f"F{number:02}" for number in range(1, 91)]


def test_few_rows_are_still_to_come() -> None:
    assert [row.id for row in ROWS if not row.tests] == ["F20", "Xero", "ServiceM8"]
