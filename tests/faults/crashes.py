"""`make crash`: the real processes are killed while people work on both sides, and everything is counted after.

Web, worker and sandboxes run as on a server. Blows fall one after the other, at moments and in an order drawn from a
seed: kill -9 of each process there is, at places in the code (syncs/failpoints.py), a worker that is frozen, a disk
that is full, a database that hangs up on all. After each, and at the end, what the services hold is counted.
"""

import argparse
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from syncs.failpoints import POINTS
from tests.bench import setting, stage
from tests.bench.setting import Setting

SHORT = 4
DATABASE = "postgres://postgres@127.0.0.1:5432/fieldbridge_crash"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make crash", description="Real processes, killed.")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--short", action="store_true", help="a sample of the blows, for every day")
    parser.add_argument("--only", action="append", help="this blow alone; may be given again")
    parser.add_argument("--database", default="", help="a PostgreSQL server, where it is not to be SQLite")
    asked = parser.parse_args()
    print(f"Seed {asked.seed}, {'PostgreSQL' if asked.database else 'SQLite'}.", flush=True)
    dice = random.Random(asked.seed)
    with _set(asked.database) as found, found.business(seed="empty", hooks=True) as books:
        from tests.faults.crashes_blows import Blows

        blows = Blows(found, books, dice)
        names = asked.only or _drawn(dice, blows.names(postgres=bool(asked.database)), short=asked.short)
        try:
            wrong = blows.fall(names)
        except Exception as problem:
            wrong = [f"{type(problem).__name__}: {problem}"]
        if wrong:
            print(*found.last_words(), sep="\n", file=sys.stderr)
    print(*(wrong or [f"{len(names)} blows, {blows.hands.done} edits: nothing doubled, nothing missing."]), sep="\n")
    return 1 if wrong else 0


def _drawn(dice: random.Random, names: list[str], *, short: bool) -> list[str]:
    """All in an order of the seed's; short: some of the places, and what is quick of the rest."""
    if not short:
        return dice.sample(names, len(names))
    others = [n for n in names if n not in POINTS and n not in {"worker frozen past its lease"}]
    found = [*dice.sample([n for n in POINTS if n not in {"refresh.answered"}], SHORT), *others]
    return dice.sample(found, len(found))


@contextlib.contextmanager
def _set(url: str) -> Iterator[Setting]:
    with tempfile.TemporaryDirectory(prefix="fieldbridge-crash-") as name, contextlib.ExitStack() as held:
        log = held.enter_context((Path(name) / "log").open("w+", buffering=1))
        database = held.enter_context(setting.database(url))
        place = stage.place(Path(name))
        found = Setting(place, stage.variables(place, database), log)
        found.prepare()
        # The children only: this process is to live.
        found.environ |= {"FAILPOINT": f"@{name}/failpoint", "GRANIAN_RESPAWN_FAILED_WORKERS": "true"}
        yield found


if __name__ == "__main__":
    began = time.monotonic()
    ended = main()
    print(f"{time.monotonic() - began:.0f} s, load average {os.getloadavg()[0]:.1f}.")
    sys.exit(ended)
