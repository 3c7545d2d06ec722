"""`make soak`: many seeds, one after the other. `--replay SEED` tells the story of one, perhaps with a planted bug."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="The engine under drawn faults.")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--replay", type=int, metavar="SEED", help="this one alone, with its trace")
    parser.add_argument("--mutant", default="", help="with this bug of tests/faults/mutants.py planted")
    parser.add_argument("--digest", type=int, metavar="SEED", help="the digest of this one's trace")
    asked = parser.parse_args()
    run = _prepared(asked.mutant)
    if asked.digest is not None:
        print(run(asked.digest).digest)
        return 0
    if asked.replay is not None:
        return _told(run(asked.replay))
    return _soak(run, asked.first, asked.seeds)


def _prepared(mutant: str) -> Callable[[int], Any]:
    """The simulation, on an empty database in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.db import connection

    from tests.faults import simulation
    from tests.faults.mutants import BY_NAME

    connection.creation.create_test_db(verbosity=0)

    def run(seed: int) -> simulation.Result:
        with BY_NAME[mutant].plant() if mutant else nullcontext():
            return simulation.run(seed)

    return run


def _told(found: Any) -> int:
    print(*found.trace, found if found.wrong else "All that must hold holds.", sep="\n")
    print("Calls, edits and faults:", dict(sorted(found.counts.items())))
    return 1 if found.wrong else 0


def _soak(run: Callable[[int], Any], first: int, seeds: int) -> int:
    begun, failed, calls = time.perf_counter(), 0, 0
    for seed in range(first, first + seeds):
        found = run(seed)
        calls += found.counts["calls"]
        if found.wrong:
            failed += 1
            print(found, flush=True)
    took = time.perf_counter() - begun
    print(f"{seeds} seeds from {first}, {failed} failed; {calls:,} calls; {seeds / took:.2f} seeds/s.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
