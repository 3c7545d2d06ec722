"""A first sync of many new clients, and the same again with nothing changed."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from portal.demo import environment
from portal.demo.environment import Place
from tests.bench.business import Pass
from tests.bench.outside import Outside
from tests.bench.setting import Setting
from tests.bench.table import Figure, at_most, exactly, plain

CLIENTS = 2000
LATENCY_MS = 80


@dataclass(frozen=True, slots=True)
class Floor:
    """What a plain asyncio script takes for the same reads and creates."""

    seconds: float
    cpu: float
    records: int
    calls: int


def figures(setting: Setting) -> Iterator[Figure]:
    with setting.business(seed=str(CLIENTS)) as books:
        first = books.go_live()
        floor = _floor(setting.place)
        yield from _speed("no outside latency", first, 4, floor)
        yield from _work(books.review, first, floor)
        again, whole = books.sync_now(), books.sync_now(whole=True)
    yield from _unchanged("", again)
    yield from _unchanged(", both sides read whole", whole)
    with setting.business(seed=str(CLIENTS)) as books:
        asyncio.run(_slow(setting.place))
        slow = books.go_live()
        yield from _speed(f"{LATENCY_MS} ms outside latency", slow, 9, _floor(setting.place))


async def _slow(place: Place) -> None:
    await Outside(place).latency(LATENCY_MS)


def _floor(place: Place) -> Floor:
    command = [sys.executable, "-m", "tests.bench.floor", place.sandbox_url]
    done = subprocess.run(command, cwd=environment.ROOT, stdout=subprocess.PIPE, check=True)
    return Floor(**json.loads(done.stdout))


def _speed(how: str, made: Pass, most: float, floor: Floor) -> Iterator[Figure]:
    yield at_most(f"{made.written:,} new clients, {how}: time", made.seconds, most, "s")
    yield plain("  records a second", made.written / made.seconds, "/s", 0)
    yield plain("  a plain asyncio script, the same: time", floor.seconds, "s")
    yield plain("  its records a second: what the stand-ins can take", floor.records / floor.seconds, "/s", 0)


def _work(review: Pass, live: Pass, floor: Floor) -> Iterator[Figure]:
    yield plain("  the review before it: time", review.seconds, "s")
    cpu, calls = review.cpu + live.cpu, review.calls + live.calls
    yield at_most("worker's CPU per new record, review and first sync", 1000 * cpu / live.written, 2, "ms")
    yield plain("  the first sync alone", 1000 * live.cpu / live.written, "ms")
    yield plain("  a plain asyncio script's", 1000 * floor.cpu / floor.records, "ms")
    yield at_most("API calls per new record, review and first sync", calls / live.written, 1.1, digits=4)
    yield plain("  a plain asyncio script's", floor.calls / floor.records, digits=4)


def _unchanged(what: str, made: Pass) -> Iterator[Figure]:
    yield exactly(f"{made.records:,} unchanged records{what}: writes", made.written, 0)
    yield at_most("  API calls per record", made.calls / made.records, 0.02, digits=4)
    yield plain("  worker's CPU per record", 1000 * made.cpu / made.records, "ms")
