"""`manage.py worker`: django-q2's processes, kept alive and, more important, never left half alive.

django-q2 stops for good, looking healthy, when a process is killed that held one of its queue's locks. So its
processes live in a session of their own: when one dies by a signal, or no heartbeat comes through the queue, all of
them are killed and started again. Nothing is lost by that: the rows of `syncs` know what is to be done.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from portal import beats, cluster, ticking

log = logging.getLogger(__name__)
BEAT_SECONDS = 10.0
#: A worker may be busy with a slice whose calls all time out; this is longer than the queue before a beat can be.
STALE_SECONDS = 120.0
WAKE_SECONDS = 1.0
TICK_SECONDS = 30.0
WATCH_SECONDS = 120.0
DRAIN_SECONDS = 28.0
LOOK_SECONDS = 0.1
#: django-q2's guard takes note of a dead process within half a second, unless it is stuck itself.
REMAINS_SECONDS = 3.0


@dataclass
class Chore:
    work: Callable[[], object]
    every: float
    due: float = 0.0


class Supervisor:
    def __init__(self) -> None:
        self.name = beats.name()
        self.cluster = self.line = 0
        self.asked_to_stop = 0
        self.away = False
        self.started = self.alive = self.looked_for_remains = 0.0
        self.remains: set[int] = set()
        self.last_beat: datetime | None = None
        self.short_lives = 0
        self.chores = [Chore(self._beat, BEAT_SECONDS), Chore(ticking.wake, WAKE_SECONDS)]
        self.chores += [Chore(self._tick, TICK_SECONDS), Chore(ticking.watch, WATCH_SECONDS)]

    def run(self) -> None:
        """Until SIGTERM or SIGINT. A second one does not wait for the work in hand."""
        os.environ["FIELDBRIDGE_SUPERVISOR"] = self.name
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        cluster.adopt_orphans()
        beats.begin(self.name)
        cluster.preload()
        self._start()
        log.info("Worker %s is running", self.name)
        while not self.asked_to_stop:
            self._watch()
            self._do_what_is_due()
            time.sleep(LOOK_SECONDS)
        self._end()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop += 1

    # The cluster's life

    def _start(self) -> None:
        connections.close_all()
        far_end, self.line = os.pipe()
        parent = os.getpid()
        self.cluster = os.fork()
        if not self.cluster:
            os.close(self.line)
            cluster.be_cluster(parent, far_end)
        os.close(far_end)
        self.started = self.alive = time.monotonic()
        for chore in self.chores:
            chore.due = 0.0

    def _watch(self) -> None:
        status = self._ended()
        if status is not None:
            why = "one of its processes was killed" if status == cluster.MAIMED else f"it ended with {status}"
            self._restart(why)
        elif self._is_stuck():
            self._restart("one of its processes was killed, and its guard is stuck")
        elif time.monotonic() - self.alive > STALE_SECONDS:
            self._restart(f"no heartbeat came through for {STALE_SECONDS:.0f} seconds")

    def _ended(self) -> int | None:
        """The cluster's exit status, negative for a signal, once it has ended. Reaps whatever else has."""
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self.cluster:
                    return os.waitstatus_to_exitcode(found[1])
        return None

    def _is_stuck(self) -> bool:
        """A dead process that nobody takes note of: the guard waits for a lock which that one held."""
        if time.monotonic() - self.looked_for_remains < REMAINS_SECONDS:
            return False
        before, self.remains = self.remains, beats.remains(self.cluster)
        self.looked_for_remains = time.monotonic()
        return bool(before & self.remains)

    def _restart(self, why: str) -> None:
        log.error("The task queue is started again: %s", why)
        self._kill()
        self._when_database_answers(lambda: ticking.release(self.name))
        self._when_database_answers(lambda: beats.restarted(self.name, why))
        self.short_lives = self.short_lives + 1 if time.monotonic() - self.started < 10 else 0
        until = time.monotonic() + (min(30.0, 2.0**self.short_lives) if self.short_lives > 1 else 0)
        while time.monotonic() < until and not self.asked_to_stop:
            time.sleep(LOOK_SECONDS)
        self._start()

    def _hang_up(self) -> None:
        if self.line:
            os.close(self.line)
        self.line = 0

    def _kill(self) -> None:
        """All of its processes, and wait until they are dead: only then may their leases be freed."""
        self._hang_up()
        for kill in (os.killpg, os.kill):  # the group is not there yet right after the fork
            with suppress(ProcessLookupError, PermissionError):
                kill(self.cluster, signal.SIGKILL)
        for which in (self.cluster, -self.cluster):
            with suppress(ChildProcessError):
                while True:
                    os.waitpid(which, 0)

    def _end(self) -> None:
        """Let the work in hand come to its end, within limits."""
        self._hang_up()
        until, asked = time.monotonic() + DRAIN_SECONDS, self.asked_to_stop
        while self._ended() is None and time.monotonic() < until and self.asked_to_stop == asked:
            time.sleep(LOOK_SECONDS)
        self._kill()
        self._when_database_answers(lambda: ticking.release(self.name))
        self._when_database_answers(lambda: beats.end(self.name))
        log.info("Worker %s has stopped", self.name)

    # What time brings

    def _do_what_is_due(self) -> None:
        for chore in self.chores:
            if time.monotonic() >= chore.due:
                chore.due = time.monotonic() + chore.every
                self._when_database_answers(chore.work)

    def _when_database_answers(self, work: Callable[[], object]) -> None:
        try:
            close_old_connections()
            work()
        except (OperationalError, InterfaceError) as error:
            self.alive = time.monotonic()  # beats cannot be written either
            if not self.away:
                log.error("The database does not answer: %s", type(error).__name__)
            self.away = True
        else:
            if self.away:
                log.info("The database answers again")
            self.away = False

    def _beat(self) -> None:
        beat = beats.heard(self.name)
        if beat != self.last_beat:
            self.last_beat, self.alive = beat, time.monotonic()
        beats.ask(self.name)

    def _tick(self) -> None:
        ticking.release_dead()
        ticking.probe()
        ticking.wake()
        ticking.start_polls()
        ticking.watch_accounts()
        ticking.expire_approvals()
        ticking.tell()
        ticking.try_again()
        ticking.prune()
