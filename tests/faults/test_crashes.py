"""The real processes under blows, in short; `make crash` is the long way."""

import subprocess
import sys

import pytest

from portal.demo.environment import ROOT
from tests.faults.crashes import DATABASE


def struck(*words: str) -> None:
    command = [sys.executable, "-m", "tests.faults.crashes", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert "nothing doubled, nothing missing" in done.stdout


@pytest.mark.slow
@pytest.mark.sandbox
def test_nothing_is_doubled_or_missing_after_blows() -> None:
    struck("--seed", "1", "--short")


@pytest.mark.slow
@pytest.mark.sandbox
def test_the_same_on_postgresql() -> None:
    psycopg = pytest.importorskip("psycopg")
    try:
        psycopg.connect(DATABASE.rpartition("/")[0] + "/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        pytest.skip("No PostgreSQL answers at the usual local address.")
    struck("--seed", "2", "--database", DATABASE, "--only", "database hangs up", "--only", "child killed")
