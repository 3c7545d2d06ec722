"""100 clients, half of them made that very moment, changed five times each within a second."""

import asyncio
import time
from collections.abc import Iterator

from tests.bench import doubles
from tests.bench.outside import Outside, named
from tests.bench.setting import Setting
from tests.bench.table import Figure, plain

KNOWN, NEW = 50, 50
TIMES = 5
LATENCY_MS = 80


def figures(setting: Setting) -> Iterator[Figure]:
    with setting.business(seed=str(2 * KNOWN), hooks=True) as books:
        books.go_live()
        books.rest()
        books.forget_reading()
        before = books.last_write()
        names, seconds = asyncio.run(_change(setting, list(books.wanted())[:KNOWN]))
        books.rest()
        what = f"{len(names)} clients changed {TIMES} times each, with {LATENCY_MS} ms latency"
        yield plain(f"{what}: within", seconds, "s")
        yield plain("  writes this took", books.writes_since(before), "", 0)
        yield from asyncio.run(doubles.figures(setting.place, names))


async def _change(setting: Setting, known: list[str]) -> tuple[dict[str, str], float]:
    """{client: its last name}, and how long the changes took. The stand-in sends the webhooks."""
    outside = Outside(setting.place)
    await outside.latency(LATENCY_MS)
    begun = time.monotonic()
    changed = await asyncio.gather(
        *(_edited(outside, n, begun, client) for n, client in enumerate(known)),
        *(_edited(outside, KNOWN + n, begun) for n in range(NEW)),
    )
    return dict(changed), time.monotonic() - begun


async def _edited(outside: Outside, number: int, begun: float, client: str = "") -> tuple[str, str]:
    """Five changes, spread over a second; of a new client, making it is the first."""
    client = client or await outside.add(f"Changed{number} Once")
    for nth in range(1, TIMES + 1):
        await outside.edit(client, **named(f"Changed{number}", f"Times{nth}"))
        await asyncio.sleep(max(0.0, begun + nth * 0.9 / TIMES - time.monotonic()))
    return client, f"Changed{number} Times{TIMES}"
