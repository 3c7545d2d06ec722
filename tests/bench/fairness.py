"""A quiet business beside one whose first sync brings thousands: how soon its changes are written, alone and beside.

Both use the same workers, the same database and the same stand-ins.
"""

import asyncio
import time
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import timezone
from django_scopes import scope

from portal.demo import data
from portal.models import Business, Membership, User
from syncs import choosing, recipes
from syncs.models import Attempt, Sync, Write
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
        choosing.go_live(noisy.sync, None)
        beside = _written(setting, quiet)
        over = noisy.at_rest()
        noisy.wait()
    yield from _shown("a quiet business alone", alone)
    yield from _shown(f"beside a first sync of {CLIENTS:,}", beside)
    yield at_most("  p99 from notice to written, in times of that alone", beside.p99 / alone.p99, 2)
    yield exactly("  the first sync was over before the last edit", int(over), 0)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds until a change was written: from the edit, with the stand-ins' own work and the line of their webhooks,
    and from when the portal knew."""

    edit: list[float]
    notice: list[float]

    @property
    def p99(self) -> float:
        return percentile(self.notice, 0.99)


def _shown(what: str, times: Times) -> Iterator[Figure]:
    yield plain(f"{what}, from notice to written: p50", percentile(times.notice, 0.5), "s", 3)
    yield plain("  p99", times.p99, "s", 3)
    yield plain("  from edit to written: p99", percentile(times.edit, 0.99), "s", 3)


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


def _written(setting: Setting, books: Books) -> Times:
    began = timezone.now()
    with scope(business=books.sync.business_id):
        edits = asyncio.run(_edit(setting, list(books.wanted())))
        last = dict(edits)
        books.wait(lambda: all(_moments(books)[client][-1] > at for client, at in last.items()))
        moments = _moments(books)
        looks = Attempt.objects.filter(link__sync=books.sync, outcome="written", at__gt=began)
        known = [(at - noticed).total_seconds() for at, noticed in looks.values_list("at", "noticed_at")]
        return Times([moments[client][bisect(moments[client], at)] - at for client, at in edits], known)


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
