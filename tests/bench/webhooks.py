"""Webhooks at an even pace: how soon they are answered, and how soon an edit is written at the other side."""

import asyncio
import time
from collections.abc import Iterator, Sequence

from tests.bench.business import Books
from tests.bench.outside import Delivered, Outside, Post, named
from tests.bench.setting import Setting
from tests.bench.table import Figure, at_most, exactly, percentile, plain

CLIENTS = 500
PER_SECOND, SECONDS = 200, 10
EDITS, EDITS_PER_SECOND = 120, 10


def figures(setting: Setting) -> Iterator[Figure]:
    with setting.business(seed=str(CLIENTS), hooks=True) as books:
        books.go_live()
        books.rest()
        clients, cpu = list(books.wanted()), books.stage.cpu("web")
        delivered = asyncio.run(_deliver(setting, books, clients))
        books.wait()
        cpu = books.stage.cpu("web") - cpu
        yield from answers(f"webhooks at {PER_SECOND}/s", delivered)
        yield plain("  web's CPU per webhook", 1000 * cpu / len(delivered), "ms")
        edited = asyncio.run(_edit(setting, clients[:EDITS]))
        books.rest()
        yield from written(f"edits at {EDITS_PER_SECOND}/s", books, edited)


async def _deliver(setting: Setting, books: Books, clients: list[str]) -> list[Delivered]:
    """Half of them Jobber's about clients that did not change, half Stripe's about customers as we know them."""
    outside, post = Outside(setting.place), Post(setting.environ, *books.accounts())
    customers = await outside.customers()
    parcels = []
    for number in range(PER_SECOND * SECONDS // 2):
        at = time.time() + number * 2 / PER_SECOND
        parcels.append(post.client(clients[number % len(clients)], at=at))
        parcels.append(post.customer(customers[number % len(customers)]))
    return await outside.volley(parcels, PER_SECOND)


async def _edit(setting: Setting, clients: list[str]) -> dict[str, float]:
    """{client: when the edit was begun}. The stand-in sends the webhooks."""
    outside = Outside(setting.place)
    done: dict[str, float] = {}

    async def edit(client: str) -> None:
        done[client] = time.time()
        await outside.edit(client, **named(f"Edited{len(done)}", "Once"))

    edits = []
    begun = time.monotonic()
    for number, client in enumerate(clients):
        await asyncio.sleep(max(0.0, begun + number / EDITS_PER_SECOND - time.monotonic()))
        edits.append(asyncio.create_task(edit(client)))
    await asyncio.gather(*edits)
    return done


def answers(what: str, delivered: Sequence[Delivered], most: float = 100) -> Iterator[Figure]:
    times = [each.ms for each in delivered]
    yield plain(f"{what}, answered: p50", percentile(times, 0.5), "ms", 1)
    yield at_most(f"{what}, answered: p99", percentile(times, 0.99), most, "ms", 1)
    yield exactly("  not answered with 200", sum(1 for each in delivered if each.status != 200), 0)


def written(what: str, books: Books, sent: dict[str, float], most: float = 2) -> Iterator[Figure]:
    times = books.written_after(sent)
    yield plain(f"{what}, from webhook to written: p50", percentile(times, 0.5), "s", 3)
    yield at_most(f"{what}, from webhook to written: p99", percentile(times, 0.99), most, "s", 3)
    yield exactly("  never written", len(sent) - len(times), 0)
