"""500 webhooks in two seconds, half about new clients and half about edited ones, while every outside call is slow."""

import asyncio
from collections.abc import Iterator

from tests.bench import doubles, webhooks
from tests.bench.business import Books
from tests.bench.outside import Delivered, Outside, Post, named
from tests.bench.setting import Setting
from tests.bench.table import Figure

SEEDED, KNOWN, NEW = 300, 250, 250
SECONDS = 2
LATENCY_MS = 80


def figures(setting: Setting) -> Iterator[Figure]:
    with setting.business(seed=str(SEEDED), hooks=True) as books:
        books.go_live()
        books.rest()
        books.forget_reading()
        names, delivered = asyncio.run(_burst(setting, books, list(books.wanted())[:KNOWN]))
        books.wait()
        what = f"burst of {len(delivered)} webhooks in {SECONDS} s with {LATENCY_MS} ms latency"
        yield from webhooks.answers(what, delivered)
        yield from webhooks.written(what, books, {each.parcel.about: each.at for each in delivered})
        yield from asyncio.run(doubles.figures(setting.place, names))


async def _burst(setting: Setting, books: Books, known: list[str]) -> tuple[dict[str, str], list[Delivered]]:
    """{client: its name now}, and how the webhooks went, which the stand-in itself does not send this time."""
    outside, post = Outside(setting.place), Post(setting.environ, *books.accounts())
    await outside.silent(KNOWN + NEW)
    await asyncio.gather(*(outside.edit(c, **named(f"Old{n}", "Burst")) for n, c in enumerate(known)))
    made = await asyncio.gather(*(outside.add(f"New{n} Burst") for n in range(NEW)))
    names = {c: f"Old{n} Burst" for n, c in enumerate(known)} | {c: f"New{n} Burst" for n, c in enumerate(made)}
    topics = dict.fromkeys(known, "CLIENT_UPDATE") | dict.fromkeys(made, "CLIENT_CREATE")
    await outside.latency(LATENCY_MS)
    mixed = [client for pair in zip(known, made, strict=True) for client in pair]
    return names, await outside.volley([post.client(c, topics[c]) for c in mixed], len(mixed) / SECONDS)
