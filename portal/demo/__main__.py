"""`make demo`: the whole portal with made-up accounts, on this machine alone.

Starts the sandboxes, the portal and its worker as children, shows what they say, and stops them all with one Ctrl-C.
No Django in here: the children have their settings from the environment that `environment` makes.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from portal.demo import environment, processes
from portal.demo.children import DiedTooOften, Family
from portal.demo.environment import Place
from portal.demo.mails import Mails
from portal.demo.room import NoRoom, Room

READY_SECONDS = 60.0


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or asked the process to end."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="The portal with made-up accounts.")
    parser.add_argument("--reset", action="store_true", help="throw away what an earlier demo left, and start over")
    parser.add_argument("--live", action="store_true", help="connect both accounts and go live first")
    parser.add_argument("--folder", type=Path, default=environment.ROOT / "var" / "demo", help="where it is kept")
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        place = Place.of(os.environ, asked.folder)
        with Room(place) as room:
            if asked.reset:
                room.empty()
            Demo(place, room).run(live=asked.live)
    except (NoRoom, DiedTooOften, Failed, ValueError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except Stopped:
        print("Stopped. `make demo` goes on from here, `make demo-reset` starts over.")
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)
    raise Stopped


class Failed(Exception):
    """A step of the preparation did not work; what it said is on the screen."""


class Demo:
    def __init__(self, place: Place, room: Room) -> None:
        self.place = place
        self.environ = environment.prepare(place, os.environ)
        self.family = Family(on_start=room.note)
        self.mails = Mails(place.mails)

    def run(self, *, live: bool) -> None:
        """Until Stopped, which it lets through once all children have ended."""
        try:
            self._start()
            if live:
                self._manage("Connecting both accounts and going live", "demo_data", "--live")
            print(self._welcome(live), flush=True)
            while True:
                self.family.look_after()
                self.mails.show_new()
                time.sleep(0.2)
        except Stopped:
            print("\nStopping ...", flush=True)
            raise
        finally:
            self.family.stop()

    def _start(self) -> None:
        sandbox = [*processes.sandbox(self.place), "--data", str(self.place.sandbox_data)]
        self.family.start("sandbox", sandbox, self.environ)
        self._manage("Preparing the database and the pages", "demo_data")
        self.family.start("web", processes.web(self.place), self.environ)
        self.family.start("worker", processes.worker(), self.environ)
        self._until("the sandboxes answer", lambda: processes.sandbox_is_up(self.place))
        self._until("the portal and its worker answer", lambda: processes.portal_is_up(self.place))

    def _until(self, what: str, happens: Callable[[], Any]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not happens():
            self.family.look_after()
            if time.monotonic() > deadline:
                raise Failed(f"Gave up after {READY_SECONDS:.0f} seconds of waiting until {what}.")
            time.sleep(0.1)

    def _manage(self, words: str, *command: str) -> None:
        print(f"{words} ...", flush=True)
        ended = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=environment.ROOT, env=self.environ, check=False
        )
        if ended.returncode:
            raise Failed(f"That did not work: `manage.py {' '.join(command)}` ended with {ended.returncode}.")

    def _welcome(self, live: bool) -> str:
        place, password = self.place, self.environ["FIELDBRIDGE_DEMO_PASSWORD"]
        first = (
            "Harbour Plumbing is connected and live. Sign in as the owner and watch it come in step."
            if live
            else "Sign in as the owner, connect Jobber and Stripe, choose Clients to customers, review, go live."
        )
        return f"""
  Fieldbridge   {place.url}/

  owner@demo.test     owns Harbour Plumbing
  staff@demo.test     looks after it: {place.url}/admin/
  support@demo.test   finds what went wrong: {place.url}/admin/
  Password of all three, unless you changed it: {password}

  What to try
  1. {first}
  2. Edit a client as the tradesperson, {place.sandbox_url}/jobber/
     and see the customer change within seconds, {place.sandbox_url}/stripe/
  3. Open that record in the portal and read its story.
  4. Choose Invoices to Stripe, Payments to Jobber and Pay links to Jobber; pay an invoice with the
     card 4242 4242 4242 4242 on its page, and see it paid in the portal and noted in Jobber.

  Mails of the portal are shown here. For manage.py in another terminal: . {place.shown(place.shell)}
  then .venv/bin/python manage.py status, or createsuperuser for one who sees every business.
  Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(main())
