"""Django's SQLite backend, but everybody who waits for the lock has the same chance of getting it next.

SQLite lets one writer in at a time. Left to itself, who finds the lock taken looks again after 1, 2, 5, 10, 15, 20, 25,
25, 25, 50, 50 and then every 100 ms (sqliteDefaultBusyCallback in SQLite's main.c): the longer one has waited, the more
newcomers get in first. Measured with 250 webhooks a second: some waited a quarter of a second for a lock that nobody
held for longer than some milliseconds. So we look ourselves, evenly, until the connection's `timeout` is over.
"""

import sqlite3
from time import monotonic, sleep
from typing import Any, Self

from django.db.backends.sqlite3 import base

LOOK_SECONDS = 0.002


class DatabaseWrapper(base.DatabaseWrapper):
    def create_cursor(self, name: str | None = None) -> "Cursor":
        made: Cursor = self.connection.cursor(factory=Cursor)
        return made


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, query: str, params: Any = None) -> Self:
        """Only what may have to get the lock first is tried again: a statement that was refused has done nothing."""
        if self.connection.in_transaction or query.startswith(("SELECT", "PRAGMA")):
            super().execute(query, params)
            return self
        timeout = self._timeout()
        self._set_timeout(0)
        try:
            self._try(query, params, until=monotonic() + timeout / 1000)
        finally:
            self._set_timeout(timeout)
        return self

    def _try(self, query: str, params: Any, until: float) -> None:
        while True:
            try:
                super().execute(query, params)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                    raise
            else:
                return
            sleep(LOOK_SECONDS)

    def _timeout(self) -> int:
        """Milliseconds."""
        found: int = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
        return found

    def _set_timeout(self, milliseconds: int) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
