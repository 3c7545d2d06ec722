"""Where the engine touches time, threads, chance, the queue and the outside, and what it finds there instead.

Each is replaced in one place: the wall clock by time-machine, time.monotonic and time.sleep as a whole, the pool of
threads, the registry of connectors, and the two points of Django's database wrapper through which all writing goes.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import time_machine
from django.db import connections
from django.utils import timezone

from connectors import registry
from connectors.base import Connector
from portal import tokens
from syncs import flights, lanes, looking
from tests.faults.loop import Killed, Loop, Pool

BEGIN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
_WRITES = ("INSERT", "UPDATE", "DELETE")


class Clock:
    """Our wall clock, which goes with the monotonic one until somebody sets it. The services have one of their own,
    which nobody sets."""

    def __init__(self) -> None:
        self._travel, self._set = time_machine.travel(BEGIN, tick=False), timedelta()

    def __enter__(self) -> "Clock":
        self._traveller = self._travel.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._travel.stop()

    def moved(self, seconds: float) -> None:
        self._traveller.shift(seconds)

    def jump(self, seconds: float) -> None:
        """Ours is set."""
        self._traveller.shift(seconds)
        self._set += timedelta(seconds=seconds)

    def outside(self) -> datetime:
        """Now, where the services are."""
        return timezone.now() - self._set


@contextmanager
def installed(loop: Loop, services: Mapping[str, Connector], seed: int) -> Iterator[None]:
    random.seed(seed)  # the engine's own jitter
    looking._compiled.cache_clear()  # rows of another run had the same ids
    names = iter(range(1, 1_000_000))

    def holder() -> str:
        process = loop.process
        return f"{process.name if process else 'nobody'}/{next(names)}"

    logging.disable(logging.CRITICAL)
    with ExitStack() as held:
        for target, name, put in (
            (time, "monotonic", lambda: loop.now),
            (time, "sleep", loop.sleep),
            (tokens, "pause", loop.sleep),
            (flights, "pool", lambda: Pool(loop)),
            (registry, "get", services.__getitem__),
            (lanes, "holder", holder),
        ):
            held.enter_context(patch.object(target, name, put))
        held.enter_context(_switching(loop))
        try:
            yield
        finally:
            loop.close()
            logging.disable(logging.NOTSET)


@contextmanager
def _switching(loop: Loop) -> Iterator[None]:
    """Switch points before and after each transaction, and before each write outside of one. What a dead process
    still asks of the database is refused; its transaction is rolled back."""
    database = connections["default"]
    commit, set_autocommit = database.commit, database.set_autocommit

    def pause() -> float:
        return loop.rng.choice((0.001, 0.002, 0.005))

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        loop.check_alive()
        if loop.process and not database.in_atomic_block and sql.lstrip()[:6].upper() in _WRITES:
            loop.step("db", pause())
        return run(sql, params, many, context)

    def committing() -> None:
        process = loop.process
        if process and process.mortal and loop.fate(process, "commit") == "kill":
            loop.kill(process, "commit")
        if process and process.dead:
            database.rollback()
            raise Killed(process.name)
        commit()

    def setting(autocommit: bool, **more: Any) -> None:
        set_autocommit(autocommit, **more)
        process = loop.process
        if process and not process.dead and autocommit:
            loop.step("db", pause())

    with (
        database.execute_wrapper(execute),
        patch.object(database, "commit", committing),
        patch.object(database, "set_autocommit", setting),
    ):
        yield
