"""Jobber's cost bucket, as its last answer left it, and what a client costs: one per account and process."""

import threading
import time
from collections.abc import Callable

from connectors.base import Budget
from connectors.errors import RateLimited
from connectors.jobber.documents import COSTS

#: The bucket's size before Jobber has said it, as documented.
SIZE = 10_000.0
#: The shortest wait asked for, in seconds: a hair too early is refused again.
SOONEST = 0.05


class Bucket:
    """Before any answer nothing is known, and nothing is held back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._maximum = self._available = self._restore = self._at = 0.0
        #: Points asked for one record of a kind, as Jobber counted them last.
        self.costs = {kind: float(cost) for kind, cost in COSTS.items()}

    def learn(self, maximum: float, available: float, restore: float) -> None:
        with self._lock:
            self._maximum, self._available, self._restore, self._at = maximum, available, restore, self._clock()

    def now(self) -> float:
        with self._lock:
            return min(self._maximum, self._available + (self._clock() - self._at) * self._restore)

    def require(self, cost: float, reserve: float = 0.0) -> None:
        """RateLimited, without a call, when `cost` points are not there with `reserve` of the bucket left over."""
        if not self._restore:
            return
        needed = min(cost + reserve * self._maximum, self._maximum)
        short = needed - self.now()
        if short > 0:
            raise RateLimited(
                "Jobber's query budget is used up.", after=max(SOONEST, short / self._restore), reason="cost"
            )

    def room(self, kind: str, least: int, most: int, reserve: float) -> int:
        """How many records a page may hold for the points that are there now; `least` where it has to wait anyhow."""
        free, cost = (self.now() if self._restore else SIZE) - reserve * (self._maximum or SIZE), self.costs[kind]
        return max(1, min(most, max(least, int(free // cost)), int(self._most(reserve) // cost)))

    def _most(self, reserve: float) -> float:
        """What a full bucket has for one question."""
        return (self._maximum or SIZE) * (1 - reserve)

    def budget(self) -> Budget:
        return Budget("Jobber query cost", self.now(), self._maximum, self._restore)


_buckets: dict[str, Bucket] = {}
_guard = threading.Lock()


def bucket(url: str, account_id: str) -> Bucket:
    """The one of this account; one of its own for who does not know its account yet."""
    if not account_id:
        return Bucket()
    with _guard:
        return _buckets.setdefault(f"{url} {account_id}", Bucket())
