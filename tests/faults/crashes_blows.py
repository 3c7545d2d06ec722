"""The blows: what is done to the processes, and what has to happen so that a place in the code is passed at all."""

import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
from django.db import OperationalError, connection
from django.utils import timezone

from portal import tokens
from portal.demo import data, processes
from portal.models import Connection
from syncs import choosing, notice
from syncs.failpoints import POINTS
from syncs.lanes import LEASE
from syncs.models import Lane, Link
from tests.bench.business import Books
from tests.bench.setting import Setting
from tests.bench.stage import GaveUp
from tests.faults.crashes_hands import Hands, wrong

#: How long a place in the code is worked towards, and all may take until it is well again.
#: An update that got no answer is given two minutes before its record is planned anew.
PATIENCE_SECONDS, WELL_SECONDS = 30.0, 240.0
BEGINNING = 6
#: So few bytes may a file have on a disk that is full.
FULL = 4096


class Blows:
    def __init__(self, found: Setting, books: Books, dice: random.Random) -> None:
        self.stage, self.books, self.dice = books.stage, books, dice
        self.hands = Hands(found.place.sandbox_url, dice)
        self._armed = Path(found.environ["FAILPOINT"].removeprefix("@"))
        self._place = found.place

    def names(self, *, postgres: bool) -> list[str]:
        """Every blow there is on this database."""
        return [*POINTS, *(n for n in self._kinds() if n != ("full disk" if postgres else "database hangs up"))]

    def _kinds(self) -> dict[str, Callable[[], None]]:
        return {
            "child killed": partial(self._kill, self._child),
            "idle child killed": self._kill_idle,
            "cluster's main killed": partial(self._kill, self._main),
            "supervisor killed": partial(self._kill, self._supervisor),
            "web's process killed": partial(self._kill, self._web),
            "worker frozen, its lease taken": partial(self._freeze, 0.0),
            "worker frozen past its lease": partial(self._freeze, LEASE.total_seconds() + 10),
            "full disk": self._fill_disk,
            "database hangs up": self._hang_up,
        }

    def fall(self, names: list[str]) -> list[str]:
        """Each in turn, people at work meanwhile; what is wrong after the first that leaves anything wrong."""
        for _ in range(BEGINNING):
            self.hands.add()
        self.books.wait()
        self.books.go_live()
        for name in names:
            began = time.monotonic()
            self._kinds()[name]() if name not in POINTS else self._die_at(name)
            found = self._well()
            print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
            if found:
                return [f"After “{name}”:", *found]
        return self._quiet()

    # At places in the code

    def _die_at(self, point: str) -> None:
        """Who died while it renewed the access holds that for so long; nobody comes to such a place before then."""
        self._arm(point)
        patience = PATIENCE_SECONDS + tokens.LEASE.total_seconds()
        died = f"somebody died at {point}"
        self._until(lambda: not self._armed.exists(), died, partial(self._lead_to, point), patience)

    def _arm(self, point: str, number: int = 1) -> None:
        new = self._armed.with_suffix(".new")
        new.write_text(f"{point}:{number}")
        new.replace(self._armed)

    def _lead_to(self, point: str) -> None:
        """Whatever makes some process pass there, beside the edits."""
        self.hands.act()
        kind = point.partition(".")[0]
        if kind in {"checkpoint", "page"}:
            self.books.sync.refresh_from_db()
            choosing.sync_now(self.books.sync)
        elif kind == "looks":
            notice.ask(self.dice.choice(list(Link.objects.all())), "Somebody")
        elif kind == "refresh":
            _nearly_expired(Connection.objects.get(connector="jobber"))

    # Processes

    def _supervisor(self) -> psutil.Process:
        return self.stage.process("worker")

    def _main(self) -> psutil.Process:
        return self._some(self._supervisor().children)

    def _child(self) -> psutil.Process:
        return self._some(lambda: self._main().children())

    def _web(self) -> psutil.Process:
        return self._some(self.stage.process("web").children)

    def _some(self, ask: Callable[[], list[psutil.Process]]) -> psutil.Process:
        """One of them, once there is one."""
        found: list[psutil.Process] = []

        def there() -> bool:
            found[:] = ask()
            return bool(found)

        self._until(there, "there was such a process")
        return self.dice.choice(found)

    def _kill(self, whom: Callable[[], psutil.Process]) -> None:
        """While edits are on their way."""
        for _ in range(self.dice.randint(2, 6)):
            self.hands.act()
        time.sleep(self.dice.random() * 0.3)
        whom().kill()
        self.hands.act()

    def _kill_idle(self) -> None:
        self.books.rest()
        self._child().kill()
        self.hands.act()

    def _freeze(self, seconds: float) -> None:
        """Right before it sends, until its lease is over (with 0: is taken for over), and another has done it all."""
        self._arm("send.before!")
        self._until(lambda: not self._armed.exists(), "a worker was frozen", self.hands.act)
        stopped = self._some(lambda: [p for p in self._main().children() if p.status() == psutil.STATUS_STOPPED])
        if seconds:
            time.sleep(seconds)
        else:
            Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        self.hands.act()
        self._until(
            lambda: not wrong(self.hands, self.books.sync), "another worker did what the frozen one held",
            seconds=WELL_SECONDS,
        )  # fmt: skip
        stopped.send_signal(signal.SIGCONT)

    # The database

    def _fill_disk(self) -> None:
        """No file of the portal's or the worker's may grow: what is sent meanwhile is answered with 5xx."""
        victims = [p for n in ("web", "worker") for p in (self.stage.process(n), *self.stage.process(n).children(True))]
        for victim in victims:
            victim.rlimit(psutil.RLIMIT_FSIZE, (FULL, psutil.RLIM_INFINITY))
        for _ in range(8):
            self.hands.act()
            time.sleep(0.2)
        time.sleep(2.0)
        for victim in victims:
            if victim.is_running():
                victim.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        if not any(status.startswith("5") for status in self._answers()):
            raise GaveUp("no webhook was answered with 5xx while the disk was full")

    def _answers(self) -> list[str]:
        """What the deliveries were answered, each by its lines."""
        found = processes.answer(self._place.sandbox_port, "/_control/webhooks") or {"sent": []}
        return [line.partition("Z: ")[2] for parcel in found["sent"] for line in parcel["log"]]

    def _hang_up(self) -> None:
        """PostgreSQL ends every connection to this database but ours, again and again."""
        for _ in range(5):
            self.hands.act()
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            time.sleep(self.dice.random())

    # What must come of it

    def _well(self) -> list[str]:
        """What is still wrong once everything should long be well."""
        deadline, found = time.monotonic() + WELL_SECONDS, ["nothing was looked at"]
        while found and time.monotonic() < deadline:
            self._look_after()
            found = self._what_is_wrong()
            time.sleep(0.2 if found else 0)
        return found

    def _what_is_wrong(self) -> list[str]:
        try:
            return wrong(self.hands, self.books.sync) or ([] if self.books.at_rest() else ["it does not come to rest"])
        except OperationalError as error:
            return [f"our own look failed: {error}"]

    def _quiet(self) -> list[str]:
        """Nothing is written any more once all is well."""
        self.books.rest()
        last = self.books.last_write()
        time.sleep(2.0)
        return [f"{n} writes although all was well"] if (n := self.books.last_write() - last) else []

    def _until(
        self, happens: Callable[[], bool], what: str, meanwhile: Callable[[], None] | None = None,
        seconds: float = PATIENCE_SECONDS,
    ) -> None:  # fmt: skip
        deadline = time.monotonic() + seconds
        while not happens():
            self._look_after()
            if time.monotonic() > deadline:
                raise GaveUp(f"gave up waiting until {what}")
            if meanwhile:
                meanwhile()
            time.sleep(0.15)

    def _look_after(self) -> None:
        """As systemd would, which counts no deaths here; and as the owner would, who connects again when asked to."""
        for child in self.stage.family.children:
            child.short_lives = 0
        self.stage.family.look_after()
        lost = Connection.objects.filter(connector="jobber", status=Connection.Status.NEEDS_RECONNECT).first()
        if lost:
            data.choose()  # connects what is not connected


def _nearly_expired(connection: Connection) -> None:
    """The pair that is stored, with little time left. One that a person must connect again is left alone."""
    if connection.status == Connection.Status.ACTIVE and (stored := tokens.unpack(connection)):
        soon = replace(stored, expires_at=timezone.now() + timedelta(minutes=1))
        same = Connection.objects.filter(pk=connection.pk, credentials_digest=tokens.digest(stored))
        same.update(**tokens.columns(connection, soon))
