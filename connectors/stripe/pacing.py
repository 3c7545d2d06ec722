"""Going as fast as Stripe lets an account go, and no faster: the limit is learnt from its 429 answers.

Documented (late 2026): 25 requests/s per endpoint; 100/s in all for a live account, 25/s in test mode. Nothing is
paced before Stripe says that a limit was met; then its figure is used, lowered while 429s keep coming and raised
again when they stop.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

ENDPOINT_RATE = 25.0
#: What may be caught up at once after a pause, in seconds of the rate.
CATCH_UP = 0.4
TOO_MANY_PER_SECOND, LOWER, RAISE, CALM_SECONDS = 2, 0.9, 1.05, 10.0


@dataclass(slots=True)
class Bucket:
    """A token bucket. `rate` 0 means no limit is known."""

    rate: float = 0.0
    tokens: float = 0.0
    at: float = 0.0
    changed: float = 0.0
    refusals: list[float] = field(default_factory=list)

    def wait(self, now: float) -> float:
        """Takes a token and returns the seconds until it is there."""
        if not self.rate:
            return 0.0
        self.tokens = min(self.tokens + (now - self.at) * self.rate, max(1.0, CATCH_UP * self.rate))
        self.at = now
        if self.rate and now - self.changed > CALM_SECONDS:
            self.rate, self.changed = self.rate * RAISE, now
        self.tokens -= 1.0
        return max(0.0, -self.tokens / self.rate)

    def give_back(self) -> None:
        self.tokens += 1.0

    def refused(self, now: float, documented: float) -> None:
        if not self.rate:
            self.rate, self.tokens, self.at, self.changed = documented, 0.0, now, now
            return
        self.changed = now
        self.refusals = [t for t in self.refusals if now - t < 1.0] + [now]
        if len(self.refusals) > TOO_MANY_PER_SECOND:
            self.rate, self.refusals = max(1.0, self.rate * LOWER), []
            self.tokens = min(self.tokens, 0.0)


class Pacer:
    """All calls for one account. Threads ask `permit`, and wait as long as it says."""

    def __init__(self, *, livemode: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._global_rate = 100.0 if livemode else 25.0
        self._clock = clock
        self._lock = threading.Lock()
        self._whole = Bucket()
        self._endpoints: dict[str, Bucket] = {}
        self._slots: threading.Semaphore | None = None
        self._most_at_once = 64

    def permit(self, endpoint: str, deadline: float) -> float | None:
        """Seconds to wait before sending; None when it would be after the deadline (a clock() moment)."""
        with self._lock:
            now = self._clock()
            buckets = [self._whole, self._endpoints.setdefault(endpoint, Bucket())]
            wait = max(b.wait(now) for b in buckets)
            if now + wait < deadline:
                return wait
            for bucket in buckets:
                bucket.give_back()
            return None

    def refused(self, endpoint: str, reason: str) -> float:
        """Learn from a 429; returns the seconds to wait before the same call is tried again."""
        with self._lock:
            now = self._clock()
            if reason == "global-rate":
                self._whole.refused(now, self._global_rate)
                return 1.0 / self._whole.rate
            if reason.endswith("concurrency"):
                self._most_at_once = max(1, self._most_at_once // 2)
                self._slots = threading.Semaphore(self._most_at_once)
                return 0.1
            bucket = self._endpoints.setdefault(endpoint, Bucket())
            bucket.refused(now, ENDPOINT_RATE)
            return 1.0 / bucket.rate

    def slot(self) -> threading.Semaphore | None:
        """Held during a call once Stripe has said that too many run at once."""
        return self._slots

    def rates(self) -> dict[str, float]:
        with self._lock:
            named = {"all calls": self._whole, **self._endpoints}
            return {name: b.rate for name, b in named.items() if b.rate}


_pacers: dict[str, Pacer] = {}
_guard = threading.Lock()


def pacer(account: str, *, livemode: bool) -> Pacer:
    """The process's one pacer of an account."""
    with _guard:
        if account not in _pacers:
            _pacers[account] = Pacer(livemode=livemode)
        return _pacers[account]
