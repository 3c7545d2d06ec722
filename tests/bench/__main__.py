"""`make bench`. Ends with 0 whatever it measures: figures are to be read, not to stop a build."""

import argparse
import contextlib
import importlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.bench import setting, stage, table
from tests.bench.setting import Setting
from tests.bench.table import Figure

NAMES = ("webhooks", "burst", "changes", "backfill", "limits", "memory", "fairness", "hostile", "dashboards")
BUSY = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Speed, beside the aims.")
    parser.add_argument("--only", choices=NAMES, action="append", help="this one alone; may be given again")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fieldbridge-bench-") as name, contextlib.ExitStack() as held:
        log = held.enter_context((Path(name) / "log").open("w+", buffering=1))
        url = held.enter_context(setting.database(os.environ.get("BENCH_DATABASE_URL", "")))
        place = stage.place(Path(name))
        found = Setting(place, stage.variables(place, url), log)
        print(f"{'PostgreSQL' if url else 'SQLite'}, {os.cpu_count()} cores. {_load()}", flush=True)
        found.prepare()
        figures = [figure for each in asked.only or NAMES for figure in _measured(each, found)]
    print(*table.lines(figures), "", table.summary(figures), f"Measured in {time.monotonic() - began:.0f} s.", sep="\n")
    return 0


def _load() -> str:
    load = os.getloadavg()[0]
    if load > BUSY:
        return f"The machine is busy (load average {load:.1f}): the figures will be worse than they could be."
    return f"Load average {load:.1f}."


def _measured(name: str, found: Setting) -> Iterator[Figure]:
    """Also when something breaks: then what was measured before, and why there is no more."""
    print(f"Measuring {name} ...", file=sys.stderr, flush=True)
    try:
        yield from importlib.import_module(f"tests.bench.{name}").figures(found)
    except Exception as problem:
        traceback.print_exc()
        print("What the processes said last:", *found.last_words(), sep="\n", file=sys.stderr)
        yield Figure(f"{name}: the rest", "not measured", f"{problem}"[:60], False)


if __name__ == "__main__":
    sys.exit(main())
