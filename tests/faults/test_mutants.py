"""The simulation notices a planted bug in each guard of the engine."""

import re

import pytest
from django.db import connection

from portal.demo.environment import ROOT
from tests.faults import simulation
from tests.faults.mutants import MUTANTS, UNNOTICED, Mutant


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="It runs in one process, on SQLite in memory.")
@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_a_planted_bug_is_noticed(mutant: Mutant) -> None:
    with mutant.plant():
        found = simulation.run(mutant.seed)
    assert found.wrong, f"Nobody noticed that {mutant.bug}; find a seed that does: {found.replay}"


def test_the_page_about_reliability_names_each_of_them() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \|$", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted((m.name, m.guard, m.bug) for m in (*MUTANTS, *UNNOTICED))
