"""A planted bug in each guard of the engine is noticed."""

import os
import re
import subprocess
import sys

import pytest
from django.db import connection

from portal.demo.environment import ROOT
from tests.faults import simulation
from tests.faults.mutants import MUTANTS, Mutant

QUICK = {"new-key", "no-deadline", "pair-anyway"}
FAILED = 1  # pytest's own word for it; a test that is not there, or cannot be run, is another


def _marked(mutants: list[Mutant]) -> list[object]:
    slow = pytest.mark.slow
    return [pytest.param(m, id=m.name, marks=() if m.name in QUICK else slow) for m in mutants]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="It runs in one process, on SQLite in memory.")
@pytest.mark.parametrize("mutant", _marked([m for m in MUTANTS if isinstance(m.noticed, int)]))
def test_a_planted_bug_is_noticed_by_the_simulation(mutant: Mutant) -> None:
    assert isinstance(mutant.noticed, int)
    with mutant.plant():
        found = simulation.run(mutant.noticed)
    assert found.wrong, f"Nobody noticed that {mutant.bug}; find a seed that does: {found.replay}"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Once is enough.")
@pytest.mark.parametrize("mutant", _marked([m for m in MUTANTS if isinstance(m.noticed, str)]))
def test_a_planted_bug_is_noticed_by_its_test(mutant: Mutant) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.faults.planted"]
    done = subprocess.run(
        [*command, "--mutant", mutant.name, f"{mutant.noticed}"], cwd=ROOT, env=dict(os.environ), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == FAILED, f"Nobody noticed that {mutant.bug}: {done.stdout[-2000:]}"


def test_the_page_about_reliability_names_each_of_them() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \| (.+?) \|$", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted((m.name, m.guard, m.bug, m.by) for m in MUTANTS)
