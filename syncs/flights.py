"""Calls under way on threads while the next batch is read and planned, and taking back those that still wait."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.conf import settings
from django.utils import timezone

from connectors import http
from connectors.base import Session
from connectors.errors import RateLimited
from syncs import applying, lanes, recipes
from syncs.applying import Answer, Order
from syncs.models import Sync

#: So often it is asked, while calls wait for their turn, whether they are still wanted.
GLANCE_SECONDS = 0.5
_mine = threading.local()


@cache
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.LANE_THREADS, thread_name_prefix="lane")


@dataclass(slots=True)
class Flight:
    """Calls under way for one batch of one sync. `recall`: none that has not gone out yet is wanted any more.
    `glance_at`: the time.monotonic() moment at which the mode is looked up next."""

    sync: Sync
    calls: list[tuple[Order, Future[Answer]]]
    asked: datetime
    recall: threading.Event
    glance_at: float = 0.0

    def land(self) -> list[Answer]:
        """Waits for all. Those that wait for their turn are taken back once the sync is in another mode, as when a
        person has paused it."""
        self.glance_at = time.monotonic() + GLANCE_SECONDS
        return [self._answer(future) for _, future in self.calls]

    def _answer(self, future: Future[Answer]) -> Answer:
        while not self.recall.is_set():
            try:
                return future.result(max(0.0, self.glance_at - time.monotonic()))
            except TimeoutError:
                self.glance_at = time.monotonic() + GLANCE_SECONDS
                if not lanes.in_mode(self.sync):
                    self.recall.set()
        return future.result()


def take_off(
    sync: Sync, orders: Sequence[Order], sides: Mapping[int, Session], deadline: float, recall: threading.Event
) -> Flight:
    """`sides`: the open sessions by their connections; after the `deadline`, a time.monotonic() moment, nothing is
    sent."""
    reference, asked = recipes.get(sync.recipe).names.reference, timezone.now()
    calls = [
        (o, pool().submit(_send, sides[o.write.connection_id], o, reference, deadline, recall)) for o in orders
    ]  # fmt: skip
    return Flight(sync, calls, asked, recall)


def _send(session: Session, order: Order, reference: str, deadline: float, recall: threading.Event) -> Answer:
    """Runs on a thread. The first request may be taken back; what comes after it belongs to what was begun."""
    _mine.recall = recall
    try:
        return applying.send(session, order, reference, deadline)
    finally:
        _mine.recall = None


def refuse_what_is_taken_back() -> None:
    """Before each request: RateLimited, which has no effect, where this one is not wanted any more."""
    recall, _mine.recall = getattr(_mine, "recall", None), None
    if recall is not None and recall.is_set():
        raise RateLimited("It was taken back before it was sent.", after=0.1, reason="recalled")


http.before_request.append(refuse_what_is_taken_back)
