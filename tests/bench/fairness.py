"""A quiet business beside one whose first sync brings thousands: how soon its changes are written, alone and beside.

Both use the same workers, the same database and the same stand-ins.
"""

import asyncio
import time
from bisect import bisect
from collections.abc import Iterator

from django_scopes import scope

from portal.demo import data
from portal.models import Business, Membership, User
from syncs import choosing, recipes
from syncs.models import Sync, Write
from tests.bench.business import Books
from tests.bench.outside import JOBBER, Outside, named
from tests.bench.setting import Setting
from tests.bench.table import Figure, at_most, exactly, percentile, plain

#: Of the business that makes a noise. The quiet one has the twelve of the stand-ins' second business.
CLIENTS = 3000
ROUNDS, PAUSE_SECONDS = 6, 0.15
QUIET = {**JOBBER, "Authorization": "Bearer operator-jobber-token-2"}


def figures(setting: Setting) -> Iterator[Figure]:
    with setting.business(seed=str(CLIENTS), hooks=True) as noisy:
        quiet = _quiet(noisy)
        alone = _written(setting, quiet)
        choosing.go_live(noisy.sync)
        beside = _written(setting, quiet)
        over = noisy.at_rest()
        noisy.wait()
    yield plain("a quiet business alone, from edit to written: p50", percentile(alone, 0.5), "s", 3)
    yield plain("  p99", percentile(alone, 0.99), "s", 3)
    yield plain(f"beside a first sync of {CLIENTS:,}: p50", percentile(beside, 0.5), "s", 3)
    yield plain("  p99", percentile(beside, 0.99), "s", 3)
    yield at_most("  p99, in times of that alone", percentile(beside, 0.99) / percentile(alone, 0.99), 2)
    yield exactly("  the first sync was over before the last edit", int(over), 0)


def _quiet(noisy: Books) -> Books:
    """The second business, live and at rest."""
    owner = User.objects.get(email="owner@demo.test")
    business = Business.objects.create(name="Coastline Electrical")
    Membership.objects.create(business=business, user=owner, role="owner")
    sides = [data.connected(business, owner, slug, account="2") for slug in ("jobber", "stripe")]
    with scope(business=business):
        sync = choosing.choose(business, recipes.get("clients-to-customers"), *sides, owner)
        books = Books(noisy.stage, Sync.objects.select_related("source", "target").get(pk=sync.pk))
        books.go_live()
        books.rest()
    return books


def _written(setting: Setting, books: Books) -> list[float]:
    """Seconds from each edit until something of that client was written and stored."""
    with scope(business=books.sync.business_id):
        edits = asyncio.run(_edit(setting, list(books.wanted())))
        last = dict(edits)
        books.wait(lambda: all(_moments(books)[client][-1] > at for client, at in last.items()))
        moments = _moments(books)
        return [moments[client][bisect(moments[client], at)] - at for client, at in edits]


def _moments(books: Books) -> dict[str, list[float]]:
    """When each client was written, in order."""
    found: dict[str, list[float]] = {}
    rows = Write.objects.filter(link__sync=books.sync, state=Write.State.CONFIRMED).order_by("settled_at")
    for client, moment in rows.values_list("link__source_id", "settled_at"):
        found.setdefault(client, []).append(moment.timestamp())
    return found


async def _edit(setting: Setting, clients: list[str]) -> list[tuple[str, float]]:
    """(client, when it was edited); the next edit of the same client comes long after."""
    outside, done = Outside(setting.place, QUIET), []
    for number in range(ROUNDS):
        for client in clients:
            done.append((client, time.time()))
            await outside.edit(client, **named(f"Edited{number}", f"At{int(done[-1][1])}"))
            await asyncio.sleep(PAUSE_SECONDS)
    return done
