"""How tasks wait in the database for a worker, and how fast one takes them up.

django-q2's own broker reads without an order and only by polling. These take the oldest first, the heartbeats of
their own worker before anything else, and outlive a database that is away for a moment.
"""

import logging
import os
import time
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import Case, Value, When
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = logging.getLogger(__name__)
CHANNEL = "fieldbridge"
#: Rows whose lock runs out change nothing in the file, so it is read this often at least.
LOOK_SECONDS = 1.0
type Taken = list[tuple[int, str]]


class Polling(ORM):  # type: ignore[misc]  # django-q2 ships no types
    """For SQLite: looks every `poll` seconds, which costs next to nothing while the file does not change."""

    _away: bool = False
    _empty_at: object = None
    _look_again: float = 0.0

    def dequeue(self) -> Taken:
        """The next task as (row id, payload), locked for `retry` seconds; none after a while without one."""
        try:
            self.get_connection()
            taken = self._take()
            if not taken:
                self._wait()
            self._away = False
            return taken
        except (OperationalError, InterfaceError) as error:
            if not self._away:
                log.error("The queue cannot be read: %s", type(error).__name__)
            self._away = True
            connections[Conf.ORM].close()
            time.sleep(1.0)
            return []

    def _take(self) -> Taken:
        version = self._version()
        if version == self._empty_at and time.monotonic() < self._look_again:
            return []
        row = self._waiting().first()
        mine = row and OrmQ.objects.filter(pk=row.pk, lock=row.lock).update(lock=self.timeout(row))
        self._empty_at, self._look_again = (None if row else version), time.monotonic() + LOOK_SECONDS
        return [(row.pk, row.payload)] if row and mine else []

    def _version(self) -> object:
        """Another value once another process has changed the database."""
        with connections[Conf.ORM].cursor() as cursor:
            return cursor.execute("PRAGMA data_version").fetchone()

    def _waiting(self) -> "QuerySet[OrmQ]":
        own = os.environ.get("FIELDBRIDGE_SUPERVISOR", "")
        beats_first = Case(When(key=own, then=Value(0)), default=Value(1))
        rows: QuerySet[OrmQ] = OrmQ.objects.using(Conf.ORM).order_by(beats_first, "pk")
        return rows.filter(key__in=[self.list_key, own], lock__lt=timezone.now())

    def _wait(self) -> None:
        time.sleep(Conf.POLL)


class Listening(Polling):
    """For PostgreSQL: is told of a new task, and takes it past those that others hold."""

    _told_by: object = None

    def enqueue(self, task: str) -> int:
        row: int = super().enqueue(task)
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])  # goes out with the commit
        return row

    def _take(self) -> Taken:
        self._listen()
        with transaction.atomic(using=Conf.ORM):
            row = self._waiting().select_for_update(skip_locked=True).first()
            if row:
                OrmQ.objects.filter(pk=row.pk).update(lock=self.timeout(row))
        return [(row.pk, row.payload)] if row else []

    def _listen(self) -> None:
        """Once per connection: a new one, after the database was away, has to say it again."""
        database = connections[Conf.ORM]
        database.ensure_connection()
        if database.connection is not self._told_by:
            with database.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._told_by = database.connection

    def _wait(self) -> None:
        database = connections[Conf.ORM]
        with database.wrap_database_errors:
            for _ in database.connection.notifies(timeout=Conf.POLL, stop_after=1):
                return


def forget(key: str) -> None:
    """Remove what waits under this key."""
    OrmQ.objects.using(Conf.ORM).filter(key=key).delete()
