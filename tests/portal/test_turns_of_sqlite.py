"""Writers of one SQLite file, one after the other."""

import sqlite3
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from portal import settings
from portal.databases.sqlite3 import base

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "one.sqlite3") as made:
        made.execute("CREATE TABLE told (word TEXT)")
    return tmp_path / "one.sqlite3"


def opened(path: Path, seconds: float) -> BaseDatabaseWrapper:
    made = base.DatabaseWrapper({
        "ENGINE": "portal.databases.sqlite3", "NAME": str(path), "OPTIONS": {"timeout": seconds},
        "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False,
        "TIME_ZONE": None, "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "TEST": {},
    })  # fmt: skip
    made.connect()
    return made


def waits(of: BaseDatabaseWrapper) -> int:
    """In milliseconds, of single statements."""
    return int(of.connection.execute("PRAGMA busy_timeout").fetchone()[0])


def test_a_writer_has_its_turn_at_the_first_glance_after_the_other_is_done(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = opened(path, 20), sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    glances: list[float] = []

    def glance(seconds: float) -> None:
        glances.append(seconds)
        if len(glances) == 3:
            other.execute("COMMIT")

    monkeypatch.setattr(base, "pause", glance)
    mine._start_transaction_under_autocommit()
    assert glances == [base.GLANCE_SECONDS] * 3
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("PRAGMA busy_timeout = 0").connection.execute("BEGIN IMMEDIATE")
    assert waits(mine) == 20_000
    mine.close()
    other.close()


def test_one_that_waits_for_too_long_is_told_and_can_try_again(path: Path) -> None:
    mine, other = opened(path, 0.01), sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        mine._start_transaction_under_autocommit()
    other.execute("COMMIT")
    mine._start_transaction_under_autocommit()
    assert waits(mine) == 10
    mine.close()
    other.close()


def test_the_portal_uses_it() -> None:
    assert not settings.SQLITE or settings.DATABASES["default"]["ENGINE"] == "portal.databases.sqlite3"
