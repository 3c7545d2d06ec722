"""Under the services' own limits: is all of it there, and was what they allow made use of."""

import asyncio
import time
from collections.abc import Iterator

from connectors.jobber.client import RESERVE
from connectors.jobber.sandbox.throttle import MAXIMUM, RESTORE_PER_SECOND
from connectors.stripe.sandbox.limits import PER_ENDPOINT
from tests.bench import doubles
from tests.bench.business import Books
from tests.bench.setting import Setting
from tests.bench.table import Figure, at_least, plain

CLIENTS = 600


def figures(setting: Setting) -> Iterator[Figure]:
    with setting.business(seed=str(CLIENTS), limits=True) as books:
        yield at_least("Jobber's points used of those allowed, in the review", _points(books), 95, "%", 1)
        made = books.go_live()
        spent, refused = books.writing_seconds(), books.refused()
        allowed = PER_ENDPOINT * (spent + 1)  # a second's worth may go at once
        yield plain(f"{made.written:,} new clients under the limits: time", spent, "s", 1)
        yield at_least("  creates of those that Stripe allows", 100 * made.written / allowed, 95, "%", 1)
        yield plain("  answers of 429", refused, "", 0)
        yield from asyncio.run(doubles.figures(setting.place, books.wanted()))


def _points(books: Books) -> float:
    """Per cent of what the bucket held and got since the review began, without what is left to live work."""
    session = books.sync.source.open()
    session.account()
    left = session.budgets()[0].available
    since = time.time() - books.review_began
    allowed = MAXIMUM * (1 - RESERVE) + RESTORE_PER_SECOND * since
    return 100 * (MAXIMUM + RESTORE_PER_SECOND * since - left) / allowed
