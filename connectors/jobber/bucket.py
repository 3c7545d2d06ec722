"""Jobber's cost bucket, as its last answer left it: one per account and process."""

import threading
import time
from collections.abc import Callable

from connectors.base import Budget
from connectors.errors import RateLimited


class Bucket:
    """Before any answer nothing is known, and nothing is held back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._maximum = self._available = self._restore = self._at = 0.0

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
            raise RateLimited("Jobber's query budget is used up.", after=short / self._restore, reason="cost")

    def budget(self) -> Budget:
        return Budget("Jobber query cost", self.now(), self._maximum, self._restore)


_buckets: dict[str, Bucket] = {}
_guard = threading.Lock()


def bucket(account_id: str) -> Bucket:
    with _guard:
        return _buckets.setdefault(account_id, Bucket())
