"""Django's SQLite, whose writers get their turn soon.

SQLite lets one writer in at a time. Who waits sleeps longer and longer, up to a tenth of a second, and sleeps on while
the database is free: https://www.sqlite.org/c3ref/busy_timeout.html. A webhook's answer cannot wait for that.
"""

import sqlite3
import time
from collections.abc import Callable

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

GLANCE_SECONDS = 0.002
#: How a writer waits; tests put their own here.
pause: Callable[[float], None] = time.sleep


class DatabaseWrapper(base.DatabaseWrapper):
    """Every transaction may write: a reader that turned writer would meet "database is locked"."""

    def _start_transaction_under_autocommit(self) -> None:
        """OperationalError where the database is locked for longer than the setting `timeout`."""
        seconds = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._begin(time.monotonic() + seconds)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def _begin(self, until: float) -> None:
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise OperationalError(*error.args) from error
            else:
                return
            pause(GLANCE_SECONDS)
