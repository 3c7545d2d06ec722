"""The SQLite backend: who waits for the lock looks again evenly, and gives up when the time is over."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from portal import settings
from portal.sqlite import base

TIMEOUT = 20


@pytest.fixture
def ours(tmp_path: Path, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": TIMEOUT, "init_command": "PRAGMA journal_mode=WAL"}
    database = {"ENGINE": "portal.sqlite", "NAME": str(tmp_path / "own.sqlite3"), "OPTIONS": options}
    connection = ConnectionHandler({"default": database})["default"]
    with django_db_blocker.unblock():  # a file of this test's own, not the tests' database
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE words (word text)")
        yield connection
        connection.close()


@pytest.fixture
def other(ours: BaseDatabaseWrapper) -> Iterator[sqlite3.Connection]:
    """Another process's connection, which holds the lock."""
    with closing(sqlite3.connect(ours.settings_dict["NAME"], isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


class Clock:
    """Time goes on only where somebody sleeps; `at` does something at the nth sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept: list[float] = []
        self.at: dict[int, Callable[[], Any]] = {}
        monkeypatch.setattr(base, "sleep", self._sleep)
        monkeypatch.setattr(base, "monotonic", lambda: sum(self.slept))

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at.get(len(self.slept), lambda: None)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def write(connection: BaseDatabaseWrapper, word: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO words VALUES (%s)", [word])


def words(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        return [row[0] for row in cursor.execute("SELECT word FROM words").fetchall()]


def own_timeout(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])


def begin(connection: BaseDatabaseWrapper) -> None:
    connection._start_transaction_under_autocommit()


def test_the_portal_uses_it() -> None:
    assert not settings.SQLITE or settings.DATABASES["default"]["ENGINE"] == "portal.sqlite"


def test_a_transaction_waits_evenly_for_the_lock(
    ours: BaseDatabaseWrapper, other: sqlite3.Connection, clock: Clock
) -> None:
    clock.at[40] = other.commit
    begin(ours)
    assert ours.connection.in_transaction
    assert clock.slept == [base.LOOK_SECONDS] * 40


def test_a_single_statement_waits_evenly_too(
    ours: BaseDatabaseWrapper, other: sqlite3.Connection, clock: Clock
) -> None:
    clock.at[3] = other.commit
    write(ours, "one")
    assert (words(ours), len(clock.slept)) == (["one"], 3)


def test_it_gives_up_when_the_time_is_over(ours: BaseDatabaseWrapper, other: sqlite3.Connection, clock: Clock) -> None:
    with pytest.raises(OperationalError, match="locked"):
        begin(ours)
    assert sum(clock.slept) == pytest.approx(TIMEOUT, abs=2 * base.LOOK_SECONDS)


def test_reading_waits_for_nobody(ours: BaseDatabaseWrapper, other: sqlite3.Connection, clock: Clock) -> None:
    assert (words(ours), clock.slept) == ([], [])


def test_other_errors_are_not_tried_again(ours: BaseDatabaseWrapper, clock: Clock) -> None:
    with pytest.raises(OperationalError, match="no such table"), ours.cursor() as cursor:
        cursor.execute("DELETE FROM nowhere")
    assert clock.slept == []


def test_what_is_not_tried_again_waits_as_sqlite_does(
    ours: BaseDatabaseWrapper, other: sqlite3.Connection, clock: Clock
) -> None:
    other.commit()
    write(ours, "one")
    assert own_timeout(ours) == TIMEOUT * 1000
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError):
        write(ours, "two")
    assert own_timeout(ours) == TIMEOUT * 1000


def test_a_whole_transaction_is_stored(ours: BaseDatabaseWrapper, other: sqlite3.Connection, clock: Clock) -> None:
    clock.at[2] = other.commit
    begin(ours)
    write(ours, "one")
    write(ours, "two")
    ours.connection.commit()
    assert [row[0] for row in other.execute("SELECT word FROM words")] == ["one", "two"]
